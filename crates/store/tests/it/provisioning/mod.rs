//! Provisioning: jobs, claims of workers, the journal, and what remains.

mod audit;
mod caps;
mod claiming;
mod claims;
mod deciding;
mod deliveries;
mod faults;
mod fold;
mod given;
mod journal;
mod many_workers;
mod notifications;
mod protections;
mod replaced_steps;
mod tokens;

use keyreeve_model::*;
use keyreeve_store::*;

use crate::sample::*;

/// A store with the system `s`.
pub(crate) async fn with_system(place: &crate::place::Place) -> Store {
    let store = place.create().await;
    store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
    store
}

/// A task that puts an account, known by its id, into two groups.
pub(crate) fn task(account: &str) -> NewTask {
    let step = |group: &str, after: Vec<u32>| NewStep {
        call: StepCall::AddToGroup { account: account.to_owned(), group: group.to_owned() },
        operation: "AddUserToGroup".to_owned(),
        reason: StepReason::Asked,
        after,
    };
    NewTask {
        wish: Wish::AddAssignment {
            account: account.to_owned(),
            resource: ResourceName::Group("ops".to_owned()),
        },
        account: account.to_owned(),
        account_external_id: Some(external(format!("AIDA{}", account.to_uppercase()))),
        after: vec![],
        steps: vec![step("ops", vec![]), step("dev", vec![1])],
        notices: vec![Obstacle::new(ObstacleKind::NotVisible, "keys cannot be seen")],
        manifest: None,
        recreate: None,
        delivery: None,
    }
}

/// A task that makes an account and gives it a console password.
pub(crate) fn creation(account: &str) -> NewTask {
    let name = account.to_owned();
    let (path, tags) = ("/".to_owned(), Default::default());
    let make = StepCall::CreateAccount { account: name.clone(), path, tags, permissions_boundary: None };
    let step = |call: StepCall, operation: &str, after: Vec<u32>| NewStep {
        call,
        operation: operation.to_owned(),
        reason: StepReason::TaskMapping,
        after,
    };
    NewTask {
        wish: serde_json::from_value(serde_json::json!({"task": "create_account", "name": account})).unwrap(),
        account_external_id: None,
        steps: vec![
            step(make, "CreateUser", vec![]),
            step(StepCall::CreateLoginProfile { account: name }, "CreateLoginProfile", vec![1]),
        ],
        delivery: Some(Delivery::Link),
        ..task(account)
    }
}

pub(crate) fn job(tasks: Vec<NewTask>) -> NewJob {
    NewJob {
        system_id: id("s"),
        actor: "anna".to_owned(),
        reason: Some("because".to_owned()),
        baseline_run: None,
        plan_sha256: "00ff".to_owned(),
        approval_because: vec![],
        caps: vec![],
        facts: serde_json::json!({"accounts": {"ada": "AIDA"}}),
        tasks,
    }
}

/// Another try, limited by nothing.
pub(crate) fn retry(actor: &str) -> Retry<'_> {
    Retry { actor, caps: &[], facts: None, steps: &[] }
}

pub(crate) async fn claim(store: &Store, now: i64) -> ClaimedTask {
    store.claim_task(Some(&id("s")), None, "w", at(now), LEASE).await.unwrap().expect("a task to claim")
}

/// One entry, written down.
pub(crate) async fn write(
    store: &Store,
    lease: &TaskLease,
    event: JournalEvent,
    now: i64,
) -> Result<(), StoreError> {
    let entry = JournalEntry { lease: lease.clone(), event };
    store.journal(vec![entry], at(now)).await.pop().unwrap()
}

pub(crate) fn attempt(seq: u32) -> JournalEvent {
    JournalEvent::Attempt { seq, password: None }
}

pub(crate) fn sealed(lookup: &str) -> SealedPassword {
    SealedPassword {
        kind: "link".to_owned(),
        ciphertext: format!("sealed for {lookup}").into_bytes(),
        lookup: Some(lookup.to_owned()),
        expires_at: Some(at(1_000_000)),
    }
}

pub(crate) fn outcome(seq: u32, state: StepState) -> JournalEvent {
    JournalEvent::Outcome {
        seq,
        state,
        unchanged: Some(false),
        request_id: Some(format!("request {seq}")),
        failure: None,
        claims: vec![],
        account: None,
    }
}

pub(crate) fn finish(state: TaskState) -> JournalEvent {
    let failure = (state != TaskState::Succeeded).then(failure);
    JournalEvent::Finish { state, result: Some("it ended".to_owned()), failure }
}

pub(crate) fn failure() -> Failure {
    Failure { kind: FailureKind::Denied, message: "not allowed".to_owned(), effect: Effect::None, at: at(1) }
}

/// Carries a claimed task out: each step attempted and applied.
pub(crate) async fn carry_out(store: &Store, claimed: &ClaimedTask, now: i64) {
    for step in &claimed.task.steps {
        write(store, &claimed.lease, attempt(step.seq), now).await.unwrap();
        write(store, &claimed.lease, outcome(step.seq, StepState::Applied), now).await.unwrap();
    }
    write(store, &claimed.lease, finish(TaskState::Succeeded), now).await.unwrap();
}

pub(crate) fn states(job: &ProvisioningJob) -> Vec<TaskState> {
    job.tasks.iter().map(|task| task.state).collect()
}
