//! Exports: everything of one kind that is known of a system, written piece by piece, so that memory stays flat however
//! much there is.
//!
//! An [`Export`] speaks of one moment: which run it is about is settled when it begins, and what is published meanwhile is
//! in the next one. It is CSV or JSON lines, in the fields that commands and the REST interface have.

mod cells;
pub mod changes;
mod columns;
pub mod csv;
mod line;
mod name;

use std::sync::Arc;

use keyreeve_model::{AssignmentPlace, ClaimFact, ImportRunId, JobId, SystemId};
use keyreeve_store::{
    AccountFilter, AccountOrder, AsOf, AssignmentFilter, AssignmentSlice, AuditFilter, JobSlice,
    ResourceFilter, ResourceOrder, Slice, SlicePlace, Store, StoreError,
};
use serde::Serialize;
use tokio::sync::Semaphore;

pub use cells::{joined, text, time, word};
pub use columns::{
    ACCOUNTS, ASSIGNMENTS, AUDIT, JOBS, RESOURCES, RUNS, compared, failure, state_of, suspicion_text,
};
pub use csv::Column;
pub use line::json_line;
pub use name::{disposition, file_name};

use crate::unseen::Unseen;

/// So many are read at once: accounts, resources and assignments.
const ROWS: u32 = 5_000;
/// So many exports of a process read at once; the others wait with what they have read. Whoever looks at a page must not
/// stand in line behind them.
static READING: Semaphore = Semaphore::const_new(2);
/// Of jobs, with up to ten thousand tasks each.
const JOBS_AT_ONCE: u32 = 50;

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// IAM users.
    Accounts,
    /// Groups and policies.
    Resources,
    /// Who holds what.
    Assignments,
    /// Jobs with their tasks.
    Jobs,
    /// The rows of the audit log about the system.
    Audit,
    /// Import runs.
    ImportRuns,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Accounts, Self::Resources, Self::Assignments, Self::Jobs, Self::Audit, Self::ImportRuns];

    /// The word in addresses and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Resources => "resources",
            Self::Assignments => "assignments",
            Self::Jobs => "jobs",
            Self::Audit => "audit",
            Self::ImportRuns => "import-runs",
        }
    }

    /// Whether it is what an import run said.
    #[must_use]
    pub fn is_of_a_run(self) -> bool {
        matches!(self, Self::Accounts | Self::Resources | Self::Assignments)
    }
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// RFC 4180, safe to open in a spreadsheet.
    #[default]
    Csv,
    /// One JSON object a line.
    Jsonl,
}

impl Format {
    /// The word, which also ends file names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// An export is not made, or breaks off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Jobs and logs are not what a run said.
    #[error("{} are not read as of a moment", .0.as_str())]
    NoMoment(What),
    /// Something cannot be written.
    #[error("a row cannot be written: {0}")]
    Unwritable(String),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct ExportAsked {
    /// Of which system.
    pub system_id: SystemId,
    /// What.
    pub what: What,
    /// As of which moment; only of what a run said.
    pub as_of: AsOf,
    /// How.
    pub format: Format,
    /// Leaves cells of CSV as they are.
    pub raw: bool,
}

/// An export in the making.
pub struct Export {
    store: Arc<Store>,
    /// Of which system; `None` of everything.
    system_id: Option<SystemId>,
    what: What,
    format: Format,
    raw: bool,
    run: Option<ImportRunId>,
    rows: u32,
    begun: bool,
    next: Next,
}

/// What comes next.
enum Next {
    Accounts { unseen: Unseen, after: Option<SlicePlace> },
    Resources { after: Option<SlicePlace> },
    Assignments { after: Option<AssignmentPlace> },
    Jobs { before: Option<JobId> },
    Runs { before: Option<ImportRunId> },
    Audit { filter: AuditFilter },
    Nothing,
}

impl Export {
    /// Begins an export: settles which moment it speaks of. Nothing is read yet.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub async fn begin(store: Arc<Store>, asked: ExportAsked) -> Result<Self, ExportError> {
        let ExportAsked { system_id, what, as_of, .. } = &asked;
        let mut run = None;
        if what.is_of_a_run() {
            run = match store.speaking_run(system_id, *as_of).await? {
                None => return Err(StoreError::not_imported(&store.get_system(system_id).await?).into()),
                speaks => speaks,
            };
        } else if *as_of != AsOf::Now {
            return Err(ExportError::NoMoment(*what));
        } else {
            store.get_system(system_id).await?;
        }
        let next = match what {
            What::Accounts => {
                Next::Accounts { unseen: Unseen::load(&store, system_id, *as_of).await?, after: None }
            }
            What::Resources => Next::Resources { after: None },
            What::Assignments => Next::Assignments { after: None },
            What::Jobs => Next::Jobs { before: None },
            What::ImportRuns => Next::Runs { before: None },
            What::Audit => {
                let filter = AuditFilter { system_id: Some(system_id.clone()), ..AuditFilter::default() };
                Next::Audit { filter: up_to_now(&store, filter).await? }
            }
        };
        let ExportAsked { system_id, what, format, raw, .. } = asked;
        Ok(Self { store, system_id: Some(system_id), what, format, raw, run, rows: ROWS, begun: false, next })
    }

    /// Begins an export of the audit log: the rows that the filter lets through and that are there by now.
    ///
    /// # Errors
    /// When the store fails, or a system is named that there is not.
    pub async fn of_audit(
        store: Arc<Store>,
        filter: AuditFilter,
        format: Format,
        raw: bool,
    ) -> Result<Self, ExportError> {
        if let Some(system_id) = &filter.system_id {
            store.get_system(system_id).await?;
        }
        let (system_id, what) = (filter.system_id.clone(), What::Audit);
        let next = Next::Audit { filter: up_to_now(&store, filter).await? };
        Ok(Self { store, system_id, what, format, raw, run: None, rows: ROWS, begun: false, next })
    }

    /// Reads so many rows at once, in the place of the usual number.
    #[must_use]
    pub fn at_once(mut self, rows: u32) -> Self {
        self.rows = rows.max(1);
        self
    }

    /// A name for its file, which is safe on any system.
    #[must_use]
    pub fn file_name(&self) -> String {
        let system = self.system_id.as_ref().map_or("all", |id| id.as_str());
        file_name(system, self.what.as_str(), self.run.map(|run| run.0), self.format.as_str())
    }

    /// The next piece; `None` when all has been given.
    ///
    /// # Errors
    /// See [`ExportError`]. What was given before is not the whole then.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        let next = std::mem::replace(&mut self.next, Next::Nothing);
        // It is never closed.
        let _turn = READING.acquire().await.ok();
        let piece = self.piece(next).await?;
        self.begun = true;
        Ok(piece.map(String::into_bytes))
    }

    async fn piece(&mut self, next: Next) -> Result<Option<String>, ExportError> {
        let (store, rows) = (Arc::clone(&self.store), self.rows);
        if let Next::Audit { mut filter } = next {
            let found = store.oldest_audit(&filter, rows.min(5_000)).await?;
            let text = self.written(&found, AUDIT)?;
            let last = found.last().map(|row| row.seq);
            filter.after = last.or(filter.after);
            return Ok(self.then(text, last, |_| Next::Audit { filter }));
        }
        let Some(id) = self.system_id.clone() else { return Ok(None) };
        let as_of = self.run.map_or(AsOf::Now, AsOf::Run);
        match next {
            Next::Nothing | Next::Audit { .. } => Ok(None),
            Next::Accounts { unseen, after } => {
                let by = AccountOrder::Name;
                let slice = Slice { by, descending: false, after, limit: rows };
                let found = store.accounts_slice(&id, as_of, &AccountFilter::default(), &slice).await?;
                let last = found.last().map(|last| by.place(last));
                let known: Vec<_> = found.into_iter().map(|account| unseen.known(account)).collect();
                let text = self.written(&known, ACCOUNTS)?;
                Ok(self.then(text, last, |after| Next::Accounts { unseen, after }))
            }
            Next::Resources { after } => {
                let by = ResourceOrder::Name;
                let slice = Slice { by, descending: false, after, limit: rows };
                let found = store.resources_slice(&id, as_of, &ResourceFilter::default(), &slice).await?;
                let text = self.written(&found, RESOURCES)?;
                let last = found.last().map(|last| by.place(last));
                Ok(self.then(text, last, |after| Next::Resources { after }))
            }
            Next::Assignments { after } => {
                let slice = AssignmentSlice { descending: false, after, limit: rows };
                let found = store.assignments_slice(&id, as_of, &AssignmentFilter::default(), &slice).await?;
                let text = self.written(&found, ASSIGNMENTS)?;
                let last = found.last().map(keyreeve_model::Assignment::place);
                Ok(self.then(text, last, |after| Next::Assignments { after }))
            }
            Next::Jobs { before } => {
                let slice = JobSlice { before, limit: rows.min(JOBS_AT_ONCE), ..JobSlice::default() };
                let found = store.jobs_slice(&id, &slice).await?;
                let text = self.written(&found, JOBS)?;
                Ok(self.then(text, found.last().map(|job| job.id), |before| Next::Jobs { before }))
            }
            Next::Runs { before } => {
                let found = store.list_import_runs(&id, before, rows.min(1_000)).await?;
                let text = self.written(&found, RUNS)?;
                Ok(self.then(text, found.last().map(|run| run.id), |before| Next::Runs { before }))
            }
        }
    }

    /// Some rows, with the header before the first of them.
    fn written<T: Serialize>(&self, rows: &[T], columns: &[Column<T>]) -> Result<String, ExportError> {
        let unwritable = |why: String| ExportError::Unwritable(why);
        match self.format {
            Format::Csv if self.begun => csv::records(rows, columns, self.raw),
            Format::Csv => csv::document(rows, columns, self.raw),
            Format::Jsonl => {
                let mut text = String::new();
                for row in rows {
                    text.push_str(&json_line(row).map_err(|error| unwritable(error.to_string()))?);
                    text.push('\n');
                }
                return Ok(text);
            }
        }
        .map_err(|error| unwritable(error.to_string()))
    }

    /// Goes on after the last row, if there was one.
    fn then<K>(
        &mut self,
        text: String,
        last: Option<K>,
        next: impl FnOnce(Option<K>) -> Next,
    ) -> Option<String> {
        if last.is_some() {
            self.next = next(last);
        }
        (!text.is_empty() || !self.begun).then_some(text)
    }
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("what", &self.what).field("run", &self.run).finish_non_exhaustive()
    }
}

/// What is written while an export is under way is in the next one.
async fn up_to_now(store: &Store, filter: AuditFilter) -> Result<AuditFilter, StoreError> {
    let last = store.audit(&AuditFilter::default(), 1).await?.first().map_or(0, |row| row.seq);
    let end = last.saturating_add(1);
    Ok(AuditFilter { before: Some(filter.before.map_or(end, |before| before.min(end))), ..filter })
}

/// What is pending of an account, in one cell.
fn pending_words(pending: &[ClaimFact]) -> String {
    joined(pending, ClaimFact::words)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use keyreeve_store::{DatabaseUrl, StoreKey};

    use super::*;

    #[tokio::test]
    async fn no_more_than_two_read_at_once_and_the_next_goes_on_when_one_has_read() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let key = StoreKey::generate().unwrap();
        let store = Arc::new(Store::create(&url, key, Timestamp::UNIX_EPOCH).await.unwrap());
        let filter = AuditFilter::default();
        let mut third = Export::of_audit(Arc::clone(&store), filter, Format::Jsonl, false).await.unwrap();
        let (first, second) = (READING.acquire().await.unwrap(), READING.acquire().await.unwrap());
        let mut waiting = Box::pin(third.next());
        let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut waiting).await;
        assert!(early.is_err(), "a third one read beside two others: {early:?}");
        drop(first);
        assert!(waiting.await.unwrap().is_some());
        drop(second);
        store.close().await;
    }
}
