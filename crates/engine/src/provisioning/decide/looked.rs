//! What a look after a lost answer decides.

use keyreeve_model::{Effect, FailureKind, Step, StepCall, StepReason, StepState, TaskState};
use keyreeve_store::JournalEvent;

use super::super::claims::claims;
use super::super::retry::signed;
use super::super::settle::{Settle, settle};
use super::{Decider, Decision, Next, Sight, outcome, while_unseen};

impl Decider<'_> {
    pub(super) fn looked(&self, step: &Step, sight: Sight) -> Decision {
        match sight {
            Sight::Applied(_) if matches!(step.call, StepCall::CreateLoginProfile { .. }) => {
                self.replace_lost_password(step)
            }
            Sight::Applied(id) => {
                let event = JournalEvent::Outcome {
                    seq: step.seq,
                    state: StepState::Applied,
                    unchanged: Some(false),
                    request_id: step.request_id.clone(),
                    failure: step.failure.clone(),
                    claims: claims(&step.call),
                    account: self.learned(step, id),
                };
                Decision::write(event, Next::GoOn)
            }
            Sight::NotApplied => {
                let patient = settle(&step.call) == Settle::LookPatiently;
                let since = step.attempted_at.map(|at| self.context.now.duration_since(at));
                let visible = since.is_none_or(|since| since >= signed(self.context.rules.propagation));
                if patient && !visible {
                    return self.postpone(while_unseen(since.unwrap_or_default()), None);
                }
                self.again(step, step.failure.clone())
            }
            Sight::Foreign(why) => {
                let mut failure = self.failure(FailureKind::AlreadyThere, why);
                failure.effect = Effect::Unknown;
                let event = outcome(step, StepState::NotApplied, Some(failure.clone()), None);
                self.finish(TaskState::NeedsPerson, None, Some(failure)).after(event)
            }
            Sight::Unreadable(failure) => self.unreadable(failure),
        }
    }

    /// The login profile is there, but whether with the password we know cannot be read: the candidate is destroyed
    /// and another password set.
    fn replace_lost_password(&self, step: &Step) -> Decision {
        let seq = self.task.steps.iter().map(|step| step.seq).max().unwrap_or(0) + 1;
        let call = StepCall::UpdateLoginProfile { account: step.call.account().to_owned() };
        let replacement =
            Step::planned(seq, call, "UpdateLoginProfile", StepReason::TaskMapping, vec![step.seq]);
        let mut steps: Vec<Step> =
            self.task.steps.iter().filter(|step| step.state == StepState::Planned).cloned().collect();
        steps.push(replacement);
        let applied = outcome(step, StepState::Applied, step.failure.clone(), None);
        Decision::write(JournalEvent::DestroyPassword { seq: step.seq }, Next::GoOn)
            .and(applied)
            .and(JournalEvent::ReplaceSteps { steps, replans: self.task.replans })
    }
}
