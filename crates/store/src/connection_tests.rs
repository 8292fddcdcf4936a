//! What the last test of a system's connection found.

use jiff::Timestamp;
use keyreeve_model::SystemId;

use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{reading, writing};
use crate::{Store, StoreError, systems};

/// A test of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionTest {
    /// When it ended.
    pub tested_at: Timestamp,
    /// Who asked for it.
    pub tested_by: String,
    /// The digest of what was tested: of how the system signs in, and what for.
    pub of_sha256: String,
    /// What it found, as JSON.
    pub found: String,
}

impl Store {
    /// Keeps what a test of a system's connection found, in the place of what was found before.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn keep_connection_test(
        &self,
        system: &SystemId,
        test: &ConnectionTest,
    ) -> Result<(), StoreError> {
        writing!(self, "keeping what a test of the connection found", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text = "INSERT INTO connection_tests (system_key, tested_at, tested_by, of_sha256, found) \
                        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (system_key) DO UPDATE SET \
                        tested_at = excluded.tested_at, tested_by = excluded.tested_by, \
                        of_sha256 = excluded.of_sha256, found = excluded.found";
            let at = to_millis(test.tested_at);
            let kept = statement!(text, key, at, &*test.tested_by, &*test.of_sha256, &*test.found);
            transaction.execute(kept).await.map(|_| ())
        })
        .await
    }

    /// What the last test of a system's connection found; `None` before the first.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn connection_test(&self, system: &SystemId) -> Result<Option<ConnectionTest>, StoreError> {
        reading!(self, "reading what a test of the connection found", |transaction| {
            let key = systems::find(transaction, system, false).await?.key;
            let text =
                "SELECT tested_at, tested_by, of_sha256, found FROM connection_tests WHERE system_key = $1";
            let read = |row: &crate::row::Row| {
                Ok(ConnectionTest {
                    tested_at: row.time(0)?,
                    tested_by: row.text(1)?,
                    of_sha256: row.text(2)?,
                    found: row.text(3)?,
                })
            };
            transaction.fetch_optional(statement!(text, key), read).await
        })
        .await
    }
}
