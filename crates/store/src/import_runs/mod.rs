//! Import runs: begun under a lease, ended once, decided by people where they must be.

mod begin;
mod changed;
mod decide;
mod evidence;
mod finish;
mod list;

use jiff::Timestamp;
use keyreeve_model::{
    ChangeSet, CollectionRecord, Failure, ImportRun, ImportRunId, ImportRunState, ImportScope, Suspicion,
    SystemId, Warning,
};

use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::transaction::Transaction;
use crate::{ClaimsSeen, StoreError};

pub(crate) use begin::end_running;
pub use changed::PlacedChange;
pub(crate) use changed::part_of;
pub use evidence::changes_sha256;
pub use list::PublishedRun;
pub(crate) use list::{find_run, latest_published};

/// The right to end a run. It holds as long as nobody else has ended the run, which only happens after
/// `lease_until`; renew it in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportLease {
    /// The run.
    pub run: ImportRunId,
    /// Its system.
    pub system_id: SystemId,
    /// The published run it is compared with; `None` when there is none yet.
    pub baseline_run: Option<ImportRunId>,
    /// When the lease ends unless it is renewed.
    pub lease_until: Timestamp,
    /// What tells this holder from another one.
    pub(crate) token: String,
}

/// What a run produced, besides its changes.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// What it really covered.
    pub scope: ImportScope,
    /// What was read of each collection.
    pub collections: Vec<CollectionRecord>,
    /// All calls made.
    pub aws_calls: u64,
    /// When the credential report it used was made.
    pub credential_report_at: Option<Timestamp>,
    /// Why a person should look before it is published.
    pub suspicions: Vec<Suspicion>,
    /// What was odd, but did not stop it.
    pub warnings: Vec<Warning>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it saw of changes that were made here: it settles them when it is published, at once or by being accepted.
    pub claims: ClaimsSeen,
}

impl RunRecord {
    /// A record of a run that has read nothing yet.
    #[must_use]
    pub fn new(scope: ImportScope) -> Self {
        Self {
            scope,
            collections: Vec::new(),
            aws_calls: 0,
            credential_report_at: None,
            suspicions: Vec::new(),
            warnings: Vec::new(),
            failure: None,
            claims: ClaimsSeen::default(),
        }
    }
}

/// How a run ended that publishes nothing, at least for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It could not read what it needed.
    Failed,
    /// It was only asked what would change.
    Previewed(ChangeSet),
    /// A person must look: the changes are kept as evidence.
    Suspended(ChangeSet),
}

impl Outcome {
    pub(crate) fn state(&self) -> ImportRunState {
        match self {
            Self::Failed => ImportRunState::Failed,
            Self::Previewed(_) => ImportRunState::Previewed,
            Self::Suspended(_) => ImportRunState::Suspended,
        }
    }

    pub(crate) fn changes(&self) -> Option<&ChangeSet> {
        match self {
            Self::Failed => None,
            Self::Previewed(changes) | Self::Suspended(changes) => Some(changes),
        }
    }
}

/// A run as it is stored.
pub(crate) struct StoredRun {
    pub(crate) system_key: i64,
    pub(crate) token: String,
    pub(crate) lease_until: Timestamp,
    pub(crate) run: ImportRun,
}

impl StoredRun {
    /// Refuses a move that [`ImportRunState::may_become`] does not allow.
    pub(crate) fn require_move(&self, to: ImportRunState) -> Result<(), StoreError> {
        if self.run.state.may_become(to) {
            Ok(())
        } else {
            Err(StoreError::IllegalMove { run: self.run.id, from: self.run.state, to })
        }
    }
}

/// What every statement that reads runs begins with.
const SELECT_RUNS: &str = "SELECT r.run_id, r.system_key, s.system_id, r.profile, r.state, r.collections, r.changes, \
     r.aws_calls, r.started_at, r.finished_at, r.published_at, r.baseline_run, r.scope, r.credential_report_at, \
     r.suspicions, r.warnings, r.failure, r.changes_sha256, r.actor, r.decided_by, r.decision_reason, \
     r.lease_token, r.lease_until FROM import_runs r JOIN systems s ON s.system_key = r.system_key";

fn select_runs() -> Statement {
    Statement::building(SELECT_RUNS)
}

fn read_run(row: &Row) -> Result<StoredRun, StoreError> {
    let number = |value: i64| {
        u64::try_from(value).map_err(|_| StoreError::Data { what: "a count is negative".to_owned() })
    };
    Ok(StoredRun {
        system_key: row.int(1)?,
        token: row.text(21)?,
        lease_until: row.time(22)?,
        run: ImportRun {
            id: ImportRunId(row.int(0)?),
            system_id: row.word(2)?,
            profile: row.word(3)?,
            state: row.word(4)?,
            collections: row.json(5)?,
            changes: row.json(6)?,
            aws_calls: number(row.int(7)?)?,
            started_at: row.time(8)?,
            finished_at: row.opt_time(9)?,
            published_at: row.opt_time(10)?,
            baseline_run: row.opt_int(11)?.map(ImportRunId),
            scope: row.json(12)?,
            credential_report_at: row.opt_time(13)?,
            suspicions: row.json(14)?,
            warnings: row.json(15)?,
            failure: row.opt_json(16)?,
            changes_sha256: row.opt_text(17)?,
            actor: row.text(18)?,
            decided_by: row.opt_text(19)?,
            decision_reason: row.opt_text(20)?,
        },
    })
}

/// Locks the system of a run, then reads the run: from here to the end of the transaction nobody else moves it.
async fn lock_run(transaction: &mut Transaction, run: ImportRunId) -> Result<StoredRun, StoreError> {
    let before = find_run(transaction, run).await?;
    let mut text = Statement::building("SELECT system_key FROM systems WHERE system_key = ");
    text.bind(before.system_key).push(transaction.dialect().lock_row());
    transaction.fetch_one(text, |row| row.int(0)).await?;
    find_run(transaction, run).await
}

/// Whether a published run's number is what a run was compared with.
async fn baseline_holds(
    transaction: &mut Transaction,
    stored: &StoredRun,
) -> Result<Result<(), Option<ImportRunId>>, StoreError> {
    let latest = latest_published(transaction, stored.system_key).await?.map(|run| run.id);
    Ok(if latest == stored.run.baseline_run { Ok(()) } else { Err(latest) })
}

/// Marks a run as published.
///
/// The time is never before that of the run published last, so that a clock that was set back cannot make a later
/// run older than an earlier one.
async fn mark_published(
    transaction: &mut Transaction,
    stored: &StoredRun,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "UPDATE import_runs SET state = 'published', published_at = \
                CASE WHEN (SELECT MAX(p.published_at) FROM import_runs p \
                           WHERE p.system_key = $1 AND p.state = 'published') > $2 \
                     THEN (SELECT MAX(p.published_at) FROM import_runs p \
                           WHERE p.system_key = $1 AND p.state = 'published') \
                     ELSE $2 END \
                WHERE run_id = $3";
    transaction
        .execute(statement!(text, stored.system_key, crate::time::to_millis(now), stored.run.id.0))
        .await
        .map(|_| ())
}
