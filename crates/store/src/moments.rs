//! When something was last written, by the clock of whoever wrote it.

use jiff::Timestamp;

use crate::statement::statement;
use crate::transaction::reading;
use crate::{Store, StoreError};

impl Store {
    /// The latest moment that anything in the store speaks of as past; `None` of an empty store. A clock that shows an
    /// earlier time is, or was, wrong.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn latest_moment(&self) -> Result<Option<Timestamp>, StoreError> {
        const TEXTS: [&str; 3] = [
            "SELECT MAX(at) FROM audit_log",
            "SELECT MAX(started_at) FROM import_runs",
            "SELECT MAX(updated_at) FROM systems",
        ];
        reading!(self, "looking at what was written last", |transaction| {
            let mut latest = None;
            for text in TEXTS {
                let found = transaction.fetch_one(statement!(text), |row| row.opt_time(0)).await?;
                latest = latest.max(found);
            }
            Ok(latest)
        })
        .await
    }
}
