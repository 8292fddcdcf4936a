//! Many processes on one PostgreSQL, some of which are killed or stand still: each AWS account is changed by one of them at a
//! time and asked at one pace, no task is lost, and none is done twice (R15, R12, R33).

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use keyreeve_sandbox::{AccountSeed, Effect, FaultRule, Mutation, Options, Phase, Population, TraceEntry};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place};

/// A worker may stand still for two of these before another one goes on with what it had.
const LEASE_SECONDS: &str = "2";

/// Two AWS accounts with so many users each, and a system for each of them, on PostgreSQL.
fn place(users: usize) -> Place {
    place_on(users, Place::on_postgres)
}

/// The same on a store of one's own choice.
pub(crate) fn place_on(users: usize, on: impl FnOnce(Place) -> Place) -> Place {
    let population = Population { users: 0, groups: 0, customer_policies: 0, roles: 0 };
    let seed = |id: &str| AccountSeed { account_id: id.to_owned(), population };
    let options = Options { accounts: vec![seed(ACCOUNT), seed(OTHER_ACCOUNT)], ..Options::default() };
    let place = on(Place::with_options(options));
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        let mut changes = vec![
            Mutation::CreateGroup { name: "old".into(), path: "/".into() },
            Mutation::CreateGroup { name: "new".into(), path: "/".into() },
        ];
        for number in 0..users {
            changes.extend([
                crate::harness::user(&user(number)),
                Mutation::AddToGroup { user: user(number), group: "old".into() },
            ]);
        }
        place.sandbox.mutate(account, &changes).unwrap();
    }
    place.run(&["init"]).code(0);
    for (system, account) in [("one", ACCOUNT), ("two", OTHER_ACCOUNT)] {
        place.add(system, account).code(0);
        let set = ["system", "set", system, "permission_profile=full", "max_concurrent_requests=8"];
        place.run(&[&set[..], &["max_deletes=1000", "max_deactivations=1000"]].concat()).code(0);
        place.run(&["import", "profile", "set", system, "default", "policy_scope=customer"]).code(0);
        place.run(&["import", "run", system]).code(0);
    }
    place
}

fn user(number: usize) -> String {
    format!("user{number:03}")
}

/// A job that moves some users from one group to the other, and makes as many new ones.
pub(crate) fn queue(place: &Place, system: &str, users: std::ops::Range<usize>) -> String {
    let mut wishes = Vec::new();
    for number in users {
        wishes.push(json!({"task": "add_assignment", "account": user(number), "group": "new"}));
        wishes.push(json!({"task": "remove_assignment", "account": user(number), "group": "old"}));
        wishes.push(json!({"task": "create_account", "name": format!("new{number:03}"), "groups": ["new"]}));
    }
    let path = place.folder.path().join("wishes.json");
    std::fs::write(&path, json!({"system": system, "wishes": wishes}).to_string()).unwrap();
    let apply = ["job", "apply", path.to_str().unwrap(), "--yes", "--no-wait", "--output", "json"];
    place.run(&apply).code(0).json()["id"].to_string()
}

pub(crate) fn worker(place: &Place) -> Child {
    let mut command = place.command(&["worker"]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", LEASE_SECONDS);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub(crate) fn signal(name: &str, child: &Child) {
    let told = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(told.success(), "{name}");
}

/// Workers that end with the test.
pub(crate) struct Workers(pub(crate) Vec<Child>);

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn states(place: &Place, jobs: &[String]) -> Vec<String> {
    let state = |job: &String| place.json(&["job", "show", job])["state"].as_str().unwrap().to_owned();
    jobs.iter().map(state).collect()
}

pub(crate) fn ended(place: &Place, jobs: &[String]) -> bool {
    states(place, jobs).iter().all(|state| !matches!(state.as_str(), "queued" | "running"))
}

pub(crate) fn writes(place: &Place) -> Vec<TraceEntry> {
    place.sandbox.trace().into_iter().filter(|call| call.applied.is_some()).collect()
}

/// Calls that change the same user do not overlap, and nothing that may happen once took effect twice.
pub(crate) fn assert_apart(calls: &[TraceEntry]) {
    let mut of_user: BTreeMap<_, Vec<&TraceEntry>> = BTreeMap::new();
    for call in calls {
        of_user.entry((&call.account, &call.subject)).or_default().push(call);
    }
    for ((account, subject), calls) in of_user {
        for two in calls.windows(2) {
            let over = two[0].ended_micros.is_none_or(|ended| ended <= two[1].started_micros);
            assert!(over, "{account:?} {subject:?}: calls overlap: {two:#?}");
        }
        let mut effective = BTreeMap::new();
        for call in calls.iter().filter(|call| call.applied == Some(true)) {
            *effective.entry((&call.action, &call.resource)).or_insert(0) += 1;
        }
        assert!(effective.values().all(|times| *times == 1), "{account:?} {subject:?}: {effective:?}");
    }
}

/// Everybody is where they were to be.
pub(crate) fn assert_moved(place: &Place, account: &str, users: usize) {
    let state = place.sandbox.state(account).unwrap();
    let all = state["users"].as_array().unwrap();
    for number in 0..users {
        for name in [user(number), format!("new{number:03}")] {
            let found: Vec<&Value> = all.iter().filter(|user| user["name"] == name.as_str()).collect();
            assert_eq!(found.len(), 1, "{account} {name}");
            assert_eq!(found[0]["groups"], json!(["new"]), "{account} {name}");
        }
    }
}

#[test]
fn r15_workers_that_stand_still_or_are_killed_change_nothing_twice_and_nothing_at_once() {
    let long = std::env::var_os("KEYREEVE_TEST_LONG").is_some();
    let (count, users, disturbances) = if long { (8, 480, 50) } else { (3, 48, 6) };
    let place = place(users);
    // A job each for half of the users of either system: two processes may want the same AWS account.
    let half = users / 2;
    let jobs: Vec<String> = ["one", "two"]
        .iter()
        .flat_map(|system| [queue(&place, system, 0..half), queue(&place, system, half..users)])
        .collect();
    place.sandbox.clear_trace();
    for action in ["AddUserToGroup", "RemoveUserFromGroup", "CreateUser"] {
        let late = FaultRule::new(action, Effect::Latency { ms: 400 });
        place.sandbox.add_fault(late.phase(Phase::AfterApply));
    }
    let mut workers = Workers((0..count).map(|_| worker(&place)).collect());
    let (mut stalled, mut killed) = (0, 0);
    let give_up = Instant::now() + Duration::from_secs(600);
    for turn in 0..disturbances {
        let before = writes(&place).len();
        let begun = Instant::now();
        // What a process had under way that was cut off may be waited for: nothing else is left to do then.
        while writes(&place).len() < before + 8 && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if ended(&place, &jobs) {
            break;
        }
        let number = turn % workers.0.len();
        if turn % 2 == 0 {
            // It stands still, calls under way with it, for longer than its leases; others take over; then it goes on.
            signal("-STOP", &workers.0[number]);
            std::thread::sleep(Duration::from_millis(5_000));
            signal("-CONT", &workers.0[number]);
            stalled += 1;
        } else {
            workers.0[number].kill().unwrap();
            workers.0[number].wait().unwrap();
            workers.0[number] = worker(&place);
            killed += 1;
        }
    }
    while !ended(&place, &jobs) {
        assert!(Instant::now() < give_up, "lost: {:?}", states(&place, &jobs));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(stalled >= 3 && killed >= 3, "it ended after {stalled} stalls and {killed} kills");
    let shown: Vec<Value> = jobs.iter().map(|job| place.json(&["job", "show", job])).collect();
    for job in &shown {
        assert_eq!(job["state"], "succeeded", "{job:#}");
    }
    assert_apart(&writes(&place));
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        assert_moved(&place, account, users);
    }
    assert_eq!(place.answer("SELECT COUNT(*) FROM account_places WHERE held_until > 4102444800000"), "0");
}

/// The most calls to an AWS account within so many seconds.
fn most_within(calls: &[TraceEntry], seconds: u64) -> usize {
    let starts: Vec<u64> = calls.iter().map(|call| call.started_micros).collect();
    let within = seconds * 1_000_000;
    let from = |first: usize| starts[first..].iter().take_while(|at| **at < starts[first] + within).count();
    (0..starts.len()).map(from).max().unwrap_or(0)
}

#[test]
fn r12_processes_that_import_and_change_one_aws_account_keep_its_cap_together_and_a_storm_makes_nothing_fail()
{
    let (users, cap) = (24, 12);
    let place = place(users);
    // The same AWS account once more: another process imports it meanwhile.
    place.add("also", ACCOUNT).code(0);
    let cap_is = format!("max_requests_per_second={cap}");
    for system in ["one", "also"] {
        place.run(&["system", "set", system, &cap_is]).code(0);
    }
    let per_user = ["login_profile_source=per_user", "policy_scope=customer"];
    place.run(&[&["import", "profile", "set", "also", "default"][..], &per_user].concat()).code(0);
    // How much the job has moved when the second import looks is not what this is about.
    for limit in ["deleted", "deleted_percent", "changed", "changed_percent", "created", "created_percent"] {
        let none = ["small", "medium"].map(|size| format!("thresholds.{size}.{limit}=none"));
        place.run(&["import", "profile", "set", "also", "default", &none[0], &none[1]]).code(0);
    }
    let job = queue(&place, "one", 0..users);
    place.sandbox.clear_trace();
    // AWS refuses everything for a while in which both are under way.
    let storm = FaultRule::new("*", Effect::Throttle).times(8).min_fires(8);
    let storm = FaultRule { on: keyreeve_sandbox::FaultMatch { calls: from(60), ..storm.on }, ..storm };
    place.sandbox.add_fault(storm);
    let mut workers = Workers(vec![worker(&place), worker(&place)]);
    for _ in 0..2 {
        let mut import = place.command(&["import", "run", "also"]);
        workers.0.push(import.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let import = workers.0.pop().unwrap().wait_with_output().unwrap();
        assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
    }
    let give_up = Instant::now() + Duration::from_secs(200);
    while !ended(&place, std::slice::from_ref(&job)) {
        assert!(Instant::now() < give_up, "{:?}", states(&place, &[job]));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(states(&place, &[job]), ["succeeded"]);
    assert_eq!(place.sandbox.unfired(), []);
    // Who somebody is, is asked beside the pace.
    let paced: Vec<TraceEntry> =
        place.sandbox.trace().into_iter().filter(|call| call.action != "GetCallerIdentity").collect();
    assert!(paced.len() > 150, "{}", paced.len());
    let most = most_within(&paced, 10);
    assert!(most <= cap * 10 * 105 / 100 + 1, "{most} calls in ten seconds, at {cap} a second");
    assert_apart(&writes(&place));
    assert_moved(&place, ACCOUNT, users);
}

fn from(call: u64) -> Option<keyreeve_sandbox::CallRange> {
    Some(keyreeve_sandbox::CallRange { from: call, to: None })
}

#[test]
fn r33_many_tasks_of_one_system_do_not_keep_a_task_of_another_waiting() {
    let users = 82;
    let place = place(users);
    for action in ["AddUserToGroup", "RemoveUserFromGroup", "CreateUser"] {
        place.sandbox.add_fault(FaultRule::new(action, Effect::Latency { ms: 1_000 }));
    }
    // One process has all there is to do.
    let _workers = Workers(vec![worker(&place)]);
    let took = |job: String| {
        let begun = Instant::now();
        while !ended(&place, std::slice::from_ref(&job)) {
            assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", states(&place, &[job]));
            std::thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed()
    };
    let alone = took(queue(&place, "two", 0..1));
    let many: Vec<String> = (0..8).map(|part| queue(&place, "one", part * 10..part * 10 + 10)).collect();
    // It has as many in its hands as it takes of one system.
    while states(&place, &many).iter().filter(|state| *state == "running").count() < 3 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let beside = took(queue(&place, "two", 1..2));
    assert!(!ended(&place, &many), "there was nothing to wait for");
    assert!(beside < alone * 2, "{beside:?}, and {alone:?} alone");
}
