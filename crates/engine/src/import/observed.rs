//! What a run read, brought together: pure.

use std::collections::{HashMap, HashSet};

use keyreeve_connector::{AccountDetail, AccountEntry, GroupDetail, GroupEntry, PolicyEntry};
use keyreeve_model::{CollectionName, ExternalId, ImportScope, Inventory, Resource, ResourceType, Suspicion};

use super::collect::Details;
use super::credentials::CredentialsRead;

/// Everything a run read, by id where that is needed.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pub(crate) users: Vec<AccountEntry>,
    pub(crate) groups: Vec<GroupEntry>,
    pub(crate) policies: Vec<PolicyEntry>,
    pub(crate) account_details: HashMap<ExternalId, AccountDetail>,
    pub(crate) group_details: HashMap<ExternalId, GroupDetail>,
    pub(crate) credentials: CredentialsRead,
}

/// Objects that were known, lie in the run's scope, and were not listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Ids and last known names of accounts.
    pub(crate) accounts: Vec<(ExternalId, String)>,
    pub(crate) groups: HashSet<ExternalId>,
    pub(crate) policies: HashSet<ExternalId>,
}

impl Observed {
    /// Takes what users and groups hold, replacing what was read before.
    pub(crate) fn set_details(&mut self, details: Details) {
        self.account_details =
            details.accounts.into_iter().map(|detail| (detail.external_id.clone(), detail)).collect();
        self.group_details =
            details.groups.into_iter().map(|detail| (detail.external_id.clone(), detail)).collect();
    }

    /// What is missing compared with what was known. A user that the details show outside the run's path prefix
    /// has moved, and is not missing.
    pub(crate) fn missing(&self, known: &Inventory, scope: &ImportScope) -> Missing {
        let users: HashSet<&ExternalId> = self.users.iter().map(|user| &user.external_id).collect();
        let accounts = known
            .accounts
            .iter()
            .filter(|account| scope.covers_account(account) && !users.contains(&account.external_id))
            .filter(|account| self.moved_away(&account.external_id, scope).is_none())
            .map(|account| (account.external_id.clone(), account.name.clone()))
            .collect();
        let listed: HashSet<&ExternalId> = (self.groups.iter().map(|group| &group.external_id))
            .chain(self.policies.iter().map(|policy| &policy.external_id))
            .collect();
        let absent = |kind: ResourceType| {
            let absent = |resource: &&Resource| {
                resource.kind == kind
                    && scope.covers_resource(resource)
                    && !listed.contains(&resource.external_id)
            };
            known.resources.iter().filter(absent).map(|resource| resource.external_id.clone()).collect()
        };
        Missing { accounts, groups: absent(ResourceType::Group), policies: absent(ResourceType::Policy) }
    }

    /// The details of a user who exists, but outside the run's path prefix.
    pub(crate) fn moved_away(&self, id: &ExternalId, scope: &ImportScope) -> Option<&AccountDetail> {
        self.account_details.get(id).filter(|detail| !scope.covers_path(&detail.path))
    }

    /// Where the listings contradict the details, or the details the AWS account's own count of its users.
    pub(crate) fn disagreements(&self, scope: &ImportScope, counted_users: Option<u64>) -> Vec<Suspicion> {
        let users = self.users.iter().map(|user| (&user.external_id, &user.name));
        let user_details = self.account_details.values().filter(|detail| scope.covers_path(&detail.path));
        let groups = self.groups.iter().map(|group| (&group.external_id, &group.name));
        let by_count = counted_users.and_then(|counted| {
            let read = self.account_details.len() as u64;
            (counted != read).then(|| Suspicion::ListingsDisagree {
                first: CollectionName::AuthorizationDetails,
                only_in_first: Vec::new(),
                second: format!("the account summary, which counts {counted} users where {read} were listed"),
                only_in_second: Vec::new(),
                differences: counted.abs_diff(read),
            })
        });
        [
            disagreement(
                CollectionName::Users,
                users.collect(),
                user_details.map(|detail| (&detail.external_id, &detail.name)).collect(),
            ),
            disagreement(
                CollectionName::Groups,
                groups.collect(),
                self.group_details.values().map(|detail| (&detail.external_id, &detail.name)).collect(),
            ),
            by_count,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Compares a listing with the details by id.
fn disagreement(
    first: CollectionName,
    listed: HashMap<&ExternalId, &String>,
    detailed: HashMap<&ExternalId, &String>,
) -> Option<Suspicion> {
    let only = |these: &HashMap<&ExternalId, &String>, those: &HashMap<&ExternalId, &String>| {
        let mut names: Vec<String> = these
            .iter()
            .filter(|(id, _)| !those.contains_key(*id))
            .map(|(_, name)| (*name).clone())
            .collect();
        names.sort();
        names
    };
    let (mut only_in_first, mut only_in_second) = (only(&listed, &detailed), only(&detailed, &listed));
    let differences = (only_in_first.len() + only_in_second.len()) as u64;
    only_in_first.truncate(20);
    only_in_second.truncate(20);
    (differences > 0).then(|| Suspicion::ListingsDisagree {
        first,
        only_in_first,
        second: CollectionName::AuthorizationDetails.as_str().to_owned(),
        only_in_second,
        differences,
    })
}
