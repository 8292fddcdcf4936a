//! What states and kinds are called: in filters, and as badges.

use keyreeve_engine::export::changes::{ChangeLine, FieldChange};
use keyreeve_model::{
    ImportRunState, JobState, ObjectType, ProvisioningJob, ResourceName, StepState, SystemState, TaskKind,
    TaskState, Wish,
};

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
/// What a cancelled job is called that somebody rejected; programs are told that it is cancelled.
pub(crate) const REJECTED: &str = "rejected";
pub(crate) const JOB_STATES: &Words = &[
    ("awaiting_approval", "Awaits approval"),
    ("queued", "Queued"),
    ("running", "Running"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("partially_failed", "Partially failed"),
    ("cancelled", "Cancelled"),
    (REJECTED, "Rejected"),
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

/// What is wished, in words: with the group or policy, where it is about one, and with the account, unless that is said.
pub(crate) fn wished(wish: &Wish, account: Option<&str>) -> String {
    let (verb, towards, resource) = match wish {
        Wish::AddAssignment { resource, .. } => ("Add", "to", resource),
        Wish::RemoveAssignment { resource, .. } => ("Remove", "from", resource),
        other => {
            let kind = called(other.kind());
            return account.map_or(kind.to_owned(), |account| format!("{kind} {account}"));
        }
    };
    let what = match resource {
        ResourceName::Group(_) => "group",
        ResourceName::Policy(_) => "policy",
    };
    let name = name_of(resource);
    match account {
        Some(account) => format!("{verb} {what} {name} {towards} {account}"),
        None => format!("{verb} {what} {name}"),
    }
}

/// What a group or policy is called.
pub(crate) fn name_of(resource: &ResourceName) -> &str {
    match resource {
        ResourceName::Group(group) => group,
        ResourceName::Policy(arn) => arn.rsplit('/').next().unwrap_or(arn),
    }
}

/// What a kind of object is called.
pub(crate) fn called_object(of: ObjectType) -> &'static str {
    named(OBJECT_TYPES, of.as_str())
}

/// What the fields are called that an import can find changed.
const FIELDS: &Words = &[
    ("name", "name"),
    ("type", "type"),
    ("path", "path"),
    ("arn", "ARN"),
    ("created_at", "made"),
    ("password_last_used_at", "password last used"),
    ("tags", "tags"),
    ("permissions_boundary", "permissions boundary"),
    ("inline_policies", "inline policies"),
    ("credentials", "what is known of credentials"),
    ("credentials.source", "credentials known by"),
    ("status", "status"),
    ("login_profile", "console password"),
    ("login_profile.state", "console password"),
    ("login_profile.created_at", "console password set"),
    ("login_profile.password_reset_required", "must be changed at the next sign-in"),
    ("mfa_active", "MFA"),
    ("access_keys", "access keys"),
    ("access_keys.last_used_at", "access key last used"),
    ("managed_by", "maintained by"),
    ("attachable", "can be assigned"),
    ("default_version", "version in force"),
];
/// What the values of closed lists are called in them.
const VALUES: &Words = &[
    ("", "none"),
    ("null", "not known"),
    ("true", "yes"),
    ("false", "no"),
    ("present", "there is one"),
    ("absent", "there is none"),
    ("per_user", "a call for the account"),
    ("credential_report", "the credential report"),
    ("customer", "this AWS account"),
    ("aws", "AWS"),
];

/// What a change of an object says, in plain words.
pub(crate) fn in_words(line: &ChangeLine) -> String {
    // An ARN follows from name and path.
    let moved = line.fields.iter().any(|field| field.name == "name" || field.name == "path");
    let told = line.fields.iter().filter(|field| field.name != "arn" || !moved).map(field_in_words);
    told.collect::<Vec<_>>().join(", ")
}

fn field_in_words(field: &FieldChange) -> String {
    // Whoever has a tag called `true` wrote that.
    let free = ["name", "path", "arn"].contains(&&*field.name) || field.name.starts_with("tags.");
    let value = |value: &str| match VALUES.iter().find(|(one, _)| *one == value) {
        Some((one, called)) if !free || one.is_empty() => (*called).to_owned(),
        _ => value.to_owned(),
    };
    let called = match (FIELDS.iter().find(|(one, _)| *one == field.name), field.name.strip_prefix("tags.")) {
        (Some((_, called)), _) => (*called).to_owned(),
        (None, Some(tag)) => format!("tag {tag}"),
        (None, None) => field.name.replace(['_', '.'], " "),
    };
    format!("{called}: {} → {}", value(&field.before), value(&field.after))
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

    pub(crate) fn of_job(job: &ProvisioningJob) -> Self {
        if job.is_rejected() {
            return Self::new(Tone::Quiet, named(JOB_STATES, REJECTED));
        }
        let state = job.state;
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

#[cfg(test)]
mod tests {
    use keyreeve_model::ChangeKind;

    use super::*;

    #[test]
    fn what_is_wished_names_the_group_or_policy_that_it_is_about() {
        let wish = |text: &str| serde_json::from_str::<Wish>(text).unwrap();
        let group = wish(r#"{"task":"add_assignment","account":"ada","group":"Developers"}"#);
        assert_eq!(wished(&group, Some("ada")), "Add group Developers to ada");
        assert_eq!(wished(&group, None), "Add group Developers");
        let policy =
            r#"{"task":"remove_assignment","account":"ada","policy":"arn:aws:iam::aws:policy/job/ReadOnly"}"#;
        assert_eq!(wished(&wish(policy), Some("ada")), "Remove policy ReadOnly from ada");
        let delete = wish(r#"{"task":"delete_account","account":"ada"}"#);
        assert_eq!(wished(&delete, Some("ada.b")), "Delete account ada.b");
    }

    #[test]
    fn what_changed_is_said_in_plain_words_and_what_people_wrote_as_it_is() {
        let field = |name: &str, before: &str, after: &str| FieldChange {
            name: name.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let line = ChangeLine {
            kind: ChangeKind::Changed,
            object_type: ObjectType::Account,
            name: "eve".to_owned(),
            external_id: "AIDA1".to_owned(),
            fields: vec![
                field("path", "/", "/true/"),
                field("arn", "arn:1", "arn:2"),
                field("login_profile.state", "present", "absent"),
                field("tags.true", "", "false"),
                field("mfa_active", "false", "true"),
            ],
        };
        assert_eq!(
            in_words(&line),
            "path: / → /true/, console password: there is one → there is none, tag true: none → false, MFA: no → yes"
        );
    }
}
