//! Reading the log.

use jiff::Timestamp;

use super::{AUDIT_ACTIONS, AuditFilter, AuditHead, AuditRow, Trail};
use crate::dialect::Dialect;
use crate::inventory::{is_pattern, like_pattern};
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::time::to_millis;
use crate::transaction::{reading, writing};
use crate::{Store, StoreError};

const COLUMNS: &str = "SELECT seq, at, actor, system_id, action, subject, prev_hash, hash FROM audit_log";

/// What is said of a job as a whole.
fn of_jobs() -> impl Iterator<Item = &'static str> {
    AUDIT_ACTIONS.into_iter().filter(|action| action.starts_with("job_") || *action == "secrets_renewed")
}

impl Store {
    /// Rows of the audit log, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        reading!(self, "reading the audit log", |transaction| {
            let mut text = fitting(filter, transaction.dialect());
            text.push(" ORDER BY seq DESC LIMIT ").bind(i64::from(limit));
            transaction.fetch(text, read_row).await
        })
        .await
    }

    /// Rows of the audit log, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn oldest_audit(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        reading!(self, "reading the audit log", |transaction| {
            let mut text = fitting(filter, transaction.dialect());
            text.push(" ORDER BY seq LIMIT ").bind(i64::from(limit));
            transaction.fetch(text, read_row).await
        })
        .await
    }

    /// Rows of the audit log after a given one, the oldest first: for whoever copies the log elsewhere.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit_after(&self, seq: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let mut text = Statement::building(COLUMNS);
        text.push(" WHERE seq > ").bind(seq).push(" ORDER BY seq LIMIT ").bind(i64::from(limit));
        reading!(self, "reading the audit log", |transaction| transaction.fetch(text.clone(), read_row).await)
            .await
    }

    /// Notes that somebody was refused what they asked for: whose token it was, and what was asked.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_refusal(
        &self,
        actor: &str,
        subject: &serde_json::Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "writing down a refusal", |transaction| {
            let mut trail = Trail::lock(transaction, &self.keys, now).await?;
            trail.note(actor, None, "access_refused", subject);
            trail.append(transaction).await.map(drop)
        })
        .await
    }

    /// Whether the log holds the row that was once its last: `false` when rows were taken away or replaced since.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit_holds(&self, noted: &AuditHead) -> Result<bool, StoreError> {
        if noted.seq == 0 {
            return Ok(noted.hash == super::BEGINNING);
        }
        let text = "SELECT hash FROM audit_log WHERE seq = $1";
        let found = reading!(self, "reading the audit log", |transaction| {
            transaction.fetch_optional(statement!(text, noted.seq), |row| row.text(0)).await
        })
        .await?;
        Ok(found.as_ref() == Some(&noted.hash))
    }
}

/// The rows that a filter lets through.
fn fitting(filter: &AuditFilter, dialect: Dialect) -> Statement {
    let mut text = Statement::building(COLUMNS);
    text.push(" WHERE seq > ").bind(filter.after.unwrap_or(0));
    if let Some(system_id) = &filter.system_id {
        text.push(" AND system_id = ").bind(system_id.as_str());
    }
    if let Some(actor) = &filter.actor {
        match is_pattern(actor) {
            true => {
                text.push(" AND lower(actor) LIKE lower(").bind(like_pattern(actor)).push(") ESCAPE '\\'");
            }
            false => {
                text.push(" AND lower(actor) = lower(").bind(actor.as_str()).push(")");
            }
        }
    }
    if let Some(action) = &filter.action {
        text.push(" AND action = ").bind(action.as_str());
    }
    if let Some(account) = &filter.account {
        // Subjects are stored as serde_json writes them, without white space.
        let named = format!(r#""account":{}"#, serde_json::Value::from(account.as_str()));
        text.push(" AND (replace(lower(subject), lower(").bind(named).push("), '') <> lower(subject)");
        // What is done with a whole job names no account, and is about those of its tasks.
        text.push(" OR CASE WHEN action IN (");
        for (at, action) in of_jobs().enumerate() {
            text.push(if at == 0 { "" } else { ", " }).bind(action);
        }
        text.push(") THEN EXISTS (SELECT 1 FROM tasks t WHERE t.job_id = ");
        text.push(&dialect.number_in("subject", "job")).push(" AND t.account_folded = ");
        text.bind(account.to_lowercase()).push(") ELSE 1 = 0 END)");
    }
    if let Some(since) = filter.since {
        text.push(" AND at >= ").bind(to_millis(since));
    }
    if let Some(until) = filter.until {
        text.push(" AND at < ").bind(to_millis(until));
    }
    if let Some(before) = filter.before {
        text.push(" AND seq < ").bind(before);
    }
    text
}

fn read_row(row: &Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        seq: row.int(0)?,
        at: row.time(1)?,
        actor: row.text(2)?,
        system_id: row.opt_word(3)?,
        action: row.text(4)?,
        subject: row.json(5)?,
        prev_hash: row.text(6)?,
        hash: row.text(7)?,
    })
}
