//! Proving that the log is as it was written.

use super::checkpoint::CheckpointState;
use super::trail::proving_key;
use super::{AuditHead, BEGINNING, Hashed, head, unproved_row};
use crate::row::Row;
use crate::statement::statement;
use crate::transaction::{Transaction, reading};
use crate::{Store, StoreError, migrate};

/// How many rows are held in memory at once.
const PAGE: i64 = 1_000;

impl Store {
    /// Computes the chain of the audit log anew, from its first row to its head, and gives the head. Note it
    /// elsewhere: [`Store::audit_holds`] says later whether the log still holds it.
    ///
    /// # Errors
    /// [`StoreError::AuditBroken`] names the first row that was altered, taken away, put in or moved, or the row up to
    /// which nothing is proved; [`StoreError::AuditAltered`] when what keeps rows as they are was taken away, with that row.
    pub async fn verify_audit(&self) -> Result<AuditHead, StoreError> {
        let checkpoint = self.audit_checkpoint().await?;
        if let CheckpointState::Altered(path) = checkpoint {
            return Err(StoreError::CheckpointAltered { path });
        }
        reading!(self, "verifying the audit log", |transaction| {
            let proved = self.prove(transaction, &checkpoint).await;
            let Some(what) = migrate::audit_differences(transaction).await? else { return proved };
            let broken = match proved {
                Ok(_) => None,
                Err(StoreError::AuditBroken { seq, what }) => Some((seq, what)),
                // What is missing of its tables keeps the rest from being read.
                Err(_) => None,
            };
            Err(StoreError::AuditAltered { place: self.place.clone(), what, broken })
        })
        .await
    }

    /// The same in a transaction that has written all of the log and is not committed yet.
    pub(crate) async fn prove_uncommitted(
        &self,
        transaction: &mut Transaction,
    ) -> Result<AuditHead, StoreError> {
        self.prove(transaction, &CheckpointState::None).await
    }

    /// Computes the chain, and holds its end against the head and the checkpoint.
    async fn prove(
        &self,
        transaction: &mut Transaction,
        checkpoint: &CheckpointState,
    ) -> Result<AuditHead, StoreError> {
        let end = walk(transaction).await?;
        let Some((head, code)) = head(transaction).await? else {
            return Err(broken(end.seq, "the note of where the log ends is missing"));
        };
        if head.seq > end.seq {
            return Err(broken(end.seq + 1, "it is missing, and so is everything after it"));
        }
        if head != end {
            return Err(broken(head.seq + 1, "it was added behind the log's end"));
        }
        if let Some(seq) = unproved_row(&code) {
            return Err(broken(seq, UNPROVED));
        }
        if proving_key(transaction, &self.keys, &head, &code).await?.is_none() {
            return Err(broken(head.seq, "the log's end was not written with this store's key"));
        }
        match checkpoint {
            CheckpointState::Missed(seen) if seen.seq > end.seq => Err(broken(end.seq + 1, CUT)),
            CheckpointState::Missed(seen) => Err(broken(seen.seq, REPLACED)),
            _ => Ok(end),
        }
    }
}

const CUT: &str =
    "it is missing, and so is everything after it: the signed checkpoint outside the database has seen more";
const REPLACED: &str = "it is not the row that the signed checkpoint outside the database has seen: it, or rows before it, \
                        were taken away or replaced";

const UNPROVED: &str = "when more was written after it, the log's end had been altered without this store's key, so \
                        neither the rows up to it nor those after it are proved";

async fn walk(transaction: &mut Transaction) -> Result<AuditHead, StoreError> {
    let mut end = AuditHead { seq: 0, hash: BEGINNING.to_owned() };
    let mut after = i64::MIN;
    loop {
        let text = "SELECT seq, at, actor, system_id, action, subject, prev_hash, hash FROM audit_log \
                    WHERE seq > $1 ORDER BY seq LIMIT $2";
        let mut rows = 0;
        let page = statement!(text, after, PAGE);
        let steps = transaction
            .fetch(page, |row| {
                rows += 1;
                // The rows come in order, so each is held against the one before it as it arrives.
                end = next(row, &end)?;
                Ok(())
            })
            .await;
        steps?;
        if rows < PAGE {
            return Ok(end);
        }
        after = end.seq;
    }
}

fn next(row: &Row, before: &AuditHead) -> Result<AuditHead, StoreError> {
    let seq = row.int(0)?;
    let expected = before.seq + 1;
    if seq < expected {
        return Err(broken(seq, "it was added before the log's beginning"));
    }
    if seq > expected {
        return Err(broken(expected, "it is missing"));
    }
    let altered = || broken(seq, "it was altered");
    let (actor, system_id) = (row.text(2).map_err(|_| altered())?, row.opt_text(3).map_err(|_| altered())?);
    let (action, subject) = (row.text(4).map_err(|_| altered())?, row.text(5).map_err(|_| altered())?);
    let (prev_hash, hash) = (row.text(6).map_err(|_| altered())?, row.text(7).map_err(|_| altered())?);
    if prev_hash != before.hash {
        return Err(broken(seq, "it does not follow the row before it"));
    }
    let at = row.int(1).map_err(|_| altered())?;
    let hashed = Hashed {
        seq,
        at,
        actor: &actor,
        system_id: system_id.as_deref(),
        action: &action,
        subject: &subject,
        prev_hash: &prev_hash,
    };
    if hashed.hash() != hash {
        return Err(altered());
    }
    Ok(AuditHead { seq, hash })
}

fn broken(seq: i64, what: &'static str) -> StoreError {
    StoreError::AuditBroken { seq, what }
}
