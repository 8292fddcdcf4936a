//! Which columns each kind has: all fields of the contract.

use keyreeve_model::{AccessKey, Assignment, ImportRun, ObjectType, ProvisioningJob, Resource, Suspicion};
use keyreeve_store::AuditRow;

use super::cells::{joined, told, unknown, word};
use super::field::{Field, as_json, json, json_told, maybe, moment, text, truth, truth_told, whole};
use super::{ChangedObject, ListedTask};
use crate::unseen::KnownAccount;

/// Accounts.
pub const ACCOUNTS: &[Field<KnownAccount>] = &[
    text("system_id", |KnownAccount { account, .. }| account.system_id.to_string()),
    text("external_id", |KnownAccount { account, .. }| account.external_id.to_string()),
    text("name", |KnownAccount { account, .. }| account.name.clone()),
    text("path", |KnownAccount { account, .. }| account.path.clone()),
    text("arn", |KnownAccount { account, .. }| account.arn.clone()),
    text("status", |KnownAccount { account, .. }| account.status.as_str().to_owned()),
    text("login_profile.state", |KnownAccount { account, .. }| word(&account.login_profile.state)),
    moment("login_profile.created_at", |KnownAccount { account, .. }| account.login_profile.created_at),
    truth("login_profile.password_reset_required", |KnownAccount { account, .. }| {
        account.login_profile.password_reset_required
    }),
    json_told(
        "access_keys",
        |KnownAccount { account, .. }| as_json(&account.access_keys),
        |KnownAccount { account, .. }| told(account.access_keys.as_ref(), |key| state_of(key).to_owned()),
    ),
    truth_told(
        "mfa_active",
        |KnownAccount { account, .. }| account.mfa_active,
        |KnownAccount { account, .. }| account.mfa_active.map_or_else(unknown, |active| active.to_string()),
    ),
    text("credentials.source", |KnownAccount { account, .. }| word(&account.credentials.source)),
    moment("credentials.as_of", |KnownAccount { account, .. }| account.credentials.as_of),
    moment("created_at", |KnownAccount { account, .. }| Some(account.created_at)),
    moment("password_last_used_at", |KnownAccount { account, .. }| account.password_last_used_at),
    json_told(
        "tags",
        |KnownAccount { account, .. }| as_json(&account.tags),
        |KnownAccount { account, .. }| told(account.tags.as_ref(), |(key, value)| format!("{key}={value}")),
    ),
    maybe("permissions_boundary", |KnownAccount { account, .. }| account.permissions_boundary.clone()),
    json_told(
        "inline_policies",
        |KnownAccount { account, .. }| as_json(&account.inline_policies),
        |KnownAccount { account, .. }| told(account.inline_policies.as_ref(), |policy| policy.name.clone()),
    ),
    whole("first_seen_run", |KnownAccount { account, .. }| Some(account.first_seen_run.0)),
    whole("last_seen_run", |KnownAccount { account, .. }| Some(account.last_seen_run.0)),
    json_told("pending", |known| as_json(&known.pending), |known| super::pending_words(&known.pending)),
];

/// Groups and policies.
pub const RESOURCES: &[Field<Resource>] = &[
    text("system_id", |resource| resource.system_id.to_string()),
    text("external_id", |resource| resource.external_id.to_string()),
    text("type", |resource| resource.kind.as_str().to_owned()),
    text("name", |resource| resource.name.clone()),
    text("path", |resource| resource.path.clone()),
    text("arn", |resource| resource.arn.clone()),
    maybe("managed_by", |resource| resource.managed_by.as_ref().map(word)),
    truth("attachable", |resource| Some(resource.attachable)),
    json_told(
        "inline_policies",
        |resource| as_json(&resource.inline_policies),
        |resource| joined(resource.inline_policies.iter().flatten(), |policy| policy.name.clone()),
    ),
    maybe("default_version", |resource| resource.default_version.clone()),
    whole("first_seen_run", |resource| Some(resource.first_seen_run.0)),
    whole("last_seen_run", |resource| Some(resource.last_seen_run.0)),
];

/// Who holds what.
pub const ASSIGNMENTS: &[Field<Assignment>] = &[
    text("system_id", |assignment| assignment.system_id.to_string()),
    text("kind", |assignment| assignment.kind.as_str().to_owned()),
    maybe("account", |assignment| of_account(assignment, &assignment.subject_name)),
    maybe("account_external_id", |assignment| {
        of_account(assignment, assignment.subject_external_id.as_str())
    }),
    maybe("group", |assignment| of_group(assignment, &assignment.subject_name)),
    maybe("group_external_id", |assignment| of_group(assignment, assignment.subject_external_id.as_str())),
    maybe("resource_external_id", |assignment| {
        assignment.resource_external_id.as_ref().map(ToString::to_string)
    }),
    maybe("resource_arn", |assignment| assignment.resource_arn.clone()),
    text("resource_name", |assignment| assignment.resource_name.clone()),
    text("state", |assignment| word(&assignment.state)),
    whole("first_seen_run", |assignment| Some(assignment.first_seen_run.0)),
    whole("last_seen_run", |assignment| Some(assignment.last_seen_run.0)),
];

/// Import runs.
pub const RUNS: &[Field<ImportRun>] = &[
    whole("id", |run| Some(run.id.0)),
    text("system_id", |run| run.system_id.to_string()),
    text("profile", |run| run.profile.to_string()),
    text("state", |run| run.state.as_str().to_owned()),
    json_told(
        "collections",
        |run| as_json(&run.collections),
        |run| joined(&run.collections, |one| format!("{}={}", one.name.as_str(), word(&one.state))),
    ),
    whole("changes.accounts.created", |run| counted(run, run.changes.accounts.created)),
    whole("changes.accounts.changed", |run| counted(run, run.changes.accounts.changed)),
    whole("changes.accounts.deleted", |run| counted(run, run.changes.accounts.deleted)),
    whole("changes.accounts.seen_differently", |run| counted(run, run.changes.accounts.seen_differently)),
    whole("changes.resources.created", |run| counted(run, run.changes.resources.created)),
    whole("changes.resources.changed", |run| counted(run, run.changes.resources.changed)),
    whole("changes.resources.deleted", |run| counted(run, run.changes.resources.deleted)),
    whole("changes.resources.seen_differently", |run| counted(run, run.changes.resources.seen_differently)),
    whole("changes.assignments.created", |run| counted(run, run.changes.assignments.created)),
    whole("changes.assignments.changed", |run| counted(run, run.changes.assignments.changed)),
    whole("changes.assignments.deleted", |run| counted(run, run.changes.assignments.deleted)),
    whole("changes.assignments.seen_differently", |run| {
        counted(run, run.changes.assignments.seen_differently)
    }),
    whole("aws_calls", |run| number(run.aws_calls)),
    moment("started_at", |run| Some(run.started_at)),
    moment("finished_at", |run| run.finished_at),
    moment("published_at", |run| run.published_at),
    whole("baseline_run", |run| run.baseline_run.map(|run| run.0)),
    json_told("suspicions", |run| as_json(&run.suspicions), |run| joined(&run.suspicions, suspicion_text)),
    json_told(
        "warnings",
        |run| as_json(&run.warnings),
        |run| joined(&run.warnings, |warning| warning.code.clone()),
    ),
    maybe("failure", |run| run.failure.as_ref().map(|failure| failure.message.clone())),
    text("actor", |run| run.actor.clone()),
    maybe("decided_by", |run| run.decided_by.clone()),
    maybe("decision_reason", |run| run.decision_reason.clone()),
];

/// Jobs.
pub const JOBS: &[Field<ProvisioningJob>] = &[
    whole("id", |job| Some(job.id.0)),
    text("system_id", |job| job.system_id.to_string()),
    text("state", |job| job.state.as_str().to_owned()),
    whole("tasks", |job| number(job.tasks.len())),
    text("actor", |job| job.actor.clone()),
    maybe("reason", |job| job.reason.clone()),
    moment("created_at", |job| Some(job.created_at)),
    moment("finished_at", |job| job.finished_at),
];

/// Tasks of jobs.
pub const TASKS: &[Field<ListedTask>] = &[
    whole("id", |ListedTask(task)| Some(task.id.0)),
    whole("job", |ListedTask(task)| Some(task.job.0)),
    text("system_id", |ListedTask(task)| task.system_id.to_string()),
    text("kind", |ListedTask(task)| task.kind.as_str().to_owned()),
    text("account", |ListedTask(task)| task.account.clone()),
    maybe("account_external_id", |ListedTask(task)| {
        task.account_external_id.as_ref().map(ToString::to_string)
    }),
    text("state", |ListedTask(task)| task.state.as_str().to_owned()),
    json("wish", |ListedTask(task)| as_json(&task.wish)),
    json_told(
        "after",
        |ListedTask(task)| as_json(&task.after),
        |ListedTask(task)| joined(&task.after, ToString::to_string),
    ),
    moment("not_before", |ListedTask(task)| task.not_before),
    whole("replans", |ListedTask(task)| Some(i64::from(task.replans))),
    whole("crashes", |ListedTask(task)| Some(i64::from(task.crashes))),
    maybe("result", |ListedTask(task)| task.result.clone()),
    maybe("failure", |ListedTask(task)| task.failure.as_ref().map(|failure| failure.message.clone())),
    moment("started_at", |ListedTask(task)| task.started_at),
    moment("finished_at", |ListedTask(task)| task.finished_at),
];

/// What an import run changed.
pub const CHANGES: &[Field<ChangedObject>] = &[
    text("system_id", |one| one.system_id.to_string()),
    whole("run", |one| Some(one.run.0)),
    text("change", |one| word(&one.change)),
    text("type", |one| one.object_type.as_str().to_owned()),
    text("name", |one| one.name.clone()),
    text("external_id", |one| one.external_id.clone()),
    json_told("fields", |one| as_json(&one.fields), |one| joined(&one.fields, String::clone)),
    json("before", |one| one.before.clone()),
    json("after", |one| one.after.clone()),
];

/// Rows of the audit log.
pub const AUDIT: &[Field<AuditRow>] = &[
    whole("seq", |row| Some(row.seq)),
    moment("at", |row| Some(row.at)),
    text("actor", |row| row.actor.clone()),
    maybe("system_id", |row| row.system_id.as_ref().map(ToString::to_string)),
    text("action", |row| row.action.clone()),
    json("subject", |row| Some(row.subject.clone())),
    text("prev_hash", |row| row.prev_hash.clone()),
    text("hash", |row| row.hash.clone()),
];

fn of_account(assignment: &Assignment, value: &str) -> Option<String> {
    assignment.kind.of_account().then(|| value.to_owned())
}

fn of_group(assignment: &Assignment, value: &str) -> Option<String> {
    (!assignment.kind.of_account()).then(|| value.to_owned())
}

fn number<N: TryInto<i64>>(number: N) -> Option<i64> {
    number.try_into().ok()
}

/// What a comparison came to, if there was one: a run that failed or still reads has found no zero.
fn counted<N: TryInto<i64>>(run: &ImportRun, came_to: N) -> Option<i64> {
    run.state.compared().then(|| number(came_to)).flatten()
}

/// Whether an access key works, in a word.
#[must_use]
pub fn state_of(key: &AccessKey) -> &'static str {
    if key.active { "active" } else { "inactive" }
}

/// What a comparison came to, if there was one: a run that failed or still reads has found no zero.
#[must_use]
pub fn compared(run: &ImportRun, came_to: String, otherwise: &str) -> String {
    if run.state.compared() { came_to } else { otherwise.to_owned() }
}

/// Why a run failed; nothing of one that did not.
#[must_use]
pub fn failure(run: &ImportRun) -> String {
    run.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default()
}

/// What several objects of a type are called.
fn many(of: ObjectType) -> &'static str {
    match of {
        ObjectType::Account => "accounts",
        ObjectType::Group => "groups",
        ObjectType::Policy => "policies",
        ObjectType::AwsManagedPolicy => "policies of AWS",
        ObjectType::AccountGroup => "memberships of accounts in groups",
        ObjectType::AccountPolicy => "policies attached to accounts",
        ObjectType::GroupPolicy => "policies attached to groups",
    }
}

/// A suspicion as a sentence.
#[must_use]
pub fn suspicion_text(suspicion: &Suspicion) -> String {
    match suspicion {
        Suspicion::Threshold { object_type, change, number, population, limit } => {
            format!("{number} of {population} {} would be {} ({limit})", many(*object_type), word(change))
        }
        Suspicion::ListingsDisagree { first, only_in_first, second, only_in_second, differences } => {
            let named =
                |only: &[String]| if only.is_empty() { "nothing".to_owned() } else { only.join(", ") };
            let (first, second) = (first.as_str().replace('_', " "), second.replace('_', " "));
            let objects = if *differences == 1 { "object" } else { "objects" };
            format!(
                "{first} and {second} disagree in {differences} {objects}: only in {first}: {}; only in {second}: {}",
                named(only_in_first),
                named(only_in_second)
            )
        }
    }
}
