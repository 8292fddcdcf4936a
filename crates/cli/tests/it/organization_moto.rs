//! Fifty accounts of an organization on moto. It lets everybody assume every role and never hangs, so that a proxy
//! before it refuses one and keeps silent for another.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Ran, bare};
use crate::peer::{moto_without_policies, program};
use crate::proxy::{Moods, before};

const MEMBERS: usize = 50;
const KEY: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "secret");

fn run(folder: &Path, endpoint: &str, arguments: &[&str]) -> Ran {
    let mut command = bare(arguments, folder);
    command.env("KEYREEVE_DATA_DIR", folder.join("data")).env("AWS_ENDPOINT_URL", endpoint);
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1);
    // Long enough for an emulator on a busy machine, and no longer.
    command.env("KEYREEVE_AWS_REQUEST_TIMEOUT_SECONDS", "5");
    Ran::of(command.output().unwrap())
}

fn count(answer: &Value, field: &str, value: &str) -> usize {
    answer.as_array().unwrap().iter().filter(|row| row[field] == value).count()
}

fn seeded(endpoint: &str) -> Value {
    let mut python = Command::new(program("python").unwrap());
    python.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/organization.py"));
    python.env_clear().args([endpoint, &MEMBERS.to_string()]).stdin(Stdio::null());
    python.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1);
    Ran::of(python.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap()).code(0).json()
}

/// Done-when 3 of the issue about access, on moto.
#[test]
fn of_fifty_accounts_on_moto_the_47_that_can_be_imported_are() {
    let Some(moto) = moto_without_policies() else { return };
    let made = seeded(&moto.endpoint);
    let account = |place: usize| made["accounts"][place].as_str().unwrap().to_owned();
    let (refuses, suspended, silent) = (account(3), account(17), account(31));
    let moods = Moods { refuses: refuses.clone(), silent: silent.clone() };
    let endpoint = before(&moto.endpoint, moods);
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run(folder.path(), &endpoint, arguments);
    run(&["init"]).code(0);
    let discover = ["organization", "discover", "--yes", "--jobs", "4", "--output", "json"];
    let discovered = run(&discover).code(1);
    let found = discovered.json();
    assert_eq!(found.as_array().unwrap().len(), MEMBERS + 1);
    assert_eq!((count(&found, "action", "add"), count(&found, "action", "skip")), (49, 2), "{found:#}");
    assert_eq!(count(&found, "access", "entered"), 47, "{}", discovered.stderr);
    let row =
        |account: &str| found.as_array().unwrap().iter().find(|row| row["account_id"] == account).unwrap();
    assert!(row(&refuses)["reason"].as_str().unwrap().contains("STS refused"), "{}", row(&refuses));
    // On a busy machine the connection may be given up before the limit of the call is reached.
    let unanswered = row(&silent)["reason"].as_str().unwrap();
    assert!(
        ["in time", "before AWS had answered"].iter().any(|why| unanswered.contains(why)),
        "{unanswered}"
    );
    assert_eq!(row(&suspended)["account_state"], "suspended");
    assert_eq!(row(&suspended)["system_id"], Value::Null, "an account that is not in use gets no system");
    assert!(["/", "/Workloads"].iter().all(|unit| count(&found, "unit", unit) > 20), "{found:#}");

    let import = run(&["import", "run", "--all", "--jobs", "4", "--output", "json"]).code(1);
    let imported = import.json();
    assert_eq!(
        (count(&imported, "state", "published"), count(&imported, "state", "failed")),
        (47, 2),
        "{}",
        import.stderr
    );
    let people = imported.as_array().unwrap().iter().filter(|row| row["state"] == "published");
    assert!(people.clone().all(|row| row["changes"]["accounts"]["created"] == json!(1)), "{imported:#}");
    assert!(import.stderr.contains("47 of 49 systems went well."), "{}", import.stderr);
    let again = run(&discover).code(1).json();
    assert_eq!((count(&again, "action", "add"), count(&again, "action", "keep")), (0, 49));
}
