//! Removing what was given up, a little at a time, so that nobody waits for it.

use super::{LeftToRemove, floor};
use crate::dialect::Dialect;
use crate::statement::statement;
use crate::transaction::{Transaction, writing};
use crate::{CrashPoint, Store, StoreError};

/// So many rows are deleted by one statement.
const AT_ONCE: i64 = 500;

impl Store {
    /// Removes some of what was given up, and tells whether more may be left. SQLite deletes a few rows;
    /// PostgreSQL drops a part of a table that is given up whole once nobody reads any more who may have begun before that,
    /// and what lies in a part that is not stays until it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn forget_history(&self) -> Result<LeftToRemove, StoreError> {
        let left = writing!(self, "removing old history", |transaction| {
            let floor = floor(transaction).await?;
            if floor == 0 {
                return Ok(false);
            }
            let mut left = delete_evidence(transaction, floor).await?;
            if transaction.dialect() == Dialect::Sqlite {
                left |= delete_versions(transaction, floor).await?;
            }
            Ok(left)
        })
        .await?;
        CrashPoint::AfterSomeForgotten.pass();
        let left = if left { LeftToRemove::Some } else { LeftToRemove::Nothing };
        Ok(match self.is_in_parts() {
            true => left.max(self.drop_old_parts().await?),
            false => left,
        })
    }
}

/// Deletes some of the evidence of runs that were decided about.
async fn delete_evidence(transaction: &mut Transaction, floor: i64) -> Result<bool, StoreError> {
    const FIRST: &str = "SELECT c.run_id, c.seq FROM import_changes c JOIN import_runs r ON r.run_id = c.run_id \
                         WHERE c.run_id <= $1 AND r.state <> 'suspended' ORDER BY c.run_id, c.seq LIMIT 1";
    const DELETE: &str = "DELETE FROM import_changes WHERE run_id = $1 AND seq < $2";
    let first = statement!(FIRST, floor);
    let first = transaction.fetch_optional(first, |row| Ok((row.int(0)?, row.int(1)?))).await?;
    let Some((run, seq)) = first else { return Ok(false) };
    transaction.execute(statement!(DELETE, run, seq.saturating_add(AT_ONCE))).await?;
    Ok(true)
}

/// Deletes some versions of each table. Systems are gone through one by one: the index begins with them.
async fn delete_versions(transaction: &mut Transaction, floor: i64) -> Result<bool, StoreError> {
    const ACCOUNTS: &str = "DELETE FROM account_versions WHERE rowid IN (SELECT v.rowid FROM systems s \
         CROSS JOIN account_versions v WHERE v.system_key = s.system_key AND v.valid_to_run <= $1 LIMIT $2)";
    const RESOURCES: &str = "DELETE FROM resource_versions WHERE rowid IN (SELECT v.rowid FROM systems s \
         CROSS JOIN resource_versions v WHERE v.system_key = s.system_key AND v.valid_to_run <= $1 LIMIT $2)";
    const ASSIGNMENTS: &str = "DELETE FROM assignment_versions WHERE rowid IN (SELECT v.rowid FROM systems s \
         CROSS JOIN assignment_versions v WHERE v.system_key = s.system_key AND v.valid_to_run <= $1 LIMIT $2)";
    for text in [ACCOUNTS, RESOURCES, ASSIGNMENTS] {
        // One table after the other: what is left of the next ones is deleted the next time.
        if transaction.execute(statement!(text, floor, AT_ONCE)).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
