//! R42: a time that was missed is made up for once, and no system is imported twice at once, or twice for one time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use keyreeve_engine::schedule::{Happened, Scheduler};
use keyreeve_model::{Effect as Effected, Failure, FailureKind, ImportRunState, SystemSettings, Warning};
use keyreeve_sandbox::{Effect, FaultRule};
use keyreeve_store::{Outcome, RunRecord};

use super::{Door, Office, Shift, account, at, id};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_six_hours_of_outage_are_made_up_for_by_one_import() {
    let office = Office::open(1).await;
    office.schedule(0, "default", "0 * * * *").await;
    office.set_clock(at("10T06:20"));
    let mut shift = office.run();
    assert_eq!(shift.began().await, (id(0), "default".to_owned(), at("10T06:00")));
    let run = shift.ended().await;
    assert_eq!((run.state, run.actor.as_str()), (ImportRunState::Published, "schedule:default"));
    // The next thing that happens is the next time.
    office.set_clock(at("10T07:00"));
    assert_eq!(shift.began().await.2, at("10T07:00"));
    assert_eq!(shift.ended().await.state, ImportRunState::Published);
    assert!(shift.stop().await.is_empty());
    assert_eq!(office.runs(0).await.len(), 2);
    // Another process that begins now has nothing to make up for.
    let mut shift = office.run();
    office.set_clock(at("10T08:00"));
    assert_eq!(shift.began().await.2, at("10T08:00"));
    shift.ended().await;
    assert!(shift.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_profiles_of_one_system_run_one_after_the_other() {
    let office = Office::open(1).await;
    for profile in ["default", "staff", "third"] {
        office.schedule(0, profile, "0 * * * *").await;
    }
    let mut shift = office.run();
    for hour in ["01", "02"] {
        office.set_clock(at(&format!("10T{hour}:00")));
        let mut profiles = HashSet::new();
        for _ in 0..3 {
            let (_, profile, time) = shift.began().await;
            assert_eq!(time, at(&format!("10T{hour}:00")));
            let run = shift.ended().await;
            assert_eq!(run.actor, format!("schedule:{profile}"));
            assert_eq!(run.state, ImportRunState::Published, "{run:#?}");
            profiles.insert(profile);
        }
        assert_eq!(profiles.len(), 3, "each had its turn");
    }
    assert!(shift.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_what_is_due_waits_for_an_import_that_somebody_else_runs() {
    let office = Office::open(2).await;
    office.schedule(0, "default", "0 * * * *").await;
    office.schedule(1, "default", "*/30 * * * *").await;
    let profile = office.store.get_import_profile(&id(0), &"default".parse().unwrap()).await.unwrap();
    let long = Duration::from_secs(12 * 3600);
    let now = office.clock.now();
    let person = office.store.begin_import_run(&id(0), &profile, "local:ada", now, long).await.unwrap();
    let mut shift = office.run();
    // The other system's times come and go; this one's wait.
    for time in ["10T01:00", "10T01:30", "10T02:00", "10T02:30"] {
        office.set_clock(at(time));
        assert_eq!(shift.began().await, (id(1), "default".to_owned(), at(time)));
        shift.ended().await;
    }
    let record = RunRecord::new(profile.scope());
    office.store.finish_import_run(&person, record, Outcome::Failed, office.clock.now()).await.unwrap();
    assert_eq!(shift.began().await, (id(0), "default".to_owned(), at("10T02:00")), "once, for both times");
    assert_eq!(shift.ended().await.state, ImportRunState::Published);
    office.set_clock(at("10T03:00"));
    let next = [shift.next().await, shift.next().await, shift.next().await, shift.next().await];
    assert_eq!(next.iter().filter(|one| matches!(one, Happened::Ended(_))).count(), 2, "{next:?}");
    assert!(shift.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_systems_out_of_use_are_passed_over_and_say_so() {
    let office = Office::open(2).await;
    office.schedule(0, "default", "0 * * * *").await;
    office.schedule(1, "default", "0 * * * *").await;
    let reason = Failure {
        kind: FailureKind::AccountMismatch,
        message: "the credentials belong to another account".to_owned(),
        effect: Effected::None,
        at: office.clock.now(),
    };
    office.store.quarantine_system(&id(0), reason, office.clock.now()).await.unwrap();
    let mut shift = office.run();
    office.set_clock(at("10T01:00"));
    let (system, time, why) = shift.passed_over().await;
    assert_eq!((system, time), (id(0), at("10T01:00")));
    assert!(why.contains("quarantined") && why.contains("another account"), "{why}");
    assert_eq!(shift.began().await.0, id(1), "the other system is imported");
    shift.ended().await;
    // A release is no reason to make up for what was passed over.
    office.store.release_system(&id(0), ("local:ada", None), office.clock.now()).await.unwrap();
    office.set_clock(at("10T02:00"));
    let began =
        HashSet::from([shift.began().await, shift.began().await].map(|(system, _, time)| (system, time)));
    assert_eq!(began, HashSet::from([(id(0), at("10T02:00")), (id(1), at("10T02:00"))]));
    shift.ended().await;
    shift.ended().await;
    office.store.remove_system(&id(0), ("local:ada", None), office.clock.now()).await.unwrap();
    office.set_clock(at("10T03:00"));
    assert_eq!(shift.began().await.0, id(1));
    shift.ended().await;
    assert!(shift.stop().await.is_empty());
    assert_eq!(office.runs(0).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_tried_again_with_growing_patience_and_stops_no_other() {
    for door in [Door::Shut, Door::Trapped] {
        let office = Office::open(2).await;
        office.schedule(0, "default", "0 1 * * *").await;
        office.schedule(1, "default", "0 1 * * *").await;
        office.shut(0, Some(door));
        let mut shift = office.run();
        office.set_clock(at("10T01:00"));
        let (mut published, mut passed) = (0, 0);
        while published + passed < 2 {
            match shift.next().await {
                Happened::Ended(run) => {
                    assert_eq!((run.system_id, run.state), (id(1), ImportRunState::Published));
                    published += 1;
                }
                Happened::PassedOver { system_id, .. } => {
                    assert_eq!(system_id, id(0));
                    passed += 1;
                }
                Happened::Began { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((published, passed), (1, 1));
        // Not before its time: that it was looked at, the other system tells.
        office.schedule(1, "other", "2 1 * * *").await;
        office.set_clock(at("10T01:02"));
        assert_eq!(shift.began().await, (id(1), "other".to_owned(), at("10T01:02")));
        shift.ended().await;
        office.set_clock(at("10T01:02"));
        for minutes in [5, 15, 60, 240, 240] {
            let before = office.tried(0).len();
            office.advance(MINUTE * minutes);
            assert_eq!(shift.passed_over().await.0, id(0));
            assert_eq!(office.tried(0).len(), before + 1);
        }
        let tried = office.tried(0);
        for (pair, minutes) in tried.windows(2).zip([5, 15, 60, 240, 240]) {
            assert!(pair[1].duration_since(pair[0]) >= MINUTE * minutes, "{tried:?}");
        }
        // Mended: it succeeds, and what comes next is its next time.
        office.shut(0, None);
        office.advance(MINUTE * 240);
        assert_eq!(shift.began().await.2, at("10T01:00"));
        assert_eq!(shift.ended().await.state, ImportRunState::Published);
        office.set_clock(at("11T01:00"));
        let began = [shift.next().await, shift.next().await, shift.next().await, shift.next().await];
        assert_eq!(began.iter().filter(|one| matches!(one, Happened::Ended(_))).count(), 2, "{began:?}");
        assert!(shift.stop().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_is_a_failure_like_others_and_publishes_nothing() {
    let office = Office::open(1).await;
    office.schedule(0, "default", "*/5 * * * *").await;
    office.sandbox.add_fault(FaultRule::new("ListUsers", Effect::AccessDenied).times(2).min_fires(2));
    let mut shift = office.run();
    office.set_clock(at("10T01:00"));
    shift.began().await;
    let run = shift.ended().await;
    assert_eq!(run.state, ImportRunState::Failed);
    let first = run.finished_at.unwrap();
    office.advance(MINUTE * 6);
    assert_eq!(shift.began().await.2, at("10T01:05"));
    let second = shift.ended().await;
    assert_eq!(second.state, ImportRunState::Failed);
    assert!(second.started_at.duration_since(first) >= MINUTE * 5);
    // Two failed in a row: what its schedule says for the next quarter of an hour is left out.
    office.advance(MINUTE * 16);
    assert_eq!(shift.began().await.2, at("10T01:20"));
    let third = shift.ended().await;
    assert_eq!(third.state, ImportRunState::Published);
    assert!(third.started_at.duration_since(second.finished_at.unwrap()) >= MINUTE * 15);
    office.set_clock(at("10T01:25"));
    assert_eq!(shift.began().await.2, at("10T01:25"));
    shift.ended().await;
    assert!(shift.stop().await.is_empty());
    assert_eq!(office.sandbox.unfired(), []);
    let no_warnings: Vec<Warning> = Vec::new();
    assert_eq!(office.runs(0).await.last().unwrap().warnings, no_warnings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_processes_that_share_a_store_take_each_time_once() {
    const SYSTEMS: usize = 5;
    let office = Office::open(SYSTEMS).await;
    for system in 0..SYSTEMS {
        office.schedule(system, "default", "0 * * * *").await;
    }
    let mut shifts = vec![office.run()];
    for _ in 0..2 {
        shifts.push(Shift::begin(office.scheduler(office.another_store().await)));
    }
    let mut took = vec![0; shifts.len()];
    for hour in 1..=4 {
        office.set_clock(at(&format!("10T0{hour}:00")));
        for _ in 0..SYSTEMS {
            // Whichever process it is.
            loop {
                let mut waiting: Vec<_> = shifts.iter_mut().map(|shift| Box::pin(shift.next())).collect();
                let (happened, who, _) = futures::future::select_all(waiting.drain(..)).await;
                match happened {
                    Happened::Ended(run) => {
                        assert_eq!(run.state, ImportRunState::Published, "{run:#?}");
                        took[who] += 1;
                        break;
                    }
                    Happened::PassedOver { reason, .. } => panic!("{reason}"),
                    _ => {}
                }
            }
        }
    }
    for shift in shifts {
        assert!(!shift.stop().await.iter().any(|one| matches!(one, Happened::Ended(_))));
    }
    for system in 0..SYSTEMS {
        let runs = office.runs(system).await;
        assert_eq!(runs.len(), 4, "system {system}: {runs:#?}");
        for (one, next) in runs.iter().zip(&runs[1..]) {
            assert!(one.finished_at.unwrap() <= next.started_at, "system {system}: two at once");
        }
    }
    assert_eq!(took.iter().sum::<usize>(), 4 * SYSTEMS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_systems_are_imported_at_once_than_is_permitted() {
    const SYSTEMS: usize = 7;
    let office = Office::open(SYSTEMS).await;
    for system in 0..SYSTEMS {
        office.schedule(system, "default", "0 * * * *").await;
    }
    office.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Latency { ms: 300 }).min_fires(7));
    let scheduler = Scheduler { at_once: 3, ..office.scheduler(Arc::clone(&office.store)) };
    let mut shift = Shift::begin(scheduler);
    office.set_clock(at("10T01:00"));
    let (mut under_way, mut most, mut ended) = (0, 0, BTreeMap::new());
    while ended.len() < SYSTEMS {
        match shift.next().await {
            Happened::Began { .. } => under_way += 1,
            Happened::Ended(run) => {
                under_way -= 1;
                *ended.entry(run.system_id).or_insert(0) += 1;
            }
            other => panic!("{other:?}"),
        }
        most = most.max(under_way);
    }
    assert_eq!(most, 3);
    assert!(ended.values().all(|count| *count == 1), "{ended:?}");
    assert!(shift.stop().await.is_empty());
    // What the store says of it: never more than three overlap.
    let mut edges = Vec::new();
    for system in 0..SYSTEMS {
        let run = office.runs(system).await.remove(0);
        edges.extend([(run.started_at, 1), (run.finished_at.unwrap(), -1)]);
    }
    edges.sort();
    let overlap = edges.iter().scan(0, |now, (_, step)| {
        *now += step;
        Some(*now)
    });
    assert!(overlap.max().unwrap() <= 3);
    assert_eq!(office.sandbox.unfired(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_imports_of_one_account_share_its_pace() {
    let rate = 20.0;
    let slow = SystemSettings { max_requests_per_second: Some(rate), ..SystemSettings::default() };
    let office = Office::with(3, |_| account(0), slow).await;
    for system in 0..3 {
        office.schedule(system, "default", "0 * * * *").await;
    }
    let mut shift = office.run();
    let begun = Instant::now();
    office.set_clock(at("10T01:00"));
    let mut ended = 0;
    while ended < 3 {
        ended += usize::from(matches!(shift.next().await, Happened::Ended(_)));
    }
    let took = begun.elapsed().as_secs_f64();
    shift.stop().await;
    let calls = office.sandbox.trace().len();
    assert!(calls > 20, "{calls} calls");
    assert!(took > (calls - 1) as f64 / rate * 0.9, "{calls} calls in {took} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_to_stop_ends_an_import_cleanly_and_it_is_begun_again_afterwards() {
    let office = Office::open(1).await;
    office.schedule(0, "default", "0 1 * * *").await;
    office.sandbox.add_fault(FaultRule::new("ListUsers", Effect::Hang).times(1).min_fires(1));
    let mut shift = office.run();
    office.set_clock(at("10T01:00"));
    shift.began().await;
    let called = async {
        while !office.sandbox.trace().iter().any(|call| call.action == "ListUsers") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(super::PATIENCE, called).await.expect("it calls");
    let rest = shift.stop().await;
    let [Happened::Ended(run)] = rest.as_slice() else { panic!("{rest:?}") };
    assert_eq!(
        (run.state, run.failure.as_ref().unwrap().kind),
        (ImportRunState::Failed, FailureKind::Interrupted)
    );
    assert!(office.store.latest_published(&id(0)).await.unwrap().is_none());
    let calls = office.sandbox.trace().len();
    // The same time, at once, by whoever comes next.
    let mut shift = office.run();
    assert_eq!(shift.began().await.2, at("10T01:00"));
    assert_eq!(shift.ended().await.state, ImportRunState::Published);
    assert!(office.sandbox.trace().len() > calls);
    assert!(shift.stop().await.is_empty());
    assert_eq!(office.runs(0).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_process_ended_without_a_word_is_begun_again_when_its_lease_is_over() {
    let office = Office::open(1).await;
    office.schedule(0, "default", "0 1 * * *").await;
    office.set_clock(at("10T01:00"));
    let seen = office.store.import_schedules(office.clock.now()).await.unwrap().remove(0);
    let lost = office
        .store
        .begin_scheduled_import_run(
            &seen.turn(at("10T01:00")),
            &seen.profile,
            "schedule:default",
            office.clock.now(),
            Duration::from_secs(120),
        )
        .await
        .unwrap();
    let mut shift = office.run();
    office.advance(SignedDuration::from_secs(121));
    assert_eq!(shift.began().await.2, at("10T01:00"));
    let run = shift.ended().await;
    assert_eq!(run.state, ImportRunState::Published);
    assert!(run.started_at >= at("10T01:02"), "not while the lease held");
    assert_eq!(office.store.get_import_run(lost.run).await.unwrap().state, ImportRunState::Failed);
    assert!(shift.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_be_read_for_a_while_loses_no_time() {
    let office = Office::open(1).await;
    office.schedule(0, "default", "0 1 * * *").await;
    // Each third call to the store fails once, from the first look to the end of the import.
    for (round, call) in (1..=58).step_by(3).enumerate() {
        office.set_clock(at(&format!("{}T01:00", 11 + round)));
        office.store.fail_call(call);
        let mut shift = office.run();
        loop {
            let happened = tokio::time::timeout(Duration::from_secs(30), shift.next()).await;
            match happened.unwrap_or_else(|_| panic!("call {call}: nothing happens")) {
                Happened::Ended(run) if run.state == ImportRunState::Published => break,
                // It may have been published all the same, its answer lost; else a failure postpones it by minutes.
                Happened::Ended(_) | Happened::PassedOver { .. } | Happened::Left { .. } => {
                    if published(&office).await == round + 1 {
                        break;
                    }
                    office.advance(MINUTE * 5);
                }
                Happened::Began { .. } => {}
            }
        }
        office.store.clear_faults();
        shift.stop().await;
        assert_eq!(published(&office).await, round + 1, "call {call}");
    }
}

async fn published(office: &Office) -> usize {
    let runs = office.runs(0).await;
    runs.iter().filter(|run| run.state == ImportRunState::Published).count()
}
