//! How much of what is waiting: numbers for watching, and no names.

use jiff::Timestamp;

use crate::statement::statement;
use crate::transaction::reading;
use crate::{Store, StoreError};

/// What is waiting, or needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Jobs that nobody has begun.
    pub queued_jobs: i64,
    /// Since when the one that has waited longest was asked for.
    pub oldest_queued_at: Option<Timestamp>,
    /// Jobs under way.
    pub running_jobs: i64,
    /// Jobs that wait for a second person.
    pub awaiting_approval: i64,
    /// Claims that no import has confirmed yet.
    pub open_claims: i64,
    /// Claims that an import saw the contrary of, and that nothing has ended since.
    pub contradicted_claims: i64,
    /// Imports that wait for a person.
    pub suspended_imports: i64,
    /// Systems that are quarantined.
    pub quarantined_systems: i64,
    /// What people are still to be told; at [`crate::MOST_UNTOLD`] the oldest is given up.
    pub untold_notifications: i64,
}

impl Store {
    /// Counts what is waiting.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        const JOBS: &str = "SELECT state, COUNT(*), MIN(created_at) FROM provisioning_jobs \
                            WHERE finished_at IS NULL GROUP BY state";
        const OTHERS: &str = "SELECT (SELECT COUNT(*) FROM claims WHERE state = 'open'), \
                              (SELECT COUNT(*) FROM claims WHERE state = 'contradicted' AND drift_ended_at IS NULL), \
                              (SELECT COUNT(*) FROM import_runs WHERE state = 'suspended'), \
                              (SELECT COUNT(*) FROM systems WHERE state = 'quarantined' AND removed_at IS NULL), \
                              (SELECT COUNT(*) FROM notifications WHERE told_at IS NULL)";
        reading!(self, "counting what is waiting", |transaction| {
            let jobs = transaction
                .fetch(statement!(JOBS), |row| Ok((row.text(0)?, row.int(1)?, row.opt_time(2)?)))
                .await?;
            let of = |state: &str| jobs.iter().find(|(found, ..)| found == state);
            let count = |state: &str| of(state).map_or(0, |(_, count, _)| *count);
            let standing = |row: &crate::row::Row| {
                Ok(Standing {
                    queued_jobs: count("queued"),
                    oldest_queued_at: of("queued").and_then(|(.., since)| *since),
                    running_jobs: count("running"),
                    awaiting_approval: count("awaiting_approval"),
                    open_claims: row.int(0)?,
                    contradicted_claims: row.int(1)?,
                    suspended_imports: row.int(2)?,
                    quarantined_systems: row.int(3)?,
                    untold_notifications: row.int(4)?,
                })
            };
            transaction.fetch_one(statement!(OTHERS), standing).await
        })
        .await
    }
}
