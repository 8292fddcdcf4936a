//! The configuration file and the environment.

use crate::harness::{Place, Ran, SYSTEM, bare};

fn write(place: &Place, text: &str) -> String {
    let path = place.folder.path().join("keyreeve.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn the_file_says_where_data_are_and_where_aws_is() {
    let place = Place::with_users(2);
    let data = place.folder.path().join("elsewhere");
    let text = format!(
        "data_dir = {data:?}\noutput = \"json\"\n[aws]\nendpoint_url = \"{}\"\nregion = \"eu-west-1\"\n",
        place.sandbox.endpoint_url()
    );
    let path = write(&place, &text);
    let run = |arguments: &[&str]| {
        Ran::of(bare(&[arguments, &["--config", &path]].concat(), place.folder.path()).output().unwrap())
    };
    run(&["init"]).code(0);
    let key = place.key(crate::harness::ACCOUNT);
    let mut command = bare(
        &["system", "add", "--name", "x", "--system-id", "x", "--ambient", "--config", &path],
        place.folder.path(),
    );
    command.env("AWS_ACCESS_KEY_ID", &key.access_key_id).env("AWS_SECRET_ACCESS_KEY", &key.secret_access_key);
    let added = Ran::of(command.output().unwrap()).code(0).json();
    assert_eq!(added["aws_account_id"], crate::harness::ACCOUNT);
    assert_eq!(run(&["system", "list"]).code(0).json().as_array().unwrap().len(), 1);
    assert!(data.join("keyreeve.db").exists());
    let doctor = run(&["doctor"]).code(0).json();
    let endpoint = doctor.as_array().unwrap().iter().find(|check| check["name"] == "aws_endpoints").unwrap();
    assert!(endpoint["message"].as_str().unwrap().contains(&place.sandbox.endpoint_url()), "{endpoint}");
    let table = run(&["system", "list", "--output", "table"]).code(0).stdout;
    assert!(table.contains("SYSTEM ID"), "{table}");
}

#[test]
fn a_key_that_does_not_exist_is_refused_by_name() {
    let place = Place::with_users(0);
    let path = write(&place, "data_dri = \"/x\"\n");
    let mut command = place.command(&["system", "list"]);
    let ran = Ran::of(command.env("KEYREEVE_CONFIG", &path).output().unwrap()).code(2);
    assert!(ran.stderr.contains("data_dri") && ran.stderr.contains(&path), "{}", ran.stderr);
}

#[test]
fn a_password_in_the_database_address_is_never_shown() {
    let place = Place::with_users(0);
    for (text, variable) in [
        ("database = \"postgres://me:canary-password@127.0.0.1:1/none\"\n", ""),
        ("", "postgres://me:canary-password@127.0.0.1:1/none"),
        ("database = \"mysql://me:canary-password@x\"\n", ""),
        ("database = [\"canary-password\"]\n", ""),
        ("database = \"canary-password\n", ""),
    ] {
        let path = write(&place, text);
        for arguments in [&["system", "list"][..], &["doctor"], &["init"]] {
            let mut command = place.command(&[arguments, &["--config", &path, "--log", "trace"]].concat());
            let ran = Ran::of(command.env("KEYREEVE_DATABASE", variable).output().unwrap());
            assert_ne!(ran.code, 0, "{text}");
            assert!(
                !ran.stderr.contains("canary") && !ran.stdout.contains("canary"),
                "{}{}",
                ran.stdout,
                ran.stderr
            );
        }
        let _ = std::fs::remove_dir_all(place.data());
    }
}

#[test]
fn a_misspelt_variable_is_warned_of_by_every_command_and_bends_no_answer() {
    let place = Place::registered(0);
    for arguments in
        [&["system", "list", "--output", "json"][..], &["import", "run", SYSTEM, "--output", "json"]]
    {
        let ran = Ran::of(place.command(arguments).env("KEYREEVE_TOKN", "canary").output().unwrap()).code(0);
        ran.json();
        assert_eq!(ran.stderr.matches("KEYREEVE_TOKN").count(), 1, "{}", ran.stderr);
        assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
        assert!(!place.run(arguments).code(0).stderr.contains("mean nothing"));
    }
    let refused =
        place.command(&["account", "list", "nobody"]).env("KEYREEVE_DATADIR", "x").output().unwrap();
    assert!(Ran::of(refused).code(2).stderr.contains("KEYREEVE_DATADIR"));
}

#[test]
fn an_endpoint_of_the_environment_that_is_no_url_is_named_before_anything_is_sent() {
    let place = Place::imported(1);
    place.sandbox.clear_trace();
    for (variable, url) in [
        ("AWS_ENDPOINT_URL", ""),
        ("AWS_ENDPOINT_URL", "nonsense"),
        ("AWS_ENDPOINT_URL_IAM", "127.0.0.1:4566"),
        ("AWS_ENDPOINT_URL_STS", "http://me:canary@127.0.0.1:4566"),
    ] {
        for arguments in [
            &["system", "check", SYSTEM] as &[&str],
            &["system", "add", "--name", "x", "--system-id", "x", "--ambient"],
            &["import", "run", SYSTEM],
            &["account", "delete", SYSTEM, "ada", "--plan"],
        ] {
            let mut command = place.command(arguments);
            let ran = Ran::of(command.env(variable, url).output().unwrap()).code(2);
            assert!(ran.stderr.contains(&format!("{variable} is ")), "{arguments:?}: {}", ran.stderr);
            assert!(!ran.stderr.contains("canary") && !ran.stderr.contains("panicked"), "{}", ran.stderr);
        }
    }
    assert!(place.sandbox.trace().is_empty());
}
