//! Schedules of import profiles: set, refused, shown, and written down.

use crate::harness::{Place, SYSTEM};

fn set(place: &Place, settings: &[&str]) -> crate::harness::Ran {
    place.run(&[&["import", "profile", "set", SYSTEM, "default"], settings].concat())
}

#[test]
fn a_schedule_is_set_shown_with_its_next_times_and_written_down() {
    let place = Place::registered(0);
    let none = place.json(&["import", "profile", "show", SYSTEM]);
    assert_eq!((&none["schedule"], &none["time_zone"]), (&serde_json::Value::Null, &"UTC".into()));
    assert_eq!((&none["next_times"], &none["last_time"]), (&serde_json::json!([]), &serde_json::Value::Null));
    let ran = set(&place, &["schedule=30 2 * * *", "time_zone=Asia/Kolkata"]).code(0);
    assert!(ran.stderr.contains("keyreeve serve"), "{}", ran.stderr);
    let shown = place.json(&["import", "profile", "show", SYSTEM]);
    assert_eq!((&shown["schedule"], &shown["time_zone"]), (&"30 2 * * *".into(), &"Asia/Kolkata".into()));
    let times: Vec<jiff::Timestamp> = serde_json::from_value(shown["next_times"].clone()).unwrap();
    assert_eq!(times.len(), 3);
    let now = jiff::Timestamp::now();
    assert!(times[0] > now && times[0].duration_since(now).as_hours() < 24, "{times:?}");
    for (time, next) in times.iter().zip(&times[1..]) {
        assert_eq!(next.duration_since(*time).as_hours(), 24);
    }
    // India is five and a half hours ahead, all year.
    assert!(times.iter().all(|time| time.to_string().ends_with("T21:00:00Z")), "{times:?}");
    let table = place.run(&["import", "profile", "show", SYSTEM]).code(0).stdout;
    assert!(table.contains("30 2 * * *") && table.contains(&times[2].to_string()), "{table}");
    let list = place.json(&["import", "profile", "list", SYSTEM]);
    assert_eq!(list[0]["next_times"], shown["next_times"]);
    let csv = place.run(&["import", "profile", "list", SYSTEM, "--output", "csv"]).code(0).stdout;
    assert!(csv.contains("schedule,time_zone,next_times,last_time") && csv.contains("Asia/Kolkata"), "{csv}");
    let log = place.json(&["audit", "list"]);
    let set_rows = log.as_array().unwrap().iter().filter(|row| row["action"] == "profile_set");
    let last = set_rows.max_by_key(|row| row["seq"].as_i64()).unwrap();
    assert_eq!(last["subject"]["profile"]["schedule"], "30 2 * * *");
    assert!(last["actor"].as_str().unwrap().starts_with("local:"), "{last}");

    // Other settings leave it as it is, and are no news about it.
    let ran = set(&place, &["path_prefix=/staff/"]).code(0);
    assert!(!ran.stderr.contains("keyreeve serve"), "{}", ran.stderr);
    assert_eq!(place.json(&["import", "profile", "show", SYSTEM])["schedule"], "30 2 * * *");
    let ran = set(&place, &["schedule=none"]).code(0);
    assert!(!ran.stderr.contains("no such limit") && !ran.stderr.contains("serve"), "{}", ran.stderr);
    let shown = place.json(&["import", "profile", "show", SYSTEM]);
    assert_eq!(
        (&shown["schedule"], &shown["next_times"]),
        (&serde_json::Value::Null, &serde_json::json!([]))
    );
}

#[test]
fn what_is_no_schedule_is_refused_in_a_sentence_and_changes_nothing() {
    let place = Place::registered(0);
    set(&place, &["schedule=@daily"]).code(0);
    for (setting, said) in [
        ("schedule=every day", "five fields"),
        ("schedule=", "five fields"),
        ("schedule=99 2 * * *", "its minute cannot be \"99\""),
        ("schedule=0 0 31 2 *", "no such day ever comes"),
        ("schedule=* * * * *", "less than 5 minutes apart"),
        ("time_zone=Mars/Olympus", "there is no time zone \"Mars/Olympus\""),
        ("time_zone=", "there is no time zone"),
    ] {
        let refused = set(&place, &["path_prefix=/x/", setting]).code(2);
        let sentence = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(sentence.contains(said), "{setting}: {sentence}");
        let name = setting.split('=').next().unwrap().replace('_', " ");
        assert!(sentence.contains(&name), "{setting}: {sentence}");
    }
    let shown = place.json(&["import", "profile", "show", SYSTEM]);
    assert_eq!((&shown["schedule"], &shown["path_prefix"]), (&"@daily".into(), &"/".into()));
}

#[test]
fn what_came_of_the_last_time_is_shown() {
    let place = Place::registered(0);
    set(&place, &["schedule=@daily"]).code(0);
    place.sql(
        "UPDATE import_schedules SET taken_for = 1800000000000, refused_at = 1800000000001, \
         refusal = 'the system is quarantined: another account'",
    );
    let last = place.json(&["import", "profile", "show", SYSTEM])["last_time"].clone();
    assert_eq!(
        last,
        serde_json::json!({
            "at": "2027-01-15T08:00:00Z",
            "run": null,
            "state": "passed_over",
            "reason": "the system is quarantined: another account",
        })
    );
    let table = place.run(&["import", "profile", "show", SYSTEM]).code(0).stdout;
    assert!(table.contains("passed over: the system is quarantined"), "{table}");
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sql("UPDATE import_schedules SET refused_at = NULL, refusal = NULL, run_id = 1");
    let last = place.json(&["import", "profile", "show", SYSTEM])["last_time"].clone();
    assert_eq!((&last["run"], &last["state"]), (&1.into(), &"published".into()));
}
