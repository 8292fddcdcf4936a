//! Passwords on their way to their owners: each is shown once, and lies nowhere.

use std::io::Write;

use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use serde_json::Value;

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM, piped, until};
use crate::secrets::{ALL, assert_absent, assert_clean};

/// An age public key, from age's own documentation.
const RECIPIENT: &str = "recipient:age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn create(place: &Place, more: &[&str]) -> Value {
    let create = ["account", "create", SYSTEM, "--name", "ada", "--yes", "--output", "json"];
    place.run(&[&create, more].concat()).code(0).json()
}

fn secret_of(job: &Value) -> String {
    job["one_time_secrets"][0]["secret"].as_str().unwrap().to_owned()
}

fn logged(place: &Place, arguments: &[&str], input: &str) -> Ran {
    let mut command = place.command(arguments);
    command.env("KEYREEVE_LOG", ALL);
    let mut child = piped(command);
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn a_one_time_secret_opens_one_password_once_and_a_mistyped_one_costs_nothing() {
    let place = Place::imported(2);
    let secret = secret_of(&create(&place, &[]));
    let open = |input: &str| place.run_with_input(&["password", "open"], input);
    let last = secret.chars().last().unwrap();
    let mistyped = format!("{}{}", &secret[..secret.len() - 1], if last == 'q' { 'p' } else { 'q' });
    for wrong in [mistyped.as_str(), "krs_", "nonsense", &secret[..40]] {
        let refused = open(wrong).code(1);
        assert!(refused.stderr.contains("nothing was used up"), "{}", refused.stderr);
        assert!(refused.stdout.is_empty());
    }
    let unknown = format!("krs_00000000000000000000_{}", secret.splitn(3, '_').nth(2).unwrap());
    assert!(open(&unknown).code(1).stderr.contains("there is no password to show"));
    open("").code(2);
    let opened = open(&format!("{secret}\n")).code(0);
    let password = opened.stdout.strip_suffix('\n').unwrap();
    assert!(!password.contains('\n'));
    assert!(place.sandbox.signs_in(ACCOUNT, "ada", password).unwrap());
    let again = open(&secret).code(1);
    assert!(again.stderr.contains("was shown already"), "{}", again.stderr);
    assert!(again.stdout.is_empty());
    let rows = place.json(&["audit", "list"]);
    let actions: Vec<&str> =
        rows.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions[..2], ["password_second_attempt", "password_opened"]);
}

#[test]
fn a_process_that_is_killed_takes_no_one_time_secret_with_it() {
    let place = Place::imported(2);
    let name = place.names()[0].clone();
    place.mutate(&[Mutation::CreateLoginProfile { user: name.clone(), reset_required: false }]);
    place.sandbox.add_fault(FaultRule::new("UpdateLoginProfile", Effect::Hang).times(1).min_fires(1));
    let mut command = place.command(&["account", "reset-password", SYSTEM, &name, "--yes"]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
    let mut child = piped(command);
    until("the call that hangs", || place.sandbox.unfired().is_empty().then_some(()));
    child.kill().unwrap();
    let killed = child.wait_with_output().unwrap();
    let printed = String::from_utf8(killed.stdout).unwrap();
    let secret = printed.split_whitespace().find(|word| word.starts_with("krs_")).expect("a secret");
    let mut resume = place.command(&["job", "apply", "1", "--yes"]);
    let resumed = Ran::of(resume.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").output().unwrap()).code(0);
    assert!(resumed.stderr.contains("given out when the job was asked for"), "{}", resumed.stderr);
    let opened = place.run_with_input(&["password", "open"], secret).code(0);
    assert!(place.sandbox.signs_in(ACCOUNT, &name, opened.stdout.trim_end()).unwrap());
}

#[test]
fn json_and_csv_hold_the_password_letter_by_letter() {
    let place = Place::imported(2);
    create(&place, &[]);
    for format in ["json", "csv"] {
        let reset = ["account", "reset-password", SYSTEM, "ada", "--yes", "--output", "json"];
        let secret = secret_of(&place.run(&reset).code(0).json());
        let opened = place.run_with_input(&["password", "open", "--output", format], &secret).code(0);
        let password = match format {
            "json" => opened.json()["password"].as_str().unwrap().to_owned(),
            _ => {
                let mut reader = csv::Reader::from_reader(opened.stdout.as_bytes());
                reader.records().next().unwrap().unwrap()[0].to_owned()
            }
        };
        assert!(place.sandbox.signs_in(ACCOUNT, "ada", &password).unwrap(), "{format}");
    }
}

#[test]
fn an_operator_sees_a_password_once_where_that_is_allowed() {
    let place = Place::imported(2);
    let create = ["account", "create", SYSTEM, "--name", "ada", "--yes", "--deliver", "operator"];
    assert!(place.run(&create).code(2).stderr.contains("switched off"));
    place.run(&["system", "set", SYSTEM, "password_delivery=operator"]).code(0);
    let job = place.run(&[&create[..], &["--output", "json"]].concat()).code(0).json();
    let task = job["tasks"][0]["id"].to_string();
    let viewer = place.token("ada", "viewer", &[]);
    place.run_as(&viewer, &["password", "reveal", &task]).code(2);
    let operator = place.token("berta", "operator", &[]);
    let shown = place.run_as(&operator, &["password", "reveal", &task]).code(0);
    let password = shown.stdout.strip_suffix('\n').unwrap();
    assert!(place.sandbox.signs_in(ACCOUNT, "ada", password).unwrap());
    assert_absent(password, "standard error", shown.stderr.as_bytes());
    assert_eq!(place.json(&["audit", "list"])[0]["actor"], "berta");
    let again = place.run(&["password", "reveal", &task]).code(1);
    assert!(again.stderr.contains("was shown already"), "{}", again.stderr);
    place.run(&["password", "reveal", "99"]).code(2);
}

#[test]
fn only_secrets_of_passwords_that_are_in_force_are_given_and_a_retry_gives_new_ones() {
    let place = Place::imported(2);
    let effect = Effect::Error { status: 400, code: "LimitExceeded".to_owned(), message: String::new() };
    place.sandbox.add_fault(FaultRule::new("CreateLoginProfile", effect).times(1).min_fires(1));
    let create = ["account", "create", SYSTEM, "--name", "ada", "--yes", "--output", "json"];
    let failed = place.run(&create).code(1);
    let job = failed.json();
    assert_eq!(job["state"], "failed", "{job:#}");
    assert!(job.get("one_time_secrets").is_none(), "{job:#}");
    assert!(failed.stderr.contains("No password was set for ada (task 1)"), "{}", failed.stderr);
    let retry = ["job", "retry", &job["id"].to_string(), "--yes", "--output", "json"];
    let secret = secret_of(&place.run(&retry).code(0).json());
    let opened = place.run_with_input(&["password", "open"], &secret).code(0);
    assert!(place.sandbox.signs_in(ACCOUNT, "ada", opened.stdout.trim_end()).unwrap());
    place.run(&["audit", "verify"]).code(0);
}

#[test]
fn a_secret_of_a_job_that_is_queued_opens_nothing_yet_and_says_so() {
    let place = Place::imported(2);
    let job = create(&place, &["--no-wait"]);
    let secret = secret_of(&job);
    let open = |input: &str| place.run_with_input(&["password", "open"], input).code(1).stderr;
    let early = open(&secret);
    assert!(early.contains("is not there yet") && early.contains("nothing was used up"), "{early}");
    // A guesser learns nothing: half of the secret is as good as none.
    let last = secret.chars().last().unwrap();
    let guessed = format!("{}{}", &secret[..secret.len() - 1], if last == 'g' { 'w' } else { 'g' });
    let unknown = format!("krs_00000000000000000000_{}", secret.splitn(3, '_').nth(2).unwrap());
    assert_eq!(open(&guessed), open(&unknown));
    let job = job["id"].to_string();
    place.run(&["job", "apply", &job, "--yes"]).code(0);
    place.run_with_input(&["password", "open"], &secret).code(0);
    assert!(open(&secret).contains("was shown already"));
}

#[test]
fn an_operator_sees_none_where_that_was_switched_off_meanwhile() {
    let place = Place::imported(2);
    let mode = |mode: &str| place.run(&["system", "set", SYSTEM, mode]).code(0);
    create(&place, &[]);
    mode("password_delivery=operator");
    let reset = ["account", "reset-password", SYSTEM, "ada", "--yes", "--output", "json"];
    let task = place.run(&reset).code(0).json()["tasks"][0]["id"].to_string();
    let queued = place.run(&[&reset[..], &["--no-wait"]].concat()).code(0).json()["id"].to_string();
    mode("password_delivery=link");
    let refused = place.run(&["password", "reveal", &task]).code(1);
    assert!(refused.stdout.is_empty());
    assert!(refused.stderr.contains("switched off for system example"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: reset the password"), "{}", refused.stderr);
    // What was still queued is not sealed for an operator any more.
    place.sandbox.clear_trace();
    place.run(&["job", "apply", &queued, "--yes"]).code(1);
    let job = place.json(&["job", "show", &queued]);
    assert_eq!(job["tasks"][0]["state"], "failed");
    let why = job["tasks"][0]["failure"]["message"].as_str().unwrap();
    assert!(why.contains("was switched off for this system after"), "{why}");
    assert!(place.sandbox.trace().iter().all(|entry| entry.applied.is_none()));
    // Nothing was used up.
    mode("password_delivery=operator");
    place.run(&["password", "reveal", &task]).code(0);
}

#[test]
fn a_recipients_password_is_a_text_for_its_key_and_a_secrets_is_not_revealed() {
    let place = Place::imported(2);
    let job = create(&place, &["--deliver", RECIPIENT]);
    let task = job["tasks"][0]["id"].to_string();
    let text = place.run(&["password", "reveal", &task]).code(0).stdout;
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{text}");
    assert_eq!(place.json(&["password", "reveal", &task])["encrypted_password"], text);
    let reset = ["account", "reset-password", SYSTEM, "ada", "--yes", "--output", "json"];
    let job = place.run(&reset).code(0).json();
    let refused = place.run(&["password", "reveal", &job["tasks"][0]["id"].to_string()]).code(1);
    assert!(refused.stderr.contains("hint: `keyreeve password open`"), "{}", refused.stderr);
    place.run_with_input(&["password", "open"], &secret_of(&job)).code(0);
}

#[test]
fn no_file_and_no_log_holds_a_password_or_what_opens_it() {
    let place = Place::imported(2);
    let create = ["account", "create", SYSTEM, "--name", "ada", "--yes", "--output", "json"];
    let created = logged(&place, &create, "").code(0);
    let secret = secret_of(&created.json());
    let half = secret.splitn(3, '_').nth(2).unwrap();
    assert_absent(half, "standard error", created.stderr.as_bytes());
    let other = format!("{}{}", if half.starts_with('q') { 'p' } else { 'q' }, &half[1..]);
    let wrong = logged(&place, &["password", "open"], &secret.replace(half, &other)).code(1);
    let opened = logged(&place, &["password", "open"], &secret).code(0);
    let password = opened.stdout.trim_end();
    assert_absent(password, "standard error", opened.stderr.as_bytes());
    assert_absent(half, "standard error", opened.stderr.as_bytes());
    let again = logged(&place, &["password", "open"], &secret).code(1);
    let rows = logged(&place, &["audit", "list", "--output", "json"], "").code(0);
    let job = logged(&place, &["job", "show", "1", "--output", "json"], "").code(0);
    assert_clean(&place, &[half, password], &[&wrong, &again, &rows, &job]);
}

#[test]
fn other_users_cannot_see_the_secret_in_the_list_of_processes() {
    let place = Place::imported(2);
    let secret = secret_of(&create(&place, &[]));
    let mut child = piped(place.command(&["password", "open"]));
    let mut input = child.stdin.take().unwrap();
    input.write_all(secret.as_bytes()).unwrap();
    for file in ["cmdline", "environ", "comm"] {
        let bytes = std::fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
        assert_absent(&secret, file, &bytes);
    }
    drop(input);
    Ran::of(child.wait_with_output().unwrap()).code(0);
}

#[test]
fn a_password_that_a_later_reset_replaced_is_not_shown() {
    let place = Place::imported(2);
    let first = secret_of(&create(&place, &[]));
    place.run(&["import", "run", SYSTEM]).code(0);
    let reset = ["account", "reset-password", SYSTEM, "ada", "--yes", "--output", "json"];
    let second = secret_of(&place.run(&reset).code(0).json());
    let stale = place.run_with_input(&["password", "open"], &first).code(1);
    assert!(
        stale.stderr.contains("does not sign in any more") && stale.stdout.is_empty(),
        "{}",
        stale.stderr
    );
    let opened = place.run_with_input(&["password", "open"], &second).code(0);
    assert!(place.sandbox.signs_in(ACCOUNT, "ada", opened.stdout.trim_end()).unwrap());
    let rows = place.json(&["audit", "list"]);
    let row = rows.as_array().unwrap().iter().find(|row| row["action"] == "password_superseded").unwrap();
    assert_eq!((&row["subject"]["task"], &row["subject"]["account"]), (&1.into(), &"ada".into()));
}
