//! `--server`: the commands that change something, asked of a server, and what they say held against what is said where the
//! store is.

use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::Value;

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM, until};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

/// JSON without what no two lives have in common: times, ids, random texts, and who acted.
fn steady(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(walk),
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| {
                let differs = name.ends_with("_at")
                    || name.ends_with("external_id")
                    || [
                        "actor",
                        "added_by",
                        "plan_sha256",
                        "changes_sha256",
                        "request_id",
                        "secret",
                        "as_of",
                        "access_key_id",
                        "lease_until",
                    ]
                    .contains(&name.as_str());
                if differs && !value.is_null() {
                    *value = Value::from("[of this life]");
                } else {
                    walk(value);
                }
            }),
            Value::String(text) if text.starts_with("AIDA") || text.starts_with("AGPA") => {
                *value = Value::from("[of this life]");
            }
            _ => {}
        }
    }
    // What is looked for after a lost answer is made up anew for each creation.
    fn without_markers(value: &mut Value) {
        if let Some(marked) = value.pointer_mut("/tags/keyreeve:task") {
            *marked = Value::from("[of this life]");
        }
        match value {
            Value::Array(list) => list.iter_mut().for_each(without_markers),
            Value::Object(fields) => fields.values_mut().for_each(without_markers),
            _ => {}
        }
    }
    walk(&mut value);
    without_markers(&mut value);
    value
}

/// One life, as it is lived; `{group}` and `{policy}` are those of the place.
const LIFE: &[&[&str]] = &[
    &["system", "set", SYSTEM, "permission_profile=full", "max_deletes=5", "category=Staff"],
    &["import", "run", SYSTEM],
    &[
        "account",
        "create",
        SYSTEM,
        "--name",
        "ada",
        "--path",
        "/staff/",
        "--tag",
        "team=x",
        "--deliver",
        "link",
    ],
    &["assignment", "add", SYSTEM, "--account", "ada", "--group", "{group}"],
    &["assignment", "add", SYSTEM, "--account", "ada", "--policy", "{policy}"],
    &["import", "run", SYSTEM],
    &["account", "update", SYSTEM, "ada", "--new-path", "/left/", "--untag", "team"],
    &["account", "reset-password", SYSTEM, "ada", "--deliver", "link", "--reason", "=she asked"],
    &["account", "deactivate", SYSTEM, "ada"],
    &["account", "reactivate", SYSTEM, "ada"],
    &["assignment", "remove", SYSTEM, "--account", "ada", "--group", "{group}"],
    &["protect", "add", SYSTEM, "--account", "eve", "--reason", "=cmd()"],
    &["protect", "remove", SYSTEM, "--account", "eve"],
    &["account", "delete", SYSTEM, "ada"],
    &["import", "run", SYSTEM, "--preview"],
    &["account", "delete", SYSTEM, "nobody"],
];

fn filled(place: &Place, arguments: &[&str]) -> Vec<String> {
    let first = |kind: &str, field: &str| {
        let found = place.json(&["resource", "list", SYSTEM, "--type", kind]);
        let of_ours = found.as_array().unwrap().iter().find(|one| one["managed_by"] != "aws").unwrap();
        of_ours[field].as_str().unwrap().to_owned()
    };
    let fill = |text: &&str| match *text {
        "{group}" => first("group", "name"),
        "{policy}" => first("policy", "arn"),
        text => text.to_owned(),
    };
    arguments.iter().map(fill).collect()
}

fn takes_consent(arguments: &[&str]) -> bool {
    matches!(arguments[0], "account" | "assignment")
}

#[test]
fn a_life_by_way_of_a_server_says_what_it_says_where_the_store_is() {
    let (here, there) = (Place::imported(2), Place::imported(2));
    let token = there.token("amy", "admin", &[]);
    let (child, address) = serve(&there, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    for arguments in LIFE {
        let own: Vec<String> = filled(&here, arguments);
        let far: Vec<String> = filled(&there, arguments);
        let (own, far): (Vec<&str>, Vec<&str>) =
            (own.iter().map(String::as_str).collect(), far.iter().map(String::as_str).collect());
        let with = |arguments: &[&str], more: &[&str]| {
            let mut all = arguments.to_vec();
            all.extend(more);
            all.extend(["--output", "json"]);
            all.into_iter().map(str::to_owned).collect::<Vec<String>>()
        };
        let run = |place: &dyn Fn(&[&str]) -> Ran, arguments: Vec<String>| {
            place(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        };
        if takes_consent(arguments) {
            let planned = run(&|all| here.run(all), with(&own, &["--plan"]));
            let asked = run(&|all| elsewhere.run(all), with(&far, &["--plan"]));
            assert_eq!(asked.code, planned.code, "{arguments:?}: {}", asked.stderr);
            assert_eq!(steady(asked.json()), steady(planned.json()), "{arguments:?}");
        }
        let yes: &[&str] = if takes_consent(arguments) { &["--yes"] } else { &[] };
        let done = run(&|all| here.run(all), with(&own, yes));
        let asked = run(&|all| elsewhere.run(all), with(&far, yes));
        assert_eq!(asked.code, done.code, "{arguments:?}: {} {}", asked.stderr, done.stderr);
        if done.code == 2 {
            assert!(asked.stdout.is_empty() && asked.stderr.starts_with("error: "), "{}", asked.stderr);
            continue;
        }
        assert_eq!(steady(asked.json()), steady(done.json()), "{arguments:?}");
        let (said, mut shown) = (asked.json(), None);
        match arguments[..2] {
            ["import", "run"] => shown = Some(["import", "show"]),
            ["account" | "assignment", _] if said["one_time_secrets"].is_null() => {
                shown = Some(["job", "show"])
            }
            ["account", _] => {
                // The secret that came from afar opens the password that is in force.
                let secret = said["one_time_secrets"][0]["secret"].as_str().unwrap();
                let opened = there.run_with_input(&["password", "open"], &format!("{secret}\n")).code(0);
                assert!(there.sandbox.signs_in(ACCOUNT, "ada", opened.stdout.trim()).unwrap());
            }
            _ => {}
        }
        if let Some([noun, verb]) = shown {
            let id = said["id"].to_string();
            let shown = there.run(&[noun, verb, &id, "--output", "json"]).code(0);
            assert_eq!(asked.stdout, shown.stdout, "{arguments:?}: letter by letter");
        }
    }
    assert_eq!(there.json(&["job", "list", SYSTEM])[0]["actor"], "amy");
    assert!(!elsewhere.folder.path().join("none").exists(), "nothing is made of a store");
    terminate(child);
}

#[test]
fn a_job_that_needs_a_second_person_is_approved_and_carried_out_from_afar() {
    let place = Place::registered(6);
    place.run(&["system", "set", SYSTEM, "permission_profile=full", "max_deletes=0"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    let (child, address) = serve(&place, &[]);
    let by = |owner: &str, role: &str| Elsewhere::of(&address, &place.token(owner, role, &[]));
    let (op, boss) = (by("op", "operator"), by("boss", "approver"));
    let names = place.names();
    let ask = |name: &str| {
        let asked = op.run(&["account", "delete", SYSTEM, name, "--yes", "--output", "json"]).code(1);
        assert_eq!(asked.json()["state"], "awaiting_approval");
        assert!(asked.stderr.contains("a second person must approve"), "{}", asked.stderr);
        asked.json()["id"].to_string()
    };
    let job = ask(&names[0]);
    assert!(op.run(&["job", "approve", &job, "--yes"]).code(2).stderr.contains("role operator"));
    op.run(&["job", "apply", &job, "--yes"]).code(2);
    let unasked = boss.run(&["job", "approve", &job, "--plan"]).code(0);
    assert!(unasked.stdout.contains("DeleteUser"), "{}", unasked.stdout);
    assert_eq!(place.json(&["job", "show", &job])["state"], "awaiting_approval");
    boss.run(&["job", "approve", &job]).code(2);
    let approved =
        boss.run(&["job", "approve", &job, "--yes", "--reason", "seen", "--output", "json"]).code(0);
    assert_eq!(
        (&approved.json()["decided_by"], &approved.json()["decision_reason"]),
        (&"boss".into(), &"seen".into())
    );
    // It may be over by now; else its end is waited for.
    let waited = op.run(&["job", "apply", &job, "--yes"]);
    assert!(waited.code == 0 || waited.stderr.contains("succeeded already"), "{}", waited.stderr);
    assert_eq!(place.json(&["job", "show", &job])["state"], "succeeded");

    let (rejected, cancelled) = (ask(&names[1]), ask(&names[2]));
    let said = boss.run(&["job", "reject", &rejected, "--yes", "--reason", "no", "--output", "json"]).code(0);
    assert_eq!(said.stdout, place.run(&["job", "show", &rejected, "--output", "json"]).code(0).stdout);
    let said = op.run(&["job", "cancel", &cancelled, "--yes", "--output", "json"]).code(0);
    assert_eq!(said.json()["state"], "cancelled");
    op.run(&["job", "cancel", "99", "--yes"]).code(2);
    let deleted = place.sandbox.trace().into_iter().filter(|call| call.action == "DeleteUser").count();
    assert_eq!(deleted, 1, "what was rejected or taken back was done");
    terminate(child);
}

#[test]
fn what_failed_is_tried_again_and_a_file_of_wishes_is_applied_from_afar() {
    let place = Place::registered(2);
    place.run(&["import", "run", SYSTEM]).code(0);
    let token = place.token("amy", "operator", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    place.sandbox.add_fault(FaultRule::new("CreateUser", Effect::AccessDenied).times(1).min_fires(1));
    let create = ["account", "create", SYSTEM, "--name", "eve", "--yes", "--output", "json"];
    let failed = elsewhere.run(&create).code(1);
    assert_eq!(failed.json()["state"], "failed");
    assert!(failed.json()["one_time_secrets"].is_null(), "no password was set: {}", failed.stdout);
    assert!(failed.stderr.contains("No password was set for eve"), "{}", failed.stderr);
    let job = failed.json()["id"].to_string();
    let plan = ["job", "retry", &job, "--plan", "--output", "json"];
    let (here, there) = (place.run(&plan).code(0), elsewhere.run(&plan).code(0));
    assert_eq!((there.json()["tasks"][0]["account"].as_str(), there.stderr), (Some("eve"), here.stderr));
    let operations = |ran: &Ran| {
        let plan = ran.json();
        let steps = plan["tasks"][0]["steps"].as_array().unwrap();
        steps.iter().map(|step| step["operation"].clone()).collect::<Vec<_>>()
    };
    let (here, there) = (place.run(&plan), elsewhere.run(&plan));
    assert_eq!(operations(&there), operations(&here));
    assert_eq!(place.sandbox.trace().iter().filter(|call| call.action == "CreateUser").count(), 1);
    let retried = elsewhere.run(&["job", "retry", &job, "--yes", "--output", "json"]).code(0);
    assert_eq!(retried.json()["state"], "succeeded");
    assert!(retried.json()["one_time_secrets"][0]["secret"].is_string(), "{}", retried.stdout);
    elsewhere.run(&["job", "retry", &job, "--yes"]).code(2);

    let file = elsewhere.folder.path().join("wishes.yaml");
    let group =
        place.json(&["resource", "list", SYSTEM, "--type", "group"])[0]["name"].as_str().unwrap().to_owned();
    let text =
        format!("system: {SYSTEM}\nwishes:\n- task: add_assignment\n  account: eve\n  group: {group}\n");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(
        elsewhere.run(&["job", "plan", file, "--output", "json"]).code(0).json()["tasks"][0]["account"],
        "eve"
    );
    let table = elsewhere.run(&["job", "apply", file, "--yes"]).code(0);
    assert!(
        table.stdout.contains("AddUserToGroup") && table.stdout.contains("succeeded"),
        "{}",
        table.stdout
    );
    assert!(
        elsewhere.run(&["job", "apply", file, "--yes"]).code(0).stderr.contains("There is nothing to do.")
    );
    let queued = elsewhere.run(&["account", "update", SYSTEM, "eve", "--tag", "a=b", "--yes", "--no-wait"]);
    // The reference profile may not send tags.
    assert!(queued.code(2).stderr.contains("permission profile"));
    let queued = elsewhere.run(&[
        "account",
        "reset-password",
        SYSTEM,
        "eve",
        "--yes",
        "--no-wait",
        "--output",
        "json",
    ]);
    let queued = queued.code(0);
    let id = queued.json()["id"].to_string();
    assert!(queued.json()["one_time_secrets"][0]["secret"].is_string(), "{}", queued.stdout);
    until("the job to be over", || (place.json(&["job", "show", &id])["state"] == "succeeded").then_some(()));
    terminate(child);
}

#[test]
fn an_import_that_is_suspended_is_decided_from_afar() {
    let place = Place::imported(40);
    let token = place.token("amy", "admin", &[]);
    let (child, address) = serve(&place, &[]);
    let elsewhere = Elsewhere::of(&address, &token);
    let gone: Vec<Mutation> =
        place.names().iter().take(30).map(|name| Mutation::DeleteUser { name: name.clone() }).collect();
    place.mutate(&gone);
    let run = || {
        let run = elsewhere.run(&["import", "run", SYSTEM, "--output", "json"]).code(1);
        assert_eq!(run.json()["state"], "suspended");
        assert!(run.stderr.contains("keyreeve import accept"), "{}", run.stderr);
        run.json()["id"].to_string()
    };
    let (first, second) = (run(), run());
    assert!(
        elsewhere
            .run(&["import", "accept", &first, "--yes"])
            .code(2)
            .stderr
            .contains("a reason must be given")
    );
    let rejected = elsewhere.run(&["import", "reject", &first, "--yes", "--output", "json"]).code(0);
    assert_eq!(rejected.stdout, place.run(&["import", "show", &first, "--output", "json"]).code(0).stdout);
    elsewhere.run(&["import", "accept", &first, "--reason", "x", "--yes"]).code(2);
    let accept = ["import", "accept", &second, "--reason", "they left", "--yes", "--output", "json"];
    assert_eq!(elsewhere.run(&accept).code(0).json()["state"], "published");
    assert_eq!(place.names().len(), 10);
    terminate(child);
}

#[test]
fn tokens_settings_and_what_is_protected_are_changed_from_afar_within_ones_role() {
    let place = Place::imported(2);
    let (child, address) = serve(&place, &[]);
    let admin = Elsewhere::of(&address, &place.token("amy", "admin", &[]));
    let viewer = Elsewhere::of(&address, &place.token("vic", "viewer", &[]));
    for refused in [
        &["account", "create", SYSTEM, "--name", "eve", "--yes"] as &[&str],
        &["import", "run", SYSTEM],
        &["protect", "add", SYSTEM, "--path", "/x/"],
        &["system", "set", SYSTEM, "max_deletes=1"],
        &["token", "create", "--owner", "x", "--role", "admin"],
    ] {
        let refused = viewer.run(refused).code(2);
        assert!(refused.stdout.is_empty() && refused.stderr.contains("role viewer"), "{}", refused.stderr);
    }
    let made =
        admin.run(&["token", "create", "--owner", "new", "--role", "viewer", "--output", "json"]).code(0);
    let text = made.json()["token"].as_str().unwrap().to_owned();
    let fields = |json: &Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let here =
        place.run(&["token", "create", "--owner", "here", "--role", "viewer", "--output", "json"]).code(0);
    assert_eq!(fields(&made.json()), fields(&here.json()));
    Elsewhere::of(&address, &text).run(&["system", "list"]).code(0);
    let revoked =
        admin.run(&["token", "revoke", made.json()["id"].as_str().unwrap(), "--output", "json"]).code(0);
    assert!(revoked.json()[0]["revoked_at"].is_string(), "{}", revoked.stdout);
    Elsewhere::of(&address, &text).run(&["system", "list"]).code(2);

    let set =
        admin.run(&["system", "set", SYSTEM, "max_deletes=7", "name=Renamed", "--output", "json"]).code(0);
    assert_eq!(set.stdout, place.run(&["system", "show", SYSTEM, "--output", "json"]).code(0).stdout);
    assert_eq!((&set.json()["name"], &set.json()["settings"]["max_deletes"]), (&"Renamed".into(), &7.into()));
    for (wrong, why) in
        [("colour=red", "colour"), ("max_deletes=many", "max_deletes"), ("region=cn-north-1", "aws-cn")]
    {
        let refused = admin.run(&["system", "set", SYSTEM, wrong]).code(2);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let planned =
        admin.run(&["protect", "add", SYSTEM, "--tag", "keep", "--plan", "--output", "json"]).code(0);
    assert_eq!(planned.json(), Value::Array(Vec::new()));
    admin.run(&["protect", "add", SYSTEM, "--tag", "keep", "--reason", "theirs"]).code(0);
    assert_eq!(place.json(&["protect", "list", SYSTEM])[0]["added_by"], "amy");
    let ended = admin.run(&["protect", "remove", SYSTEM, "--tag", "keep"]).code(0);
    assert!(ended.stderr.contains("is empty"), "{}", ended.stderr);
    admin.run(&["protect", "remove", SYSTEM, "--tag", "keep"]).code(2);
    let mapping = admin.run(&["mapping", "show", SYSTEM, "user", "--output", "json"]).code(0);
    let file = admin.folder.path().join("user.json");
    std::fs::write(
        &file,
        mapping.stdout.replace(
            "\"rows\": []",
            "\"rows\": [{\"property\": \"path\", \"operator\": \"constant\", \"source\": \"/far/\"}]",
        ),
    )
    .unwrap();
    let set = ["mapping", "set", SYSTEM, "user", "--file", file.to_str().unwrap(), "--output", "json"];
    let said = admin.run(&set).code(0);
    assert_eq!(
        said.stdout,
        place.run(&["mapping", "show", SYSTEM, "user", "--output", "json"]).code(0).stdout
    );
    assert_eq!(place.json(&["mapping", "list", SYSTEM])[0]["updated_by"], "amy", "{}", said.stdout);
    let listed = ["mapping", "list", SYSTEM, "--output", "json"];
    assert_eq!(admin.run(&listed).code(0).stdout, place.run(&listed).code(0).stdout);
    admin.run(&["mapping", "set", SYSTEM, "user", "--default", "--reason", "as it was"]).code(0);
    assert_eq!(place.json(&["mapping", "list", SYSTEM])[0]["updated_by"], Value::Null);
    place.run(&["system", "set", SYSTEM, "password_delivery=operator"]).code(0);
    let create = ["account", "create", SYSTEM, "--name", "eve", "--yes", "--output", "json"];
    let made = admin.run(&create).code(0);
    let task = made.json()["tasks"][0]["id"].to_string();
    assert!(made.stderr.contains(&format!("keyreeve password reveal {task}")), "{}", made.stderr);
    assert!(viewer.run(&["password", "reveal", &task]).code(2).stdout.is_empty());
    let shown = admin.run(&["password", "reveal", &task]).code(0);
    assert!(place.sandbox.signs_in(ACCOUNT, "eve", shown.stdout.trim_end_matches('\n')).unwrap());
    assert!(admin.run(&["password", "reveal", &task]).code(1).stdout.is_empty(), "it is shown once");
    terminate(child);
}
