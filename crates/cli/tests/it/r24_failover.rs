//! R24: the primary goes down in the middle of jobs and an import, and its synchronous standby takes over: no task is lost, none is
//! done twice, no calls that change the same user overlap, and what is imported is whole.

use std::process::Stdio;
use std::time::{Duration, Instant};

use keyreeve_sandbox::{Effect, FaultRule, Phase};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT};
use crate::many_workers::{
    Workers, assert_apart, assert_moved, ended, place_on, queue, states, worker, writes,
};
use crate::standby::Pair;

#[test]
fn r24_a_standby_that_takes_over_in_the_middle_of_jobs_and_imports_loses_nothing() {
    let pair = Pair::new();
    let through = pair.address();
    let users = 16;
    let place = place_on(users, |place| place.on_server(&through));
    let jobs = [queue(&place, "one", 0..users), queue(&place, "two", 0..users)];
    place.sandbox.clear_trace();
    for action in ["AddUserToGroup", "RemoveUserFromGroup", "CreateUser", "GetLoginProfile"] {
        let late = FaultRule::new(action, Effect::Latency { ms: 250 });
        place.sandbox.add_fault(late.phase(Phase::AfterApply));
    }
    let _workers = Workers(vec![worker(&place), worker(&place)]);
    let mut import = place.command(&["import", "run", "one"]);
    let import = import.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let give_up = Instant::now() + Duration::from_secs(240);
    while writes(&place).len() < 12 {
        assert!(Instant::now() < give_up, "nobody begins");
        std::thread::sleep(Duration::from_millis(5));
    }
    pair.fail_over();
    let gap = Instant::now();
    while !ended(&place, &jobs) {
        assert!(Instant::now() < give_up, "lost: {:?}", states(&place, &jobs));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(
        states(&place, &jobs),
        ["succeeded", "succeeded"],
        "{:?} after the standby was there",
        gap.elapsed()
    );
    // The import was published, or it says that it was not.
    let import = import.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&import.stderr).into_owned();
    assert!(import.status.code().is_some_and(|code| code <= 1), "{said}");
    assert_apart(&writes(&place));
    for (system, account) in [("one", ACCOUNT), ("two", OTHER_ACCOUNT)] {
        assert_moved(&place, account, users);
        place.run(&["import", "run", system]).code(0);
        let accounts = place.json(&["account", "list", system]);
        assert_eq!(accounts.as_array().unwrap().len(), 2 * users + 1, "{system}");
    }
    let drift = place.answer("SELECT COUNT(*) FROM claims WHERE state NOT IN ('confirmed', 'superseded')");
    assert_eq!(drift, "0", "what was done is not so");
}
