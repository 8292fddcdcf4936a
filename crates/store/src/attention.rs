//! What of all systems needs a person, and how their imports stand.

use jiff::Timestamp;
use keyreeve_model::{
    CollectionRecord, Failure, ImportRunId, ImportRunState, JobId, JobState, System, SystemId, Wish,
};

use crate::provisioning::drifts;
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::systems::{push_within, read_system, stopped};
use crate::time::to_millis;
use crate::transaction::reading;
use crate::{Drift, Store, StoreError};

/// So many of a kind are shown at most.
const MOST: i64 = 200;

/// What of systems that are not removed needs a person: of each kind the first 200.
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Systems in which nothing runs, by System ID.
    pub stopped: Vec<System>,
    /// Systems whose last import failed, by System ID.
    pub failed: Vec<FailedImport>,
    /// Import runs that wait for a decision, the oldest first.
    pub suspended: Vec<SuspendedRun>,
    /// Jobs that wait for a second person, and those that failed and that nobody has dismissed, the newest first.
    pub jobs: Vec<JobStanding>,
    /// Systems of which something has drifted and not ended, by System ID, with how many changes.
    pub drifting: Vec<(SystemId, u64)>,
    /// What has drifted and not ended, the newest first.
    pub drifts: Vec<Drift>,
    /// Systems of which no import has confirmed a change for long, by System ID.
    pub unconfirmed: Vec<Unconfirmed>,
    /// Whether there is more of a kind than is here.
    pub more: bool,
}

/// How the imports of a system stand.
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
}

/// A system whose last import failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedImport {
    /// The system.
    pub system_id: SystemId,
    /// The run.
    pub run: ImportRunId,
    /// When it began.
    pub began: Timestamp,
    /// Why it failed.
    pub failure: Option<String>,
}

/// Changes of a system that no import has confirmed yet, the oldest of them for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The system.
    pub system_id: SystemId,
    /// How many they are.
    pub claims: u64,
    /// When the oldest was made.
    pub oldest: Timestamp,
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

const STANDING: &str = "SELECT s.system_id, p.run_id, p.published_at, p.collections, l.run_id, l.state, l.started_at \
     FROM systems s \
     LEFT JOIN import_runs p ON p.run_id = (SELECT r.run_id FROM import_runs r \
       WHERE r.system_key = s.system_key AND r.state = 'published' ORDER BY r.run_id DESC LIMIT 1) \
     LEFT JOIN import_runs l ON l.run_id = (SELECT r.run_id FROM import_runs r \
       WHERE r.system_key = s.system_key ORDER BY r.run_id DESC LIMIT 1) \
     WHERE s.removed_at IS NULL";
const FAILED: &str = "SELECT s.system_id, l.run_id, l.started_at, l.failure FROM systems s \
     JOIN import_runs l ON l.run_id = (SELECT MAX(r.run_id) FROM import_runs r WHERE r.system_key = s.system_key) \
     WHERE s.removed_at IS NULL AND (SELECT r.state FROM import_runs r WHERE r.system_key = s.system_key \
       ORDER BY r.run_id DESC LIMIT 1) = 'failed'";
const DRIFTING: &str = "SELECT s.system_id, COUNT(*) FROM claims c JOIN systems s ON s.system_key = c.system_key \
     WHERE c.state = 'contradicted' AND c.drift_ended_at IS NULL AND s.removed_at IS NULL";
const UNCONFIRMED: &str = "SELECT s.system_id, COUNT(*), MIN(c.claimed_at) FROM claims c \
     JOIN systems s ON s.system_key = c.system_key WHERE c.state = 'open' AND s.removed_at IS NULL";
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
    /// What needs a person of these systems, or of all: of jobs that failed, what happened since then; of changes that no
    /// import has confirmed, what was made until then.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn attention(
        &self,
        since: Timestamp,
        unconfirmed_at: Timestamp,
        systems: Option<&[SystemId]>,
    ) -> Result<Attention, StoreError> {
        let (since, unconfirmed_at, within) = (to_millis(since), to_millis(unconfirmed_at), systems);
        reading!(self, "looking for what needs a person", |transaction| {
            let mut more = false;
            let read = |row: &_| Ok(read_system(row)?.system);
            let stopped = transaction.fetch(first(stopped(), within, BY_SYSTEM), read).await?;
            let failed = first(statement!(FAILED), within, BY_SYSTEM);
            let failed = transaction.fetch(failed, read_failed).await?;
            let suspended = first(statement!(SUSPENDED), within, " ORDER BY r.run_id");
            let suspended = transaction.fetch(suspended, |row| {
                let (system_id, run, since) = (row.word(0)?, ImportRunId(row.int(1)?), row.time(2)?);
                Ok(SuspendedRun { system_id, run, since, out_of_date: row.int(3)? > 0 })
            });
            let suspended = suspended.await?;
            let jobs = first(statement!(JOBS, since), within, " ORDER BY j.job_id DESC");
            let jobs = transaction.fetch(jobs, read_job).await?;
            let drifting = first(statement!(DRIFTING), within, " GROUP BY s.system_id ORDER BY s.system_id");
            let drifting = transaction.fetch(drifting, |row| Ok((row.word(0)?, count(row, 1)?))).await?;
            let drifts = match drifting.is_empty() {
                true => Vec::new(),
                false => drifts(transaction, within, MOST).await?,
            };
            let unconfirmed = unconfirmed(within, unconfirmed_at);
            let unconfirmed = transaction.fetch(unconfirmed, read_unconfirmed).await?;
            Ok(Attention {
                stopped: cut(stopped, &mut more),
                failed: cut(failed, &mut more),
                suspended: cut(suspended, &mut more),
                jobs: cut(jobs, &mut more),
                drifting: cut(drifting, &mut more),
                drifts,
                unconfirmed: cut(unconfirmed, &mut more),
                more,
            })
        })
        .await
    }

    /// How the imports of these systems stand, of those that were not removed; by System ID.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn standings(&self, systems: &[SystemId]) -> Result<Vec<SystemStanding>, StoreError> {
        if systems.is_empty() {
            return Ok(Vec::new());
        }
        reading!(self, "reading how the imports of systems stand", |transaction| {
            let mut text = Statement::building(STANDING);
            push_within(&mut text, Some(systems));
            text.push(" ORDER BY s.system_id");
            transaction.fetch_together(text, 7, read_standing).await
        })
        .await
    }
}

const BY_SYSTEM: &str = " ORDER BY s.system_id";

/// The first of a kind and one more, of these systems: what others see must not take the place of what somebody sees.
fn first(mut text: Statement, within: Option<&[SystemId]>, order: &str) -> Statement {
    push_within(&mut text, within);
    text.push(order).push(" LIMIT ").bind(MOST + 1);
    text
}

fn unconfirmed(within: Option<&[SystemId]>, until: i64) -> Statement {
    let mut text = statement!(UNCONFIRMED);
    push_within(&mut text, within);
    text.push(" GROUP BY s.system_id HAVING MIN(c.claimed_at) <= ").bind(until);
    text.push(BY_SYSTEM).push(" LIMIT ").bind(MOST + 1);
    text
}

/// The first of a kind, and whether there is more.
fn cut<T>(mut found: Vec<T>, more: &mut bool) -> Vec<T> {
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    *more |= found.len() > most;
    found.truncate(most);
    found
}

fn count(row: &Row, column: usize) -> Result<u64, StoreError> {
    Ok(u64::try_from(row.int(column)?).unwrap_or_default())
}

fn read_failed(row: &Row) -> Result<FailedImport, StoreError> {
    Ok(FailedImport {
        system_id: row.word(0)?,
        run: ImportRunId(row.int(1)?),
        began: row.time(2)?,
        failure: row.opt_json::<Failure>(3)?.map(|failure| failure.message),
    })
}

fn read_job(row: &Row) -> Result<JobStanding, StoreError> {
    Ok(JobStanding {
        system_id: row.word(0)?,
        job: JobId(row.int(1)?),
        state: row.word(2)?,
        actor: row.text(3)?,
        reason: row.opt_text(8)?,
        since: row.time(4)?,
        tasks: count(row, 5)?,
        first: row.opt_json(6)?.zip(row.opt_text(7)?),
    })
}

fn read_unconfirmed(row: &Row) -> Result<Unconfirmed, StoreError> {
    Ok(Unconfirmed { system_id: row.word(0)?, claims: count(row, 1)?, oldest: row.time(2)? })
}

fn read_standing(row: &Row) -> Result<SystemStanding, StoreError> {
    let published = row.opt_int(1)?.map(ImportRunId).zip(row.opt_time(2)?);
    let collections: Vec<CollectionRecord> = row.opt_json(3)?.unwrap_or_default();
    let last = match (row.opt_int(4)?, row.opt_word(5)?, row.opt_time(6)?) {
        (Some(run), Some(state), Some(at)) => Some((ImportRunId(run), state, at)),
        _ => None,
    };
    Ok(SystemStanding {
        system_id: row.word(0)?,
        published,
        users: CollectionRecord::users(&collections),
        last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provisioning::query_plans::plan;
    use crate::{DatabaseUrl, StoreKey, SystemFilter, SystemOrder, SystemSlice};

    #[tokio::test]
    async fn what_all_systems_are_asked_for_goes_through_indexes() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let store = Store::create(&url, StoreKey::generate().unwrap(), Timestamp::UNIX_EPOCH).await.unwrap();
        let filter = SystemFilter::default();
        let page = |by| filter.select(&[], &SystemSlice { by, descending: true, after: None, limit: 9 });
        let cases = [
            (first(stopped(), None, BY_SYSTEM), "systems_stopped"),
            (first(statement!(FAILED), None, BY_SYSTEM), "import_runs_last (system_key=?)"),
            (first(statement!(SUSPENDED), None, " ORDER BY r.run_id"), "import_runs_suspended"),
            (first(statement!(DRIFTING), None, " GROUP BY s.system_id"), "claims_drifting"),
            (unconfirmed(None, 0), "claims_open"),
            (page(SystemOrder::SystemId), "systems_by_id"),
            (page(SystemOrder::Name), "systems_in_order"),
            (page(SystemOrder::Category), "systems_by_category"),
            (page(SystemOrder::CreatedAt), "systems_by_age"),
        ];
        for (text, index) in cases {
            let lines = plan(&store, text).await;
            assert!(lines.iter().any(|line| line.contains(index)), "{index}: {lines:#?}");
            let whole = |line: &String| line.starts_with("SCAN ") && !line.contains(" INDEX ");
            assert!(!lines.iter().any(whole), "{lines:#?}");
        }
        store.close().await;
    }
}
