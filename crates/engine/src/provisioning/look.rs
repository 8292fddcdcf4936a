//! How long a look at whose an account's name is holds: pure.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{StepCall, Task};

use super::decide::{Answer, Event, Identified, Sight};
use super::retry::signed;

/// So long after it was seen whose an account's name is, calls may be made on it. Calls go by name: an account that
/// somebody makes under the name in this time can be hit by the calls made in it, and by none after. A shorter time
/// would cost most calls a look of their own.
pub const LOOK_HOLDS: Duration = Duration::from_secs(5);

/// What one claim of a task knows of whose its account's name is. Not stored: the next claim looks for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    at: Option<Timestamp>,
    /// Calls other than the deletion of the account were made since.
    called_since: bool,
}

impl Look {
    /// Takes in what has just happened to the task.
    pub fn take_in(&mut self, task: &Task, event: &Event, now: Timestamp) {
        let seen = Self { at: Some(now), called_since: false };
        match event {
            Event::Identified(Identified::Same)
            // What has just made the account, or found the one it made, knows whose the name is.
            | Event::Answered { answer: Answer::Done { made: Some(_), .. }, .. }
            | Event::Looked { sight: Sight::Applied(Some(_)), .. } => *self = seen,
            // What it was to take was not there: perhaps because the name is somebody else's by now.
            Event::Answered { answer: Answer::Done { unchanged: true, .. }, .. } => *self = Self::default(),
            Event::Answered { seq, .. } => {
                let step = task.steps.iter().find(|step| step.seq == *seq);
                self.called_since |= step.is_none_or(|step| !deletes(&step.call));
            }
            _ => {}
        }
    }

    /// When it was last seen that the name is the planned account's.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Whether nothing was called since it was seen whose the name is.
    pub(super) fn is_of_now(&self) -> bool {
        self.at.is_some() && !self.called_since
    }

    /// Whether the call may be made on the word of this look, which holds for so long. The account itself is deleted
    /// only directly after a look: nothing brings it back.
    #[must_use]
    pub fn covers(&self, call: &StepCall, now: Timestamp, holds: Duration) -> bool {
        // A clock that went back says nothing about how old the look is.
        let young = |at: Timestamp| {
            let age = now.duration_since(at);
            !age.is_negative() && age <= signed(holds)
        };
        self.at.is_some_and(young) && !(self.called_since && deletes(call))
    }
}

fn deletes(call: &StepCall) -> bool {
    matches!(call, StepCall::DeleteAccount { .. })
}
