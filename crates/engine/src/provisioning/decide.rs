//! What happens next to a task: pure.

mod deactivation;
mod deletion;
mod looked;
mod newcomer;

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{
    Effect, ExternalId, Failure, FailureKind, Hint, Setting, Step, StepCall, StepReason, StepState, Task,
    TaskKind, TaskState,
};
use keyreeve_store::JournalEvent;

use super::claims::claims;
use super::look::{LOOK_HOLDS, Look};
use super::retry::{Reaction, Rules};
use super::settle::{Settle, settle};

/// What has just happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A worker took the task.
    Claimed,
    /// A worker took it, and something stands in its way by now.
    Refused(Failure),
    /// What was written down is durable; go on.
    Written,
    /// The account was looked at.
    Identified(Identified),
    /// A call was answered, or not.
    Answered {
        /// The step.
        seq: u32,
        /// Its answer.
        answer: Answer,
    },
    /// A lost answer was looked into.
    Looked {
        /// The step.
        seq: u32,
        /// What was seen.
        sight: Sight,
    },
    /// A deletion was planned anew: what is to be removed now.
    Replanned(Result<Vec<(&'static str, StepCall)>, Failure>),
    /// A deletion that had been left for some time was planned anew before it goes on.
    Refreshed(Result<Vec<(&'static str, StepCall)>, Failure>),
    /// A deactivation was read back: what is still there, and the calls that take it.
    Verified(Result<Vec<(&'static str, StepCall)>, Failure>),
    /// Something about another account must come to its end first.
    Held {
        /// What.
        why: String,
        /// Of those that hold each other up, this one is to go on first.
        first: bool,
    },
}

/// Whose the account's name is now.
#[derive(Debug, Clone, PartialEq)]
pub enum Identified {
    /// The planned account's.
    Same,
    /// Nobody's, and the planned account has no other name either.
    Gone,
    /// Another account's.
    Replaced {
        /// Its id.
        by: ExternalId,
        /// When it was made.
        made_at: Timestamp,
    },
    /// The planned account's, which must be left alone by now; why.
    Protected(String),
    /// The planned account carries another name.
    Renamed(String),
    /// It could not be found out.
    Unreadable(Failure),
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It succeeded.
    Done {
        /// It was so already.
        unchanged: bool,
        /// The account that was made.
        made: Option<ExternalId>,
        /// The connected system's id of the request.
        request_id: Option<String>,
    },
    /// It failed; [`Failure::effect`] says whether something may have happened.
    Failed {
        /// Why.
        failure: Failure,
        /// The wait that was asked for.
        wait: Option<Duration>,
        /// The connected system's id of the request.
        request_id: Option<String>,
    },
}

/// What a look after a lost answer showed.
#[derive(Debug, Clone, PartialEq)]
pub enum Sight {
    /// It is so, by our doing; of a creation, the account's id.
    Applied(Option<ExternalId>),
    /// It is not so (yet).
    NotApplied,
    /// It is so, but not provably by our doing.
    Foreign(String),
    /// It could not be read.
    Unreadable(Failure),
}

/// What a decision may look at besides the task.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Now.
    pub now: Timestamp,
    /// When it was last seen whose the account's name is.
    pub look: Look,
    /// The process is to end: nothing new is begun.
    pub stopping: bool,
    /// The steps of a deletion may be old: they were planned anew since this worker took the task, or need not be.
    pub refreshed: Refreshed,
    /// The system's setting *Prioritise delete tasks*.
    pub prioritise_delete_tasks: bool,
    /// Waits and limits.
    pub rules: Rules,
}

/// Whether the steps of a deletion are those of the account as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// They are.
    Yes,
    /// As far as is known. Steps that were left for some time are not.
    Perhaps,
    /// They are not.
    No,
}

/// What is to be written down, in one go, and what comes next.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// To be made durable before anything else happens.
    pub journal: Vec<JournalEvent>,
    /// What then.
    pub next: Next,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Ask again with [`Event::Written`].
    GoOn,
    /// Look whose the account's name is.
    Identify,
    /// Write an attempt down and make the call.
    Call(u32),
    /// Look what became of a call.
    Look(u32),
    /// Look what blocks the deletion.
    Replan,
    /// Plan the deletion anew before it goes on.
    Refresh,
    /// Read back what a deactivation took.
    Verify,
    /// The task was given back.
    Released,
    /// The task was given back, and nothing of this system will work until a person has mended this.
    Pause(Failure),
}

/// Decides. The task is as its journal says it stands, [`Event`] included in nothing yet.
#[must_use]
pub fn decide(task: &Task, event: Event, context: &Context) -> Decision {
    let decider = Decider { task, context };
    match event {
        Event::Claimed => decider.claimed(),
        Event::Refused(failure) => decider.refuse(failure),
        Event::Written => decider.go_on(),
        Event::Identified(identified) => decider.identified(identified),
        Event::Answered { seq, answer } => match decider.step(seq) {
            Some(step) => decider.answered(step, answer),
            None => decider.go_on(),
        },
        Event::Looked { seq, sight } => match decider.step(seq) {
            Some(step) => decider.looked(step, sight),
            None => decider.go_on(),
        },
        Event::Replanned(replanned) => decider.replanned(replanned),
        Event::Refreshed(refreshed) => decider.refreshed(refreshed),
        Event::Verified(still_on) => decider.verified(still_on),
        Event::Held { why, first } => decider.held(why, first),
    }
}

struct Decider<'a> {
    task: &'a Task,
    context: &'a Context,
}

impl Decision {
    fn next(next: Next) -> Self {
        Self { journal: Vec::new(), next }
    }

    fn write(event: JournalEvent, next: Next) -> Self {
        Self { journal: vec![event], next }
    }

    fn and(mut self, event: JournalEvent) -> Self {
        self.journal.push(event);
        self
    }
}

impl Decider<'_> {
    fn step(&self, seq: u32) -> Option<&Step> {
        self.task.steps.iter().find(|step| step.seq == seq)
    }

    fn claimed(&self) -> Decision {
        // A process that ends in the middle of a call has got that far; one that never gets to a call may end because
        // of this task.
        let attempts: u32 = self.task.steps.iter().map(|step| step.attempts).sum();
        if self.task.crashes >= self.context.rules.crashes.saturating_add(attempts) {
            let why = format!(
                "the process ended {} times while it worked on this task; look at its steps, then {}",
                self.task.crashes,
                Hint::RetryJob(self.task.job)
            );
            return self.finish(
                TaskState::NeedsPerson,
                None,
                Some(self.failure(FailureKind::Interrupted, why)),
            );
        }
        let open: Vec<JournalEvent> = self
            .task
            .steps
            .iter()
            .filter(|step| step.state == StepState::Attempting)
            .map(|step| {
                let why = "the process ended before the answer was written down".to_owned();
                let mut failure = self.failure(FailureKind::Interrupted, why);
                failure.effect = Effect::Unknown;
                outcome(step, StepState::Unknown, Some(failure), None)
            })
            .collect();
        if !open.is_empty() {
            return Decision { journal: open, next: Next::GoOn };
        }
        // A lost answer is looked into first: a rename of ours may be why the name is another's.
        let unsettled = self.task.steps.iter().any(|step| step.state == StepState::Unknown);
        if self.task.account_external_id.is_some() && !unsettled && !self.context.stopping {
            return Decision::next(Next::Identify);
        }
        self.go_on()
    }

    /// No further call; what was done already is for a person to judge.
    fn refuse(&self, mut failure: Failure) -> Decision {
        if !self.applied(|_| true) {
            return self.finish(TaskState::Failed, None, Some(failure));
        }
        failure.message =
            format!("{}. A part of this task was done before: look at its steps", failure.message);
        self.finish(TaskState::NeedsPerson, None, Some(failure))
    }

    /// The next thing to do, as the journal stands.
    fn go_on(&self) -> Decision {
        if self.context.stopping {
            return self.postpone(Duration::ZERO, None);
        }
        let steps = &self.task.steps;
        if let Some(step) = steps.iter().find(|step| step.state == StepState::Unknown) {
            return self.settle(step);
        }
        let done = |seq: &u32| self.step(*seq).is_none_or(|step| step.state.is_done());
        let ready = |step: &&Step| step.state == StepState::Planned && step.after.iter().all(done);
        if let Some(step) = steps.iter().find(ready) {
            let known = self.task.account_external_id.is_some();
            let seen = self.context.look.covers(&step.call, self.context.now, LOOK_HOLDS);
            return Decision::next(if known && !seen { Next::Identify } else { Next::Call(step.seq) });
        }
        if steps.iter().all(|step| step.state.is_done()) {
            return match self.task.kind {
                TaskKind::DeactivateAccount => Decision::next(Next::Verify),
                _ => self.finish(TaskState::Succeeded, None, None),
            };
        }
        let why = "a step it needs was not applied".to_owned();
        self.finish(TaskState::Failed, None, Some(self.failure(FailureKind::Permanent, why)))
    }

    fn settle(&self, step: &Step) -> Decision {
        match settle(&step.call) {
            Settle::LookPatiently | Settle::LookOnce => Decision::next(Next::Look(step.seq)),
            Settle::Repeat | Settle::NewPassword => self.again(step, step.failure.clone()),
        }
    }

    /// Back to planned; before the call is made again, whose the name is gets looked at again. The first time that is at
    /// once, later after ever longer waits: an outage shall not use the attempts up in a moment.
    fn again(&self, step: &Step, failure: Option<Failure>) -> Decision {
        if step.attempts >= self.context.rules.attempts {
            let why = format!(
                "{} was attempted {} times and its outcome is still not known; look at the account, then {}",
                step.operation,
                step.attempts,
                Hint::RetryJob(self.task.job)
            );
            let mut failure = self.failure(FailureKind::Unknown, why);
            failure.effect = Effect::Unknown;
            return self.finish(TaskState::NeedsPerson, None, Some(failure));
        }
        let again = outcome(step, StepState::Planned, failure.clone(), None);
        if step.attempts > 1 {
            return self.postpone(self.context.rules.wait(step.attempts - 1), failure).after(again);
        }
        let next = if self.task.account_external_id.is_some() { Next::Identify } else { Next::GoOn };
        Decision::write(again, next)
    }

    fn identified(&self, identified: Identified) -> Decision {
        let deleting = self.task.kind == TaskKind::DeleteAccount;
        match identified {
            Identified::Same if self.needs_refresh() => Decision::next(Next::Refresh),
            Identified::Same => self.go_on(),
            Identified::Protected(why) => self.refuse(self.failure(FailureKind::Permanent, why)),
            // Of what this task made or renamed a moment ago, reads may still show what was before.
            Identified::Gone | Identified::Replaced { .. } | Identified::Renamed(_)
                if self.context.rules.just_made(self.task, self.context.now) =>
            {
                self.postpone(self.context.rules.first_wait * 5, None)
            }
            Identified::Gone | Identified::Replaced { .. } if deleting && self.deletion_was_attempted() => {
                self.is_gone()
            }
            Identified::Gone if deleting => self.not_found(|| self.is_gone()),
            // Where ways in are being taken, or something was done, one look is not enough to stop half-way.
            Identified::Gone if self.task.kind == TaskKind::DeactivateAccount || self.applied(|_| true) => {
                self.not_found(|| self.refuse(self.no_more()))
            }
            Identified::Gone => self.refuse(self.no_more()),
            Identified::Replaced { by, made_at } => self.replaced(&by, made_at),
            Identified::Renamed(name) => {
                if let Some(step) = self.renamed_to(&name) {
                    return self.looked(step, Sight::Applied(None));
                }
                let why = format!(
                    "identity_changed: the account {:?} is called {name:?} now; import, and plan again",
                    self.task.account
                );
                self.finish(TaskState::Failed, None, Some(self.failure(FailureKind::IdentityChanged, why)))
            }
            Identified::Unreadable(failure) => self.unreadable(failure),
        }
    }

    fn no_more(&self) -> Failure {
        let why = format!("there is no account {:?} any more; import, and plan again", self.task.account);
        self.failure(FailureKind::Gone, why)
    }

    /// A rename of ours to this name that was attempted and has not been seen to be applied.
    fn renamed_to(&self, name: &str) -> Option<&Step> {
        let to = |call: &StepCall| matches!(call, StepCall::UpdateAccount { new_name: Some(new), .. } if new == name);
        self.task.steps.iter().find(|step| to(&step.call) && step.attempts > 0 && !step.state.is_done())
    }

    /// Something could not be looked at.
    fn unreadable(&self, failure: Failure) -> Decision {
        match failure.kind {
            FailureKind::CredentialBad | FailureKind::AccountMismatch => {
                let mut decision = self.postpone(Duration::ZERO, Some(failure.clone()));
                decision.next = Next::Pause(failure);
                decision
            }
            FailureKind::NotSent | FailureKind::Throttled | FailureKind::Unknown | FailureKind::Busy => {
                self.postpone(self.context.rules.first_wait * 5, Some(failure))
            }
            _ => self.finish(TaskState::NeedsPerson, None, Some(failure)),
        }
    }

    fn answered(&self, step: &Step, answer: Answer) -> Decision {
        match answer {
            Answer::Done { unchanged, made, request_id } => {
                let account = self.learned(step, made);
                let event = JournalEvent::Outcome {
                    seq: step.seq,
                    state: StepState::Applied,
                    unchanged: Some(unchanged),
                    request_id,
                    failure: None,
                    claims: claims(&step.call),
                    account,
                };
                Decision::write(event, Next::GoOn)
            }
            Answer::Failed { failure, request_id, .. } if failure.effect == Effect::Unknown => {
                Decision::write(outcome(step, StepState::Unknown, Some(failure), request_id), Next::GoOn)
            }
            Answer::Failed { failure, wait, request_id } => self.refused(step, failure, wait, request_id),
        }
    }

    /// The account's id after its creation, and its name after a rename.
    fn learned(&self, step: &Step, made: Option<ExternalId>) -> Option<(ExternalId, String)> {
        match (&step.call, made, &self.task.account_external_id) {
            (StepCall::CreateAccount { account, .. }, Some(id), _) => Some((id, account.clone())),
            (StepCall::UpdateAccount { new_name: Some(name), .. }, _, Some(id)) => {
                Some((id.clone(), name.clone()))
            }
            _ => None,
        }
    }

    fn refused(
        &self,
        step: &Step,
        failure: Failure,
        wait: Option<Duration>,
        request_id: Option<String>,
    ) -> Decision {
        let Context { rules, now, .. } = self.context;
        let uncounted = JournalEvent::NotMade { seq: step.seq };
        let planned = |failure: Failure| outcome(step, StepState::Planned, Some(failure), request_id.clone());
        match rules.reaction(self.task, step, failure.kind, *now) {
            Reaction::Again => match wait {
                Some(wait) => self.postpone(wait, None).after(uncounted),
                None => Decision::write(uncounted, Next::GoOn),
            },
            Reaction::WaitUncounted(wait) => self.postpone(wait, Some(failure)).after(uncounted),
            Reaction::Wait(wait) => self.postpone(wait, Some(failure.clone())).after(planned(failure)),
            Reaction::Pause => {
                let mut decision = self.postpone(Duration::ZERO, Some(failure.clone())).after(uncounted);
                decision.next = Next::Pause(failure);
                decision
            }
            Reaction::Look => Decision::write(
                outcome(step, StepState::Unknown, Some(failure), request_id),
                Next::Look(step.seq),
            ),
            Reaction::LookAtAccount(_) if step.attempts <= 1 => {
                Decision::write(planned(failure), Next::Identify)
            }
            Reaction::LookAtAccount(wait) => {
                self.postpone(wait, Some(failure.clone())).after(planned(failure))
            }
            Reaction::Replan if self.context.prioritise_delete_tasks => {
                Decision::write(planned(failure), Next::Replan)
            }
            Reaction::OtherPassword => Decision::write(planned(failure), Next::GoOn),
            Reaction::Replan | Reaction::Fail => {
                let failure = self.explained(step, failure);
                let event = outcome(step, StepState::NotApplied, Some(failure.clone()), request_id);
                self.finish(TaskState::Failed, None, Some(failure)).after(event)
            }
        }
    }

    /// A failure in the words of the person who must act on it.
    fn explained(&self, step: &Step, mut failure: Failure) -> Failure {
        match failure.kind {
            FailureKind::Dependants => {
                let password = self.applied(|call| matches!(call, StepCall::DeleteLoginProfile { .. }));
                let gone = if password { "; its console password is gone already" } else { "" };
                let advice = self.advice_on_dependants(&failure.message);
                failure.message = format!("{}{gone}. {advice}", failure.message);
            }
            FailureKind::Denied => {
                let on = match &step.call {
                    StepCall::AttachPolicy { policy_arn, .. } | StepCall::DetachPolicy { policy_arn, .. } => {
                        format!(" with {policy_arn}")
                    }
                    StepCall::AddToGroup { group, .. } | StepCall::RemoveFromGroup { group, .. } => {
                        format!(" with group {group}")
                    }
                    call => format!(" on {}", call.account()),
                };
                failure.message = format!(
                    "{}. The connector's policies do not allow {}{on}, even if they do elsewhere; let them, then {}",
                    failure.message,
                    step.operation,
                    Hint::RetryJob(self.task.job)
                );
            }
            _ => {}
        }
        failure
    }

    /// By what AWS says must go first: the setting covers groups and policies.
    fn advice_on_dependants(&self, message: &str) -> String {
        let assigned = ["group", "polic"].iter().any(|what| message.contains(what));
        let (system, retry) = (&self.task.system_id, Hint::RetryJob(self.task.job));
        match (assigned, self.context.prioritise_delete_tasks) {
            (true, false) => format!(
                "Something was given to the account meanwhile; remove it, or let Keyreeve do so ({}), then {retry}",
                Hint::Set(system.clone(), Setting::PrioritiseDeleteTasks)
            ),
            (true, true) => format!(
                "Something is given to the account again and again; find out by whom, remove it, then {retry}"
            ),
            (false, _) => format!(
                "What blocks it was made meanwhile, or the granted permissions do not show it: grant the connector \
                 the policy of the permission profile lifecycle ({} writes it), give the system that profile ({}) and ask \
                 for the deletion again, or remove it by other means",
                Hint::WritePolicy,
                Hint::Set(system.clone(), Setting::PermissionProfile)
            ),
        }
    }

    fn applied(&self, which: impl Fn(&StepCall) -> bool) -> bool {
        self.task.steps.iter().any(|step| step.state == StepState::Applied && which(&step.call))
    }

    /// New steps, one after the other, and the last one's number.
    fn in_a_row(&self, calls: Vec<(&'static str, StepCall)>) -> (Vec<Step>, Vec<u32>) {
        let reason = match self.task.kind {
            TaskKind::DeactivateAccount => StepReason::Deactivation,
            _ => StepReason::Blocker,
        };
        let mut seq = self.task.steps.iter().map(|step| step.seq).max().unwrap_or(0);
        let (mut steps, mut before) = (Vec::new(), Vec::new());
        for (operation, call) in calls {
            seq += 1;
            steps.push(Step::planned(seq, call, operation, reason, before));
            before = vec![seq];
        }
        (steps, before)
    }

    /// Later. What holds this one up may wait for it in turn, so one of them comes back soon, and the others leave it the
    /// time.
    fn held(&self, why: String, first: bool) -> Decision {
        let rules = &self.context.rules;
        let wait = if first { rules.first_wait * 2 } else { rules.longest_wait };
        self.postpone(wait, Some(self.failure(FailureKind::Busy, why)))
    }

    fn postpone(&self, wait: Duration, failure: Option<Failure>) -> Decision {
        let not_before = self.context.now.checked_add(wait).unwrap_or(Timestamp::MAX);
        Decision::write(JournalEvent::Postpone { not_before, failure }, Next::Released)
    }

    fn finish(&self, state: TaskState, result: Option<String>, failure: Option<Failure>) -> Decision {
        Decision::write(JournalEvent::Finish { state, result, failure }, Next::Released)
    }

    fn failure(&self, kind: FailureKind, message: String) -> Failure {
        Failure { kind, message, effect: Effect::None, at: self.context.now }
    }
}

impl Decision {
    /// Puts an event before the others.
    fn after(mut self, event: JournalEvent) -> Self {
        self.journal.insert(0, event);
        self
    }
}

/// How long to wait before something is looked for again that has not been seen for so long.
fn while_unseen(since: jiff::SignedDuration) -> Duration {
    Duration::from_secs(u64::try_from(since.as_secs()).unwrap_or(0).clamp(1, 15))
}

fn outcome(
    step: &Step,
    state: StepState,
    failure: Option<Failure>,
    request_id: Option<String>,
) -> JournalEvent {
    let claims = if state == StepState::Applied { claims(&step.call) } else { Vec::new() };
    let unchanged = (state == StepState::Applied).then_some(false);
    JournalEvent::Outcome { seq: step.seq, state, unchanged, request_id, failure, claims, account: None }
}
