//! Beginning a run, and keeping its lease.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{Effect, Failure, FailureKind, ImportProfile, ImportRunId, SystemId, SystemState};

use super::{ImportLease, StoredRun, find_run, latest_published, read_run, select_runs};
use crate::row::to_json;
use crate::secrets::random_id;
use crate::statement::statement;
use crate::time::{to_millis, truncated};
use crate::transaction::{Transaction, reading, writing};
use crate::{CrashPoint, Store, StoreError, Turn, import_schedules, key_rotations, systems};

impl Store {
    /// Begins a run of a system and takes the lease on it. A run whose lease has run out is first marked failed
    /// (`interrupted`).
    ///
    /// # Errors
    /// [`StoreError::ImportRunning`] while another run holds a live lease, [`StoreError::SystemNotFound`],
    /// [`StoreError::SystemRemoved`], [`StoreError::SystemQuarantined`].
    pub async fn begin_import_run(
        &self,
        system_id: &SystemId,
        profile: &ImportProfile,
        actor: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<ImportLease, StoreError> {
        self.begin_run(system_id, profile, actor, None, now, lease).await
    }

    /// Begins a run, for the time of a schedule if it is one's turn.
    pub(crate) async fn begin_run(
        &self,
        system_id: &SystemId,
        profile: &ImportProfile,
        actor: &str,
        turn: Option<&Turn>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<ImportLease, StoreError> {
        let token = random_id()?;
        let until = lease_end(now, lease);
        writing!(self, "beginning the import run", |transaction| {
            let stored = systems::find_in_use(transaction, system_id).await?;
            if stored.system.state == SystemState::Quarantined {
                return Err(StoreError::SystemQuarantined { system_id: system_id.clone() });
            }
            if stored.system.state == SystemState::Suspended {
                return Err(StoreError::SystemSuspended { system_id: system_id.clone() });
            }
            key_rotations::require_none(transaction, &self.keys, &stored, now).await?;
            if let Some(running) = running(transaction, stored.key).await? {
                if running.lease_until > now {
                    let (run, lease_until) = (running.run.id, running.lease_until);
                    return Err(StoreError::ImportRunning { run, lease_until });
                }
                let why = "the process that ran it stopped, or could not renew its lease; nothing was published, \
                           import again";
                end_running(transaction, stored.key, why, now).await?;
            }
            let baseline_run = latest_published(transaction, stored.key).await?.map(|run| run.id);
            let text = "INSERT INTO import_runs (system_key, profile, state, scope, baseline_run, started_at, \
                        aws_calls, collections, changes, suspicions, warnings, actor, lease_token, lease_until) \
                        VALUES ($1, $2, 'running', $3, $4, $5, 0, '[]', $6, '[]', '[]', $7, $8, $9) \
                        RETURNING run_id";
            let insert = statement!(
                text,
                stored.key,
                profile.name.as_str(),
                to_json(&profile.scope())?,
                baseline_run.map(|run| run.0),
                to_millis(now),
                to_json(&keyreeve_model::ObjectCounts::default())?,
                actor,
                token.as_str(),
                to_millis(until),
            );
            let run = transaction.fetch_one(insert, |row| Ok(ImportRunId(row.int(0)?))).await?;
            if let Some(turn) = turn {
                import_schedules::take(transaction, stored.key, turn, run).await?;
            }
            let (system_id, token) = (system_id.clone(), token.clone());
            CrashPoint::BeforeBeginCommit.pass();
            Ok(ImportLease { run, system_id, baseline_run, lease_until: truncated(until), token })
        })
        .await
        .inspect(|_| CrashPoint::AfterBeginCommit.pass())
    }

    /// Keeps the lease for another while. It can also be had back after it ran out, as long as nobody else has
    /// taken over.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] when the run has ended.
    pub async fn renew_import_lease(
        &self,
        held: &ImportLease,
        now: Timestamp,
        lease: Duration,
    ) -> Result<ImportLease, StoreError> {
        let until = lease_end(now, lease);
        let text = "UPDATE import_runs SET lease_until = $1 \
                    WHERE run_id = $2 AND lease_token = $3 AND state = 'running'";
        let renewed = writing!(self, "renewing the import run's lease", |transaction| {
            transaction.execute(statement!(text, to_millis(until), held.run.0, held.token.as_str())).await
        })
        .await?;
        match renewed {
            0 => Err(StoreError::LeaseLost { run: held.run }),
            _ => Ok(ImportLease { lease_until: truncated(until), ..held.clone() }),
        }
    }
}

impl Store {
    /// Marks runs as failed whose leases ran out before `lapsed_before`: whoever had them is not expected back.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn close_lapsed_import_runs(
        &self,
        lapsed_before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<(SystemId, ImportRunId)>, StoreError> {
        let text = "SELECT s.system_id FROM import_runs r JOIN systems s ON s.system_key = r.system_key \
                    WHERE r.state = 'running' AND r.lease_until < $1 ORDER BY s.system_id";
        let found: Vec<SystemId> = reading!(self, "looking for imports left behind", |transaction| {
            transaction.fetch(statement!(text, to_millis(lapsed_before)), |row| row.word(0)).await
        })
        .await?;
        let mut closed = Vec::new();
        for system_id in found {
            let run = writing!(self, "closing an import left behind", |transaction| {
                // Its lease may have been renewed since it was looked for.
                let stored = systems::find(transaction, &system_id, true).await?;
                let left = running(transaction, stored.key).await?;
                let Some(left) = left.filter(|left| left.lease_until < lapsed_before) else {
                    return Ok(None);
                };
                let why =
                    "the process that ran it stopped, or could not renew its lease; nothing was published";
                end_running(transaction, stored.key, why, now).await?;
                Ok(Some(left.run.id))
            })
            .await?;
            closed.extend(run.map(|run| (system_id, run)));
        }
        Ok(closed)
    }
}

async fn running(transaction: &mut Transaction, system_key: i64) -> Result<Option<StoredRun>, StoreError> {
    let mut text = select_runs();
    text.push(" WHERE r.state = 'running' AND r.system_key = ").bind(system_key);
    transaction.fetch_optional(text, read_run).await
}

/// Marks the running run of a system, if there is one, as failed because it was interrupted.
pub(crate) async fn end_running(
    transaction: &mut Transaction,
    system_key: i64,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failure = Failure {
        kind: FailureKind::Interrupted,
        message: format!("the import was interrupted: {why}"),
        effect: Effect::None,
        at: truncated(now),
    };
    let text = "UPDATE import_runs SET state = 'failed', finished_at = $1, failure = $2 \
                WHERE system_key = $3 AND state = 'running'";
    transaction.execute(statement!(text, to_millis(now), to_json(&failure)?, system_key)).await.map(|_| ())
}

fn lease_end(now: Timestamp, lease: Duration) -> Timestamp {
    now.checked_add(lease).unwrap_or(Timestamp::MAX)
}

/// The run, if the lease on it still holds.
pub(super) async fn held_run(
    transaction: &mut Transaction,
    held: &ImportLease,
) -> Result<StoredRun, StoreError> {
    let stored = find_run(transaction, held.run).await?;
    if stored.token == held.token { Ok(stored) } else { Err(StoreError::LeaseLost { run: held.run }) }
}
