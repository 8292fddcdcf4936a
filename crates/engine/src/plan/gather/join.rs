//! Joining what was read now with what the last import knows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use keyreeve_connector::{AccountDetail, AccountEntry, GroupDetail};
use keyreeve_model::{Account, AssignmentKind, ExternalId, Inventory, ResourceType};

use super::super::facts::{AccountFact, GroupFact, PolicyFact, Seen};
use crate::unseen::Unseen;

/// Users by the listing, what they hold by the details, what needs a credential report by the last import.
pub(super) fn join_accounts(
    users: Vec<AccountEntry>,
    details: Vec<AccountDetail>,
    inventory: &Inventory,
) -> BTreeMap<String, AccountFact> {
    let mut details: HashMap<ExternalId, AccountDetail> =
        details.into_iter().map(|detail| (detail.external_id.clone(), detail)).collect();
    let imported: HashMap<&ExternalId, &Account> =
        inventory.accounts.iter().map(|account| (&account.external_id, account)).collect();
    users
        .into_iter()
        .map(|user| {
            let detail = details.remove(&user.external_id);
            let imported = imported.get(&user.external_id);
            let keys = imported.and_then(|account| account.access_keys.as_ref()).map(Vec::len);
            let mut account = AccountFact {
                external_id: Some(user.external_id),
                name: user.name,
                path: user.path,
                arn: user.arn,
                created_at: user.created_at,
                groups: BTreeSet::new(),
                policies: BTreeSet::new(),
                inline_policies: BTreeSet::new(),
                tags: BTreeMap::new(),
                permissions_boundary: None,
                login_profile: Seen::NotRead,
                credentials: Seen::NotRead,
                mfa_devices: Seen::NotRead,
                comes_in: None,
                imported_status: imported.map(|account| account.status),
                imported_access_keys: keys,
                imported_mfa: imported.and_then(|account| account.mfa_active),
                inline_documents: BTreeMap::new(),
                manifest: None,
                switched_off_elsewhere: false,
                unfinished_deactivation: None,
                unreadable: None,
            };
            if let Some(detail) = detail {
                account.groups.extend(detail.groups);
                account.policies.extend(detail.policies.into_iter().map(|policy| policy.arn));
                account.inline_policies.extend(detail.inline_policies.into_iter().map(|policy| policy.name));
                account.tags = detail.tags;
                account.permissions_boundary = detail.permissions_boundary;
            }
            (account.name.to_ascii_lowercase(), account)
        })
        .collect()
}

/// Accounts that we made and no import has seen had no access key when they were made.
pub(super) fn note_made(accounts: &mut BTreeMap<String, AccountFact>, unseen: &Unseen) {
    let made: HashSet<&ExternalId> = unseen.made_ids().map(|(id, _)| id).collect();
    for account in accounts.values_mut() {
        if account.imported_status.is_none()
            && account.external_id.as_ref().is_some_and(|id| made.contains(id))
        {
            account.imported_access_keys = Some(0);
        }
    }
}

/// What became of names of the last import that nobody has now.
pub(super) fn names_left(
    inventory: &Inventory,
    accounts: &BTreeMap<String, AccountFact>,
) -> BTreeMap<String, Option<String>> {
    let mut present: HashMap<&ExternalId, &str> = HashMap::new();
    for account in accounts.values() {
        present.extend(account.external_id.as_ref().map(|id| (id, account.name.as_str())));
    }
    let known = inventory.accounts.iter().map(|account| (account.name.to_ascii_lowercase(), account));
    known
        .filter(|(key, _)| !accounts.contains_key(key))
        .map(|(key, account)| (key, present.get(&account.external_id).map(|name| (*name).to_owned())))
        .collect()
}

/// Names that another account has now than at the last import, with the id that the import knows.
pub(super) fn names_passed_on(
    inventory: &Inventory,
    accounts: &BTreeMap<String, AccountFact>,
) -> BTreeMap<String, ExternalId> {
    let known = inventory.accounts.iter().map(|account| (account.name.to_ascii_lowercase(), account));
    known
        .filter_map(|(key, was)| {
            let now = accounts.get(&key)?.external_id.as_ref()?;
            (*now != was.external_id).then(|| (key, was.external_id.clone()))
        })
        .collect()
}

/// Groups of the last import and of now.
#[derive(Default)]
pub(super) struct Groups {
    /// [`Facts::groups`](super::super::facts::Facts::groups): a name that another group has by now stands for that one, as
    /// calls go by names.
    pub(super) known: BTreeMap<String, GroupFact>,
    /// Names that another group has now, with the id that the import knows.
    pub(super) passed_on: BTreeMap<String, ExternalId>,
    /// Names that nobody has now, but the group another one: that.
    pub(super) renamed: BTreeMap<String, String>,
    /// Policies attached to the groups that the import has not seen, by name.
    pub(super) new: BTreeMap<String, BTreeSet<String>>,
}

pub(super) fn groups_of(inventory: &Inventory, now: &[GroupDetail]) -> Groups {
    let named: HashMap<String, &GroupDetail> =
        now.iter().map(|group| (group.name.to_ascii_lowercase(), group)).collect();
    let with_id: HashMap<&ExternalId, &GroupDetail> =
        now.iter().map(|group| (&group.external_id, group)).collect();
    let mut policies: HashMap<&ExternalId, BTreeSet<String>> = HashMap::new();
    for assignment in inventory.assignments.iter().filter(|one| one.kind == AssignmentKind::GroupPolicy) {
        policies.entry(&assignment.subject_external_id).or_default().extend(assignment.resource_arn.clone());
    }
    let mut groups = Groups::default();
    for was in inventory.resources.iter().filter(|resource| resource.kind == ResourceType::Group) {
        let key = was.name.to_ascii_lowercase();
        let fact = if let Some(now) = named.get(&key) {
            if now.external_id != was.external_id {
                groups.passed_on.insert(key, was.external_id.clone());
            }
            fact_of(now)
        } else if let Some(now) = with_id.get(&was.external_id) {
            groups.renamed.insert(key, now.name.clone());
            fact_of(now)
        } else {
            // It is gone.
            GroupFact {
                name: was.name.clone(),
                arn: was.arn.clone(),
                policies: policies.remove(&was.external_id).unwrap_or_default(),
                external_id: was.external_id.clone(),
            }
        };
        groups.known.insert(fact.name.to_ascii_lowercase(), fact);
    }
    for group in now {
        let known = groups.known.get(&group.name.to_ascii_lowercase());
        if known.is_none_or(|fact| fact.name != group.name) {
            let GroupFact { name, policies, .. } = fact_of(group);
            groups.new.insert(name, policies);
        }
    }
    groups
}

fn fact_of(group: &GroupDetail) -> GroupFact {
    GroupFact {
        name: group.name.clone(),
        arn: group.arn.clone(),
        policies: group.policies.iter().map(|policy| policy.arn.clone()).collect(),
        external_id: group.external_id.clone(),
    }
}

pub(super) fn policies_of(inventory: &Inventory) -> BTreeMap<String, PolicyFact> {
    let policies = inventory.resources.iter().filter(|resource| resource.kind == ResourceType::Policy);
    policies
        .map(|policy| {
            let fact = PolicyFact {
                arn: policy.arn.clone(),
                name: policy.name.clone(),
                attachable: policy.attachable,
            };
            (policy.arn.clone(), fact)
        })
        .collect()
}
