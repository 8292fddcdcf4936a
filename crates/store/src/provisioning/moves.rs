//! Moving jobs and tasks from one state to another: by the model's rules, and with a word in the audit log.

use jiff::Timestamp;
use keyreeve_model::{Failure, JobId, JobState, SystemId, TaskId, TaskState};
use serde_json::{Value as Json, json};

use super::given;
use crate::StoreError;
use crate::audit::Trail;
use crate::row::to_json;
use crate::scim::said;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::Transaction;

/// What is known of a job while it is moved.
pub(super) struct JobPlace {
    pub(super) id: JobId,
    pub(super) system_key: i64,
    pub(super) system_id: SystemId,
    /// Who asked for it.
    pub(super) actor: String,
    pub(super) state: JobState,
}

/// A job, by its number.
pub(super) async fn find_job(transaction: &mut Transaction, id: JobId) -> Result<JobPlace, StoreError> {
    let text = "SELECT j.system_key, s.system_id, j.actor, j.state FROM provisioning_jobs j \
                JOIN systems s ON s.system_key = j.system_key WHERE j.job_id = $1";
    transaction
        .fetch_optional(statement!(text, id.0), |row| {
            Ok(JobPlace {
                id,
                system_key: row.int(0)?,
                system_id: row.word(1)?,
                actor: row.text(2)?,
                state: row.word(3)?,
            })
        })
        .await?
        .ok_or(StoreError::JobNotFound { job: id })
}

/// Refuses a move that is not allowed from the stored state.
pub(super) fn require(allowed: bool, what: &str, from: &str, to: &str) -> Result<(), StoreError> {
    if allowed {
        return Ok(());
    }
    Err(StoreError::Data { what: format!("{what} is {from}, so it cannot become {to}") })
}

impl JobPlace {
    /// Whose words were said with it, if that was over SCIM.
    pub(super) fn scim(&self) -> said::Of<'_> {
        said::Of { system_key: self.system_key, system_id: &self.system_id, client: &self.actor }
    }

    /// Refuses a move that somebody asked for and [`JobState::may_become`] does not allow.
    pub(super) fn require_move(&self, to: JobState) -> Result<(), StoreError> {
        if self.state.may_become(to) {
            return Ok(());
        }
        Err(StoreError::JobState { job: self.id, from: self.state, to })
    }

    /// Moves the job, and says so as `action`; `more` is added to what is said.
    pub(super) async fn become_state(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        to: JobState,
        said: (&str, &'static str, Json),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let from = self.state;
        require(from.may_become(to), &format!("job {}", self.id), from.as_str(), to.as_str())?;
        let text = "UPDATE provisioning_jobs SET state = $1, started_at = COALESCE(started_at, $2), \
                    finished_at = $3 WHERE job_id = $4";
        let started = (to == JobState::Running).then(|| to_millis(now));
        let finished = to.is_terminal().then(|| to_millis(now));
        transaction.execute(statement!(text, to.as_str(), started, finished, self.id.0)).await?;
        let (actor, action, more) = said;
        let subject = with(json!({"job": self.id, "from": from, "to": to}), more);
        trail.note(actor, Some(&self.system_id), action, &subject);
        self.state = to;
        if to.is_terminal() {
            given::wipe(transaction, self.id).await?;
            let succeeded = to == JobState::Succeeded;
            said::job_ended(transaction, trail, self.scim(), self.id, succeeded, now).await?;
        }
        Ok(())
    }
}

/// A move of all tasks of a job that are in one state, or of some of them.
pub(super) struct TasksMove<'a> {
    pub(super) from: TaskState,
    pub(super) to: TaskState,
    /// A further condition, beginning with ` AND`; the table is `tasks`.
    pub(super) narrowing: &'static str,
    /// Who moves them.
    pub(super) actor: &'a str,
    pub(super) action: &'static str,
    pub(super) result: Option<&'a str>,
    pub(super) failure: Option<&'a Failure>,
}

/// Moves tasks of a job, and says so of each. Leases on them end. Gives their numbers.
pub(super) async fn move_tasks(
    transaction: &mut Transaction,
    trail: &mut Trail<'_>,
    job: &JobPlace,
    moved: TasksMove<'_>,
    now: Timestamp,
) -> Result<Vec<TaskId>, StoreError> {
    let TasksMove { from, to, narrowing, actor, action, result, failure } = moved;
    require(from.may_become(to), "a task", from.as_str(), to.as_str())?;
    let mut text = Statement::building("UPDATE tasks SET state = ");
    text.bind(to.as_str()).push(", finished_at = ").bind(to.is_terminal().then(|| to_millis(now)));
    text.push(", result = ").bind(result.map(str::to_owned));
    text.push(", failure = ").bind(failure.map(to_json).transpose()?);
    text.push(", not_before = NULL, lease_until = NULL, lease_worker = NULL WHERE job_id = ").bind(job.id.0);
    text.push(if from.is_terminal() { "" } else { " AND finished_at IS NULL" });
    text.push(" AND state = ").bind(from.as_str()).push(narrowing).push(" RETURNING task_id, account");
    let mut tasks = transaction.fetch(text, |row| Ok((TaskId(row.int(0)?), row.text(1)?))).await?;
    tasks.sort();
    for (task, account) in &tasks {
        let subject = json!({"job": job.id, "task": task, "account": account, "from": from, "to": to});
        trail.note(actor, Some(&job.system_id), action, &subject);
    }
    Ok(tasks.into_iter().map(|(task, _)| task).collect())
}

/// A JSON object with the members of another one added.
pub(super) fn with(mut object: Json, more: Json) -> Json {
    if let (Json::Object(object), Json::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}
