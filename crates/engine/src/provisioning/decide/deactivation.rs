//! A deactivation: when it is over.

use keyreeve_model::{Failure, FailureKind, Hint, Step, StepCall, StepState, TaskState};
use keyreeve_store::JournalEvent;

use super::super::retry::signed;
use super::{Context, Decider, Decision, Next, while_unseen};

impl Decider<'_> {
    /// A deactivation is over when nothing is on any more. What this task switched off may be shown as on for some
    /// time; what it did not, or what is on after that time, is switched off as well.
    pub(super) fn verified(&self, still_on: Result<Vec<(&'static str, StepCall)>, Failure>) -> Decision {
        let still_on = match still_on {
            Ok(calls) => calls,
            Err(failure) => return self.unreadable(failure),
        };
        let Context { now, rules, .. } = self.context;
        let ours = |call: &StepCall| {
            let of_call = |step: &&Step| step.call == *call && step.state == StepState::Applied;
            self.task.steps.iter().filter(of_call).filter_map(|step| step.finished_at).max()
        };
        let unseen = |call: &StepCall| ours(call).map(|at| now.duration_since(at));
        let lately = |call: &StepCall| unseen(call).is_some_and(|since| since < signed(rules.propagation));
        let newest = still_on.iter().filter_map(|(_, call)| unseen(call)).min();
        let (hidden, on): (Vec<_>, Vec<_>) = still_on.into_iter().partition(|(_, call)| lately(call));
        if on.is_empty() && hidden.is_empty() {
            return self.finish(TaskState::Succeeded, None, None);
        }
        if on.is_empty() {
            return self.postpone(while_unseen(newest.unwrap_or_default()), None);
        }
        // Whose it is that has it: the name may be a newcomer's by now.
        if !self.context.look.is_of_now() {
            return Decision::next(Next::Identify);
        }
        if self.task.replans >= rules.replans {
            let what: Vec<&str> = on.iter().map(|(operation, _)| *operation).collect();
            let why = format!(
                "{:?} has ways in that were not there, or are on again: {} would still have to be called; find out who \
                 gives them, then {}",
                self.task.account,
                what.join(", "),
                Hint::RetryJob(self.task.job)
            );
            return self.finish(
                TaskState::NeedsPerson,
                None,
                Some(self.failure(FailureKind::Permanent, why)),
            );
        }
        let mut manifest = self.task.manifest.clone().unwrap_or_default();
        for (_, call) in &on {
            match call {
                StepCall::SetCredential { credential, .. } => {
                    manifest.credentials.insert(credential.clone());
                }
                StepCall::DeleteLoginProfile { .. } => manifest.login_profile = true,
                _ => {}
            }
        }
        let (steps, _) = self.in_a_row(on);
        let steps = JournalEvent::ReplaceSteps { steps, replans: self.task.replans + 1 };
        Decision::write(JournalEvent::SetManifest(manifest), Next::GoOn).and(steps)
    }
}
