//! How an unfinished job stands: who works on it, or that nobody does, why, and what to do.

use jiff::Timestamp;
use keyreeve_model::{JobState, ProvisioningJob, Task, TaskState};
use keyreeve_store::{Store, StoreError};

/// What keeps a job from its end.
pub(crate) struct Standing {
    /// Why it is not over, or not well.
    pub(crate) why: String,
    /// What to do.
    pub(crate) advice: String,
}

/// How a job stands; `None` for one that is over and needs nobody.
pub(crate) async fn of(
    store: &Store,
    job: &ProvisioningJob,
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    let id = job.id;
    let says = |why: String, advice: String| Ok(Some(Standing { why, advice }));
    let apply = || format!("`keyreeve job apply {id}` goes on");
    match job.state {
        JobState::AwaitingApproval => {
            let why = format!("it waits for a second person: {}", job.approval_because.join("; "));
            return says(
                why,
                format!("`keyreeve job approve {id}` or `keyreeve job reject {id}`, by somebody else"),
            );
        }
        JobState::Queued | JobState::Running => {}
        JobState::Succeeded | JobState::Cancelled => return Ok(None),
        JobState::Failed | JobState::PartiallyFailed => {
            let waiting: Vec<&Task> =
                job.tasks.iter().filter(|task| task.state == TaskState::NeedsPerson).collect();
            let Some(first) = waiting.first() else { return Ok(None) };
            let why = format!("{} need a person; {}", counted(waiting.len(), "task"), reason(first));
            let advice = format!("look at AWS, then `keyreeve job retry {id}`");
            return says(why, advice);
        }
    }
    if let Some((worker, until)) = store.worker_of(id, now).await? {
        let (whose, process) = worker.rsplit_once(':').unwrap_or((worker.as_str(), "unknown"));
        let why = format!("process {process} of {whose} works on it, until {until} at least");
        return says(why, "if that process has ended, the job can be gone on with then".to_owned());
    }
    if job.started_at.is_none() {
        let advice = format!(
            "`keyreeve job apply {id}` plans it once more and carries it out if what it rests on is as it was; else \
             `keyreeve job cancel {id}`, and ask again"
        );
        return says("nobody has begun it".to_owned(), advice);
    }
    // A task that was stopped or paused is queued again; one whose process ended without a word still seems to run.
    let why = match job.tasks.iter().find(|task| task.state == TaskState::Running) {
        Some(task) => {
            format!("it is abandoned: the process that worked on task {} ended without a word", task.id)
        }
        None => match job.tasks.iter().find(|task| task.state == TaskState::Queued && task.failure.is_some())
        {
            Some(task) => format!("it is paused; {}", reason(task)),
            None => "it was stopped or paused".to_owned(),
        },
    };
    says(why, apply())
}

fn reason(task: &Task) -> String {
    let why = task.failure.as_ref().map_or("no reason is known", |failure| failure.message.as_str());
    format!("task {} ({} {}): {why}", task.id, task.kind.as_str(), task.account)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
