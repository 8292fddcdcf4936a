//! Provisioning jobs: asked for, decided, claimed by workers, and written down step by step.
//!
//! - A worker [claims](Store::claim_tasks) tasks and gets a [`TaskLease`] on each: nobody else gets a task of the same
//!   account while it lives. A lease that ran out is taken away by whoever takes the account next; its number, the
//!   epoch, only grows, and what comes with an older one is not written.
//! - What happens to a task goes through [`Store::journal`], many tasks at a time in one transaction.
//! - Every move of a job, a task or a step obeys the model's `may_become` and has a row in the audit log, from which
//!   all the states can be told again.
//! - What a change leaves behind: [claims](Store::open_claims) until an import has looked, and
//!   [password deliveries](Store::deliveries) until they were opened.

mod candidates;
mod claim_facts;
mod claiming;
mod create;
mod deciding;
mod deliveries;
mod drift;
mod due;
mod ending;
pub(crate) mod given;
mod holding;
mod journal;
mod lines;
mod manifests;
mod moves;
mod of_accounts;
mod of_assignments;
mod of_jobs;
mod plan;
mod protections;
#[cfg(test)]
pub(crate) mod query_plans;
mod reading;
mod renewing;
mod retrying;
mod rows;
mod settling;

use jiff::Timestamp;
use keyreeve_model::{
    ClaimFact, Delivery, ExternalId, Failure, ImportRunId, JobId, Manifest, Obstacle, RecreatePackage,
    Secret, Step, StepCall, StepReason, StepState, SystemId, Task, TaskId, TaskKind, TaskState, Wish,
};

#[cfg(doc)]
use crate::Store;
use crate::{KeyClaim, ScimMark, ScimSaid};

pub use claim_facts::ClaimId;
pub(crate) use claim_facts::of_system as claims_of;
pub use deliveries::{BEARER, DeliveryState, PasswordDelivery, UnclaimedPassword};
pub(crate) use drift::drifts;
pub use drift::{AcceptedDrift, Drift};
pub(crate) use ending::end_jobs_of;
pub use lines::{JobLine, JobLineSlice};
pub use manifests::SwitchedOff;
pub use of_accounts::{AskedTask, Decided};
pub use of_assignments::AssignmentStep;
pub use reading::OpenDeletion;
pub use retrying::Retry;
pub use settling::ClaimsSeen;
pub(crate) use settling::{keep as keep_claims_seen, kept as claims_seen, settle as settle_claims};

/// A job as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The system it changes.
    pub system_id: SystemId,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The published run the plan was made on.
    pub baseline_run: Option<ImportRunId>,
    /// SHA-256 of the plan in canonical JSON.
    pub plan_sha256: String,
    /// Why a second person must approve; empty when nobody must.
    pub approval_because: Vec<String>,
    /// What must not be exceeded without a second person: counted once more as the job is written down, because others
    /// may have asked since the plan was made.
    pub caps: Vec<Cap>,
    /// What the plan rests on; the store does not look into it.
    pub facts: serde_json::Value,
    /// The tasks, in the order in which they are asked for.
    pub tasks: Vec<NewTask>,
}

/// One try of a job. A retry is another one: it may rest on other facts than a worker knows that still has the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobTry {
    /// The job.
    pub job: JobId,
    number: i64,
}

/// What is written down together with a new job.
#[derive(Debug, Clone, Copy, Default)]
pub struct WithJob<'a> {
    /// The request that it answers, which must be done once.
    pub request: Option<&'a KeyClaim>,
    /// Passwords that were given, each with the place of the task that sets it.
    pub passwords: &'a [(usize, Secret)],
    /// What a SCIM client says besides: it comes to hold when the job has succeeded, and is dropped when it ends otherwise.
    pub said: Option<&'a ScimSaid>,
    /// How what that client changes was when it was read: without change since, or the job is not asked for.
    pub since: Option<&'a ScimMark>,
}

/// At most so many tasks of a kind begun within a time, or still open, without a second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// The kind.
    pub kind: TaskKind,
    /// So far back those begun are counted.
    pub within: std::time::Duration,
    /// So many may be begun or open, those of the new job among them.
    pub at_most: u64,
}

/// A task of a job that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTask {
    /// What is asked for.
    pub wish: Wish,
    /// The account's name.
    pub account: String,
    /// The account's id; `None` for one that is yet to be made.
    pub account_external_id: Option<ExternalId>,
    /// Tasks of the same job that must succeed before it begins, by their place from 0.
    pub after: Vec<usize>,
    /// Its steps; they are numbered from 1.
    pub steps: Vec<NewStep>,
    /// What a person should know before it runs.
    pub notices: Vec<Obstacle>,
    /// What a deactivation will switch off, as far as it is known.
    pub manifest: Option<Manifest>,
    /// What is needed to make a deleted account again.
    pub recreate: Option<RecreatePackage>,
    /// How a password will be delivered.
    pub delivery: Option<Delivery>,
}

/// A step of a task that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStep {
    /// The call.
    pub call: StepCall,
    /// The call as the connected system names it.
    pub operation: String,
    /// Why the step is there.
    pub reason: StepReason,
    /// Steps of the same task that must be over before it begins, by number from 1.
    pub after: Vec<u32>,
}

/// A task in the hands of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedTask {
    /// The task with its steps.
    pub task: Task,
    /// How its password is to be delivered.
    pub delivery: Option<Delivery>,
    /// The right to go on with it.
    pub lease: TaskLease,
}

/// The right to write down what happens to a task. It holds until somebody else took the account, which only happens
/// after `until`; renew it in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLease {
    /// The task.
    pub task: TaskId,
    /// Its job.
    pub job: JobId,
    /// The system.
    pub system_id: SystemId,
    /// The account: its id where it has one, else its name in lower case.
    pub account_key: String,
    /// The number of the lease; of two leases on one account the later one has the greater number.
    pub epoch: i64,
    /// What it is told apart by, made at random: a database that lost its last moments may give a number out again.
    pub token: String,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}

/// One thing that happened to a task.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// By what right it is written.
    pub lease: TaskLease,
    /// What happened.
    pub event: JournalEvent,
}

/// What can happen to a task under a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum JournalEvent {
    /// A step's call is about to be made.
    Attempt {
        /// The step.
        seq: u32,
        /// The password that goes with it, sealed for its owner; kept as a candidate until the outcome is known.
        password: Option<SealedPassword>,
    },
    /// The attempt does not count, because AWS throttled the call or the process is to end and has not made it: the step
    /// is planned again, and its password destroyed.
    NotMade {
        /// The step.
        seq: u32,
    },
    /// What became of a step.
    Outcome {
        /// The step.
        seq: u32,
        /// The state it is in now.
        state: StepState,
        /// Whether it was so already.
        unchanged: Option<bool>,
        /// The connected system's id of the request.
        request_id: Option<String>,
        /// Why it failed.
        failure: Option<Failure>,
        /// What is claimed of the task's account from now on.
        claims: Vec<ClaimFact>,
        /// The account's id and present name, when the call made or renamed it.
        account: Option<(ExternalId, String)>,
    },
    /// The password of a step must not be delivered.
    DestroyPassword {
        /// The step.
        seq: u32,
    },
    /// A new plan for what is left. Steps that are not planned stay as they are, but one that was not applied and is
    /// planned in the list is planned again; planned ones not in the list are skipped; new ones are added.
    ReplaceSteps {
        /// All steps of the new plan.
        steps: Vec<Step>,
        /// How often the task was planned anew.
        replans: u32,
    },
    /// What the deactivation switched off.
    SetManifest(Manifest),
    /// What is needed to make the account again.
    SetRecreate(RecreatePackage),
    /// The task goes on later, by whoever claims it then.
    Postpone {
        /// Not before this moment.
        not_before: Timestamp,
        /// Why.
        failure: Option<Failure>,
    },
    /// The task has ended.
    Finish {
        /// How.
        state: TaskState,
        /// How, in a sentence.
        result: Option<String>,
        /// Why it did not succeed.
        failure: Option<Failure>,
    },
}

/// A password sealed for its owner.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPassword {
    /// `link`, `recipient` or `operator`.
    pub kind: String,
    /// The sealed password.
    pub ciphertext: Vec<u8>,
    /// Of a link: its public half, by which it is found.
    pub lookup: Option<String>,
    /// When it can no longer be opened.
    pub expires_at: Option<Timestamp>,
}

impl std::fmt::Debug for SealedPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedPassword({}, …)", self.kind)
    }
}

/// A name as accounts and groups are compared: IAM does not distinguish names by case, and they are ASCII.
pub(crate) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}
