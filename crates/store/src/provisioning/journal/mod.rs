//! Writing down what happens to tasks, many at a time.

pub(super) mod load;
pub(super) mod pending;
mod step;
mod task;

use std::collections::BTreeMap;

use jiff::Timestamp;
use keyreeve_model::{ExternalId, JobId, StepState, SystemId, TaskId, TaskState};
use serde_json::{Value as Json, json};

use self::pending::Pending;
use super::moves::{require, with};
use super::{JournalEntry, JournalEvent, TaskLease, deliveries, plan};
use crate::audit::{Trail, recording};
use crate::transaction::Transaction;
use crate::{Store, StoreError};

impl Store {
    /// Writes down what happened to tasks: all of it in one transaction, with one answer for each entry, in order.
    ///
    /// An entry whose lease was lost, or whose event does not fit the stored state, is refused and writes nothing,
    /// while the others are written. If the transaction fails as a whole, each entry gets its error. If the answer to
    /// the commit is lost, the audit log tells whether it happened.
    ///
    /// The errors are [`StoreError::TaskLeaseLost`], and [`StoreError::Data`] for what does not fit.
    pub async fn journal(&self, entries: Vec<JournalEntry>, now: Timestamp) -> Vec<Result<(), StoreError>> {
        if entries.is_empty() {
            return Vec::new();
        }
        let written = recording!(self, "writing down what happened to tasks", now, |transaction, trail| {
            let mut held = load::load(transaction, &entries).await?;
            let mut answers = Vec::with_capacity(entries.len());
            let mut pending = Pending::new(now);
            for entry in &entries {
                let lost = StoreError::TaskLeaseLost { task: entry.lease.task };
                let answer = match held.get_mut(&entry.lease.task) {
                    None => Err(lost),
                    Some(Err(unreadable)) => Err(unreadable.repeated()),
                    Some(Ok(task)) if !task.is_held_by(&entry.lease) => Err(lost),
                    Some(Ok(task)) => match task.check(&entry.event) {
                        Ok(()) => Ok(task.write(transaction, trail, &mut pending, &entry.event, now).await?),
                        refused => refused,
                    },
                };
                answers.push(answer);
            }
            pending.finish(transaction, trail).await?;
            Ok(answers)
        })
        .await;
        match written {
            Ok(answers) => answers,
            Err(error) => entries.iter().map(|_| Err(error.repeated())).collect(),
        }
    }
}

/// A task while something is written about it.
pub(super) struct HeldTask {
    pub(super) task: TaskId,
    pub(super) job: JobId,
    pub(super) system_key: i64,
    pub(super) system_id: SystemId,
    /// Who asked for the job.
    actor: String,
    state: TaskState,
    epoch: i64,
    token: Option<String>,
    pub(super) account: String,
    pub(super) external_id: Option<ExternalId>,
    pub(super) steps: BTreeMap<u32, HeldStep>,
}

/// A step of it.
pub(super) struct HeldStep {
    pub(super) state: StepState,
    attempts: u32,
    operation: String,
    /// A password waits for the outcome.
    sealed: bool,
}

impl HeldStep {
    /// A step that was just added.
    pub(super) fn planned(operation: &str) -> Self {
        Self { state: StepState::Planned, attempts: 0, operation: operation.to_owned(), sealed: false }
    }
}

impl HeldTask {
    fn is_held_by(&self, lease: &TaskLease) -> bool {
        let same = self.epoch == lease.epoch && self.token.as_ref() == Some(&lease.token);
        self.state == TaskState::Running && same
    }

    /// Whether an event fits the state of the task and its steps. Nothing has been written yet.
    fn check(&self, event: &JournalEvent) -> Result<(), StoreError> {
        match event {
            JournalEvent::Attempt { seq, .. } => self.check_step(*seq, StepState::Attempting),
            JournalEvent::NotMade { seq } => {
                let step = self.step(*seq)?;
                let what = format!("step {seq} of task {}", self.task);
                require(step.state == StepState::Attempting, &what, step.state.as_str(), "not made")
            }
            JournalEvent::Outcome { seq, state, claims, account, .. } => {
                self.check_step(*seq, *state)?;
                if !claims.is_empty() && self.external_id.is_none() && account.is_none() {
                    let what =
                        format!("task {} claims something of an account whose id is not known", self.task);
                    return Err(StoreError::Data { what });
                }
                Ok(())
            }
            JournalEvent::DestroyPassword { seq } => self.step(*seq).map(|_| ()),
            JournalEvent::ReplaceSteps { steps, .. } => plan::check(self, steps),
            JournalEvent::SetManifest(_) | JournalEvent::SetRecreate(_) => Ok(()),
            JournalEvent::Postpone { .. } => self.check_move(TaskState::Queued),
            JournalEvent::Finish { state, .. } => {
                self.check_move(*state)?;
                let what = format!("task {}", self.task);
                require(state.is_terminal(), &what, self.state.as_str(), state.as_str())
            }
        }
    }

    fn check_move(&self, to: TaskState) -> Result<(), StoreError> {
        let what = format!("task {}", self.task);
        require(self.state.may_become(to), &what, self.state.as_str(), to.as_str())
    }

    pub(super) fn check_step(&self, seq: u32, to: StepState) -> Result<(), StoreError> {
        let step = self.step(seq)?;
        let what = format!("step {seq} of task {}", self.task);
        require(step.state.may_become(to), &what, step.state.as_str(), to.as_str())
    }

    fn step(&self, seq: u32) -> Result<&HeldStep, StoreError> {
        self.steps
            .get(&seq)
            .ok_or_else(|| StoreError::Data { what: format!("task {} has no step {seq}", self.task) })
    }

    fn step_mut(&mut self, seq: u32) -> Result<&mut HeldStep, StoreError> {
        let task = self.task;
        self.steps
            .get_mut(&seq)
            .ok_or_else(|| StoreError::Data { what: format!("task {task} has no step {seq}") })
    }

    async fn write(
        &mut self,
        transaction: &mut Transaction,
        trail: &mut Trail<'_>,
        pending: &mut Pending,
        event: &JournalEvent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match event {
            JournalEvent::Attempt { seq, password } => {
                step::attempt(self, transaction, trail, pending, *seq, password.as_ref(), now).await
            }
            JournalEvent::NotMade { seq } => step::not_made(self, transaction, trail, pending, *seq).await,
            JournalEvent::Outcome { .. } => step::outcome(self, transaction, trail, pending, event).await,
            JournalEvent::DestroyPassword { seq } => {
                deliveries::destroy(transaction, self.task, *seq).await?;
                self.note(trail, "password_destroyed", json!({"step": seq}));
                Ok(())
            }
            JournalEvent::ReplaceSteps { steps, replans } => {
                pending.flush(transaction).await?;
                plan::write(self, transaction, trail, steps, *replans, now).await
            }
            JournalEvent::SetManifest(manifest) => {
                task::keep_manifest(self, transaction, trail, manifest).await
            }
            JournalEvent::SetRecreate(package) => task::keep_package(self, transaction, trail, package).await,
            JournalEvent::Postpone { not_before, failure } => {
                let end = task::End {
                    state: TaskState::Queued,
                    not_before: Some(*not_before),
                    result: None,
                    failure: failure.as_ref(),
                };
                task::end(self, transaction, trail, pending, end, now).await
            }
            JournalEvent::Finish { state, result, failure } => {
                let end = task::End {
                    state: *state,
                    not_before: None,
                    result: result.as_deref(),
                    failure: failure.as_ref(),
                };
                task::end(self, transaction, trail, pending, end, now).await
            }
        }
    }

    fn note_step(&self, trail: &mut Trail<'_>, action: &'static str, seq: u32, from: StepState, more: Json) {
        let to = self.steps.get(&seq).map(|step| step.state);
        self.note(trail, action, with(json!({"step": seq, "from": from, "to": to}), more));
    }

    pub(super) fn note(&self, trail: &mut Trail<'_>, action: &'static str, more: Json) {
        let subject = with(json!({"job": self.job, "task": self.task, "account": self.account}), more);
        trail.note(&self.actor, Some(&self.system_id), action, &subject);
    }
}
