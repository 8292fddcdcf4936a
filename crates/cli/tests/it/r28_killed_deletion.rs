//! R28: a deletion of an account with all nine kinds of blockers, killed at each of its calls, goes on and ends as it
//! would have ended.
//!
//! Each cell has a user and a job of its own. The real binary is killed with SIGKILL when the call has arrived and was
//! not carried out, when it was carried out and not answered, and when it was answered. `keyreeve job apply` goes on.

use std::collections::BTreeMap;
use std::process::Stdio;

use keyreeve_sandbox::{
    AccountSeed, CallRange, Effect, FaultRule, Mutation, Options, Phase, Population, TraceEntry,
};

use crate::harness::{ACCOUNT, Place, SYSTEM, until};

/// Actions of a deletion, none of which may be missing.
const ACTIONS: [&str; 15] = [
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteLoginProfile",
    "DeleteServiceSpecificCredential",
    "DeleteSSHPublicKey",
    "DeleteSigningCertificate",
    "DeleteUser",
    "DeleteUserPolicy",
    "DeleteVirtualMFADevice",
    "DetachUserPolicy",
    "RemoveUserFromGroup",
    "UpdateAccessKey",
    "UpdateServiceSpecificCredential",
    "UpdateSSHPublicKey",
    "UpdateSigningCertificate",
];

/// What is looked at before it is done a second time: a lost answer to it is settled by reading.
const LOOKED_AT: [&str; 4] = ["DeleteLoginProfile", "DeleteUser", "DetachUserPolicy", "RemoveUserFromGroup"];

/// How far a call had come when the process was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Arrived,
    CarriedOut,
    Answered,
}

const MOMENTS: [Moment; 3] = [Moment::Arrived, Moment::CarriedOut, Moment::Answered];

/// One call of the deletion, by its action and which of that action's calls it is, from 1.
#[derive(Debug, Clone)]
struct Call {
    action: String,
    number: u64,
}

/// A deletion that is to be killed.
struct Cell {
    user: String,
    job: String,
    call: Call,
    moment: Moment,
}

fn laden(user: &str) -> Vec<Mutation> {
    let name = || user.to_owned();
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    vec![
        Mutation::CreateUser { name: name(), path: "/staff/".into(), tags: vec![], boundary: None },
        Mutation::CreateLoginProfile { user: name(), reset_required: false },
        Mutation::CreateAccessKey { user: name() },
        Mutation::CreateAccessKey { user: name() },
        Mutation::AddSshKey { user: name() },
        Mutation::AddSigningCertificate { user: name() },
        Mutation::AddServiceCredential { user: name() },
        Mutation::AddMfa { user: name(), is_virtual: true },
        Mutation::AddMfa { user: name(), is_virtual: false },
        Mutation::AddToGroup { user: name(), group: "devs".into() },
        Mutation::AddToGroup { user: name(), group: "ops".into() },
        Mutation::AttachUserPolicy { user: name(), arn: format!("arn:aws:iam::{ACCOUNT}:policy/own") },
        Mutation::PutUserInline { user: name(), name: "inline".into(), document },
    ]
}

/// An account with so many laden users, imported.
fn place(users: usize) -> Place {
    let population = Population { users: 0, groups: 0, customer_policies: 0, roles: 0 };
    let place = Place::with_options(Options {
        accounts: vec![AccountSeed { account_id: ACCOUNT.to_owned(), population }],
        ..Options::default()
    });
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    place.mutate(&[
        Mutation::CreateGroup { name: "devs".into(), path: "/".into() },
        Mutation::CreateGroup { name: "ops".into(), path: "/".into() },
        Mutation::CreatePolicy { name: "own".into(), path: "/".into(), document },
    ]);
    (0..users).for_each(|number| place.mutate(&laden(&user(number))));
    place.run(&["init"]).code(0);
    place.add(SYSTEM, ACCOUNT).code(0);
    for setting in ["permission_profile=full", "max_deletes=1000"] {
        place.run(&["system", "set", SYSTEM, setting]).code(0);
    }
    place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
    place.run(&["import", "run", SYSTEM]).code(0);
    place.sandbox.clear_trace();
    place
}

fn user(number: usize) -> String {
    format!("ada{number:02}")
}

fn queue(place: &Place, user: &str) -> String {
    let ran =
        place.run(&["account", "delete", SYSTEM, user, "--yes", "--no-wait", "--output", "json"]).code(0);
    ran.json()["id"].to_string()
}

fn writes(place: &Place) -> Vec<TraceEntry> {
    place.sandbox.trace().into_iter().filter(|entry| entry.applied.is_some()).collect()
}

/// The calls of an undisturbed deletion, in their order.
fn calls(place: &Place) -> Vec<Call> {
    let job = queue(place, &user(0));
    place.run(&["job", "apply", &job, "--yes"]).code(0);
    let mut numbers = BTreeMap::new();
    let calls = writes(place).into_iter().map(|entry| {
        let number = numbers.entry(entry.action.clone()).or_insert(0);
        *number += 1;
        Call { action: entry.action, number: *number }
    });
    let calls: Vec<Call> = calls.collect();
    for action in ACTIONS {
        assert!(calls.iter().any(|call| call.action == action), "{action} is missing: {calls:?}");
    }
    calls
}

/// Carries the job out until the call has come as far as the cell says, and kills the process. Gives the number of the
/// last call that the process made: the one that was cut off.
fn kill(place: &Place, cell: &Cell) -> u64 {
    let hang = |phase| {
        let mut rule = FaultRule::new(&cell.call.action, Effect::Hang).phase(phase).min_fires(1);
        rule.on.calls = Some(CallRange { from: cell.call.number, to: Some(cell.call.number) });
        place.sandbox.add_fault(rule);
    };
    match cell.moment {
        Moment::Arrived => hang(Phase::Before),
        Moment::CarriedOut => hang(Phase::AfterApply),
        // The look before the deletion takes long, so that the kill comes before the end of the job.
        Moment::Answered => {
            let _ = place.sandbox.add_fault(FaultRule::new("GetUser", Effect::Latency { ms: 700 }));
        }
    }
    let before = place.sandbox.trace().len();
    let mut command = place.command(&["job", "apply", &cell.job, "--yes"]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    until("the call to have come so far", || {
        let trace = place.sandbox.trace();
        let mut of_action = trace.iter().skip(before).filter(|entry| entry.action == cell.call.action);
        let entry = of_action.nth(usize::try_from(cell.call.number).unwrap() - 1)?;
        let so_far = match cell.moment {
            Moment::Arrived => true,
            Moment::CarriedOut => entry.applied == Some(true),
            Moment::Answered => entry.status.is_some(),
        };
        so_far.then_some(())
    });
    child.kill().unwrap();
    let status = child.wait().unwrap();
    // After the answer to the last call the job may be over before the kill comes.
    let last = cell.moment == Moment::Answered && cell.call.action == "DeleteUser";
    assert!(status.code().is_none() || last, "{} {:?}: {status}", cell.call.action, cell.moment);
    assert_eq!(place.sandbox.unfired(), []);
    place.sandbox.clear_faults();
    // What was on its way when the process ended still arrives.
    let (mut seen, mut looks) = (0, 0);
    until("all that was sent to have arrived", || {
        let last = writes(place).last().unwrap().seq;
        looks = if std::mem::replace(&mut seen, last) == last { looks + 1 } else { 0 };
        (looks >= 20).then_some(last)
    })
}

fn resume(place: &Place, cell: &Cell) {
    let shown = place.json(&["job", "show", &cell.job]);
    if shown["state"] == "succeeded" {
        return;
    }
    let mut command = place.command(&["job", "apply", &cell.job, "--yes"]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{:?} {:?}: {said}", cell.call, cell.moment);
    let shown = place.json(&["job", "show", &cell.job]);
    assert_eq!(shown["state"], "succeeded", "{:?} {:?}: {shown:#}", cell.call, cell.moment);
}

/// The account is gone, everything took effect once, and nothing but the call that was cut off was made twice.
fn check(place: &Place, cell: &Cell, cut_off: u64, calls: &[Call]) {
    let named = format!("{:?} {:?}", cell.call, cell.moment);
    let state = place.sandbox.state(ACCOUNT).unwrap();
    assert!(state["users"].as_array().unwrap().iter().all(|one| one["name"] != *cell.user), "{named}");
    let trace = place.sandbox.trace();
    let about: Vec<&TraceEntry> = trace.iter().filter(|entry| mentions(entry, &cell.user)).collect();
    let made: Vec<&&TraceEntry> = about.iter().filter(|entry| entry.applied.is_some()).collect();
    let effective = made.iter().filter(|entry| entry.applied == Some(true)).count();
    assert_eq!(effective, calls.len(), "{named}: {made:#?}");
    let mut by_object: BTreeMap<_, Vec<&TraceEntry>> = BTreeMap::new();
    for entry in made {
        by_object.entry((&entry.action, &entry.resource, status_asked(entry))).or_default().push(entry);
    }
    for (object, made) in by_object {
        match made.as_slice() {
            [_] => {}
            [first, second] => {
                assert_eq!(first.seq, cut_off, "{named}: {object:?} was made twice");
                // One reading of all accounts serves the looks of many tasks.
                let looks = |entry: &TraceEntry| {
                    mentions(entry, &cell.user) || entry.action == "GetAccountAuthorizationDetails"
                };
                let read = trace
                    .iter()
                    .filter(|entry| looks(entry))
                    .any(|entry| entry.applied.is_none() && entry.seq > first.seq && entry.seq < second.seq);
                assert!(read, "{named}: {object:?} was made again, and nobody had looked");
                let needless = first.applied == Some(true) && LOOKED_AT.contains(&first.action.as_str());
                assert!(
                    !needless,
                    "{named}: {object:?} was made again although it was to be seen that it was done"
                );
            }
            more => panic!("{named}: {object:?} was made {} times", more.len()),
        }
    }
}

fn mentions(entry: &TraceEntry, user: &str) -> bool {
    let named = |text: &Option<String>| text.as_deref().is_some_and(|text| text.ends_with(user));
    named(&entry.subject) || named(&entry.resource)
}

/// What a call that switches something off asks for: the same key is first switched off, then deleted.
fn status_asked(entry: &TraceEntry) -> Option<&String> {
    entry.params.get("Status")
}

#[test]
fn r28_a_deletion_that_is_killed_at_any_call_goes_on_and_ends_the_same() {
    // One user shows the calls; the others are cells.
    let most = 24 * MOMENTS.len();
    let place = place(most + 1);
    let calls = calls(&place);
    place.sandbox.clear_trace();
    let kinds = calls.iter().flat_map(|call| MOMENTS.map(|moment| (call.clone(), moment)));
    let cells: Vec<Cell> = kinds
        .zip(1..=most)
        .map(|((call, moment), number)| {
            let user = user(number);
            Cell { job: queue(&place, &user), user, call, moment }
        })
        .collect();
    assert_eq!(cells.len(), calls.len() * MOMENTS.len(), "more users are needed");
    let cut_off: Vec<u64> = cells.iter().map(|cell| kill(&place, cell)).collect();
    cells.iter().for_each(|cell| resume(&place, cell));
    cells.iter().zip(cut_off).for_each(|(cell, cut_off)| check(&place, cell, cut_off, &calls));
    place.audit();
}
