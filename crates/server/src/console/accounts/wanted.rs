//! What forms of accounts send, and the wishes that it says.

use std::collections::BTreeMap;

use keyreeve_model::{Delivery, ResourceName, Wish};
use serde::Deserialize;

use super::act::Action;
use crate::console::changes::FilledIn;
use crate::console::form::Wrong;

/// What a form sends: each has some of these fields.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) groups: String,
    pub(super) policies: String,
    pub(super) attributes: String,
    pub(super) tags: String,
    pub(super) untag: String,
    pub(super) boundary: String,
    pub(super) deliver: String,
    pub(super) recipient: String,
    pub(super) group: String,
    pub(super) policy: String,
    pub(super) held: String,
    /// Whether it is to be filled in once more, as it is, rather than planned.
    pub(super) again: bool,
}

impl Wanted {
    /// What is filled in, for a form that comes again.
    pub(super) fn filled_in(&self, action: String) -> FilledIn {
        let all = [
            ("name", &self.name),
            ("path", &self.path),
            ("groups", &self.groups),
            ("policies", &self.policies),
            ("attributes", &self.attributes),
            ("tags", &self.tags),
            ("untag", &self.untag),
            ("boundary", &self.boundary),
            ("deliver", &self.deliver),
            ("recipient", &self.recipient),
            ("group", &self.group),
            ("policy", &self.policy),
            ("held", &self.held),
        ];
        let given = all.into_iter().filter(|(_, value)| !value.is_empty());
        FilledIn::new(action, given.map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }
}

fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn listed(text: &str) -> Vec<String> {
    text.lines().filter_map(given).collect()
}

/// `key=value`, each in a line of its own.
fn pairs(name: &'static str, text: &str) -> Result<BTreeMap<String, String>, Wrong> {
    let mut pairs = BTreeMap::new();
    for pair in listed(text) {
        let Some((key, value)) = pair.split_once('=') else {
            let why = format!("{pair} is no pair; write key=value, each in a line of its own");
            return Err(Wrong::with(name, why));
        };
        let (key, value) = (key.trim(), value.trim());
        // AWS tells keys of tags apart without regard to case.
        if pairs.keys().any(|known: &String| known.eq_ignore_ascii_case(key)) {
            return Err(Wrong::with(name, format!("{key} is there twice; give each key once")));
        }
        pairs.insert(key.to_owned(), value.to_owned());
    }
    Ok(pairs)
}

fn delivery(wanted: &Wanted) -> Result<Option<Delivery>, Wrong> {
    let text = match (wanted.deliver.as_str(), wanted.recipient.trim()) {
        ("", "") => return Ok(None),
        ("recipient", key) => format!("recipient:{key}"),
        (way, "") => way.to_owned(),
        _ => {
            let why = "a key is given, and the password would not be encrypted to it; choose that, or leave the key empty";
            return Err(Wrong::with("deliver", why));
        }
    };
    text.parse().map(Some).map_err(|error| Wrong::with("recipient", error))
}

/// The account that is to be made.
pub(super) fn creation(wanted: &Wanted) -> Result<Wish, Wrong> {
    Ok(Wish::CreateAccount {
        name: given(&wanted.name),
        path: given(&wanted.path),
        groups: listed(&wanted.groups),
        policies: listed(&wanted.policies),
        attributes: pairs("attributes", &wanted.attributes)?,
        tags: pairs("tags", &wanted.tags)?,
        boundary: given(&wanted.boundary),
        deliver: delivery(wanted)?,
    })
}

/// What is asked for of an account, which is given by its id or its name.
pub(super) fn wish(action: Action, account: &str, wanted: &Wanted) -> Result<Wish, Wrong> {
    let account = account.to_owned();
    Ok(match action {
        Action::Update => Wish::UpdateAccount {
            account,
            new_name: given(&wanted.name),
            new_path: given(&wanted.path),
            tags: pairs("tags", &wanted.tags)?,
            untag: listed(&wanted.untag),
            boundary: given(&wanted.boundary),
        },
        Action::AddAssignment => {
            let resource = match (given(&wanted.group), given(&wanted.policy)) {
                (Some(group), None) => ResourceName::Group(group),
                (None, Some(arn)) => ResourceName::Policy(arn),
                _ => return Err(Wrong::with("group", "give either a group or a policy")),
            };
            Wish::AddAssignment { account, resource }
        }
        Action::RemoveAssignment => {
            let resource = match wanted.held.split_once(':') {
                Some(("group", group)) => ResourceName::Group(group.to_owned()),
                Some(("policy", arn)) => ResourceName::Policy(arn.to_owned()),
                _ => return Err(Wrong::with("held", "choose what is to be removed")),
            };
            Wish::RemoveAssignment { account, resource }
        }
        Action::ResetPassword => Wish::ResetPassword { account, deliver: delivery(wanted)? },
        Action::Deactivate => Wish::DeactivateAccount { account },
        Action::Reactivate => Wish::ReactivateAccount { account, deliver: delivery(wanted)? },
        Action::Delete => Wish::DeleteAccount { account },
    })
}
