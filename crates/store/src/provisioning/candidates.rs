//! Looking for tasks that can be worked on. What has ended is never looked at.

use jiff::Timestamp;
use keyreeve_model::{JobId, SystemId, SystemState, TaskId, TaskState};

use super::moves::find_job;
use crate::data_keys::KeyRing;
use crate::statement::{Statement, statement};
use crate::systems::same_account;
use crate::time::to_millis;
use crate::transaction::Transaction;
use crate::{StoreError, key_rotations, systems};

/// Where tasks are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Within {
    System(i64),
    Job(i64),
}

/// Where to look, in this order, and how many tasks to take there at most.
pub(super) async fn places(
    transaction: &mut Transaction,
    keys: &KeyRing,
    now: Timestamp,
    system: Option<&SystemId>,
    job: Option<JobId>,
    limit: usize,
) -> Result<Vec<(Within, usize)>, StoreError> {
    let place = match (system, job) {
        (_, Some(job)) => {
            let place = find_job(transaction, job).await?;
            if system.is_some_and(|system| *system != place.system_id) {
                return Ok(Vec::new());
            }
            Some((place.system_id, Within::Job(job.0)))
        }
        (Some(system), None) => {
            Some((system.clone(), Within::System(systems::find(transaction, system, false).await?.key)))
        }
        (None, None) => None,
    };
    match place {
        Some((system, within)) => {
            let stored = systems::find(transaction, &system, false).await?;
            if stored.system.state != SystemState::Active {
                return Ok(Vec::new());
            }
            key_rotations::require_none(transaction, keys, &stored, now).await?;
            Ok(vec![(within, limit)])
        }
        None => shares(transaction, limit, now).await,
    }
}

/// All systems with open tasks: first each for its share, then each for what is left.
async fn shares(
    transaction: &mut Transaction,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(Within, usize)>, StoreError> {
    let text = "SELECT s.system_key FROM systems s WHERE s.state = 'active' AND NOT EXISTS \
                (SELECT 1 FROM key_rotations k WHERE k.system_key = s.system_key AND k.lease_until > $1) AND EXISTS \
                (SELECT 1 FROM tasks t WHERE t.system_key = s.system_key AND t.finished_at IS NULL) \
                ORDER BY (SELECT COUNT(*) FROM tasks r WHERE r.system_key = s.system_key AND r.state = 'running'), \
                s.system_key";
    let systems =
        transaction.fetch(statement!(text, to_millis(now)), |row| Ok(Within::System(row.int(0)?))).await?;
    let share = limit.div_ceil(systems.len().max(1));
    let for_share = systems.iter().map(|system| (*system, share));
    Ok(for_share.chain(systems.iter().map(|system| (*system, limit))).collect())
}

/// A task that could be worked on when it was looked for.
pub(super) struct Candidate {
    pub(super) task: TaskId,
    pub(super) job: JobId,
    pub(super) system_key: i64,
    pub(super) state: TaskState,
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) epoch: i64,
    /// The AWS account, or the system where that is not known yet: two tasks of one account are told apart by it.
    pub(super) place: String,
    /// So many workers ended with it.
    pub(super) crashes: i64,
}

impl Candidate {
    /// What its account is known by among the numbers of leases.
    pub(super) fn account_key(&self) -> &str {
        self.external_id.as_ref().unwrap_or(&self.name)
    }
}

macro_rules! candidates {
    ($within:literal) => {
        concat!(
            "SELECT t.task_id, t.job_id, t.system_key, t.state, t.account_folded, t.account_external_id, \
             t.lease_epoch, (SELECT COALESCE(s.aws_account_id, 'system ' || s.system_id) FROM systems s \
             WHERE s.system_key = t.system_key), t.crashes FROM tasks t WHERE t.finished_at IS NULL AND ",
            $within,
            " = $1 AND t.task_id > $2 \
             AND ((t.state = 'queued' AND (t.not_before IS NULL OR t.not_before <= $3)) \
               OR (t.state = 'running' AND t.lease_until <= $3)) \
             AND NOT EXISTS (SELECT 1 FROM task_edges e JOIN tasks w ON w.task_id = e.waits_for \
               WHERE e.task_id = t.task_id AND w.state <> 'succeeded') \
             AND NOT EXISTS (SELECT 1 FROM tasks o WHERE o.state = 'running' AND o.system_key IN ",
            same_account!("t.system_key"),
            " AND o.account_folded = t.account_folded AND o.task_id <> t.task_id AND o.lease_until > $3) \
             AND NOT EXISTS (SELECT 1 FROM tasks o WHERE o.state = 'running' AND o.system_key IN ",
            same_account!("t.system_key"),
            " AND o.account_external_id = t.account_external_id AND o.task_id <> t.task_id \
               AND o.lease_until > $3) \
             ORDER BY t.task_id LIMIT $4"
        )
    };
}

/// Tasks after a given one that can be worked on, the oldest first.
pub(super) async fn candidates(
    transaction: &mut Transaction,
    within: Within,
    after: i64,
    now: Timestamp,
    most: i64,
) -> Result<Vec<Candidate>, StoreError> {
    transaction.fetch(statement_for(within, after, now, most), read_candidate).await
}

pub(super) fn statement_for(within: Within, after: i64, now: Timestamp, most: i64) -> Statement {
    let now = to_millis(now);
    match within {
        Within::System(key) => statement!(candidates!("t.system_key"), key, after, now, most),
        Within::Job(job) => statement!(candidates!("t.job_id"), job, after, now, most),
    }
}

fn read_candidate(row: &crate::row::Row) -> Result<Candidate, StoreError> {
    Ok(Candidate {
        task: TaskId(row.int(0)?),
        job: JobId(row.int(1)?),
        system_key: row.int(2)?,
        state: row.word(3)?,
        name: row.text(4)?,
        external_id: row.opt_text(5)?,
        epoch: row.int(6)?,
        place: row.text(7)?,
        crashes: row.int(8)?,
    })
}
