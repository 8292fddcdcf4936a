//! What states and kinds are called: in filters, and as badges.

use keyreeve_model::{ImportRunState, JobState, ObjectType, StepState, SystemState, TaskKind, TaskState};

use super::parts::{Badge, Tone};

/// Words as addresses have them, and what they are called.
pub(crate) type Words = [(&'static str, &'static str)];

pub(crate) const SYSTEM_STATES: &Words = &[
    ("active", "Active"),
    ("quarantined", "Quarantined"),
    ("suspended", "Suspended"),
    ("removed", "Removed"),
];
pub(crate) const RUN_STATES: &Words = &[
    ("running", "Running"),
    ("suspended", "Suspended"),
    ("published", "Published"),
    ("failed", "Failed"),
    ("rejected", "Rejected"),
    ("previewed", "Previewed"),
];
pub(crate) const JOB_STATES: &Words = &[
    ("awaiting_approval", "Awaits approval"),
    ("queued", "Queued"),
    ("running", "Running"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("partially_failed", "Partially failed"),
    ("cancelled", "Cancelled"),
];
pub(crate) const TASK_STATES: &Words = &[
    ("awaiting_approval", "Awaits approval"),
    ("queued", "Queued"),
    ("running", "Running"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("needs_person", "Needs a person"),
    ("cancelled", "Cancelled"),
];
pub(crate) const TASK_KINDS: &Words = &[
    ("create_account", "Create account"),
    ("update_account", "Update account"),
    ("deactivate_account", "Deactivate account"),
    ("reactivate_account", "Reactivate account"),
    ("delete_account", "Delete account"),
    ("reset_password", "Reset password"),
    ("add_assignment", "Add assignment"),
    ("remove_assignment", "Remove assignment"),
];
pub(crate) const OBJECT_TYPES: &Words = &[
    ("account", "Account"),
    ("group", "Group"),
    ("policy", "Policy"),
    ("aws_managed_policy", "Policy of AWS"),
    ("account_group", "Membership"),
    ("account_policy", "Policy of an account"),
    ("group_policy", "Policy of a group"),
];

/// What a kind of task is called.
pub(crate) fn called(kind: TaskKind) -> &'static str {
    named(TASK_KINDS, kind.as_str())
}

/// What a kind of object is called.
pub(crate) fn called_object(of: ObjectType) -> &'static str {
    named(OBJECT_TYPES, of.as_str())
}

fn named(words: &'static Words, word: &'static str) -> &'static str {
    words.iter().find(|(one, _)| *one == word).map_or(word, |(_, called)| called)
}

impl Badge {
    pub(crate) fn of_system(state: SystemState) -> Self {
        let tone = match state {
            SystemState::Active => Tone::Good,
            SystemState::Quarantined => Tone::Bad,
            SystemState::Suspended => Tone::Warning,
            SystemState::Removed => Tone::Quiet,
        };
        Self::new(tone, named(SYSTEM_STATES, state.as_str()))
    }

    pub(crate) fn of_run(state: ImportRunState) -> Self {
        let tone = match state {
            ImportRunState::Running => Tone::Notice,
            ImportRunState::Suspended => Tone::Warning,
            ImportRunState::Published => Tone::Good,
            ImportRunState::Failed => Tone::Bad,
            ImportRunState::Previewed | ImportRunState::Rejected => Tone::Quiet,
        };
        Self::new(tone, named(RUN_STATES, state.as_str()))
    }

    pub(crate) fn of_job(state: JobState) -> Self {
        let tone = match state {
            JobState::AwaitingApproval => Tone::Warning,
            JobState::Queued | JobState::Running => Tone::Notice,
            JobState::Succeeded => Tone::Good,
            JobState::Failed | JobState::PartiallyFailed => Tone::Bad,
            JobState::Cancelled => Tone::Quiet,
        };
        Self::new(tone, named(JOB_STATES, state.as_str()))
    }

    pub(crate) fn of_task(state: TaskState) -> Self {
        let tone = match state {
            TaskState::AwaitingApproval => Tone::Warning,
            TaskState::Queued | TaskState::Running => Tone::Notice,
            TaskState::Succeeded => Tone::Good,
            TaskState::Failed | TaskState::NeedsPerson => Tone::Bad,
            TaskState::Cancelled => Tone::Quiet,
        };
        Self::new(tone, named(TASK_STATES, state.as_str()))
    }

    pub(crate) fn of_step(state: StepState) -> Self {
        match state {
            StepState::Planned => Self::new(Tone::Quiet, "Planned"),
            StepState::Attempting => Self::new(Tone::Notice, "Attempting"),
            StepState::Unknown => Self::new(Tone::Warning, "Unknown"),
            StepState::Applied => Self::new(Tone::Good, "Applied"),
            StepState::NotApplied => Self::new(Tone::Bad, "Not applied"),
            StepState::Skipped => Self::new(Tone::Quiet, "Skipped"),
        }
    }
}
