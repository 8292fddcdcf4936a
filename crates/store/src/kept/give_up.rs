//! Giving history up: which, and the word of it.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::ImportRunId;

use super::floor;
use crate::audit::recording;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{CrashPoint, Store, StoreError};

/// So long history is left alone after some of it was given up.
const TURN: Duration = Duration::from_secs(20 * 3_600);

/// Whom the audit log names.
const ACTOR: &str = "keyreeve";

/// What was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenUp {
    /// Versions that ended in this run or in one before it.
    pub up_to: ImportRunId,
    /// How many of accounts.
    pub accounts: u64,
    /// How many of groups and policies.
    pub resources: u64,
    /// How many of assignments.
    pub assignments: u64,
    /// Of how many runs what they changed, or would have, was kept as evidence.
    pub evidence: u64,
}

impl Store {
    /// Gives up what ended before a moment, in all systems, and notes it in the audit log; `None` when there is nothing new, or
    /// somebody did so within the last day. Never given up are what holds now, and what a run needs that is under way or can
    /// still be accepted: it may end versions under its old number.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn give_up_history(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Option<GivenUp>, StoreError> {
        let asked = reading!(self, "looking for history that is to be given up", |transaction| {
            let kept = floor(transaction).await?;
            match up_to(transaction, before, now).await? {
                Some(up_to) => Ok(Some((kept, count(transaction, kept, up_to).await?))),
                None => Ok(None),
            }
        })
        .await?;
        let Some((kept, found)) = asked else { return Ok(None) };
        let moved = recording!(self, "giving up old history", now, |transaction, trail| {
            // No run that there is ends a version at or below this any more, so what was counted is what there is, unless
            // another process was faster.
            if floor(transaction).await? != kept
                || up_to(transaction, before, now).await? < Some(found.up_to.0)
            {
                return Ok(None);
            }
            move_to(transaction, found.up_to.0, now).await?;
            let subject = serde_json::json!({
                "before": before,
                "up_to_run": found.up_to,
                "account_versions": found.accounts,
                "resource_versions": found.resources,
                "assignment_versions": found.assignments,
                "evidence_of_runs": found.evidence,
            });
            trail.note(ACTOR, None, "history_trimmed", &subject);
            CrashPoint::BeforeHistoryCommit.pass();
            Ok(Some(found))
        })
        .await?;
        CrashPoint::AfterHistoryCommit.pass();
        Ok(moved)
    }
}

/// The last run that was published before a moment, and that no run is before which may still end versions.
async fn up_to(
    transaction: &mut Transaction,
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    const KEPT: &str = "SELECT floor_run, moved_at FROM history_kept WHERE marker = 1";
    const OPEN: &str = "SELECT MIN(o.run_id) FROM import_runs o JOIN systems s ON s.system_key = o.system_key \
                        WHERE o.state = 'running' OR (o.state = 'published' AND o.published_at > $1) \
                        OR (o.state = 'suspended' AND s.removed_at IS NULL AND COALESCE(o.baseline_run, 0) = COALESCE(( \
                            SELECT MAX(p.run_id) FROM import_runs p WHERE p.system_key = o.system_key \
                            AND p.state = 'published'), 0))";
    const LAST: &str = "SELECT MAX(run_id) FROM import_runs WHERE state = 'published' AND published_at <= $1 AND run_id < $2";
    let kept = transaction.fetch_optional(statement!(KEPT), |row| Ok((row.int(0)?, row.time(1)?))).await?;
    let due = |moved: Timestamp| now.duration_since(moved).unsigned_abs() >= TURN;
    if kept.is_some_and(|(_, moved)| !due(moved)) {
        return Ok(None);
    }
    let open = transaction.fetch_one(statement!(OPEN, to_millis(before)), |row| row.opt_int(0)).await?;
    let last = statement!(LAST, to_millis(before), open.unwrap_or(i64::MAX));
    let last = transaction.fetch_one(last, |row| row.opt_int(0)).await?;
    let kept = kept.map_or(0, |(floor, _)| floor);
    Ok(last.filter(|last| *last > kept))
}

/// What would be given up.
async fn count(transaction: &mut Transaction, kept: i64, up_to: i64) -> Result<GivenUp, StoreError> {
    // Each system by itself, so that its index finds them.
    const ACCOUNTS: &str = "SELECT COUNT(*) FROM systems s CROSS JOIN account_versions v \
                            WHERE v.system_key = s.system_key AND v.valid_to_run > $1 AND v.valid_to_run <= $2";
    const RESOURCES: &str = "SELECT COUNT(*) FROM systems s CROSS JOIN resource_versions v \
                             WHERE v.system_key = s.system_key AND v.valid_to_run > $1 AND v.valid_to_run <= $2";
    const ASSIGNMENTS: &str = "SELECT COUNT(*) FROM systems s CROSS JOIN assignment_versions v \
                               WHERE v.system_key = s.system_key AND v.valid_to_run > $1 AND v.valid_to_run <= $2";
    const EVIDENCE: &str = "SELECT COUNT(DISTINCT c.run_id) FROM import_changes c JOIN import_runs r ON r.run_id = c.run_id \
                            WHERE c.run_id > $1 AND c.run_id <= $2 AND r.state <> 'suspended'";
    let mut counts = Vec::with_capacity(4);
    for text in [ACCOUNTS, RESOURCES, ASSIGNMENTS, EVIDENCE] {
        let count = transaction.fetch_one(statement!(text, kept, up_to), |row| row.int(0)).await?;
        counts.push(count.unsigned_abs());
    }
    let of = |place: usize| counts.get(place).copied().unwrap_or_default();
    Ok(GivenUp {
        up_to: ImportRunId(up_to),
        accounts: of(0),
        resources: of(1),
        assignments: of(2),
        evidence: of(3),
    })
}

async fn move_to(transaction: &mut Transaction, up_to: i64, now: Timestamp) -> Result<(), StoreError> {
    let number = transaction.dialect().transaction_number();
    let moved_in = transaction.fetch_one(statement!(number), |row| row.opt_int(0)).await?;
    let text = "INSERT INTO history_kept (marker, floor_run, moved_at, moved_in) VALUES (1, $1, $2, $3) \
                ON CONFLICT (marker) DO UPDATE SET floor_run = excluded.floor_run, moved_at = excluded.moved_at, \
                moved_in = excluded.moved_in";
    transaction.execute(statement!(text, up_to, to_millis(now), moved_in)).await.map(|_| ())
}
