//! Jobs as lists show them: each in a line, with its tasks counted and not read.

use keyreeve_model::{JobId, JobState, ProvisioningJob, SystemId, TaskKind, Wish};

use super::rows::{JOB_COLUMNS, JOBS, read_job};
use crate::row::Row;
use crate::statement::{Statement, Value};
use crate::systems::push_within;
use crate::transaction::reading;
use crate::{Store, StoreError};

/// Which jobs, of whichever systems. Conditions that are set must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobLineSlice {
    /// Only those of these systems; `None` for all.
    pub systems: Option<Vec<SystemId>>,
    /// Only those of this state.
    pub state: Option<JobState>,
    /// Of those that were cancelled, only those that somebody rejected, or only the others; `None` for both.
    pub rejected: Option<bool>,
    /// Only those with a task of this kind.
    pub kind: Option<TaskKind>,
    /// Only those with a task about the account of this name, ignoring case.
    pub account: Option<String>,
    /// Only those beyond this one.
    pub beyond: Option<JobId>,
    /// Whether the list begins with the oldest.
    pub oldest_first: bool,
    /// How many at most.
    pub limit: u32,
}

/// A job in a line.
#[derive(Debug, Clone, PartialEq)]
pub struct JobLine {
    /// The job, without its tasks.
    pub job: ProvisioningJob,
    /// How many tasks it has.
    pub tasks: u64,
    /// What its first task does, and of which account.
    pub first: Option<(Wish, String)>,
    /// The kind of all of them; `None` when there are several.
    pub kind: Option<TaskKind>,
    /// The account that all of them are about; `None` when there are several.
    pub account: Option<String>,
}

/// What is told of a job's tasks, behind the columns of the job.
const OF_TASKS: &str = ", (SELECT COUNT(*) FROM tasks t WHERE t.job_id = j.job_id), \
     (SELECT MIN(t.kind) FROM tasks t WHERE t.job_id = j.job_id), \
     (SELECT MAX(t.kind) FROM tasks t WHERE t.job_id = j.job_id), \
     (SELECT MIN(t.account) FROM tasks t WHERE t.job_id = j.job_id), \
     (SELECT MAX(t.account) FROM tasks t WHERE t.job_id = j.job_id), \
     (SELECT t.wish FROM tasks t WHERE t.job_id = j.job_id ORDER BY t.task_id LIMIT 1), \
     (SELECT t.account FROM tasks t WHERE t.job_id = j.job_id ORDER BY t.task_id LIMIT 1)";
/// That a job was ended by whoever decided about it: [`ProvisioningJob::is_rejected`].
const REJECTED: &str = "(j.state = 'cancelled' AND j.decided_by IS NOT NULL AND j.started_at IS NULL \
                        AND j.decided_at = j.finished_at)";

impl Store {
    /// A part of the jobs of all systems, the newest first unless the oldest is asked for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn job_lines(&self, slice: &JobLineSlice) -> Result<Vec<JobLine>, StoreError> {
        reading!(self, "listing the jobs", |transaction| transaction.fetch(fitting(slice), read_line).await)
            .await
    }

    /// Some jobs, each in a line, in no order; those that are not there are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn job_lines_of(&self, jobs: &[JobId]) -> Result<Vec<JobLine>, StoreError> {
        reading!(self, "reading some jobs", |transaction| {
            let mut found = Vec::with_capacity(jobs.len());
            for some in jobs.chunks(transaction.dialect().values_per_statement()) {
                let mut text = Statement::building(JOB_COLUMNS);
                text.push(OF_TASKS).push(JOBS).push(" WHERE j.job_id IN (VALUES ");
                text.bind_rows(some.iter().map(|job| vec![Value::from(job.0)])).push(")");
                found.extend(transaction.fetch(text, read_line).await?);
            }
            Ok(found)
        })
        .await
    }
}

fn fitting(slice: &JobLineSlice) -> Statement {
    let mut text = Statement::building(JOB_COLUMNS);
    text.push(OF_TASKS).push(JOBS).push(" WHERE j.job_id > ").bind(0_i64);
    if let Some(beyond) = slice.beyond {
        text.push(if slice.oldest_first { " AND j.job_id > " } else { " AND j.job_id < " }).bind(beyond.0);
    }
    if let Some(state) = slice.state {
        text.push(" AND j.state = ").bind(state.as_str());
    }
    if let Some(rejected) = slice.rejected {
        text.push(if rejected { " AND " } else { " AND NOT " }).push(REJECTED);
    }
    if let Some(kind) = slice.kind {
        text.push(" AND EXISTS (SELECT 1 FROM tasks t WHERE t.job_id = j.job_id AND t.kind = ");
        text.bind(kind.as_str()).push(")");
    }
    if let Some(account) = &slice.account {
        text.push(" AND EXISTS (SELECT 1 FROM tasks t WHERE t.job_id = j.job_id AND t.account_folded = ");
        text.bind(account.to_lowercase()).push(")");
    }
    push_within(&mut text, slice.systems.as_deref());
    text.push(if slice.oldest_first { " ORDER BY j.job_id" } else { " ORDER BY j.job_id DESC" });
    text.push(" LIMIT ").bind(i64::from(slice.limit));
    text
}

fn read_line(row: &Row) -> Result<JobLine, StoreError> {
    let (kinds, accounts): ((Option<TaskKind>, Option<TaskKind>), _) =
        ((row.opt_word(18)?, row.opt_word(19)?), (row.opt_text(20)?, row.opt_text(21)?));
    Ok(JobLine {
        job: read_job(row)?,
        tasks: u64::try_from(row.int(17)?).unwrap_or_default(),
        kind: kinds.0.filter(|_| kinds.0 == kinds.1),
        account: if accounts.0 == accounts.1 { accounts.0 } else { None },
        first: row.opt_json(22)?.zip(row.opt_text(23)?),
    })
}
