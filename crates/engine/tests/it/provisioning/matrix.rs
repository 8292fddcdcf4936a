//! Each kind of task, each of its steps, and each way in which that step's call can go wrong: the end is the same as
//! without, and what is not idempotent took effect once.

use futures::StreamExt;
use keyreeve_engine::provisioning::Ended;
use keyreeve_model::{JobState, TaskKind, Wish};
use keyreeve_sandbox::{Effect, FaultRule, Malformed, Phase};
use serde_json::json;

use super::{full, laden, wish};
use crate::harness::World;

/// One way to go wrong.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// AWS fails before it has done anything, once.
    Fails,
    /// AWS fails after it has done it, once.
    FailsAfter,
    /// The connection breaks before it is done.
    LostBefore,
    /// The connection breaks after it is done.
    LostAfter,
    /// The answer is cut.
    Truncated,
    /// The answer is no complete document; it was done.
    Malformed,
    /// The answer is one to another call; it was done.
    WrongRoot,
    /// AWS asks for patience, several times.
    Throttled,
    /// Somebody else is changing the object.
    Busy,
    /// The process dies while the call is under way; it was carried out.
    Killed,
    /// The same, twice in a row.
    KilledTwice,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::Fails,
    Trouble::FailsAfter,
    Trouble::LostBefore,
    Trouble::LostAfter,
    Trouble::Truncated,
    Trouble::Malformed,
    Trouble::WrongRoot,
    Trouble::Throttled,
    Trouble::Busy,
    Trouble::Killed,
    Trouble::KilledTwice,
];

/// What is wished for first, and the wish of this kind. A kind without a line does not compile.
pub(super) fn scene(kind: TaskKind) -> (Vec<Wish>, Wish) {
    let deactivate = || wish(json!({"task": "deactivate_account", "account": "ada"}));
    let asked = match kind {
        TaskKind::CreateAccount => {
            json!({"task": "create_account", "name": "eve", "path": "/staff/", "groups": ["devs"],
                "policies": [super::policy("own")], "tags": {"team": "x"}, "deliver": "link"})
        }
        TaskKind::UpdateAccount => {
            json!({"task": "update_account", "account": "ada", "new_name": "ada.king", "new_path": "/it/",
                "tags": {"team": "y"}, "boundary": super::policy("own")})
        }
        TaskKind::DeactivateAccount => return (vec![], deactivate()),
        TaskKind::ReactivateAccount => {
            let reactivate = json!({"task": "reactivate_account", "account": "ada", "deliver": "link"});
            return (vec![deactivate()], wish(reactivate));
        }
        TaskKind::DeleteAccount => json!({"task": "delete_account", "account": "ada"}),
        TaskKind::ResetPassword => json!({"task": "reset_password", "account": "ada", "deliver": "link"}),
        TaskKind::AddAssignment => json!({"task": "add_assignment", "account": "bob", "group": "devs"}),
        TaskKind::RemoveAssignment => {
            json!({"task": "remove_assignment", "account": "ada", "policy": super::policy("own")})
        }
    };
    (vec![], wish(asked))
}

fn rule(action: &str, trouble: Trouble) -> FaultRule {
    let once = |effect, phase| FaultRule::new(action, effect).phase(phase).times(1).min_fires(1);
    let server_error =
        || Effect::Error { status: 500, code: "ServiceFailure".into(), message: String::new() };
    match trouble {
        Trouble::Fails => once(server_error(), Phase::Before),
        Trouble::FailsAfter => once(server_error(), Phase::AfterApply),
        Trouble::LostBefore => once(Effect::Reset, Phase::Before),
        Trouble::LostAfter => once(Effect::Reset, Phase::AfterApply),
        Trouble::Truncated => once(Effect::Truncate { at_fraction: 0.5 }, Phase::Before),
        Trouble::Malformed => once(Effect::Malformed { body: Malformed::UnclosedTag }, Phase::Before),
        Trouble::WrongRoot => once(Effect::Malformed { body: Malformed::WrongRoot }, Phase::Before),
        Trouble::Throttled => FaultRule::new(action, Effect::Throttle).times(3).min_fires(3),
        Trouble::Busy => {
            let code = "EntityTemporarilyUnmodifiable".to_owned();
            FaultRule::new(action, Effect::Error { status: 409, code, message: String::new() })
                .times(2)
                .min_fires(2)
        }
        Trouble::Killed => once(Effect::Hang, Phase::AfterApply),
        Trouble::KilledTwice => {
            FaultRule::new(action, Effect::Hang).phase(Phase::AfterApply).times(2).min_fires(1)
        }
    }
}

/// A world in which everything the wish builds on has been done.
pub(super) async fn prepared(before: &[Wish]) -> World {
    let world = World::with(full(), &laden()).await;
    for wish in before {
        world.succeeded(std::slice::from_ref(wish)).await;
    }
    world.sandbox.clear_trace();
    world
}

/// Works on a job; with a call that hangs the process dies, and another goes on when the lease has run out.
async fn work_through(world: &World, job: &keyreeve_model::ProvisioningJob, trouble: Trouble) {
    let dies = matches!(trouble, Trouble::Killed | Trouble::KilledTwice);
    let patience = std::time::Duration::from_millis(if dies { 2_500 } else { 60_000 });
    for _ in 0..6 {
        if let Ok(ended) = tokio::time::timeout(patience, world.work(job)).await {
            assert_eq!(ended.unwrap(), Ended::Done);
            return;
        }
    }
    panic!("the job does not end");
}

/// One cell of the matrix: a kind of task, the call that goes wrong, and how.
async fn cell(before: &[Wish], wish: &Wish, action: &str, trouble: Trouble, expected: &Expected) {
    let cell = format!("{} {action} {trouble:?}", wish.kind().as_str());
    let world = prepared(before).await;
    let job = world.job(std::slice::from_ref(wish)).await;
    world.sandbox.add_fault(rule(action, trouble));
    work_through(&world, &job, trouble).await;
    let job = world.store.job(job.id).await.unwrap();
    assert_eq!(world.sandbox.unfired(), [], "{cell}: the trouble did not strike");
    assert_eq!(job.state, JobState::Succeeded, "{cell}: {:#?}", job.tasks[0]);
    assert_eq!(world.final_users(), expected.users, "{cell}");
    check_effects(&cell, &expected.effects, world.effective());
}

/// What is so at the end without any trouble.
pub(super) struct Expected {
    pub(super) users: serde_json::Value,
    pub(super) effects: Vec<String>,
}

/// What comes of a kind of task when nothing goes wrong.
pub(super) async fn undisturbed(kind: TaskKind) -> (keyreeve_model::ProvisioningJob, Expected) {
    let (before, wish) = scene(kind);
    let world = prepared(&before).await;
    let job = world.succeeded(std::slice::from_ref(&wish)).await;
    assert_eq!(job.tasks[0].kind, kind);
    (job, Expected { users: world.final_users(), effects: sorted(world.effective()) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r13_every_step_of_every_task_survives_every_trouble() {
    let mut cells = 0;
    for kind in TaskKind::ALL {
        let (before, wish) = scene(kind);
        let (job, expected) = undisturbed(kind).await;
        let mut actions: Vec<String> = job.tasks[0].steps.iter().map(|step| step.operation.clone()).collect();
        actions.dedup();
        let troubles = actions.iter().flat_map(|action| TROUBLES.map(|trouble| (action, trouble)));
        // Most of a cell's time is waiting.
        cells += futures::stream::iter(troubles)
            .map(|(action, trouble)| cell(&before, &wish, action, trouble, &expected))
            .buffer_unordered(8)
            .count()
            .await;
    }
    assert!(cells >= 8 * TROUBLES.len(), "{cells}");
}

pub(super) fn sorted(mut actions: Vec<String>) -> Vec<String> {
    actions.sort();
    actions
}

/// Everything took effect exactly as often as without trouble, but for passwords: one whose fate is not known is
/// replaced by another.
pub(super) fn check_effects(cell: &str, expected: &[String], found: Vec<String>) {
    let but_passwords = |actions: &[String]| {
        actions.iter().filter(|action| *action != "UpdateLoginProfile").cloned().collect::<Vec<_>>()
    };
    assert_eq!(but_passwords(&sorted(found)), but_passwords(expected), "{cell}: not exactly once");
}
