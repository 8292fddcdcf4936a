//! R25: PostgreSQL refuses transactions (40001, 40P01), and connections are reset at random: it is the transaction that is tried
//! again, never the call to AWS.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use keyreeve_sandbox::{Effect, FaultRule, Phase};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Place};
use crate::many_workers::{
    Workers, assert_apart, assert_moved, ended, place_on, queue, states, worker, writes,
};
use crate::standby::Pair;

/// About one of so many statements that write is refused; a transaction has up to a few dozen.
const ONE_OF: u32 = 30;

/// Every table refuses a statement now and then, as PostgreSQL does that cannot serialise transactions or finds a deadlock.
/// A sequence, which no transaction takes back, counts how often.
fn refuse_now_and_then(place: &Place) {
    place.answer(&format!(
        "CREATE SEQUENCE refusals; \
         CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $refuse$ \
         BEGIN \
             IF random() < 1.0 / {ONE_OF} THEN \
                 IF nextval('refusals') % 2 = 0 THEN RAISE EXCEPTION 'planted' USING ERRCODE = '40001'; END IF; \
                 RAISE EXCEPTION 'planted' USING ERRCODE = '40P01'; \
             END IF; \
             RETURN NULL; \
         END $refuse$; \
         DO $each$ DECLARE one TEXT; BEGIN \
             FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP \
                 EXECUTE format('CREATE TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON %I \
                                 FOR EACH STATEMENT EXECUTE FUNCTION refuse()', one); \
             END LOOP; \
         END $each$"
    ));
}

fn wait_for(place: &Place, jobs: &[String]) {
    let give_up = Instant::now() + Duration::from_secs(240);
    while !ended(place, jobs) {
        assert!(Instant::now() < give_up, "lost: {:?}", states(place, jobs));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(states(place, jobs).iter().all(|state| state == "succeeded"), "{:?}", states(place, jobs));
}

/// Everybody is where they were to be, the store says the same, and nothing was done twice.
fn assert_done(place: &Place, users: usize) {
    assert_apart(&writes(place));
    for (system, account) in [("one", ACCOUNT), ("two", OTHER_ACCOUNT)] {
        assert_moved(place, account, users);
        place.run(&["import", "run", system]).code(0);
        let accounts = place.json(&["account", "list", system]);
        assert_eq!(accounts.as_array().unwrap().len(), 2 * users + 1, "{system}");
    }
    let drift = place.answer("SELECT COUNT(*) FROM claims WHERE state NOT IN ('confirmed', 'superseded')");
    assert_eq!(drift, "0", "what was done is not so");
    place.run(&["audit", "verify"]).code(0);
}

#[test]
fn r25_a_transaction_that_the_database_refuses_is_tried_again_and_no_call() {
    let users = 12;
    let place = place_on(users, Place::on_postgres);
    refuse_now_and_then(&place);
    let jobs = [queue(&place, "one", 0..users), queue(&place, "two", 0..users)];
    place.sandbox.clear_trace();
    let _workers = Workers(vec![worker(&place), worker(&place)]);
    place.run(&["import", "run", "one"]).code(0);
    wait_for(&place, &jobs);
    // Not one call was made that changed nothing, as a second one would have been.
    let in_vain: Vec<_> = writes(&place).into_iter().filter(|call| call.applied != Some(true)).collect();
    assert!(in_vain.is_empty(), "{in_vain:#?}");
    // The audit log does not verify with a trigger that is not its own.
    place.answer("DROP FUNCTION refuse() CASCADE");
    assert_done(&place, users);
    let refusals: usize = place.answer("SELECT last_value FROM refusals").parse().unwrap();
    assert!(refusals >= 5, "{refusals} refusals");
}

#[test]
fn r25_connections_that_are_reset_at_random_lose_nothing_and_do_nothing_twice() {
    let users = 12;
    let pair = Pair::new();
    let place = place_on(users, |place| place.on_server(&pair.address()));
    let jobs = [queue(&place, "one", 0..users), queue(&place, "two", 0..users)];
    place.sandbox.clear_trace();
    for action in ["AddUserToGroup", "RemoveUserFromGroup", "CreateUser"] {
        let late = FaultRule::new(action, Effect::Latency { ms: 200 });
        place.sandbox.add_fault(late.phase(Phase::AfterApply));
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let resets = scope.spawn(|| {
            let mut resets = 0;
            // Never twice after the same time, so that they fall into all that a process does.
            while !over.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(150 + resets * 37 % 400));
                pair.way.cut();
                resets += 1;
            }
            resets
        });
        let workers = Workers(vec![worker(&place), worker(&place)]);
        let mut import = place.command(&["import", "run", "one"]);
        let import = import.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let give_up = Instant::now() + Duration::from_secs(120);
        while writes(&place).len() < users * 6 && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(20));
        }
        over.store(true, Ordering::SeqCst);
        let resets = resets.join().unwrap();
        wait_for(&place, &jobs);
        drop(workers);
        assert!(resets >= 5, "{resets} resets");
        // The import was published, or it says that it was not.
        let import = import.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&import.stderr).into_owned();
        assert!(import.status.code().is_some_and(|code| code <= 1), "{said}");
    });
    assert_done(&place, users);
}
