//! The name of a task's account belongs to another account now.

use jiff::Timestamp;
use keyreeve_model::{Effect, ExternalId, FailureKind, Step, StepState, TaskState};

use super::super::look::LOOK_HOLDS;
use super::{Context, Decider, Decision};

impl Decider<'_> {
    /// The name is a newcomer's. Calls that were made since it was last seen whose it is may have hit the newcomer.
    pub(super) fn replaced(&self, by: &ExternalId, made_at: Timestamp) -> Decision {
        let Context { look, rules, .. } = self.context;
        let last = self.task.steps.iter().filter_map(|step| step.attempted_at).max();
        let seen_at = look.at().or_else(|| last.and_then(|at| at.checked_sub(LOOK_HOLDS).ok()));
        // A look that showed the old account after the newcomer was made showed what was no more, and so may others have.
        let seen_at = seen_at.filter(|at| *at < made_at);
        let since = made_at.checked_sub(rules.clock_skew).ok().max(seen_at);
        let changed = |step: &&Step| match step.state {
            StepState::Applied => step.unchanged != Some(true),
            _ => step.failure.as_ref().is_some_and(|failure| failure.effect == Effect::Unknown),
        };
        let after = |step: &&Step| step.attempted_at.is_some_and(|at| Some(at) >= since);
        let hits: Vec<String> = self.task.steps.iter().filter(after).filter(changed).map(named).collect();
        let name = &self.task.account;
        let other = format!(
            "identity_changed: the name {name:?} belongs to another account now ({by}), made after the one this task \
             was planned for"
        );
        let (state, why) = if hits.is_empty() {
            (TaskState::Failed, format!("{other}; it is left alone. Import, and plan again"))
        } else {
            let hits = hits.join(", ");
            let why = format!(
                "{other}. Since the name was last seen to be the planned account's, these calls were made, and may have \
                 changed the newcomer: {hits}. Look at it, and give back what it lost; then import, and plan again"
            );
            (TaskState::NeedsPerson, why)
        };
        self.finish(state, None, Some(self.failure(FailureKind::IdentityChanged, why)))
    }
}

/// A call for a person to read: its operation, and what it is about besides the account.
fn named(step: &Step) -> String {
    match step.call.object() {
        Some(object) => format!("{} ({object})", step.operation),
        None => step.operation.clone(),
    }
}
