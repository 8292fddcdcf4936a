//! Import profiles that are taken away, here and by way of a server; and what a preview says of what is not there.

use crate::harness::{Place, SYSTEM};
use crate::remote::Elsewhere;
use crate::serve::{serve, terminate};

fn names(place: &Place) -> Vec<String> {
    let list = place.json(&["import", "profile", "list", SYSTEM]);
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_profile_is_taken_away_with_its_schedule_and_default_stays() {
    let place = Place::registered(0);
    let (child, address) = serve(&place, &[]);
    let there = Elsewhere::of(&address, &place.token("ada", "admin", &[]));
    for afar in [false, true] {
        let run = |arguments: &[&str]| if afar { there.run(arguments) } else { place.run(arguments) };
        place.run(&["import", "profile", "set", SYSTEM, "staff", "schedule=30 2 * * *"]).code(0);
        let remove = ["import", "profile", "remove", SYSTEM, "staff", "--reason", "one is enough"];
        let planned = run(&[&remove[..], &["--plan"]].concat()).code(0);
        assert!(planned.stderr.contains("with its schedule"), "{}", planned.stderr);
        assert_eq!(names(&place), ["default", "staff"]);
        run(&[&remove[..], &["--yes"]].concat()).code(0);
        assert_eq!(names(&place), ["default"]);
        let row = &place.json(&["audit", "list", "--action", "profile_removed"])[0];
        assert_eq!(row["subject"]["reason"], "one is enough", "{row}");
        for agreed in ["--plan", "--yes"] {
            let gone = run(&["import", "profile", "remove", SYSTEM, "staff", agreed]).code(2);
            assert!(gone.stderr.contains("staff"), "{}", gone.stderr);
            let stays = run(&["import", "profile", "remove", SYSTEM, "default", agreed]).code(2);
            assert!(stays.stderr.contains("stays"), "{}", stays.stderr);
        }
    }
    terminate(child);
}

#[test]
fn a_preview_of_ending_a_protection_that_is_not_there_says_so() {
    let place = Place::registered(0);
    let remove = ["protect", "remove", SYSTEM, "--account", "nobody"];
    for agreed in ["--plan", "--yes"] {
        let ran = place.run(&[&remove[..], &[agreed]].concat()).code(2);
        assert!(ran.stderr.contains("has no account \"nobody\""), "{agreed}: {}", ran.stderr);
    }
    place.run(&["protect", "add", SYSTEM, "--account", "nobody"]).code(0);
    place.run(&[&remove[..], &["--plan"]].concat()).code(0);
}

#[test]
fn a_field_of_the_configuration_that_is_not_known_is_named_with_its_line() {
    let place = Place::registered(0);
    let file = place.folder.path().join("keyreeve.toml");
    for (text, line) in [("nonsense = 1\n", "line 1:"), ("output = \"json\"\n\nnonsense = 1\n", "line 3:")] {
        std::fs::write(&file, text).unwrap();
        let ran = place.run(&["--config", file.to_str().unwrap(), "system", "list"]).code(2);
        assert!(ran.stderr.contains(line) && ran.stderr.contains("nonsense"), "{}", ran.stderr);
    }
}
