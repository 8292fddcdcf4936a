//! How often and how long a step is tried again, by the class of its failure. The only place that says so.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{Effect, FailureKind, Step, StepCall, StepState, Task};

/// The waits and limits of provisioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// For so long after a write, reads may not show it, and so long AWS may refuse to build on it.
    pub propagation: Duration,
    /// The first wait of every kind; it doubles from there.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// A step is attempted at most this often.
    pub attempts: u32,
    /// A password is refused at most this often.
    pub passwords: u32,
    /// A deletion is planned anew at most this often.
    pub replans: u32,
    /// A task during which the process died so much more often than it made a call is left to a person.
    pub crashes: u32,
    /// How far the two clocks may be apart.
    pub clock_skew: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            propagation: Duration::from_secs(120),
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
            attempts: 12,
            passwords: 3,
            replans: 3,
            crashes: 3,
            clock_skew: Duration::from_secs(60),
        }
    }
}

/// What to do about a failed attempt that certainly changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Try again at once; the attempt does not count. The pacer spaces such repeats.
    Again,
    /// Try again later; the attempt does not count.
    WaitUncounted(Duration),
    /// Try again later.
    Wait(Duration),
    /// Nothing works until the credentials are mended: stop the system, keep the task.
    Pause,
    /// Look whether an earlier attempt did it after all.
    Look,
    /// Look whether the account is still there, which the answer denies; try again if it is, not at once after the first
    /// time.
    LookAtAccount(Duration),
    /// Look what is in the way, and plan anew.
    Replan,
    /// Make another password, and try again.
    OtherPassword,
    /// It will not succeed.
    Fail,
}

impl Rules {
    /// The reaction to a failure of this kind. The step counts this attempt already.
    pub(super) fn reaction(&self, task: &Task, step: &Step, kind: FailureKind, now: Timestamp) -> Reaction {
        let exhausted = step.attempts >= self.attempts;
        match kind {
            FailureKind::Throttled => Reaction::Again,
            FailureKind::NotSent => Reaction::WaitUncounted(self.longest_wait.min(self.first_wait * 5)),
            FailureKind::CredentialBad | FailureKind::AccountMismatch => Reaction::Pause,
            FailureKind::Busy if !exhausted => Reaction::Wait(self.wait(step.attempts)),
            FailureKind::Gone if !exhausted && self.just_made(task, now) => {
                Reaction::Wait(self.wait(step.attempts))
            }
            // A repeat that finds the thing there: the first attempt may have done it, unseen.
            FailureKind::AlreadyThere if step.attempts > 1 && !exhausted => Reaction::Look,
            FailureKind::Gone if may_be_done(step) && !exhausted => Reaction::Look,
            FailureKind::Gone if task.account_external_id.is_some() && step.attempts < self.looks(step) => {
                Reaction::LookAtAccount(self.wait(step.attempts - 1))
            }
            FailureKind::Dependants if task.replans < self.replans => Reaction::Replan,
            FailureKind::PasswordRefused if step.attempts < self.passwords => Reaction::OtherPassword,
            _ => Reaction::Fail,
        }
    }

    /// So often at most a call is made that is answered as if its account were not there. What is to be taken away is not
    /// called done on that word; of what is to be given, the other thing may well be missing.
    fn looks(&self, step: &Step) -> u32 {
        if removes(&step.call) { self.attempts } else { 3.min(self.attempts) }
    }

    /// The wait after so many attempts.
    pub(super) fn wait(&self, attempts: u32) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        doubled.min(self.longest_wait)
    }

    /// Whether this very task made the account so recently that not everything at AWS knows it yet.
    pub(super) fn just_made(&self, task: &Task, now: Timestamp) -> bool {
        use keyreeve_model::StepCall::{CreateAccount, UpdateAccount};
        task.steps
            .iter()
            .filter(|step| matches!(step.call, CreateAccount { .. } | UpdateAccount { .. }))
            .filter(|step| step.state == StepState::Applied)
            .filter_map(|step| step.finished_at)
            .any(|at| now.duration_since(at) < signed(self.propagation))
    }
}

/// Whether an earlier attempt may have been carried out.
fn may_be_done(step: &Step) -> bool {
    step.attempts > 1 && step.failure.as_ref().is_some_and(|failure| failure.effect == Effect::Unknown)
}

/// Whether the call takes something away from its account, or the account itself: that it is not there is what is wanted.
fn removes(call: &StepCall) -> bool {
    matches!(
        call,
        StepCall::DeleteAccount { .. }
            | StepCall::DeleteLoginProfile { .. }
            | StepCall::RemoveFromGroup { .. }
            | StepCall::DetachPolicy { .. }
            | StepCall::DeleteCredential { .. }
            | StepCall::DeactivateMfaDevice { .. }
            | StepCall::DeleteVirtualMfaDevice { .. }
            | StepCall::DeleteInlinePolicy { .. }
            | StepCall::UntagAccount { .. }
            | StepCall::RemoveBoundary { .. }
    )
}

pub(super) fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
