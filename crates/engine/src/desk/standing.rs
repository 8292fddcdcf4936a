//! How an unfinished job stands: who works on it, or that nobody does, and why.

use jiff::Timestamp;
use keyreeve_model::{JobState, ProvisioningJob, Task, TaskState};
use keyreeve_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// What keeps a job from its end, or from a good one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What, for programs.
    pub keeps: Keeps,
    /// What, in a sentence.
    pub why: String,
}

/// What keeps a job from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeps {
    /// A second person must decide.
    Approval,
    /// It has ended, and tasks of it need a person.
    Person,
    /// Somebody works on it.
    AtWork,
    /// What it rests on has changed since it was planned, so it is left to a person.
    Stale,
    /// Nobody has begun it.
    NotBegun,
    /// It was begun, and stopped or paused.
    Paused,
    /// It was begun, and the process that did ended without a word.
    Abandoned,
}

impl Standing {
    /// How a job stands; `None` for one that is over and needs nobody.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(
        store: &Store,
        job: &ProvisioningJob,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let says = |keeps, why: String| Ok(Some(Self { keeps, why }));
        match job.state {
            JobState::AwaitingApproval => {
                let why = format!("it waits for a second person: {}", job.approval_because.join("; "));
                return says(Keeps::Approval, why);
            }
            JobState::Queued | JobState::Running => {}
            JobState::Succeeded | JobState::Cancelled => return Ok(None),
            // Somebody has seen it, and leaves it at that.
            _ if job.dismissed_at.is_some() => return Ok(None),
            JobState::Failed | JobState::PartiallyFailed => {
                let waits = |task: &&Task| task.state == TaskState::NeedsPerson;
                let waiting: Vec<&Task> = job.tasks.iter().filter(waits).collect();
                let Some(first) = waiting.first() else { return Ok(None) };
                let number = waiting.len();
                let who =
                    if number == 1 { "1 task needs".to_owned() } else { format!("{number} tasks need") };
                let why = format!("{who} a person; {}", reason(first));
                return says(Keeps::Person, why);
            }
        }
        if let Some((worker, until)) = store.worker_of(job.id, now).await? {
            let (whose, process) = worker.rsplit_once(':').unwrap_or((worker.as_str(), "unknown"));
            let why = format!("process {process} of {whose} works on it, until {until} at least");
            return says(Keeps::AtWork, why);
        }
        if let Some((because, at)) = store.job_hold(job.id).await? {
            return says(Keeps::Stale, format!("it was to be carried out at {at}, and was not: {because}"));
        }
        if job.started_at.is_none() {
            return says(Keeps::NotBegun, "nobody has begun it".to_owned());
        }
        // A task that was stopped or paused is queued again; one whose process ended without a word still seems to run.
        if let Some(task) = job.tasks.iter().find(|task| task.state == TaskState::Running) {
            let why =
                format!("it is abandoned: the process that worked on task {} ended without a word", task.id);
            return says(Keeps::Abandoned, why);
        }
        let paused = |task: &&Task| task.state == TaskState::Queued && task.failure.is_some();
        let why = match job.tasks.iter().find(paused) {
            Some(task) => format!("it is paused; {}", reason(task)),
            None => "it was stopped or paused".to_owned(),
        };
        says(Keeps::Paused, why)
    }
}

fn reason(task: &Task) -> String {
    let why = task.failure.as_ref().map_or("no reason is known", |failure| failure.message.as_str());
    format!("task {} ({} {}): {why}", task.id, task.kind.as_str().replace('_', " "), task.account)
}
