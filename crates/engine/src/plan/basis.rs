//! The facts a plan rests on, as digests: what must be the same when it is carried out later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use keyreeve_model::{
    AccountCredentialKind, ResourceName, StepCall, TaskKind, Wish, canonical_json, digest_hex,
};
use serde_json::{Map, Value, json};

use super::TaskPlan;
use super::facts::{AccountFact, Facts};

/// What a plan rests on: a name for each object, and a digest of what was seen of it.
pub type Basis = BTreeMap<String, String>;

/// What the tasks rest on: the accounts they change, the names they take, the groups and policies they give, and the group
/// that an account is to be taken out of. What goes along with a deletion is none of it: that is looked at anew.
pub(super) fn of(facts: &Facts, tasks: &[TaskPlan]) -> Basis {
    let mut basis = Basis::new();
    for task in tasks {
        for object in of_task(&task.account, &task.wish, task.steps.iter().map(|step| &step.call)) {
            let seen = match object {
                Object::Account(name) => seen_of_account(facts, name, Concern::of(tasks, name)),
                Object::Group(name) => {
                    facts.group(name).map(|group| group.external_id.to_string()).unwrap_or_default()
                }
                Object::Policy(arn) => {
                    facts.policies.get(arn).map(|policy| policy.attachable.to_string()).unwrap_or_default()
                }
            };
            basis.insert(object.to_string(), seen);
        }
    }
    basis
}

/// The id that a group which is to be given, or taken by itself, had when the plan was made.
pub(super) fn id_of_group<'a>(basis: &'a Basis, name: &str) -> Option<&'a str> {
    basis.get(&Object::Group(name).to_string()).map(String::as_str).filter(|id| !id.is_empty())
}

/// The objects that calls about an account rest on, as a basis names them.
pub(crate) fn objects<'a>(
    account: &'a str,
    wish: &'a Wish,
    calls: impl Iterator<Item = &'a StepCall>,
) -> Vec<String> {
    of_task(account, wish, calls).into_iter().map(|object| object.to_string()).collect()
}

enum Object<'a> {
    Account(&'a str),
    Group(&'a str),
    Policy(&'a str),
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(f, "account {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Policy(arn) => write!(f, "policy {arn}"),
        }
    }
}

fn of_task<'a>(
    account: &'a str,
    wish: &'a Wish,
    calls: impl Iterator<Item = &'a StepCall>,
) -> Vec<Object<'a>> {
    // Also where the account is in the group already, or in it no more: whoever means another group is told so.
    let meant = match wish {
        Wish::AddAssignment { resource: ResourceName::Group(group), .. }
        | Wish::RemoveAssignment { resource: ResourceName::Group(group), .. } => Some(Object::Group(group)),
        _ => None,
    };
    let of_call = |call: &'a StepCall| match call {
        StepCall::UpdateAccount { new_name: Some(name), .. } => Some(Object::Account(name)),
        StepCall::AddToGroup { group, .. } => Some(Object::Group(group)),
        StepCall::AttachPolicy { policy_arn, .. } => Some(Object::Policy(policy_arn)),
        _ => None,
    };
    std::iter::once(Object::Account(account)).chain(meant).chain(calls.filter_map(of_call)).collect()
}

fn seen_of_account(facts: &Facts, name: &str, concern: Concern) -> String {
    let account = facts.accounts.get(&name.to_ascii_lowercase());
    account.map_or_else(|| FREE.to_owned(), |account| seen(facts, account, concern))
}

/// What of an account its tasks are about. What they are not about keeps nobody's access open: a leaver can change some of
/// it, and so can whatever sets tags. Whether the account is protected by it is looked at anew in any case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Concern {
    /// All of it.
    Whole,
    /// The ways in.
    WaysIn,
    /// What goes along with it.
    Removal,
}

impl Concern {
    fn of(tasks: &[TaskPlan], name: &str) -> Self {
        let kinds: BTreeSet<TaskKind> =
            tasks.iter().filter(|task| task.account == name).map(|task| task.kind).collect();
        match kinds.iter().collect::<Vec<_>>().as_slice() {
            [TaskKind::DeactivateAccount] => Self::WaysIn,
            [TaskKind::DeleteAccount] => Self::Removal,
            _ => Self::Whole,
        }
    }

    /// The facts that it is not about.
    fn leaves_out(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &[],
            Self::Removal => &["path", "tags", "permissions boundary"],
            Self::WaysIn => {
                &["path", "tags", "permissions boundary", "groups", "inline policies", "multi-factor devices"]
            }
        }
    }
}

/// What is seen of a name that nobody has.
const FREE: &str = "free";

/// What matters of an account: not when it was last used, and not what was only looked at in passing. A digest of it,
/// which decides, and after it the facts, which say what has changed. Plans of earlier versions have the digest alone.
fn seen(facts: &Facts, account: &AccountFact, concern: Concern) -> String {
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
    let in_words = |(kind, id, active): (AccountCredentialKind, &String, bool)| {
        format!("{} {id} {}", kind.as_str().replace('_', " "), if active { "active" } else { "inactive" })
    };
    // A deactivation is about one policy alone: the one that denies everything.
    let deny_all = facts.settings.deny_all_policy.as_ref();
    let is_about = |arn: &&String| concern != Concern::WaysIn || deny_all == Some(*arn);
    let mut facts = json!({
        "id": account.external_id,
        "name": account.name,
        "path": account.path,
        "tags": account.tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(),
        "groups": account.groups,
        "policies": account.policies.iter().filter(is_about).collect::<Vec<_>>(),
        "inline policies": account.inline_policies,
        "permissions boundary": account.permissions_boundary,
        "console password": account.login_profile.read().map(|present| if *present { "present" } else { "absent" }),
        "credentials": credentials.clone().map(|all| all.into_iter().map(in_words).collect::<Vec<_>>()),
        "multi-factor devices": devices.clone(),
    });
    if let Some(facts) = facts.as_object_mut() {
        facts.retain(|fact, _| !concern.leaves_out().contains(&fact.as_str()));
    }
    let seen = (
        (&account.external_id, &account.name, &account.path, &account.tags),
        (&account.groups, &account.policies, &account.inline_policies, &account.permissions_boundary),
        (account.login_profile.read(), credentials, devices),
    );
    let text = if concern == Concern::Whole { canonical_json(&seen) } else { canonical_json(&facts) };
    let digest = text.map_or_else(|_| "unreadable".to_owned(), |text| digest_hex(text.as_bytes()));
    format!("{digest} {facts}")
}

/// The objects of which something else is seen now than when the plan was made, with what it is, as far as that was
/// written down: `account ada: groups were ops, are dev + ops`.
#[must_use]
pub fn changed(then: &Basis, now: &Basis) -> Vec<String> {
    let differs = |(object, seen): (&String, &String)| {
        let now = now.get(object);
        let same = now.is_some_and(|now| digest_of(now) == digest_of(seen) || is_same_of_less(seen, now));
        (!same).then(|| match now.and_then(|now| difference(seen, now)) {
            Some(difference) => format!("{object}: {difference}"),
            None => object.clone(),
        })
    };
    then.iter().filter_map(differs).collect()
}

/// What decides of what was seen.
fn digest_of(seen: &str) -> &str {
    seen.split_once(' ').map_or(seen, |(digest, _)| digest)
}

/// Whether what was seen says the same of all that is looked at now, where more was written down: by an earlier version, of
/// whose policies one alone counts now.
fn is_same_of_less(then: &str, now: &str) -> bool {
    let (Some(then), Some(now)) = (facts_of(then), facts_of(now)) else { return false };
    let among = |was: &Value, is: &Value| match (was, is) {
        (Value::Array(was), Value::Array(is)) => is.iter().all(|one| was.contains(one)),
        _ => false,
    };
    then.len() > now.len()
        && now.iter().all(|(fact, is)| {
            then.get(fact).is_some_and(|was| was == is || (fact == "policies" && among(was, is)))
        })
}

fn facts_of(seen: &str) -> Option<Map<String, Value>> {
    seen.split_once(' ').and_then(|(_, facts)| serde_json::from_str(facts).ok())
}

fn difference(then: &str, now: &str) -> Option<String> {
    if then == FREE {
        return Some("the name is taken now".to_owned());
    }
    if now == FREE {
        return Some("it is gone, or has another name".to_owned());
    }
    let (then, now) = (facts_of(then)?, facts_of(now)?);
    if then.get("id") != now.get("id") {
        return Some("another account has the name now".to_owned());
    }
    let differing = then.iter().filter(|(fact, was)| now.get(*fact).is_some_and(|is| is != *was));
    let words: Vec<String> = differing
        .map(|(fact, was)| {
            let is = in_words(now.get(fact).unwrap_or(&Value::Null));
            let (was, verbs) =
                (in_words(was), if fact.ends_with('s') { ("were", "are") } else { ("was", "is") });
            format!("{fact} {} {was}, {} {is}", verbs.0, verbs.1)
        })
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "not known or none".to_owned(),
        Value::String(text) => text.escape_debug().to_string(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(" + "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis(seen: &str) -> Basis {
        Basis::from([("account ada".to_owned(), seen.to_owned())])
    }

    #[test]
    fn what_changed_is_named_as_far_as_it_was_written_down() {
        let then = r#"aa {"groups": ["ops"], "id": "A", "path": "/a/", "console password": null}"#;
        let now = r#"bb {"groups": ["dev", "ops"], "id": "A", "path": "/b/", "console password": null}"#;
        for (then, now, expected) in [
            (then, now, "account ada: groups were ops, are dev + ops, path was /a/, is /b/"),
            (then, r#"cc {"id": "B"}"#, "account ada: another account has the name now"),
            (then, "free", "account ada: it is gone, or has another name"),
            ("free", now, "account ada: the name is taken now"),
            // Of an earlier version.
            ("aa", now, "account ada"),
        ] {
            assert_eq!(changed(&basis(then), &basis(now)), [expected]);
        }
        assert!(changed(&basis("aa"), &basis(then)).is_empty());
        // An earlier version wrote more down than a deactivation is about now.
        let earlier = r#"aa {"id": "A", "path": "/a/", "policies": ["x"], "console password": "present"}"#;
        for (now, same) in [
            (r#"bb {"id": "A", "policies": [], "console password": "present"}"#, true),
            (r#"bb {"id": "A", "policies": ["deny"], "console password": "present"}"#, false),
            (r#"bb {"id": "A", "policies": [], "console password": "absent"}"#, false),
            (r#"bb {"id": "B", "policies": [], "console password": "present"}"#, false),
        ] {
            assert_eq!(changed(&basis(earlier), &basis(now)).is_empty(), same, "{now}");
        }
        assert!(changed(&basis(then), &basis(then)).is_empty());
    }
}
