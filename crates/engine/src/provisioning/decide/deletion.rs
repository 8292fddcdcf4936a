//! A deletion: when its account is gone, and what must go before it.

use keyreeve_model::{Effect, Failure, FailureKind, Step, StepCall, StepState, TaskKind, TaskState};
use keyreeve_store::JournalEvent;

use super::super::recheck::GOOD_FOR;
use super::super::retry::signed;
use super::{Context, Decider, Decision, Next, Refreshed, outcome, while_unseen};

impl Decider<'_> {
    /// Whether an attempt to delete the account may have been carried out. One that was refused, or did not find it, was
    /// not.
    pub(super) fn deletion_was_attempted(&self) -> bool {
        self.deletion().is_some_and(|step| match step.state {
            StepState::Attempting | StepState::Unknown | StepState::Applied => true,
            _ => step.failure.as_ref().is_some_and(|failure| failure.effect != Effect::None),
        })
    }

    fn deletion(&self) -> Option<&Step> {
        self.task.steps.iter().find(|step| matches!(step.call, StepCall::DeleteAccount { .. }))
    }

    /// The account is not found, though this task has not deleted it. It was there when the task was planned, and AWS may
    /// not show for some time what is there: it is believed when that time is over.
    pub(super) fn not_found(&self, believed: impl FnOnce() -> Decision) -> Decision {
        let Context { now, rules, .. } = self.context;
        let first = self.task.failure.as_ref().filter(|failure| failure.kind == FailureKind::Gone);
        // It was seen directly before an attempt.
        let attempted = self.deletion().filter(|step| was_not_found(step)).and_then(|step| step.attempted_at);
        let since = first.map(|failure| failure.at).max(attempted).unwrap_or(*now);
        let missing_for = now.duration_since(since);
        if missing_for >= signed(rules.propagation) {
            return believed();
        }
        let why = format!(
            "there is no account {:?} to be seen; AWS may only not show it yet, so it is looked for until it has not \
             been there for {} seconds",
            self.task.account,
            rules.propagation.as_secs()
        );
        let failure = Failure { at: since, ..self.failure(FailureKind::Gone, why) };
        self.postpone(while_unseen(missing_for), Some(failure))
    }

    /// The account this task was to delete is gone: whatever is still planned is not needed. That it is gone is for the
    /// next import to confirm.
    pub(super) fn is_gone(&self) -> Decision {
        let mut journal: Vec<JournalEvent> = self
            .task
            .steps
            .iter()
            .filter(|step| {
                let deletion = matches!(step.call, StepCall::DeleteAccount { .. });
                step.state == StepState::Unknown || (deletion && step.state == StepState::Planned)
            })
            .map(|step| outcome(step, StepState::Applied, step.failure.clone(), None))
            .collect();
        journal.push(JournalEvent::ReplaceSteps { steps: Vec::new(), replans: self.task.replans });
        let result = Some("the account is gone".to_owned());
        journal.push(JournalEvent::Finish { state: TaskState::Succeeded, result, failure: None });
        Decision { journal, next: Next::Released }
    }

    /// Whether a deletion must be planned anew before it goes on: it was left for some time, or is tried again, and what
    /// must go before the account, and in which order, may have changed.
    pub(super) fn needs_refresh(&self) -> bool {
        let steps = &self.task.steps;
        let deletes = |step: &&Step| matches!(step.call, StepCall::DeleteAccount { .. });
        let open = steps.iter().find(deletes).is_some_and(|step| step.state == StepState::Planned);
        let unknown = steps.iter().any(|step| step.state == StepState::Unknown);
        if !open || unknown || self.task.kind != TaskKind::DeleteAccount {
            return false;
        }
        match self.context.refreshed {
            Refreshed::Yes => false,
            Refreshed::No => true,
            Refreshed::Perhaps => {
                let retried = |step: &Step| {
                    step.state == StepState::Planned && step.attempts > 0 && step.attempted_at.is_none()
                };
                let last = steps.iter().filter_map(|step| step.attempted_at).max();
                let old = last.is_some_and(|last| self.context.now.duration_since(last) > signed(GOOD_FOR));
                old || steps.iter().any(retried)
            }
        }
    }

    /// What is still held, in the order in which it must go, takes the place of what was planned.
    pub(super) fn refreshed(&self, refreshed: Result<Vec<(&'static str, StepCall)>, Failure>) -> Decision {
        let calls = match refreshed {
            Ok(calls) => calls,
            Err(failure) => return self.unreadable(failure),
        };
        let planned = || self.task.steps.iter().filter(|step| step.state == StepState::Planned);
        let (deletion, removals): (Vec<&Step>, Vec<&Step>) =
            planned().partition(|step| matches!(step.call, StepCall::DeleteAccount { .. }));
        // A virtual device that was taken out of use is not the account's any more, so no listing shows it.
        let hidden = |step: &&Step| {
            matches!(step.call, StepCall::DeleteVirtualMfaDevice { .. })
                && calls.iter().all(|(_, call)| *call != step.call)
        };
        let (hidden, removals): (Vec<&Step>, Vec<&Step>) = removals.into_iter().partition(hidden);
        if removals.iter().map(|step| &step.call).eq(calls.iter().map(|(_, call)| call)) {
            return self.go_on();
        }
        let (mut steps, mut before) = self.in_a_row(calls);
        for step in hidden {
            before.push(step.seq);
            steps.push(step.clone());
        }
        for step in deletion {
            let mut step = step.clone();
            step.after = before.clone();
            steps.push(step);
        }
        Decision::write(JournalEvent::ReplaceSteps { steps, replans: self.task.replans }, Next::GoOn)
    }

    pub(super) fn replanned(&self, replanned: Result<Vec<(&'static str, StepCall)>, Failure>) -> Decision {
        let calls = match replanned {
            Ok(calls) => calls,
            Err(failure) => return self.unreadable(failure),
        };
        let (mut steps, before) = self.in_a_row(calls);
        let nothing_new = steps.is_empty();
        for step in self.task.steps.iter().filter(|step| step.state == StepState::Planned) {
            let mut step = step.clone();
            step.after.extend(before.iter().copied());
            steps.push(step);
        }
        let event = JournalEvent::ReplaceSteps { steps, replans: self.task.replans + 1 };
        if nothing_new {
            // What blocks cannot be seen yet, or not at all.
            return self.postpone(self.context.rules.first_wait * 5, None).after(event);
        }
        Decision::write(event, Next::GoOn)
    }
}

fn was_not_found(step: &Step) -> bool {
    let gone = |failure: &Failure| failure.kind == FailureKind::Gone && failure.effect == Effect::None;
    step.failure.as_ref().is_some_and(gone)
}
