//! The facts a plan rests on, as digests: what must be the same when it is carried out later.

use std::collections::BTreeMap;

use keyreeve_model::{StepCall, canonical_json, digest_hex};

use super::TaskPlan;
use super::facts::{AccountFact, Facts};

/// What a plan rests on: a name for each object, and a digest of what was seen of it.
pub type Basis = BTreeMap<String, String>;

/// What the tasks rest on: the accounts they change, the names they take, the groups and policies they give.
pub(super) fn of(facts: &Facts, tasks: &[TaskPlan]) -> Basis {
    let mut basis = Basis::new();
    for task in tasks {
        let key = task.account.to_ascii_lowercase();
        note_account(&mut basis, facts, &key, &task.account);
        for step in &task.steps {
            match &step.call {
                StepCall::UpdateAccount { new_name: Some(name), .. } => {
                    note_account(&mut basis, facts, &name.to_ascii_lowercase(), name);
                }
                StepCall::AddToGroup { group, .. } => {
                    let id = facts.group(group).map(|group| group.external_id.to_string());
                    basis.insert(format!("group {group}"), id.unwrap_or_default());
                }
                StepCall::AttachPolicy { policy_arn, .. } => {
                    let seen = facts.policies.get(policy_arn).map(|policy| policy.attachable.to_string());
                    basis.insert(format!("policy {policy_arn}"), seen.unwrap_or_default());
                }
                _ => {}
            }
        }
    }
    basis
}

fn note_account(basis: &mut Basis, facts: &Facts, key: &str, name: &str) {
    let seen = match facts.accounts.get(key) {
        None => "free".to_owned(),
        Some(account) => digest(account),
    };
    basis.insert(format!("account {name}"), seen);
}

/// What matters of an account: not when it was last used, and not what was only looked at in passing.
fn digest(account: &AccountFact) -> String {
    let credentials = account.credentials.read().map(|credentials| {
        credentials
            .iter()
            .map(|(credential, active)| (credential.kind, &credential.id, *active))
            .collect::<Vec<_>>()
    });
    let devices = account
        .mfa_devices
        .read()
        .map(|devices| devices.iter().map(|device| device.serial.as_str()).collect::<Vec<_>>());
    let seen = (
        (&account.external_id, &account.name, &account.path, &account.tags),
        (&account.groups, &account.policies, &account.inline_policies, &account.permissions_boundary),
        (account.login_profile.read(), credentials, devices),
    );
    canonical_json(&seen).map_or_else(|_| "unreadable".to_owned(), |text| digest_hex(text.as_bytes()))
}

/// The objects of which something else is seen now than when the plan was made.
#[must_use]
pub fn changed(then: &Basis, now: &Basis) -> Vec<String> {
    let differs = |(object, seen): &(&String, &String)| now.get(*object) != Some(*seen);
    then.iter().filter(differs).map(|(object, _)| object.clone()).collect()
}
