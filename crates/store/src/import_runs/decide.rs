//! What people decide about a suspended run.

use jiff::Timestamp;
use keyreeve_model::{ImportRun, ImportRunId, ImportRunState, SystemState};

use super::evidence::Evidence;
use super::{baseline_holds, find_run, lock_run, mark_published};
use crate::audit::{Done, Trail};
use crate::provisioning::{claims_seen, settle_claims};
use crate::scim::revisions;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, writing};
use crate::{CrashPoint, Store, StoreError, history, systems};

impl Store {
    /// Accepts a suspended run: publishes exactly the changes that were kept as its evidence, however old they
    /// are, as long as nothing was published since. The evidence stays. What the run saw of changes made here settles
    /// them now, as if it had been published when it was read.
    ///
    /// # Errors
    /// [`StoreError::IllegalMove`] when it is not suspended, [`StoreError::EvidenceAltered`],
    /// [`StoreError::Superseded`], [`StoreError::SystemRemoved`], [`StoreError::SystemQuarantined`].
    pub async fn accept_import_run(
        &self,
        run: ImportRunId,
        actor: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<ImportRun, StoreError> {
        writing!(self, "accepting the import run", |transaction| {
            let stored = lock_run(transaction, run).await?;
            let system_id = &stored.run.system_id;
            let system = systems::find_in_use(transaction, system_id).await?;
            if system.system.state == SystemState::Quarantined {
                return Err(StoreError::SystemQuarantined { system_id: system_id.clone() });
            }
            require_suspended(&stored, ImportRunState::Published)?;
            let changes = Evidence::read(transaction, run, stored.run.changes_sha256.as_deref()).await?;
            if let Err(latest) = baseline_holds(transaction, &stored).await? {
                return Err(StoreError::Superseded { run, baseline: stored.run.baseline_run, latest });
            }
            history::write_changes(transaction, stored.system_key, run, &changes).await?;
            mark_published(transaction, &stored, now).await?;
            if stored.run.baseline_run.is_some() {
                revisions::imported(transaction, stored.system_key, &changes).await?;
            }
            note_decision(transaction, run, actor, reason, now).await?;
            let seen = claims_seen(transaction, run).await?;
            let mut trail = Trail::lock(transaction, &self.keys, now).await?;
            trail.note(actor, Some(system_id), "import_accepted", &decision(&stored, reason));
            settle_claims(transaction, &mut trail, (stored.system_key, &stored.run), &seen, now).await?;
            trail.append(transaction).await?;
            let run = find_run(transaction, run).await?.run;
            CrashPoint::BeforePublishCommit.pass();
            Ok(run)
        })
        .await
        .inspect(|_| CrashPoint::AfterPublishCommit.pass())
    }

    /// Rejects a suspended run. Its evidence stays for those who ask later.
    ///
    /// # Errors
    /// [`StoreError::IllegalMove`] when it is not suspended.
    pub async fn reject_import_run(
        &self,
        run: ImportRunId,
        actor: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<ImportRun, StoreError> {
        writing!(self, "rejecting the import run", |transaction| {
            let stored = lock_run(transaction, run).await?;
            require_suspended(&stored, ImportRunState::Rejected)?;
            let text = "UPDATE import_runs SET state = 'rejected' WHERE run_id = $1";
            transaction.execute(statement!(text, run.0)).await?;
            note_decision(transaction, run, actor, reason, now).await?;
            let subject = decision(&stored, reason);
            let rejected =
                Done { action: "import_rejected", actor, system_id: &stored.run.system_id, subject };
            rejected.record(transaction, &self.keys, now).await?;
            Ok(find_run(transaction, run).await?.run)
        })
        .await
    }
}

/// A decision as the audit log has it.
fn decision(stored: &super::StoredRun, reason: &str) -> serde_json::Value {
    serde_json::json!({
        "run": stored.run.id,
        "reason": reason,
        "changes_sha256": stored.run.changes_sha256,
    })
}

/// Only a suspended run is decided by people, although a running one may be published by its holder.
fn require_suspended(stored: &super::StoredRun, to: ImportRunState) -> Result<(), StoreError> {
    match stored.run.state {
        ImportRunState::Suspended => stored.require_move(to),
        from => Err(StoreError::IllegalMove { run: stored.run.id, from, to }),
    }
}

async fn note_decision(
    transaction: &mut Transaction,
    run: ImportRunId,
    actor: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text =
        "UPDATE import_runs SET decided_by = $1, decision_reason = $2, decided_at = $3 WHERE run_id = $4";
    transaction.execute(statement!(text, actor, reason, to_millis(now), run.0)).await.map(|_| ())
}
