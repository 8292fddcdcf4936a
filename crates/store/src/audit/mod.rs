//! The audit log: who did what, each row bound to the one before it.
//!
//! A row is written in the transaction of the thing it records, so neither is there without the other. `hash` is the
//! SHA-256 of the row in canonical JSON with `prev_hash`, the hash of the row before; the first row has 64 zeros there.
//! Whoever writes locks `audit_head` first: that keeps the rows in one line, and makes recorded changes happen one at
//! a time in both databases. The head carries a code made with the store's key, that of an empty log too, so that who
//! can write to the database but has no key cannot compute a chain of his own. Whoever adds rows checks the code first:
//! a head that does not have the code it should have is never given one again, so that verifying goes on to say so. A
//! log put back to an older state as a whole is found by a head that was noted elsewhere.

mod checkpoint;
mod read;
mod sinks;
mod trail;
mod verify;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use keyreeve_model::SystemId;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::data_keys::DataKey;
use crate::statement::statement;
use crate::transaction::Transaction;
use crate::{StoreError, StoreKey};

pub(crate) use checkpoint::Checkpoints;
pub use checkpoint::{AuditCheckpoint, CHECKPOINT_NAME, CheckpointState};
pub use sinks::{AuditBatch, AuditFrom, AuditSinkStanding};
pub(crate) use trail::{Done, Trail, recording, settle_lost_answer};

/// What rows say that was done: everything that this version writes. A log may hold words of later versions.
pub const AUDIT_ACTIONS: [&str; 86] = [
    "access_call_attempted",
    "access_call_settled",
    "access_refused",
    "audit_checkpoint_renewed",
    "audit_key_replaced",
    "claims_settled",
    "credentials_replaced",
    "drift_accepted",
    "history_trimmed",
    "import_accepted",
    "import_rejected",
    "job_approved",
    "job_cancel_asked",
    "job_cancelled",
    "job_created",
    "job_dismissed",
    "job_ended",
    "job_held",
    "job_rejected",
    "job_released",
    "job_retried",
    "job_started",
    "key_rotation_abandoned",
    "key_rotation_begun",
    "key_rotation_finished",
    "key_rotation_handed_over",
    "key_rotation_key_made",
    "key_rotation_old_key_off",
    "key_rotation_taken_over",
    "manifest_kept",
    "mapping_reset",
    "mapping_set",
    "membership_noted",
    "organization_discovered",
    "password_destroyed",
    "password_expired",
    "password_opened",
    "password_second_attempt",
    "password_superseded",
    "password_unclaimed",
    "person_added",
    "person_changed",
    "person_disabled",
    "person_enabled",
    "person_password_set",
    "person_removed",
    "profile_removed",
    "profile_set",
    "protection_added",
    "protection_removed",
    "recreate_package_kept",
    "rekey_abandoned",
    "rekey_begun",
    "rekey_finished",
    "scim_resource_deleted",
    "scim_resource_kept",
    "secrets_renewed",
    "session_ended",
    "sign_in_failed",
    "signed_in",
    "step_attempted",
    "step_not_made",
    "step_planned_again",
    "step_settled",
    "steps_replaced",
    "store_migrated",
    "store_restored",
    "system_changed",
    "system_pinned",
    "system_quarantined",
    "system_registered",
    "system_released",
    "system_removed",
    "system_suspended",
    "task_cancelled",
    "task_crash_withdrawn",
    "task_created",
    "task_ended",
    "task_failed",
    "task_lease_lost",
    "task_postponed",
    "task_queued",
    "task_started",
    "task_taken_over",
    "token_created",
    "token_revoked",
];

/// One row of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Its place: 1, 2, 3, … without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who: whose token it was, `local:` and a user of the operating system, or who asked for the job.
    pub actor: String,
    /// The system it is about.
    pub system_id: Option<SystemId>,
    /// What was done: `job_created`, `step_attempted`, ….
    pub action: String,
    /// What it was done to. No secret.
    pub subject: serde_json::Value,
    /// The hash of the row before.
    pub prev_hash: String,
    /// SHA-256 of this row with `prev_hash`, in hex.
    pub hash: String,
}

/// The end of the audit log at some moment. Noted elsewhere, it proves later that nothing before it was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// The last row; 0 of an empty log.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl std::str::FromStr for AuditHead {
    type Err = &'static str;

    /// Reads `SEQ:HASH`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let noted = text.split_once(':').and_then(|(seq, hash)| {
            let seq = seq.parse().ok().filter(|seq: &i64| *seq >= 0)?;
            let whole = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            whole.then(|| Self { seq, hash: hash.to_ascii_lowercase() })
        });
        noted.ok_or("is given by the number of a row and its hash, as `audit verify` shows them: SEQ:HASH")
    }
}

/// Which rows of the audit log. Conditions that are set must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this system.
    pub system_id: Option<SystemId>,
    /// Done by this actor, ignoring case; with `*` or `?` in it, a pattern for the whole name.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// About tasks of this account, or a job with such a task, by the name it had then, ignoring case. Rows of older versions
    /// name the account of a task only where that was created.
    pub account: Option<String>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Before this row: for turning pages.
    pub before: Option<i64>,
    /// After this row: for whoever has the log up to it.
    pub after: Option<i64>,
}

/// What the first row has for the hash of the row before.
pub(crate) const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What the hash of a row is made of.
struct Hashed<'a> {
    seq: i64,
    at: i64,
    actor: &'a str,
    system_id: Option<&'a str>,
    action: &'a str,
    /// As it is stored, byte for byte.
    subject: &'a str,
    prev_hash: &'a str,
}

impl Hashed<'_> {
    /// The canonical JSON of the row: keys in order, no white space, the time in milliseconds since 1970.
    fn text(&self) -> String {
        let word = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            r#"{{"action":{},"actor":{},"at":{},"prev_hash":{},"seq":{},"subject":{},"system_id":{}}}"#,
            word(self.action),
            word(self.actor),
            self.at,
            word(self.prev_hash),
            self.seq,
            self.subject,
            self.system_id.map_or_else(|| "null".to_owned(), word),
        )
    }

    fn hash(&self) -> String {
        keyreeve_model::digest_hex(self.text().as_bytes())
    }
}

/// The code that proves that a holder of the store's data key wrote this head, with the key's version before it.
fn mac(key: &DataKey, version: i64, seq: i64, hash: &str) -> String {
    format!("{version}:{}", code(key.bytes(), seq, hash))
}

/// The version of the key that a code was made with; a code of earlier versions of Keyreeve names none.
fn key_version(mac: &str) -> Option<i64> {
    mac.split_once(':').and_then(|(version, _)| version.parse().ok())
}

/// What stands in the place of a code when rows were added to a log whose end, this row, did not have its code.
fn unproved(seq: i64) -> String {
    format!("unproved:{seq}")
}

/// The row up to which nothing is proved, and after which nothing can be.
fn unproved_row(mac: &str) -> Option<i64> {
    mac.strip_prefix("unproved:").and_then(|seq| seq.parse().ok())
}

/// The head of a log, and its code.
async fn head(transaction: &mut Transaction) -> Result<Option<(AuditHead, String)>, StoreError> {
    let text = "SELECT seq, hash, mac FROM audit_head WHERE marker = 1";
    transaction
        .fetch_optional(statement!(text), |row| {
            Ok((AuditHead { seq: row.int(0)?, hash: row.text(1)? }, row.text(2)?))
        })
        .await
}

/// Gives the end of a log that has no rows yet its code.
pub(crate) async fn seal_beginning(
    transaction: &mut Transaction,
    key: &DataKey,
    version: i64,
) -> Result<(), StoreError> {
    set_mac(transaction, &mac(key, version, 0, BEGINNING)).await
}

/// Of a log that an earlier version of Keyreeve wrote: its end gets its code from the data key. What does not have the
/// code it should have keeps it, so that verifying still says so. An empty log had none.
pub(crate) async fn seal_end_anew(
    transaction: &mut Transaction,
    before: &StoreKey,
    key: &DataKey,
    version: i64,
) -> Result<(), StoreError> {
    let Some((AuditHead { seq, hash }, found)) = head(transaction).await? else { return Ok(()) };
    let is_right = match seq {
        0 => hash == BEGINNING && found.is_empty() && !was_written(transaction).await?,
        _ => found == code(before.bytes(), seq, &hash),
    };
    if is_right {
        set_mac(transaction, &mac(key, version, seq, &hash)).await?;
    }
    Ok(())
}

/// Whether there is something that was never written without a row in the log.
async fn was_written(transaction: &mut Transaction) -> Result<bool, StoreError> {
    let text = "SELECT COUNT(*) FROM (SELECT seq FROM audit_log UNION ALL SELECT job_id FROM provisioning_jobs) found";
    Ok(transaction.fetch_one(statement!(text), |row| row.int(0)).await? > 0)
}

async fn set_mac(transaction: &mut Transaction, mac: &str) -> Result<(), StoreError> {
    transaction.execute(statement!("UPDATE audit_head SET mac = $1 WHERE marker = 1", mac)).await.map(|_| ())
}

fn code(key: &[u8; 32], seq: i64, hash: &str) -> String {
    // HMAC fills a shorter key up with zeros to the length of a block of its digest (RFC 2104), 64 bytes here.
    let mut block = Zeroizing::new([0_u8; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(format!("keyreeve\0audit_head\0{seq}\0{hash}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_hashed_as_its_canonical_json() {
        let subject = serde_json::json!({"task": 2, "job": 1, "note": "\"ü\n"}).to_string();
        let row = Hashed {
            seq: 7,
            at: 12,
            actor: "local:\"a\"",
            system_id: None,
            action: "job_created",
            subject: &subject,
            prev_hash: BEGINNING,
        };
        let whole: serde_json::Value = serde_json::from_str(&row.text()).unwrap();
        assert_eq!(keyreeve_model::canonical_json(&whole).unwrap(), row.text());
        assert_eq!(whole["subject"]["task"], 2);
        assert_eq!(whole["system_id"], serde_json::Value::Null);
    }
}
