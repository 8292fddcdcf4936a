//! How far the log has been taken by the places outside that it is sent to.
//!
//! Each sink has a position: the last row that it took, with its hash. It moves only when the sink took what follows, so
//! what is lost on the way, or with this process, is sent again. Whoever sends holds the sink for a while; a position moves
//! only from where its holder found it, so it never goes back, whoever else believes to hold it.

use jiff::{SignedDuration, Timestamp};

use super::{AuditHead, AuditRow, BEGINNING};
use crate::notifications::Event;
use crate::row::Row;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{reading, writing};
use crate::{Store, StoreError};

/// When a sink has taken nothing for so long, people are told.
const TOLD_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Where a sink begins that has no position yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditFrom {
    /// With the log's first row.
    #[default]
    Start,
    /// With the next row that is written.
    Now,
}

/// Rows that a sink is to take next.
#[derive(Debug)]
pub struct AuditBatch {
    /// The rows, in order; none when the log does not go on from what the sink took last.
    pub rows: Vec<AuditRow>,
    /// What the sink took last.
    pub after: AuditHead,
    /// How often in a row it has taken nothing.
    pub failures: u32,
    sink: String,
    holder: String,
    /// So many rows wait at least.
    waiting: i64,
}

/// How a sink is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSinkStanding {
    /// Its name.
    pub name: String,
    /// The last row that it took.
    pub sent_seq: i64,
    /// When it last took something.
    pub sent_at: Option<Timestamp>,
    /// So many rows it has not taken.
    pub rows_behind: i64,
    /// When the oldest of these was written.
    pub oldest_at: Option<Timestamp>,
    /// How often in a row it has taken nothing.
    pub failures: u32,
    /// Why not, the last time. No secret.
    pub last_error: Option<String>,
}

impl Store {
    /// Gives a sink a position, unless it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_audit_sink(&self, name: &str, from: AuditFrom) -> Result<(), StoreError> {
        let known = "SELECT COUNT(*) FROM audit_sinks WHERE name = $1";
        let is_known = reading!(self, "looking for an audit sink", |transaction| {
            transaction.fetch_one(statement!(known, name), |row| row.flag(0)).await
        });
        if is_known.await? {
            return Ok(());
        }
        let text = match from {
            AuditFrom::Start => {
                "INSERT INTO audit_sinks (name, sent_seq, sent_hash, holder, held_until, failures, next_at) \
                 VALUES ($1, 0, $2, '', 0, 0, 0) ON CONFLICT (name) DO NOTHING"
            }
            AuditFrom::Now => {
                "INSERT INTO audit_sinks (name, sent_seq, sent_hash, holder, held_until, failures, next_at) \
                 SELECT $1, seq, hash, '', 0, 0, 0 FROM audit_head WHERE marker = 1 ON CONFLICT (name) DO NOTHING"
            }
        };
        writing!(self, "giving an audit sink its place", |transaction| {
            let begin = match from {
                AuditFrom::Start => statement!(text, name, BEGINNING),
                AuditFrom::Now => statement!(text, name),
            };
            transaction.execute(begin).await.map(|_| ())
        })
        .await
    }

    /// The rows that a sink is to take next, at most `limit`, and holds the sink for `holder` until `until`. `None` when
    /// there is nothing to take, somebody else holds it, or it is not to be tried yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_audit_rows(
        &self,
        name: &str,
        holder: &str,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<AuditBatch>, StoreError> {
        let now = to_millis(now);
        // Most of the time there is nothing, and then nothing is locked.
        let look = "SELECT COUNT(*) FROM audit_sinks s, audit_head h WHERE s.name = $1 AND h.marker = 1 \
                    AND h.seq <> s.sent_seq AND s.next_at <= $2 AND (s.held_until <= $2 OR s.holder = $3)";
        let is_due = reading!(self, "looking for rows to be sent", |transaction| {
            transaction.fetch_one(statement!(look, name, now, holder), |row| row.flag(0)).await
        });
        if !is_due.await? {
            return Ok(None);
        }
        let hold = "UPDATE audit_sinks SET holder = $1, held_until = $2 \
                    WHERE name = $3 AND next_at <= $4 AND (held_until <= $4 OR holder = $1) \
                    RETURNING sent_seq, sent_hash, failures, (SELECT seq FROM audit_head WHERE marker = 1)";
        let held = writing!(self, "taking an audit sink", |transaction| {
            let read = |row: &Row| {
                let after = AuditHead { seq: row.int(0)?, hash: row.text(1)? };
                Ok((after, count(row, 2)?, row.int(3)?))
            };
            transaction.fetch_optional(statement!(hold, holder, to_millis(until), name, now), read).await
        })
        .await?;
        // Somebody else was faster, and has taken it, or given it all there was.
        let Some((after, failures, end)) = held.filter(|(after, _, end)| after.seq != *end) else {
            return Ok(None);
        };
        let mut rows = self.audit_after(after.seq, limit).await?;
        // The log was cut or altered, or another one put in its place.
        if rows.first().is_none_or(|first| first.prev_hash != after.hash) {
            rows.clear();
        }
        let waiting = (end - after.seq).max(0);
        Ok(Some(AuditBatch {
            rows,
            after,
            failures,
            sink: name.to_owned(),
            holder: holder.to_owned(),
            waiting,
        }))
    }

    /// Keeps that a sink took the rows up to this one. `false` when it was not the holder any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn audit_rows_taken(
        &self,
        batch: &AuditBatch,
        last: &AuditRow,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let text = "UPDATE audit_sinks SET sent_seq = $1, sent_hash = $2, sent_at = $3, failures = 0, \
                    failing_since = NULL, next_at = 0, last_error = NULL \
                    WHERE name = $4 AND holder = $5 AND sent_seq = $6";
        let (sink, holder) = (batch.sink.as_str(), batch.holder.as_str());
        let rows = writing!(self, "keeping what an audit sink took", |transaction| {
            let hash = last.hash.as_str();
            let keep = statement!(text, last.seq, hash, to_millis(now), sink, holder, batch.after.seq);
            transaction.execute(keep).await
        });
        Ok(rows.await? > 0)
    }

    /// Keeps that a sink took nothing, and why; it is not tried before `next_at`. When that lasts, people are told.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn audit_rows_not_taken(
        &self,
        batch: &AuditBatch,
        why: &str,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let text = "UPDATE audit_sinks SET failures = failures + 1, failing_since = COALESCE(failing_since, $1), \
                    next_at = $2, last_error = $3 WHERE name = $4 AND holder = $5 AND sent_seq = $6 \
                    RETURNING failing_since";
        let told_before = to_millis(now.checked_sub(TOLD_AFTER).unwrap_or(Timestamp::MIN));
        let (sink, now) = (batch.sink.as_str(), to_millis(now));
        writing!(self, "keeping what an audit sink did not take", |transaction| {
            let holder = batch.holder.as_str();
            let keep = statement!(text, now, to_millis(next_at), why, sink, holder, batch.after.seq);
            let since = transaction.fetch_optional(keep, |row| row.int(0)).await?;
            if let Some(since) = since.filter(|since| *since <= told_before) {
                Event::audit_sink_behind(sink, since, batch.waiting).put(transaction, None, now).await?;
            }
            Ok(())
        })
        .await
    }

    /// Leaves a sink to whoever comes next.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn leave_audit_sink(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let text = "UPDATE audit_sinks SET held_until = 0 WHERE name = $1 AND holder = $2 AND held_until > 0";
        writing!(self, "leaving an audit sink", |transaction| {
            transaction.execute(statement!(text, name, holder)).await.map(|_| ())
        })
        .await
    }

    /// How the sinks are doing that have ever had a position, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit_sinks(&self) -> Result<Vec<AuditSinkStanding>, StoreError> {
        let text = "SELECT s.name, s.sent_seq, s.sent_at, h.seq - s.sent_seq, \
                    (SELECT l.at FROM audit_log l WHERE l.seq = s.sent_seq + 1), s.failures, s.last_error \
                    FROM audit_sinks s, audit_head h WHERE h.marker = 1 ORDER BY s.name";
        let read = |row: &Row| {
            Ok(AuditSinkStanding {
                name: row.text(0)?,
                sent_seq: row.int(1)?,
                sent_at: row.opt_time(2)?,
                rows_behind: row.int(3)?.max(0),
                oldest_at: row.opt_time(4)?,
                failures: count(row, 5)?,
                last_error: row.opt_text(6)?,
            })
        };
        reading!(self, "looking at the audit sinks", |transaction| {
            transaction.fetch(statement!(text), read).await
        })
        .await
    }
}

fn count(row: &Row, column: usize) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.int(column)?).unwrap_or(u32::MAX))
}
