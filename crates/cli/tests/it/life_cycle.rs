//! The whole life of one account through the binary, on the sandbox, moto and ministack, each of its states looked at
//! by boto3 (`tests/audit/life_cycle.py`). On ministack, and once on the sandbox, the connector holds the reference policy
//! as it is printed, and both enforce it.

use std::collections::BTreeSet;
use std::io::Write;

use keyreeve_aws::REFERENCE_ACTIONS;
use keyreeve_model::PermissionProfile;
use keyreeve_sandbox::{AccountSeed, Options};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{ACCOUNT, Place, Ran, SYSTEM, bare, piped};
use crate::peer::{Boto, ministack, moto, program};

pub(crate) const NAME: &str = "life";

/// Somebody who may do everything and looks at the account, and the binary with a system of its own.
pub(crate) struct Life {
    pub(crate) peer: &'static str,
    folder: TempDir,
    boto: Boto,
    connector: Boto,
    pub(crate) policy: String,
}

impl Life {
    /// With a connector that may do everything.
    pub(crate) fn begin(peer: &'static str, profile: PermissionProfile, boto: Boto) -> Self {
        Self::held(peer, profile, boto, None)
    }

    /// With a connector that holds the reference policy, as it is printed, and nothing else.
    pub(crate) fn by_reference(peer: &'static str, boto: Boto) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let generate = ["policy", "generate", "--profile", "reference"];
        let printed = Ran::of(bare(&generate, folder.path()).output().unwrap()).code(0);
        let file = folder.path().join("reference.json");
        std::fs::write(&file, printed.stdout).unwrap();
        Self::held(peer, PermissionProfile::Reference, boto, file.to_str())
    }

    fn held(peer: &'static str, profile: PermissionProfile, boto: Boto, policy: Option<&str>) -> Self {
        let (connector, policy) = boto.seed(policy);
        let life = Self { peer, folder: tempfile::tempdir().unwrap(), boto, connector, policy };
        life.run(&["init"]);
        life.register();
        let profile = format!("permission_profile={}", profile.as_str());
        life.run(&["system", "set", SYSTEM, &profile]);
        life.import();
        life
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = bare(arguments, self.folder.path());
        command.env("KEYREEVE_DATA_DIR", self.folder.path().join("data"));
        command.env("AWS_ENDPOINT_URL", &self.connector.endpoint);
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap()).code(0)
    }

    fn register(&self) {
        let (id, secret) = &self.connector.key;
        let add = ["system", "add", "--name", "Life", "--system-id", SYSTEM, "--access-key-id", id];
        let mut child = piped(self.command(&[&add[..], &["--secret-access-key-stdin"]].concat()));
        child.stdin.take().unwrap().write_all(format!("{secret}\n").as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap()).code(0);
    }

    #[track_caller]
    fn import(&self) {
        let run = self.run(&["import", "run", SYSTEM, "--output", "json"]).json();
        assert_eq!(run["state"], "published", "{}: {run:#}", self.peer);
        let drift = run["warnings"].as_array().unwrap().iter().find(|warning| warning["code"] == "drift");
        assert!(drift.is_none(), "{}: {run:#}", self.peer);
    }

    /// A change, carried out to its end.
    #[track_caller]
    fn change(&self, arguments: &[&str]) -> Value {
        let job = self.run(&[arguments, &["--yes", "--output", "json"]].concat()).json();
        assert_eq!(job["state"], "succeeded", "{}: {job:#}", self.peer);
        job
    }

    #[track_caller]
    pub(crate) fn is(&self, state: &str) {
        self.boto.check(NAME, state, self.peer);
    }

    /// From the creation to the deletion; with a key where the connector can see keys.
    fn pass(&self, with_key: bool) {
        let then = |state: &str| if with_key { state.to_owned() } else { format!("{state}_without_key") };
        self.change(&["account", "create", SYSTEM, "--name", NAME, "--path", "/staff/", "--deliver", "link"]);
        self.is("created");
        self.import();
        self.change(&["assignment", "add", SYSTEM, "--account", NAME, "--group", "devs"]);
        self.change(&["assignment", "add", SYSTEM, "--account", NAME, "--policy", &self.policy]);
        self.is("added");
        self.import();
        self.change(&["account", "reset-password", SYSTEM, NAME, "--deliver", "link"]);
        self.is("reset");
        if with_key {
            self.boto.add_key(NAME);
        }
        self.change(&["account", "deactivate", SYSTEM, NAME]);
        self.is(&then("deactivated"));
        self.change(&["account", "reactivate", SYSTEM, NAME, "--deliver", "link"]);
        self.is(&then("reactivated"));
        self.change(&["assignment", "remove", SYSTEM, "--account", NAME, "--group", "devs"]);
        self.change(&["assignment", "remove", SYSTEM, "--account", NAME, "--policy", &self.policy]);
        self.is(&then("removed"));
        self.change(&["account", "delete", SYSTEM, NAME]);
        self.is("deleted");
        self.import();
    }
}

pub(crate) fn key(id: &str, secret: &str) -> (String, String) {
    (id.to_owned(), secret.to_owned())
}

/// A sandbox, and its connector's key as somebody who may do everything there.
pub(crate) fn sandbox() -> (Place, Boto) {
    let place =
        Place::with_options(Options { accounts: vec![AccountSeed::empty(ACCOUNT)], ..Options::default() });
    let admin = place.key(ACCOUNT);
    let boto = Boto {
        endpoint: place.sandbox.endpoint_url(),
        key: key(&admin.access_key_id, &admin.secret_access_key),
    };
    (place, boto)
}

#[test]
fn a_whole_life_on_the_sandbox() {
    if program("python").is_none() {
        return;
    }
    let (_place, boto) = sandbox();
    Life::begin("sandbox", PermissionProfile::Full, boto).pass(true);
}

#[test]
fn a_whole_life_on_moto() {
    let Some(emulator) = moto() else { return };
    let boto = Boto { endpoint: emulator.endpoint.clone(), key: key("AKIAIOSFODNN7EXAMPLE", "secret") };
    // iam/responses.py has no service-specific credentials, so the inventory of keys and the like stays incomplete.
    Life::begin("moto", PermissionProfile::Reference, boto).pass(false);
}

#[test]
fn a_whole_life_on_ministack() {
    let Some(emulator) = ministack() else { return };
    let boto = Boto { endpoint: emulator.endpoint.clone(), key: key("111122223333", "test") };
    // services/iam.py has no SSH keys, so the inventory of keys and the like stays incomplete.
    Life::by_reference("ministack", boto).pass(false);
}

#[test]
fn a_whole_life_with_the_fourteen_actions_of_the_reference_policy() {
    if program("python").is_none() {
        return;
    }
    let (place, boto) = sandbox();
    let life = Life::by_reference("sandbox", boto);
    place.sandbox.clear_trace();
    life.pass(false);
    let own = |id: &Option<String>| id.as_ref() == Some(&life.connector.key.0);
    let trace = place.sandbox.trace();
    let made: Vec<_> = trace.iter().filter(|entry| own(&entry.access_key_id)).collect();
    let called: BTreeSet<String> = made.iter().map(|entry| format!("iam:{}", entry.action)).collect();
    assert!(REFERENCE_ACTIONS.iter().all(|action| called.contains(*action)), "{called:?}");
    for entry in made {
        let granted = REFERENCE_ACTIONS.contains(&format!("iam:{}", entry.action).as_str());
        let expected = granted || entry.action == "GetCallerIdentity" || entry.refusal.is_some();
        assert!(expected, "{} was let through", entry.action);
    }
}
