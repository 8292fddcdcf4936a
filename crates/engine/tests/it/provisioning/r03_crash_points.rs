//! R03: the process ends at each named point of its work on each kind of task, once and twice in a row, and the job
//! comes to the end it would have come to.
//!
//! The points are those of [`CrashPoint`]; one that is new does not compile without a line in [`provoked`], and fails
//! where no process ends at it. The process that ends is this test's own binary, run again as [`worker_that_ends`]; it
//! works on the same store, against the same sandbox. Points on the way of a job into the store and of an import are
//! passed by the real command (`cli/tests/it/r03_crash_points.rs`).

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use futures::StreamExt;
use keyreeve_aws::Credential;
use keyreeve_engine::clock::Clock;
use keyreeve_engine::import::Patience;
use keyreeve_engine::provisioning::{Ended, Worker};
use keyreeve_model::{JobId, JobState, ProvisioningJob, Secret, SystemId, TaskKind};
use keyreeve_sandbox::{Effect, FaultRule, Mutation, Phase};
use keyreeve_store::{CrashPoint, CrashStage, DatabaseUrl, Store, StoreKey};

use super::matrix::{Expected, check_effects, prepared, scene, undisturbed};
use super::{JUST_PLANNED, only, quick};
use crate::harness::{KEY_FILE, World, connect};

/// What leads a task of this kind to a point; `None` where its way does not pass there.
fn provoked(point: CrashPoint, kind: TaskKind, first_call: &str) -> Option<Option<FaultRule>> {
    let rule = |effect| FaultRule::new(first_call, effect);
    Some(match point {
        CrashPoint::BeforeClaimCommit
        | CrashPoint::AfterClaimCommit
        | CrashPoint::BeforeAttemptCommit
        | CrashPoint::AfterAttemptCommit
        | CrashPoint::AfterResponse
        | CrashPoint::BeforeResultCommit
        | CrashPoint::AfterResultCommit
        | CrashPoint::BeforeEndCommit
        | CrashPoint::AfterEndCommit => None,
        CrashPoint::AfterSend => Some(rule(Effect::Hang).phase(Phase::AfterApply).times(2)),
        CrashPoint::BeforePostponeCommit | CrashPoint::AfterPostponeCommit => {
            let code = "EntityTemporarilyUnmodifiable".to_owned();
            Some(rule(Effect::Error { status: 409, code, message: String::new() }).times(2))
        }
        CrashPoint::BeforeReplanCommit | CrashPoint::AfterReplanCommit => match kind {
            TaskKind::DeleteAccount => {
                let given = Mutation::PutUserInline {
                    user: "ada".into(),
                    name: "given-meanwhile".into(),
                    document: r#"{"Version":"2012-10-17","Statement":[]}"#.into(),
                };
                Some(FaultRule::new("DeleteUser", Effect::Mutate { ops: vec![given] }).times(1))
            }
            TaskKind::DeactivateAccount => {
                // As somebody does who gives a password again while the deactivation is read back.
                let given = Mutation::CreateLoginProfile { user: "ada".into(), reset_required: false };
                Some(FaultRule::new("GetLoginProfile", Effect::Mutate { ops: vec![given] }).times(1))
            }
            // Nothing else is planned anew; a lost new password is replaced by a step more, see R13.
            _ => return None,
        },
        CrashPoint::BeforeJobCommit
        | CrashPoint::AfterJobCommit
        | CrashPoint::BeforeBeginCommit
        | CrashPoint::AfterBeginCommit
        | CrashPoint::MidPublish
        | CrashPoint::BeforePublishCommit
        | CrashPoint::AfterPublishCommit
        | CrashPoint::AfterNextKey
        | CrashPoint::BeforeRekeyCommit
        | CrashPoint::AfterRekeyCommit
        | CrashPoint::BeforeKeySwap
        | CrashPoint::AfterKeySwap
        | CrashPoint::BeforeRotationCommit
        | CrashPoint::AfterRotationCommit
        | CrashPoint::AfterRotationCall
        | CrashPoint::BeforeAccessCommit
        | CrashPoint::AfterAccessCommit
        | CrashPoint::AfterAccessCall
        | CrashPoint::MidMove
        | CrashPoint::BeforeMoveCommit
        | CrashPoint::AfterMoveCommit
        | CrashPoint::AfterMoveRename
        | CrashPoint::BeforeHistoryCommit
        | CrashPoint::AfterHistoryCommit
        | CrashPoint::AfterSomeForgotten
        | CrashPoint::BeforePartDropped => panic!("{} is none of a worker's points", point.name()),
    })
}

/// A world in which a task of a kind is queued, and what is so at its end.
struct Cell<'a> {
    kind: TaskKind,
    point: CrashPoint,
    crashes: usize,
    expected: &'a Expected,
}

impl Cell<'_> {
    async fn check(&self, rule: Option<FaultRule>) {
        let named = format!("{} {} ×{}", self.kind.as_str(), self.point.name(), self.crashes);
        let (before, wish) = scene(self.kind);
        let world = prepared(&before).await;
        let job = world.job(std::slice::from_ref(&wish)).await;
        if let Some(rule) = rule {
            world.sandbox.add_fault(rule.min_fires(1));
        }
        for crash in 1..=self.crashes {
            let ended = end_at(&world, &job, self.point).await;
            // The second process may find that there is no more to do than the first had done.
            assert!(ended.is_none() || (crash > 1 && ended == Some(0)), "{named}: {ended:?}");
        }
        assert_eq!(world.sandbox.unfired(), [], "{named}");
        world.sandbox.clear_faults();
        let job = self.resumed(&world, &job, &named).await;
        assert_eq!(job.state, JobState::Succeeded, "{named}: {:#?}", only(&job));
        assert_eq!(world.final_users(), self.expected.users, "{named}");
        let mut effects = self.expected.effects.clone();
        if matches!(self.point, CrashPoint::BeforeReplanCommit | CrashPoint::AfterReplanCommit) {
            // What was given meanwhile is taken, too.
            let given =
                if self.kind == TaskKind::DeleteAccount { "DeleteUserPolicy" } else { "DeleteLoginProfile" };
            effects.push(given.to_owned());
            effects.sort();
        }
        check_effects(&named, &effects, world.effective());
        let attempts: u32 = only(&job).steps.iter().map(|step| step.attempts).sum();
        assert!(attempts as usize >= world.writes().len(), "{named}: a call without its attempt");
        world.store.verify_audit().await.unwrap();
    }

    /// Another process goes on, once the lease has run out.
    async fn resumed(&self, world: &World, job: &ProvisioningJob, named: &str) -> ProvisioningJob {
        assert_eq!(world.work(job).await.unwrap(), Ended::Done, "{named}");
        world.store.job(job.id).await.unwrap()
    }
}

/// Runs a worker in a process of its own that is to end at a point. Its exit code, or `None` if it was aborted.
async fn end_at(world: &World, job: &ProvisioningJob, point: CrashPoint) -> Option<i32> {
    let key = world.sandbox.connector_key(crate::harness::ACCOUNT).unwrap();
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "provisioning::r03_crash_points::worker_that_ends"])
        .env("KEYREEVE_CRASH_AT", point.name())
        .env("R03_STORE", world.url.sqlite_path().unwrap())
        .env("R03_ENDPOINT", world.sandbox.endpoint_url())
        .env("R03_KEY_ID", key.access_key_id)
        .env("R03_KEY", key.secret_access_key)
        .env("R03_JOB", job.id.0.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // 6 is SIGABRT: it ended at the point, and nowhere else.
    assert!(output.status.code() == Some(0) || output.status.signal() == Some(6), "{}: {said}", point.name());
    output.status.code()
}

/// No test of its own, and nothing to do unless [`end_at`] runs it: the process that ends.
#[tokio::test]
async fn worker_that_ends() {
    let Ok(store) = std::env::var("R03_STORE") else { return };
    let given = |name: &str| std::env::var(name).unwrap();
    let path = std::path::PathBuf::from(store);
    let key = StoreKey::read_file(&path.with_file_name(KEY_FILE)).unwrap();
    let store = Store::open(&DatabaseUrl::sqlite(path), key).await.unwrap();
    let credential = Credential::AccessKey {
        access_key_id: given("R03_KEY_ID"),
        secret_access_key: Secret::new(given("R03_KEY")),
    };
    let connector = connect(&given("R03_ENDPOINT"), credential).await;
    let system = store.get_system(&SystemId::new("prod").unwrap()).await.unwrap();
    let worker = Worker {
        store: store.into(),
        clock: Clock::system(),
        patience: Patience::default(),
        rules: quick(),
        pacers: std::sync::Arc::default(),
        places: std::sync::Arc::default(),
        elsewhere: keyreeve_engine::provisioning::Elsewhere::Wait,
        lease: std::time::Duration::from_millis(400),
        name: "ends".to_owned(),
    };
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let job = JobId(given("R03_JOB").parse().unwrap());
    worker.run_job(&connector, &system, job, JUST_PLANNED, stopped, |_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_a_worker_that_ends_at_any_point_of_any_task_loses_and_repeats_nothing() {
    let points: Vec<CrashPoint> =
        CrashPoint::ALL.iter().copied().filter(|point| point.stage() == CrashStage::Working).collect();
    for kind in TaskKind::ALL {
        let (job, expected) = undisturbed(kind).await;
        let first_call = only(&job).steps[0].operation.clone();
        let cells = points.iter().flat_map(|&point| [1, 2].map(|crashes| (point, crashes)));
        futures::stream::iter(cells)
            .map(|(point, crashes)| {
                let (expected, rule) = (&expected, provoked(point, kind, &first_call));
                async move {
                    if let Some(rule) = rule {
                        Cell { kind, point, crashes, expected }.check(rule).await;
                    }
                }
            })
            .buffer_unordered(6)
            .count()
            .await;
    }
}
