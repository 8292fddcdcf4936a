//! Moving a store from SQLite to PostgreSQL: all of it in one transaction there, and nothing of it if anything is not as it
//! was here.
//!
//! The file is held for us alone meanwhile. The row of the audit log that tells of the move is written in the same
//! transaction, and the log is proved in it from its first row, so what is committed is a whole store. After that the file
//! gets another name. A process that is killed before the commit leaves both places as they were; after it, the next one
//! finds the store there and says so.

mod copy;
mod tables;
mod target;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sqlx::SqliteConnection;

use crate::audit::{Trail, settle_lost_answer};
use crate::backup::sync_folder;
use crate::connect::Pools;
use crate::sqlite_file::{beside, files_beside, remove_empty_log, rename_database};
use crate::sqlite_hold::Hold;
use crate::transaction::{failure, reading};
use crate::{CrashPoint, DatabaseUrl, Store, StoreError, migrate};

const DOING: &str = "moving the store to PostgreSQL";

/// What is added to the name of a store that was moved, before a number that tells when.
const MOVED: &str = ".moved-";

/// A table, and how many rows of it are moved, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovedTable {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// All tables, in the order in which they were carried over.
    pub tables: Vec<MovedTable>,
    /// Where the file is now.
    pub kept: PathBuf,
}

/// What moves have left of an SQLite store that was in this place, the latest last.
#[must_use]
pub fn left_by_moves(store: &Path) -> Vec<PathBuf> {
    files_beside(store, |ending| {
        let number = ending.strip_prefix(MOVED);
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn refused(why: String, advice: String) -> StoreError {
    StoreError::MoveRefused { why, advice }
}

impl Store {
    /// What there is to move, if it can be moved there. Both places are only read, and the store may be in use.
    ///
    /// # Errors
    /// [`StoreError::MoveRefused`], [`StoreError::Unreachable`]; those of [`Self::verify_audit`], because a log that does not
    /// hold here would not hold there.
    pub async fn plan_move(&self, target: &DatabaseUrl) -> Result<Vec<MovedTable>, StoreError> {
        self.file_to_move(target)?;
        let store_id = self.keys.kek()?.store_id.clone();
        let there = Self::connect(target);
        let looked = async {
            there.reach_target().await?;
            reading!(there, DOING, |transaction| {
                target::require_empty(transaction, (&self.place, &there.place), &store_id).await
            })
            .await
        }
        .await;
        there.close().await;
        looked?;
        self.verify_audit().await?;
        self.count_rows().await
    }

    async fn count_rows(&self) -> Result<Vec<MovedTable>, StoreError> {
        let Pools::Sqlite(pools) = &self.pools else { return Ok(Vec::new()) };
        let failed = |error: sqlx::Error| failure(DOING, &self.place, &error);
        // All of one moment.
        let mut transaction = pools.begin(false).await.map_err(failed)?;
        let mut counted = Vec::new();
        for table in tables::of_sqlite(&mut transaction, &self.place).await? {
            let rows = tables::count(&mut transaction, &self.place, &table).await?;
            counted.push(MovedTable { table: table.name, rows });
        }
        transaction.rollback().await.map_err(failed)?;
        Ok(counted)
    }

    /// Moves this store there, closes it, and gives its file another name. The key stays the same.
    ///
    /// # Errors
    /// [`StoreError::MoveRefused`], [`StoreError::Unreachable`], [`StoreError::InUse`], [`StoreError::MoveDiffers`] and what
    /// the databases refuse: this store is as it was then, and nothing is there. [`StoreError::MovedNotRenamed`] and
    /// [`StoreError::CommitUnknown`] say what else there may be.
    pub async fn move_to(
        &self,
        target: &DatabaseUrl,
        actor: &str,
        now: Timestamp,
    ) -> Result<Moved, StoreError> {
        let path = self.file_to_move(target)?;
        let there = Self::connect(target);
        there.keys.hold(self.keys.kek()?.as_ref().clone());
        there.take_over_checkpoint(self);
        let moved = async {
            there.reach_target().await?;
            self.close().await;
            let mut hold = Hold::take(path, now).await?;
            let moved = self.move_held(&there, path, &mut hold, (actor, now)).await;
            hold.release().await;
            moved
        }
        .await;
        there.close().await;
        moved
    }

    async fn move_held(
        &self,
        there: &Self,
        path: &Path,
        hold: &mut Hold,
        by: (&str, Timestamp),
    ) -> Result<Moved, StoreError> {
        let from = hold.connection().ok_or_else(|| {
            refused(
                format!("the file {} cannot be locked against others", path.display()),
                "see that it is there, and that this user may write it and its folder".to_owned(),
            )
        })?;
        let tables = self.carry(there, from, by).await?;
        CrashPoint::AfterMoveCommit.pass();
        let kept = beside(path, &format!("{MOVED}{}", by.1.as_millisecond()));
        let renamed = rename_database(path, &kept).and_then(|()| {
            remove_empty_log(&kept);
            sync_folder(path)
        });
        CrashPoint::AfterMoveRename.pass();
        match renamed {
            Ok(()) => Ok(Moved { tables, kept }),
            Err(error) => Err(StoreError::MovedNotRenamed {
                file: path.display().to_string(),
                to: there.place.clone(),
                why: error.to_string(),
            }),
        }
    }

    /// Carries everything over, in one transaction.
    async fn carry(
        &self,
        there: &Self,
        from: &mut SqliteConnection,
        (actor, now): (&str, Timestamp),
    ) -> Result<Vec<MovedTable>, StoreError> {
        let tables = tables::of_sqlite(from, &self.place).await?;
        let store_id = there.keys.kek()?.store_id.clone();
        let mut begun = there.begin(DOING, true).await?;
        target::take_time(&mut begun).await?;
        // Whoever makes a store there comes before or after.
        migrate::lock(&mut begun).await?;
        target::require_empty(&mut begun, (&self.place, &there.place), &store_id).await?;
        migrate::make_tables(&mut begun).await?;
        let counting = tables::compare(&tables, &mut begun).await?;
        let mut moved = Vec::with_capacity(tables.len());
        for table in &tables {
            let rows = copy::carry((&mut *from, &self.place), (&mut begun, &there.place), table).await?;
            tracing::info!(table = table.name, rows, "moved");
            moved.push(MovedTable { table: table.name.clone(), rows });
            CrashPoint::MidMove.pass();
        }
        target::go_on_counting((from, &self.place), &mut begun, &counting).await?;
        migrate::note_schema(&mut begun).await?;
        let mut trail = Trail::lock(&mut begun, &there.keys, now).await?;
        let rows: u64 = moved.iter().map(|table| table.rows).sum();
        let subject = json!({"from": self.place, "to": there.place, "tables": moved.len(), "rows": rows});
        trail.note(actor, None, "store_migrated", &subject);
        let written = trail.append(&mut begun).await?;
        there.prove_uncommitted(&mut begun).await?;
        CrashPoint::BeforeMoveCommit.pass();
        match (begun.commit().await, written) {
            (Err(lost @ StoreError::CommitUnknown { .. }), Some(written)) => {
                settle_lost_answer(there, DOING, now, &written, lost).await?;
            }
            (committed, _) => committed?,
        }
        Ok(moved)
    }

    /// The file, if it is one and is to be moved to PostgreSQL.
    fn file_to_move(&self, target: &DatabaseUrl) -> Result<&Path, StoreError> {
        match (self.url.sqlite_path(), target.sqlite_path()) {
            (None, _) => Err(refused(
                format!("it is in PostgreSQL already, at {}", self.place),
                "to move it from there to another PostgreSQL, use pg_dump and pg_restore".to_owned(),
            )),
            (Some(_), Some(_)) => Err(refused(
                "the address that was given is that of an SQLite file".to_owned(),
                "give postgres://USER@HOST/DATABASE".to_owned(),
            )),
            (Some(path), None) => Ok(path),
        }
    }

    /// Whether the place to move to lets us in. It is not the one that is configured.
    async fn reach_target(&self) -> Result<(), StoreError> {
        self.reach().await.map_err(|error| match error {
            StoreError::Unreachable { place, why, advice } => StoreError::Unreachable {
                place,
                why,
                advice: advice.replace("of `database`", "of the address that was given"),
            },
            other => other,
        })
    }
}
