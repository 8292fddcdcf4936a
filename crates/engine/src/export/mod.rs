//! Exports: everything of one kind that is known of a system, written piece by piece, so that memory stays flat however
//! much there is.
//!
//! An [`Export`] speaks of one moment: which run it is about is settled when it begins, and what is published meanwhile is
//! in the next one. It is CSV, JSON lines or Parquet, in the fields that commands and the REST interface have: one
//! definition of columns ([`Field`]) serves all three.

mod cells;
mod changed;
pub mod changes;
mod columns;
pub mod csv;
mod field;
mod line;
mod listed;
mod name;
mod parquet;

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use keyreeve_model::{AssignmentPlace, ClaimFact, ImportRunId, JobId, SystemId};
use keyreeve_store::{
    AccountFilter, AccountOrder, AsOf, AssignmentFilter, AssignmentSlice, AuditFilter, ChangeFilter,
    ChangePlace, ChangeSlice, JobSlice, ResourceFilter, ResourceOrder, Slice, SlicePlace, Store, StoreError,
};
use serde::Serialize;
use tokio::sync::Semaphore;

pub use cells::{joined, text, time, word};
pub use changed::ChangedObject;
pub use columns::{
    ACCOUNTS, ASSIGNMENTS, AUDIT, CHANGES, JOBS, RESOURCES, RUNS, TASKS, compared, failure, state_of,
    suspicion_text,
};
pub use csv::Column;
pub use field::{Columns, Field};
pub use line::json_line;
pub use listed::ListedTask;
pub use name::{disposition, file_name};
pub use parquet::SCHEMA_VERSION;

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
    /// What an import run changed.
    Changes,
    /// Jobs with their tasks.
    Jobs,
    /// The tasks of jobs.
    Tasks,
    /// The rows of the audit log about the system.
    Audit,
    /// Import runs.
    ImportRuns,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Accounts,
        Self::Resources,
        Self::Assignments,
        Self::Changes,
        Self::Jobs,
        Self::Tasks,
        Self::Audit,
        Self::ImportRuns,
    ];

    /// The word in addresses and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Resources => "resources",
            Self::Assignments => "assignments",
            Self::Changes => "changes",
            Self::Jobs => "jobs",
            Self::Tasks => "tasks",
            Self::Audit => "audit",
            Self::ImportRuns => "import-runs",
        }
    }

    /// Whether it is what an import run said.
    #[must_use]
    pub fn is_of_a_run(self) -> bool {
        matches!(self, Self::Accounts | Self::Resources | Self::Assignments | Self::Changes)
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
    /// Apache Parquet: typed columns, for a warehouse.
    Parquet,
}

impl Format {
    /// The word, which also ends file names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// An export is not made, or breaks off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Jobs and logs are not what a run said.
    #[error("{} are not read as of a moment", .0.as_str())]
    NoMoment(What),
    /// A run is of one system.
    #[error("an import run is of one system, and this is an export of all")]
    OneRun,
    /// There is nothing to tell of.
    #[error("no system has {} to export", .0.as_str())]
    NoSystem(What),
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
    /// The moment that was asked for.
    as_of: AsOf,
    /// What is told of one system.
    part: Option<Part>,
    /// What is told after that.
    left: VecDeque<Part>,
    rows: u32,
    begun: bool,
    at: Option<Timestamp>,
    file: Option<parquet::File>,
    next: Next,
}

/// What an export has of one system: which run speaks, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    system_id: SystemId,
    run: Option<ImportRunId>,
    published_at: Option<Timestamp>,
}

/// What comes next.
enum Next {
    Accounts { unseen: Unseen, after: Option<SlicePlace> },
    Resources { after: Option<SlicePlace> },
    Assignments { after: Option<AssignmentPlace> },
    Changes { after: Option<ChangePlace> },
    Jobs { before: Option<JobId> },
    Tasks { before: Option<JobId> },
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
        let ExportAsked { system_id, what, as_of, format, raw } = asked;
        if what == What::Audit && as_of == AsOf::Now {
            let filter = AuditFilter { system_id: Some(system_id), ..AuditFilter::default() };
            return Self::of_audit(store, filter, format, raw).await;
        }
        let part = match Part::settle(&store, &system_id, what, as_of).await? {
            None => return Err(StoreError::not_imported(&store.get_system(&system_id).await?).into()),
            Some(part) => part,
        };
        let mut export = Self { as_of, ..Self::made(store, Some(system_id), what, format, raw) };
        export.next = export.first_of(&part).await?;
        export.part = Some(part);
        Ok(export)
    }

    /// Begins an export of one kind of all systems: which run of each it is about is settled now. Systems of which nothing
    /// was known at that moment are not in it.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub async fn of_all(
        store: Arc<Store>,
        (what, as_of): (What, AsOf),
        format: Format,
        raw: bool,
    ) -> Result<Self, ExportError> {
        if let AsOf::Run(_) = as_of {
            return Err(ExportError::OneRun);
        }
        let mut left = VecDeque::new();
        // What was removed since was there then.
        for system in store.list_systems(as_of != AsOf::Now).await? {
            match Part::settle(&store, &system.system_id, what, as_of).await {
                Ok(part) => left.extend(part),
                Err(ExportError::Store(error)) if says_nothing(what, &error) => {}
                Err(error) => return Err(error),
            }
        }
        if left.is_empty() {
            return Err(ExportError::NoSystem(what));
        }
        let mut export = Self { as_of, ..Self::made(store, None, what, format, raw) };
        export.left = left;
        Ok(export)
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
        let mut export = Self::made(store, filter.system_id.clone(), What::Audit, format, raw);
        export.next = Next::Audit { filter: up_to_now(&export.store, filter).await? };
        Ok(export)
    }

    fn made(store: Arc<Store>, system_id: Option<SystemId>, what: What, format: Format, raw: bool) -> Self {
        let (part, left, file, at) = (None, VecDeque::new(), None, None);
        let (as_of, next) = (AsOf::Now, Next::Nothing);
        Self {
            store,
            system_id,
            what,
            format,
            raw,
            as_of,
            part,
            left,
            rows: ROWS,
            begun: false,
            at,
            file,
            next,
        }
    }

    /// Says in the file when it was made, where files say things of themselves.
    #[must_use]
    pub fn made_at(mut self, at: Timestamp) -> Self {
        self.at = Some(at);
        self
    }

    /// The run that an export of one system is about.
    #[must_use]
    pub fn run(&self) -> Option<ImportRunId> {
        self.part.as_ref().filter(|_| self.system_id.is_some()).and_then(|part| part.run)
    }

    /// When that run was published.
    #[must_use]
    pub fn published_at(&self) -> Option<Timestamp> {
        self.part.as_ref().filter(|_| self.system_id.is_some()).and_then(|part| part.published_at)
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
        file_name(system, self.what.as_str(), self.run().map(|run| run.0), self.format.as_str())
    }

    /// The next piece; `None` when all has been given.
    ///
    /// # Errors
    /// See [`ExportError`]. What was given before is not the whole then.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        loop {
            let next = std::mem::replace(&mut self.next, Next::Nothing);
            if matches!(next, Next::Nothing) {
                let Some(part) = self.left.pop_front() else {
                    return self.file.take().map(parquet::File::end).transpose();
                };
                self.next = self.first_of(&part).await?;
                self.part = Some(part);
                continue;
            }
            // It is never closed.
            let _turn = READING.acquire().await.ok();
            let piece = self.piece(next).await?;
            let first = !std::mem::replace(&mut self.begun, true);
            if first || !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// Where a system is begun.
    async fn first_of(&self, part: &Part) -> Result<Next, ExportError> {
        Ok(match self.what {
            What::Accounts => {
                let unseen = Unseen::load(&self.store, &part.system_id, self.as_of).await?;
                Next::Accounts { unseen, after: None }
            }
            What::Resources => Next::Resources { after: None },
            What::Assignments => Next::Assignments { after: None },
            What::Changes => Next::Changes { after: None },
            What::Jobs => Next::Jobs { before: None },
            What::Tasks => Next::Tasks { before: None },
            What::ImportRuns => Next::Runs { before: None },
            What::Audit => {
                let system_id = Some(part.system_id.clone());
                let filter = AuditFilter { system_id, ..AuditFilter::default() };
                Next::Audit { filter: up_to_now(&self.store, filter).await? }
            }
        })
    }

    async fn piece(&mut self, next: Next) -> Result<Vec<u8>, ExportError> {
        let (store, rows) = (Arc::clone(&self.store), self.rows);
        if let Next::Audit { mut filter } = next {
            let found = store.oldest_audit(&filter, rows.min(5_000)).await?;
            if let Some(last) = found.last() {
                filter.after = Some(last.seq);
                self.next = Next::Audit { filter };
            }
            return self.written(&found, AUDIT);
        }
        let Some(Part { system_id: id, run, .. }) = self.part.clone() else { return Ok(Vec::new()) };
        let as_of = run.map_or(AsOf::Now, AsOf::Run);
        match next {
            Next::Nothing | Next::Audit { .. } => Ok(Vec::new()),
            Next::Accounts { unseen, after } => {
                let by = AccountOrder::Name;
                let slice = Slice { by, descending: false, after, limit: rows };
                let found = store.accounts_slice(&id, as_of, &AccountFilter::default(), &slice).await?;
                let last = found.last().map(|last| by.place(last));
                let known: Vec<_> = found.into_iter().map(|account| unseen.known(account)).collect();
                self.then(last, |after| Next::Accounts { unseen, after });
                self.written(&known, ACCOUNTS)
            }
            Next::Resources { after } => {
                let by = ResourceOrder::Name;
                let slice = Slice { by, descending: false, after, limit: rows };
                let found = store.resources_slice(&id, as_of, &ResourceFilter::default(), &slice).await?;
                self.then(found.last().map(|last| by.place(last)), |after| Next::Resources { after });
                self.written(&found, RESOURCES)
            }
            Next::Assignments { after } => {
                let slice = AssignmentSlice { descending: false, after, limit: rows };
                let found = store.assignments_slice(&id, as_of, &AssignmentFilter::default(), &slice).await?;
                let last = found.last().map(keyreeve_model::Assignment::place);
                self.then(last, |after| Next::Assignments { after });
                self.written(&found, ASSIGNMENTS)
            }
            Next::Changes { after } => {
                let Some(run) = run else { return Ok(Vec::new()) };
                let slice = ChangeSlice { descending: false, after, limit: rows };
                let found = store.import_changes_slice(run, &ChangeFilter::default(), &slice).await?;
                self.then(found.last().map(|last| last.0.clone()), |after| Next::Changes { after });
                let of = |(_, changes)| changed::objects(&id, run, changes);
                let found: Vec<ChangedObject> = found.into_iter().flat_map(of).collect();
                self.written(&found, CHANGES)
            }
            Next::Jobs { before } => {
                let slice = JobSlice { before, limit: rows.min(JOBS_AT_ONCE), ..JobSlice::default() };
                let found = store.jobs_slice(&id, &slice).await?;
                self.then(found.last().map(|job| job.id), |before| Next::Jobs { before });
                self.written(&found, JOBS)
            }
            Next::Tasks { before } => {
                let slice = JobSlice { before, limit: rows.min(JOBS_AT_ONCE), ..JobSlice::default() };
                let found = store.jobs_slice(&id, &slice).await?;
                self.then(found.last().map(|job| job.id), |before| Next::Tasks { before });
                let tasks = found.into_iter().flat_map(|job| job.tasks).map(ListedTask);
                let tasks: Vec<ListedTask> = tasks.collect();
                self.written(&tasks, TASKS)
            }
            Next::Runs { before } => {
                let found = store.list_import_runs(&id, before, rows.min(1_000)).await?;
                self.then(found.last().map(|run| run.id), |before| Next::Runs { before });
                self.written(&found, RUNS)
            }
        }
    }

    /// Some rows, with what comes before the first of them. Of Parquet, what is ready: a group may have to wait for more.
    fn written<T: Serialize + 'static>(
        &mut self,
        rows: &[T],
        fields: &'static [Field<T>],
    ) -> Result<Vec<u8>, ExportError> {
        let unwritable = |why: String| ExportError::Unwritable(why);
        match self.format {
            Format::Csv if self.begun => csv::records(rows, fields, self.raw),
            Format::Csv => csv::document(rows, fields, self.raw),
            Format::Jsonl => {
                let mut text = String::new();
                for row in rows {
                    text.push_str(&json_line(row).map_err(|error| unwritable(error.to_string()))?);
                    text.push('\n');
                }
                return Ok(text.into_bytes());
            }
            Format::Parquet => {
                let mut file = match self.file.take() {
                    Some(file) => file,
                    None => parquet::File::begin(fields, self.said())?,
                };
                file.add(rows, fields)?;
                let ready = file.taken();
                self.file = Some(file);
                return ready;
            }
        }
        .map(String::into_bytes)
        .map_err(|error| unwritable(error.to_string()))
    }

    /// What a file says of itself.
    fn said(&self) -> Vec<(&'static str, String)> {
        let day = |at: Timestamp| TimeZone::UTC.to_datetime(at).date().to_string();
        let mut said = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("schema_version", SCHEMA_VERSION.to_string()),
            ("table", self.what.as_str().to_owned()),
        ];
        said.extend(self.system_id.as_ref().map(|id| ("system_id", id.to_string())));
        said.extend(self.run().map(|run| ("run", run.to_string())));
        said.extend(self.published_at().map(|at| ("published_at", at.to_string())));
        said.extend(self.at.map(|at| ("exported_at", at.to_string())));
        said.extend(self.published_at().or(self.at).map(|at| ("date", day(at))));
        said
    }

    /// Goes on after the last row, if there was one.
    fn then<K>(&mut self, last: Option<K>, next: impl FnOnce(Option<K>) -> Next) {
        if last.is_some() {
            self.next = next(last);
        }
    }
}

/// Whether a system is passed over among others: nothing was known of it then, or what its newest run changed is so long
/// ago that it is not kept.
#[must_use]
pub fn says_nothing(what: What, error: &StoreError) -> bool {
    match error {
        StoreError::NothingThen { .. } | StoreError::NotImported { .. } => true,
        StoreError::HistoryNotKept { .. } => what == What::Changes,
        _ => false,
    }
}

impl Part {
    /// Which run of a system speaks; `None` where none does yet.
    async fn settle(
        store: &Store,
        system_id: &SystemId,
        what: What,
        as_of: AsOf,
    ) -> Result<Option<Self>, ExportError> {
        let of = |run, published_at| Self { system_id: system_id.clone(), run, published_at };
        if what.is_of_a_run() {
            let Some(run) = store.speaking_run(system_id, as_of).await? else { return Ok(None) };
            if what == What::Changes {
                store.changes_are_kept(run).await?;
            }
            let published_at = store.get_import_run(run).await?.published_at;
            return Ok(Some(of(Some(run), published_at)));
        }
        if as_of != AsOf::Now {
            return Err(ExportError::NoMoment(what));
        }
        store.get_system(system_id).await?;
        Ok(Some(of(None, None)))
    }
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("what", &self.what).field("part", &self.part).finish_non_exhaustive()
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
