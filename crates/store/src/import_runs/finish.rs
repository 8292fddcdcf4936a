//! Ending a run: published, or kept for a person, or failed.

use jiff::Timestamp;
use keyreeve_model::{ChangeSet, ImportRun, ImportRunState, ObjectCounts};

use super::begin::held_run;
use super::{ImportLease, Outcome, RunRecord, StoredRun, baseline_holds, evidence, find_run, lock_run};
use crate::audit::Trail;
use crate::history;
use crate::notifications::Event;
use crate::provisioning::{keep_claims_seen, settle_claims};
use crate::row::to_json;
use crate::scim::revisions;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, writing};
use crate::{CrashPoint, Store, StoreError};

impl Store {
    /// Ends a run that publishes nothing. The changes of a previewed or suspended run are kept as evidence, with
    /// their digest.
    ///
    /// A call that is repeated because its answer was lost changes nothing and gives the same result.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`].
    pub async fn finish_import_run(
        &self,
        held: &ImportLease,
        record: RunRecord,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<ImportRun, StoreError> {
        let kept = outcome.changes().map(evidence::Evidence::of).transpose()?;
        writing!(self, "ending the import run", |transaction| {
            let stored = fenced(transaction, held).await?;
            if stored.run.state == outcome.state() {
                return Ok(stored.run);
            }
            require_running(&stored, outcome.state())?;
            let counts = outcome.changes().map(ChangeSet::counts).unwrap_or_default();
            let digest = kept.as_ref().map(evidence::Evidence::sha256);
            end(transaction, held, &record, outcome.state(), counts, digest, now).await?;
            if let Some(kept) = &kept {
                kept.insert(transaction, held.run).await?;
            }
            if outcome.state() == ImportRunState::Suspended {
                keep_claims_seen(transaction, held.run, &record.claims).await?;
                let system_id = Some(stored.run.system_id.as_str());
                Event::import_suspended(held.run).put(transaction, system_id, to_millis(now)).await?;
            }
            Ok(find_run(transaction, held.run).await?.run)
        })
        .await
    }

    /// Publishes a run: from one moment to the next, readers see its result. Version rows are written only for
    /// what changed. What the run saw of changes made here settles them.
    ///
    /// A call that is repeated because its answer was lost changes nothing and gives the same result.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], [`StoreError::BaselineMoved`], [`StoreError::ChangesDoNotFit`]; nothing is
    /// written then.
    pub async fn publish_import_run(
        &self,
        held: &ImportLease,
        record: RunRecord,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<ImportRun, StoreError> {
        writing!(self, "publishing the import run", |transaction| {
            let stored = fenced(transaction, held).await?;
            if stored.run.state == ImportRunState::Published {
                return Ok(stored.run);
            }
            require_running(&stored, ImportRunState::Published)?;
            if let Err(latest) = baseline_holds(transaction, &stored).await? {
                return Err(StoreError::BaselineMoved {
                    run: held.run,
                    baseline: stored.run.baseline_run,
                    latest,
                });
            }
            history::write_changes(transaction, stored.system_key, held.run, changes).await?;
            end(transaction, held, &record, ImportRunState::Running, changes.counts(), None, now).await?;
            super::mark_published(transaction, &stored, now).await?;
            if stored.run.baseline_run.is_some() {
                revisions::imported(transaction, stored.system_key, changes).await?;
            }
            let run = find_run(transaction, held.run).await?.run;
            if !record.claims.is_empty() {
                let mut trail = Trail::lock(transaction, &self.keys, now).await?;
                settle_claims(transaction, &mut trail, (stored.system_key, &run), &record.claims, now)
                    .await?;
                trail.append(transaction).await?;
            }
            CrashPoint::BeforePublishCommit.pass();
            Ok(run)
        })
        .await
        .inspect(|_| CrashPoint::AfterPublishCommit.pass())
    }
}

/// Locks the system and checks that the lease is still ours.
async fn fenced(transaction: &mut Transaction, held: &ImportLease) -> Result<StoredRun, StoreError> {
    lock_run(transaction, held.run).await?;
    held_run(transaction, held).await
}

/// A run that somebody else has ended was taken from us.
fn require_running(stored: &StoredRun, to: ImportRunState) -> Result<(), StoreError> {
    if stored.run.state == ImportRunState::Running {
        stored.require_move(to)
    } else {
        Err(StoreError::LeaseLost { run: stored.run.id })
    }
}

async fn end(
    transaction: &mut Transaction,
    held: &ImportLease,
    record: &RunRecord,
    state: ImportRunState,
    counts: ObjectCounts,
    changes_sha256: Option<String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let text = "UPDATE import_runs SET state = $1, scope = $2, collections = $3, aws_calls = $4, \
                credential_report_at = $5, suspicions = $6, warnings = $7, failure = $8, changes = $9, \
                changes_sha256 = $10, finished_at = $11 WHERE run_id = $12";
    transaction
        .execute(statement!(
            text,
            state.as_str(),
            to_json(&record.scope)?,
            to_json(&record.collections)?,
            i64::try_from(record.aws_calls).unwrap_or(i64::MAX),
            record.credential_report_at.map(to_millis),
            to_json(&record.suspicions)?,
            to_json(&record.warnings)?,
            record.failure.as_ref().map(to_json).transpose()?,
            to_json(&counts)?,
            changes_sha256,
            to_millis(now),
            held.run.0,
        ))
        .await
        .map(|_| ())
}
