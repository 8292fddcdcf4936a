//! Reading runs and what they changed.

use jiff::Timestamp;
use keyreeve_model::{
    ChangeSet, CollectionRecord, ImportRun, ImportRunId, ImportRunState, ObjectCounts, SystemId,
};

use super::evidence::Evidence;
use super::{StoredRun, read_run, select_runs};
use crate::history::{self, Span};
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::{Transaction, reading};
use crate::{RunSlice, Store, StoreError, kept, systems};

/// What a published run says of how much there is and how much it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRun {
    /// The system.
    pub system_id: SystemId,
    /// When it was published.
    pub at: Timestamp,
    /// How many users it listed.
    pub users: Option<u64>,
    /// Whether it was the first of its system, to which all is new.
    pub first: bool,
    /// How much it changed.
    pub changes: ObjectCounts,
}

impl Store {
    /// The last runs of a system, the newest first; only those before a given one, for turning pages.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn list_import_runs(
        &self,
        system_id: &SystemId,
        before: Option<ImportRunId>,
        limit: u32,
    ) -> Result<Vec<ImportRun>, StoreError> {
        reading!(self, "listing the import runs", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            let mut text = select_runs();
            text.push(" WHERE r.system_key = ").bind(system.key);
            if let Some(before) = before {
                text.push(" AND r.run_id < ").bind(before.0);
            }
            text.push(" ORDER BY r.run_id DESC LIMIT ").bind(i64::from(limit));
            transaction.fetch(text, |row| Ok(read_run(row)?.run)).await
        })
        .await
    }

    /// The first runs of a system, the oldest first; only those after a given one, for turning pages.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn oldest_import_runs(
        &self,
        system_id: &SystemId,
        after: Option<ImportRunId>,
        limit: u32,
    ) -> Result<Vec<ImportRun>, StoreError> {
        reading!(self, "listing the import runs", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            let mut text = select_runs();
            text.push(" WHERE r.system_key = ").bind(system.key);
            text.push(" AND r.run_id > ").bind(after.map_or(0, |after| after.0));
            text.push(" ORDER BY r.run_id LIMIT ").bind(i64::from(limit));
            transaction.fetch(text, |row| Ok(read_run(row)?.run)).await
        })
        .await
    }

    /// A part of the runs of all systems, the newest first unless the oldest are wanted first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn import_runs(&self, slice: &RunSlice) -> Result<Vec<ImportRun>, StoreError> {
        reading!(self, "listing the import runs", |transaction| {
            let mut text = select_runs();
            text.push(" WHERE r.run_id > ").bind(0_i64);
            if let Some(beyond) = slice.beyond {
                text.push(if slice.oldest_first { " AND r.run_id > " } else { " AND r.run_id < " })
                    .bind(beyond.0);
            }
            if let Some(state) = slice.state {
                text.push(" AND r.state = ").bind(state.as_str());
            }
            systems::push_within(&mut text, slice.systems.as_deref());
            text.push(if slice.oldest_first { " ORDER BY r.run_id" } else { " ORDER BY r.run_id DESC" });
            text.push(" LIMIT ").bind(i64::from(slice.limit));
            transaction.fetch(text, |row| Ok(read_run(row)?.run)).await
        })
        .await
    }

    /// What the last published runs of these systems, or of all, say of how much there is; of systems that were not removed,
    /// the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn published_runs(
        &self,
        within: Option<&[SystemId]>,
        most: u32,
    ) -> Result<Vec<PublishedRun>, StoreError> {
        reading!(self, "reading what the last imports found", |transaction| {
            let mut text = Statement::building(
                "SELECT s.system_id, COALESCE(r.published_at, r.started_at), r.collections, r.baseline_run, r.changes \
                 FROM import_runs r JOIN systems s ON s.system_key = r.system_key \
                 WHERE r.run_id > 0 AND r.state = 'published' AND s.removed_at IS NULL",
            );
            systems::push_within(&mut text, within);
            text.push(" ORDER BY r.run_id DESC LIMIT ").bind(i64::from(most));
            let read = |row: &Row| {
                Ok(PublishedRun {
                    system_id: row.word(0)?,
                    at: row.time(1)?,
                    users: CollectionRecord::users(&row.json::<Vec<_>>(2)?),
                    first: row.opt_int(3)?.is_none(),
                    changes: row.json(4)?,
                })
            };
            transaction.fetch_together(text, 5, read).await
        })
        .await
    }

    /// One run.
    ///
    /// # Errors
    /// [`StoreError::RunNotFound`].
    pub async fn get_import_run(&self, run: ImportRunId) -> Result<ImportRun, StoreError> {
        reading!(self, "reading the import run", |transaction| Ok(find_run(transaction, run).await?.run))
            .await
    }

    /// The run that readers see now; `None` before the first one was published.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn latest_published(&self, system_id: &SystemId) -> Result<Option<ImportRun>, StoreError> {
        reading!(self, "reading the last published run", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            latest_published(transaction, system.key).await
        })
        .await
    }

    /// What a run changed or, for one that was not published, would change: from its evidence where there is
    /// some, else from the history. A running or failed run has no changes.
    ///
    /// # Errors
    /// [`StoreError::RunNotFound`], [`StoreError::EvidenceAltered`], [`StoreError::HistoryNotKept`].
    pub async fn import_changes(&self, run: ImportRunId) -> Result<ChangeSet, StoreError> {
        reading!(self, "reading the run's changes", |transaction| {
            let stored = find_run(transaction, run).await?;
            let recorded = stored.run.changes_sha256.as_deref();
            match stored.run.state {
                ImportRunState::Running | ImportRunState::Failed => Ok(ChangeSet::default()),
                ImportRunState::Published if recorded.is_none() => {
                    kept::require_changes(transaction, &stored).await?;
                    history::changes(transaction, &stored.run.system_id, stored.system_key, Span::of_run(run))
                        .await
                }
                _ => {
                    kept::require_changes(transaction, &stored).await?;
                    Evidence::read(transaction, run, recorded).await
                }
            }
        })
        .await
    }

    /// What is different between two published runs of a system, in this order.
    ///
    /// # Errors
    /// [`StoreError::RunNotFound`], [`StoreError::RunNotPublished`], [`StoreError::DifferentSystems`],
    /// [`StoreError::HistoryNotKept`].
    pub async fn difference_between(
        &self,
        first: ImportRunId,
        second: ImportRunId,
    ) -> Result<ChangeSet, StoreError> {
        reading!(self, "comparing the import runs", |transaction| {
            let (one, _) = comparable(transaction, first, second).await?;
            history::changes(
                transaction,
                &one.run.system_id,
                one.system_key,
                Span { from: first, to: second },
            )
            .await
        })
        .await
    }
}

/// Two published runs of one system.
pub(super) async fn comparable(
    transaction: &mut Transaction,
    first: ImportRunId,
    second: ImportRunId,
) -> Result<(StoredRun, StoredRun), StoreError> {
    let (one, other) = (find_run(transaction, first).await?, find_run(transaction, second).await?);
    for stored in [&one, &other] {
        if stored.run.state != ImportRunState::Published {
            return Err(StoreError::RunNotPublished { run: stored.run.id });
        }
    }
    if one.system_key != other.system_key {
        return Err(StoreError::DifferentSystems { first, second });
    }
    let latest = latest_published(transaction, one.system_key).await?.map(|run| run.id);
    for stored in [&one, &other] {
        if latest != Some(stored.run.id) {
            kept::require_as_of(transaction, (one.system_key, &one.run.system_id), stored.run.id).await?;
        }
    }
    Ok((one, other))
}

/// One run, by its number.
pub(crate) async fn find_run(
    transaction: &mut Transaction,
    run: ImportRunId,
) -> Result<StoredRun, StoreError> {
    let mut text = select_runs();
    text.push(" WHERE r.run_id = ").bind(run.0);
    transaction.fetch_optional(text, read_run).await?.ok_or(StoreError::RunNotFound { run })
}

/// The last published run of a system.
pub(crate) async fn latest_published(
    transaction: &mut Transaction,
    system_key: i64,
) -> Result<Option<ImportRun>, StoreError> {
    let mut text = select_runs();
    text.push(" WHERE r.state = 'published' AND r.system_key = ").bind(system_key);
    text.push(" ORDER BY r.run_id DESC LIMIT 1");
    Ok(transaction.fetch_optional(text, read_run).await?.map(|stored| stored.run))
}
