//! Which columns each kind has: all fields of the contract.

use keyreeve_model::{AccessKey, Assignment, ImportRun, ObjectType, ProvisioningJob, Resource, Suspicion};
use keyreeve_store::AuditRow;

use super::cells::{joined, text, time, told, unknown, word};
use super::csv::Column;
use crate::unseen::KnownAccount;

/// Accounts.
pub const ACCOUNTS: &[Column<KnownAccount>] = &[
    ("system_id", |KnownAccount { account, .. }| account.system_id.to_string()),
    ("external_id", |KnownAccount { account, .. }| account.external_id.to_string()),
    ("name", |KnownAccount { account, .. }| account.name.clone()),
    ("path", |KnownAccount { account, .. }| account.path.clone()),
    ("arn", |KnownAccount { account, .. }| account.arn.clone()),
    ("status", |KnownAccount { account, .. }| account.status.as_str().to_owned()),
    ("login_profile.state", |KnownAccount { account, .. }| word(&account.login_profile.state)),
    ("login_profile.created_at", |KnownAccount { account, .. }| time(account.login_profile.created_at)),
    ("login_profile.password_reset_required", |KnownAccount { account, .. }| {
        text(account.login_profile.password_reset_required.as_ref())
    }),
    ("access_keys", |KnownAccount { account, .. }| {
        told(account.access_keys.as_ref(), |key| state_of(key).to_owned())
    }),
    ("mfa_active", |KnownAccount { account, .. }| {
        account.mfa_active.map_or_else(unknown, |active| active.to_string())
    }),
    ("credentials.source", |KnownAccount { account, .. }| word(&account.credentials.source)),
    ("credentials.as_of", |KnownAccount { account, .. }| time(account.credentials.as_of)),
    ("created_at", |KnownAccount { account, .. }| account.created_at.to_string()),
    ("password_last_used_at", |KnownAccount { account, .. }| time(account.password_last_used_at)),
    ("tags", |KnownAccount { account, .. }| {
        told(account.tags.as_ref(), |(key, value)| format!("{key}={value}"))
    }),
    ("permissions_boundary", |KnownAccount { account, .. }| {
        account.permissions_boundary.clone().unwrap_or_default()
    }),
    ("inline_policies", |KnownAccount { account, .. }| {
        told(account.inline_policies.as_ref(), |policy| policy.name.clone())
    }),
    ("first_seen_run", |KnownAccount { account, .. }| account.first_seen_run.to_string()),
    ("last_seen_run", |KnownAccount { account, .. }| account.last_seen_run.to_string()),
    ("pending", |known| super::pending_words(&known.pending)),
];

/// Groups and policies.
pub const RESOURCES: &[Column<Resource>] = &[
    ("system_id", |resource| resource.system_id.to_string()),
    ("external_id", |resource| resource.external_id.to_string()),
    ("type", |resource| resource.kind.as_str().to_owned()),
    ("name", |resource| resource.name.clone()),
    ("path", |resource| resource.path.clone()),
    ("arn", |resource| resource.arn.clone()),
    ("managed_by", |resource| word(&resource.managed_by)),
    ("attachable", |resource| resource.attachable.to_string()),
    ("inline_policies", |resource| {
        joined(resource.inline_policies.iter().flatten(), |policy| policy.name.clone())
    }),
    ("default_version", |resource| resource.default_version.clone().unwrap_or_default()),
    ("first_seen_run", |resource| resource.first_seen_run.to_string()),
    ("last_seen_run", |resource| resource.last_seen_run.to_string()),
];

/// Who holds what.
pub const ASSIGNMENTS: &[Column<Assignment>] = &[
    ("system_id", |assignment| assignment.system_id.to_string()),
    ("kind", |assignment| assignment.kind.as_str().to_owned()),
    ("account", |assignment| of_account(assignment, &assignment.subject_name)),
    ("account_external_id", |assignment| of_account(assignment, assignment.subject_external_id.as_str())),
    ("group", |assignment| of_group(assignment, &assignment.subject_name)),
    ("group_external_id", |assignment| of_group(assignment, assignment.subject_external_id.as_str())),
    ("resource_external_id", |assignment| text(assignment.resource_external_id.as_ref())),
    ("resource_arn", |assignment| assignment.resource_arn.clone().unwrap_or_default()),
    ("resource_name", |assignment| assignment.resource_name.clone()),
    ("state", |assignment| word(&assignment.state)),
    ("first_seen_run", |assignment| assignment.first_seen_run.to_string()),
    ("last_seen_run", |assignment| assignment.last_seen_run.to_string()),
];

/// Import runs.
pub const RUNS: &[Column<ImportRun>] = &[
    ("id", |run| run.id.to_string()),
    ("system_id", |run| run.system_id.to_string()),
    ("profile", |run| run.profile.to_string()),
    ("state", |run| run.state.as_str().to_owned()),
    ("collections", |run| {
        joined(&run.collections, |one| format!("{}={}", one.name.as_str(), word(&one.state)))
    }),
    ("changes.accounts.created", |run| compared(run, run.changes.accounts.created.to_string(), "")),
    ("changes.accounts.changed", |run| compared(run, run.changes.accounts.changed.to_string(), "")),
    ("changes.accounts.deleted", |run| compared(run, run.changes.accounts.deleted.to_string(), "")),
    ("changes.accounts.seen_differently", |run| {
        compared(run, run.changes.accounts.seen_differently.to_string(), "")
    }),
    ("changes.resources.created", |run| compared(run, run.changes.resources.created.to_string(), "")),
    ("changes.resources.changed", |run| compared(run, run.changes.resources.changed.to_string(), "")),
    ("changes.resources.deleted", |run| compared(run, run.changes.resources.deleted.to_string(), "")),
    ("changes.resources.seen_differently", |run| {
        compared(run, run.changes.resources.seen_differently.to_string(), "")
    }),
    ("changes.assignments.created", |run| compared(run, run.changes.assignments.created.to_string(), "")),
    ("changes.assignments.changed", |run| compared(run, run.changes.assignments.changed.to_string(), "")),
    ("changes.assignments.deleted", |run| compared(run, run.changes.assignments.deleted.to_string(), "")),
    ("changes.assignments.seen_differently", |run| {
        compared(run, run.changes.assignments.seen_differently.to_string(), "")
    }),
    ("aws_calls", |run| run.aws_calls.to_string()),
    ("started_at", |run| run.started_at.to_string()),
    ("finished_at", |run| time(run.finished_at)),
    ("published_at", |run| time(run.published_at)),
    ("baseline_run", |run| text(run.baseline_run.as_ref())),
    ("suspicions", |run| joined(&run.suspicions, suspicion_text)),
    ("warnings", |run| joined(&run.warnings, |warning| warning.code.clone())),
    ("failure", |run| failure(run)),
    ("actor", |run| run.actor.clone()),
    ("decided_by", |run| run.decided_by.clone().unwrap_or_default()),
    ("decision_reason", |run| run.decision_reason.clone().unwrap_or_default()),
];

/// Jobs.
pub const JOBS: &[Column<ProvisioningJob>] = &[
    ("id", |job| job.id.to_string()),
    ("system_id", |job| job.system_id.to_string()),
    ("state", |job| job.state.as_str().to_owned()),
    ("tasks", |job| job.tasks.len().to_string()),
    ("actor", |job| job.actor.clone()),
    ("reason", |job| job.reason.clone().unwrap_or_default()),
    ("created_at", |job| job.created_at.to_string()),
    ("finished_at", |job| time(job.finished_at)),
];

/// Rows of the audit log.
pub const AUDIT: &[Column<AuditRow>] = &[
    ("seq", |row| row.seq.to_string()),
    ("at", |row| row.at.to_string()),
    ("actor", |row| row.actor.clone()),
    ("system_id", |row| text(row.system_id.as_ref())),
    ("action", |row| row.action.clone()),
    ("subject", |row| row.subject.to_string()),
    ("prev_hash", |row| row.prev_hash.clone()),
    ("hash", |row| row.hash.clone()),
];

fn of_account(assignment: &Assignment, value: &str) -> String {
    if assignment.kind.of_account() { value.to_owned() } else { String::new() }
}

fn of_group(assignment: &Assignment, value: &str) -> String {
    if assignment.kind.of_account() { String::new() } else { value.to_owned() }
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
