//! What of all systems needs a person, and how their imports stand.

use jiff::Timestamp;
use keyreeve_model::{
    CollectionName, CollectionRecord, Failure, ImportRunId, ImportRunState, JobId, JobState, SystemId, Wish,
};

use crate::provisioning::drifts;
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::systems::push_within;
use crate::time::to_millis;
use crate::transaction::reading;
use crate::{Drift, Store, StoreError};

/// So many of a kind are shown at most.
const MOST: i64 = 200;

/// What of systems that are not removed needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// How each system stands, by System ID.
    pub systems: Vec<SystemStanding>,
    /// Import runs that wait for a decision, the oldest first; the first 200.
    pub suspended: Vec<SuspendedRun>,
    /// Jobs that wait for a second person, and those that failed and that nobody has dismissed, the newest first; the
    /// first 200.
    pub jobs: Vec<JobStanding>,
    /// What has drifted and not ended, the newest first; the first 200.
    pub drifts: Vec<Drift>,
}

/// How the imports and the claims of a system stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemStanding {
    /// The system.
    pub system_id: SystemId,
    /// The run that readers see, and when it was published; `None` before the first.
    pub published: Option<(ImportRunId, Timestamp)>,
    /// How many users that run listed.
    pub users: Option<u64>,
    /// The last run of all, its state, and when it began.
    pub last: Option<(ImportRunId, ImportRunState, Timestamp)>,
    /// Why that failed, if it did.
    pub failure: Option<String>,
    /// Changes that no import has confirmed yet.
    pub open_claims: u64,
    /// When the oldest of these was made.
    pub oldest_claim_at: Option<Timestamp>,
    /// Changes of which an import saw the contrary, and that nothing has ended since.
    pub contradicted_claims: u64,
}

/// An import run that waits for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspendedRun {
    /// The system.
    pub system_id: SystemId,
    /// The run.
    pub run: ImportRunId,
    /// Since when it waits.
    pub since: Timestamp,
    /// Whether another was published since it was compared, so that it can only be rejected.
    pub out_of_date: bool,
}

/// A job that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStanding {
    /// The system.
    pub system_id: SystemId,
    /// The job.
    pub job: JobId,
    /// Its state.
    pub state: JobState,
    /// Who asked for it.
    pub actor: String,
    /// Why they did.
    pub reason: Option<String>,
    /// What its first task does, and of which account.
    pub first: Option<(Wish, String)>,
    /// How many tasks it has.
    pub tasks: u64,
    /// When it failed, or since when it waits.
    pub since: Timestamp,
}

const SYSTEMS: &str = "SELECT s.system_id, p.run_id, p.published_at, p.collections, l.run_id, l.state, l.started_at, \
     (SELECT COUNT(*) FROM claims c WHERE c.system_key = s.system_key AND c.state = 'open'), \
     (SELECT MIN(c.claimed_at) FROM claims c WHERE c.system_key = s.system_key AND c.state = 'open'), \
     (SELECT COUNT(*) FROM claims c WHERE c.system_key = s.system_key AND c.state = 'contradicted' \
       AND c.drift_ended_at IS NULL), l.failure \
     FROM systems s \
     LEFT JOIN import_runs p ON p.run_id = (SELECT r.run_id FROM import_runs r \
       WHERE r.system_key = s.system_key AND r.state = 'published' ORDER BY r.run_id DESC LIMIT 1) \
     LEFT JOIN import_runs l ON l.run_id = (SELECT r.run_id FROM import_runs r \
       WHERE r.system_key = s.system_key ORDER BY r.run_id DESC LIMIT 1) \
     WHERE s.removed_at IS NULL";
const SUSPENDED: &str = "SELECT s.system_id, r.run_id, COALESCE(r.finished_at, r.started_at), \
     (SELECT COUNT(*) FROM import_runs p WHERE p.system_key = r.system_key AND p.state = 'published' \
     AND p.run_id > COALESCE(r.baseline_run, 0)) FROM import_runs r \
     JOIN systems s ON s.system_key = r.system_key \
     WHERE r.state = 'suspended' AND s.removed_at IS NULL";
const JOBS: &str = "SELECT s.system_id, j.job_id, j.state, j.actor, COALESCE(j.finished_at, j.created_at), \
     (SELECT COUNT(*) FROM tasks t WHERE t.job_id = j.job_id), f.wish, f.account, j.reason \
     FROM provisioning_jobs j \
     LEFT JOIN tasks f ON f.task_id = (SELECT MIN(t.task_id) FROM tasks t WHERE t.job_id = j.job_id) \
     JOIN systems s ON s.system_key = j.system_key \
     WHERE s.removed_at IS NULL AND (j.state = 'awaiting_approval' \
       OR (j.state IN ('failed', 'partially_failed') AND j.dismissed_at IS NULL AND j.finished_at >= $1))";

impl Store {
    /// What needs a person of these systems, or of all: of jobs that failed, what happened since then.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn attention(
        &self,
        since: Timestamp,
        systems: Option<&[SystemId]>,
    ) -> Result<Attention, StoreError> {
        let (since, within) = (to_millis(since), systems);
        // What others see must not take the place of what somebody sees.
        let of = |mut text: Statement, order: &str, most: Option<i64>| {
            push_within(&mut text, within);
            text.push(" ORDER BY ").push(order);
            if let Some(most) = most {
                text.push(" LIMIT ").bind(most);
            }
            text
        };
        reading!(self, "looking for what needs a person", |transaction| {
            let systems = of(statement!(SYSTEMS), "s.system_id", None);
            let systems = transaction.fetch(systems, read_system).await?;
            let suspended = of(statement!(SUSPENDED), "r.run_id", Some(MOST));
            let suspended = transaction.fetch(suspended, |row| {
                let (system_id, run, since) = (row.word(0)?, ImportRunId(row.int(1)?), row.time(2)?);
                Ok(SuspendedRun { system_id, run, since, out_of_date: row.int(3)? > 0 })
            });
            let suspended = suspended.await?;
            let jobs = of(statement!(JOBS, since), "j.job_id DESC", Some(MOST));
            let jobs = transaction.fetch(jobs, |row| {
                let (system_id, job, state) = (row.word(0)?, JobId(row.int(1)?), row.word(2)?);
                Ok(JobStanding {
                    system_id,
                    job,
                    state,
                    actor: row.text(3)?,
                    reason: row.opt_text(8)?,
                    since: row.time(4)?,
                    tasks: u64::try_from(row.int(5)?).unwrap_or_default(),
                    first: row.opt_json(6)?.zip(row.opt_text(7)?),
                })
            });
            let jobs = jobs.await?;
            let drifts = drifts(transaction, within, MOST).await?;
            Ok(Attention { systems, suspended, jobs, drifts })
        })
        .await
    }
}

fn read_system(row: &Row) -> Result<SystemStanding, StoreError> {
    let published = row.opt_int(1)?.map(ImportRunId).zip(row.opt_time(2)?);
    let collections: Vec<CollectionRecord> = row.opt_json(3)?.unwrap_or_default();
    let users = collections.iter().find(|one| one.name == CollectionName::Users).map(|one| one.items);
    let last = match (row.opt_int(4)?, row.opt_word(5)?, row.opt_time(6)?) {
        (Some(run), Some(state), Some(at)) => Some((ImportRunId(run), state, at)),
        _ => None,
    };
    Ok(SystemStanding {
        system_id: row.word(0)?,
        published,
        users,
        last,
        open_claims: u64::try_from(row.int(7)?).unwrap_or_default(),
        oldest_claim_at: row.opt_time(8)?,
        contradicted_claims: u64::try_from(row.int(9)?).unwrap_or_default(),
        failure: row.opt_json::<Failure>(10)?.map(|failure| failure.message),
    })
}
