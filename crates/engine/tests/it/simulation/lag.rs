//! R14: a creation whose answer was lost, and reads that do not show it for up to two minutes, or show it now and then.

use jiff::SignedDuration;
use keyreeve_model::{StepCall, TaskKind, TaskState};

use super::{Faults, Simulation};

/// A simulation whose first task makes an account.
fn creating() -> Simulation {
    (0..)
        .map(|seed| Simulation::new(seed, Faults::default()))
        .find(|simulation| simulation.tasks[0].kind == TaskKind::CreateAccount)
        .unwrap()
}

#[test]
fn r14_a_creation_that_reads_hide_for_two_minutes_is_not_repeated_and_known_within_150_seconds() {
    for flaps in [false, true] {
        for lag in 0..120 {
            let mut simulation = creating();
            simulation.lag = SignedDuration::from_secs(lag);
            simulation.flaps = flaps;
            simulation.loses_creation = true;
            simulation.run();
            let named = format!("hidden for {lag} s, flapping: {flaps}");
            let task = &simulation.tasks[0];
            assert_eq!(task.state, TaskState::Succeeded, "{named}: {task:#?}");
            let creation = |call: &StepCall| {
                matches!(call, StepCall::CreateAccount { .. }) && call.account() == task.account
            };
            let made = simulation.iam.writes.iter().filter(|write| creation(&write.call)).count();
            let step = task.steps.iter().find(|step| creation(&step.call)).unwrap();
            assert_eq!((made, step.attempts), (1, 1), "{named}: it was taken for not applied");
            let took = step.finished_at.unwrap().duration_since(step.attempted_at.unwrap());
            assert!(took >= SignedDuration::from_secs(if flaps { 0 } else { lag }), "{named}: {took}");
            assert!(took <= SignedDuration::from_secs(150), "{named}: {took}");
        }
    }
}

#[test]
fn r14_a_creation_that_was_lost_on_the_way_is_repeated_after_two_minutes_and_not_before() {
    let mut simulation = creating();
    let begun = simulation.now;
    simulation.faults.lost_not_applied = 100;
    for _ in 0..240 {
        simulation.release_waiting();
        if simulation.is_due(0) {
            simulation.work(0);
        }
        simulation.now += SignedDuration::from_millis(500);
        let attempts = simulation.tasks[0].steps[0].attempts;
        let since = simulation.now.duration_since(begun);
        assert!(attempts <= 1 || since >= SignedDuration::from_secs(119), "repeated after {since}");
    }
    for _ in 0..120 {
        if simulation.is_due(0) {
            simulation.work(0);
        }
        simulation.now += SignedDuration::from_millis(500);
    }
    assert!(simulation.tasks[0].steps[0].attempts >= 2, "never repeated");
}
