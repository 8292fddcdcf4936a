//! What a run read, brought together: pure.

use std::collections::{HashMap, HashSet};

use keyreeve_connector::{AccountDetail, AccountEntry, GroupDetail, GroupEntry, PolicyEntry};
use keyreeve_model::{
    AssignmentKind, CollectionName, ExternalId, ImportScope, Inventory, LoginProfileState, Resource,
    ResourceType, Suspicion,
};

use super::collect::Details;
use super::credentials::CredentialsRead;

/// Everything a run read, by id where that is needed.
#[derive(Debug, Default, Clone)]
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

    /// Whether the account was seen to change while it was read: two readings give an object different names, a
    /// membership names a group that is nowhere else, or a login profile that was known is not there under the
    /// name it was asked for (which may be because the user was renamed).
    pub(crate) fn changed_meanwhile(&self, known: &Inventory, scope: &ImportScope) -> bool {
        let user_renamed = self.users.iter().any(|user| {
            self.account_details.get(&user.external_id).is_some_and(|detail| detail.name != user.name)
        });
        let group_renamed = self.groups.iter().any(|group| {
            self.group_details.get(&group.external_id).is_some_and(|detail| detail.name != group.name)
        });
        user_renamed || group_renamed || self.names_unknown_group(scope) || self.lost_login_profile(known)
    }

    fn names_unknown_group(&self, scope: &ImportScope) -> bool {
        if !scope.covers_kind(AssignmentKind::AccountGroup) {
            return false;
        }
        let groups: HashSet<String> =
            self.groups.iter().map(|group| group.name.to_ascii_lowercase()).collect();
        let details = self.account_details.values().filter(|detail| scope.covers_path(&detail.path));
        details.flat_map(|detail| &detail.groups).any(|name| !groups.contains(&name.to_ascii_lowercase()))
    }

    fn lost_login_profile(&self, known: &Inventory) -> bool {
        let had = known.accounts.iter().filter(|one| one.login_profile.state == LoginProfileState::Present);
        had.into_iter()
            .any(|one| matches!(self.credentials.login_profiles.get(&one.external_id), Some(Ok(None))))
    }

    /// Forgets the login profiles that were asked for under names which are not those of a later listing.
    pub(crate) fn forget_renamed(&mut self, later: &[AccountEntry]) {
        let later: HashMap<&ExternalId, &String> =
            later.iter().map(|user| (&user.external_id, &user.name)).collect();
        for user in &self.users {
            if later.get(&user.external_id).is_some_and(|name| **name != user.name) {
                self.credentials.login_profiles.remove(&user.external_id);
            }
        }
    }

    /// Those of some policies that a user or a group holds.
    pub(crate) fn held(&self, known: &Inventory, policies: &HashSet<ExternalId>) -> HashSet<ExternalId> {
        if policies.is_empty() {
            return HashSet::new();
        }
        let of_users = self.account_details.values().flat_map(|detail| &detail.policies);
        let of_groups = self.group_details.values().flat_map(|detail| &detail.policies);
        let held: HashSet<&String> = of_users.chain(of_groups).map(|reference| &reference.arn).collect();
        let of_these = known.resources.iter().filter(|one| policies.contains(&one.external_id));
        of_these.filter(|one| held.contains(&one.arn)).map(|one| one.external_id.clone()).collect()
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use keyreeve_model::{ImportObject, PolicyScope};

    use super::*;

    fn id(text: &str) -> ExternalId {
        ExternalId::new(text).unwrap()
    }

    fn user(number: &str, name: &str) -> AccountEntry {
        AccountEntry {
            external_id: id(number),
            name: name.to_owned(),
            path: "/".to_owned(),
            arn: format!("arn:aws:iam::111122223333:user/{name}"),
            created_at: Timestamp::UNIX_EPOCH,
            password_last_used_at: None,
        }
    }

    fn detail(number: &str, name: &str, path: &str, groups: &[&str]) -> AccountDetail {
        AccountDetail {
            documents: Vec::new(),
            external_id: id(number),
            name: name.to_owned(),
            path: path.to_owned(),
            arn: format!("arn:aws:iam::111122223333:user{path}{name}"),
            created_at: Timestamp::UNIX_EPOCH,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            policies: Vec::new(),
            inline_policies: Vec::new(),
            tags: Default::default(),
            permissions_boundary: None,
        }
    }

    fn observed(users: Vec<AccountEntry>, details: Vec<AccountDetail>) -> Observed {
        let mut observed = Observed { users, ..Observed::default() };
        observed.set_details(Details { accounts: details, groups: Vec::new() });
        observed
    }

    fn scope(prefix: &str) -> ImportScope {
        use ImportObject::{Accounts, Assignments, Groups};
        ImportScope {
            objects: [Accounts, Assignments, Groups].into(),
            path_prefix: prefix.to_owned(),
            policy_scope: PolicyScope::All,
        }
    }

    #[test]
    fn listings_that_agree_are_not_suspicious_and_users_elsewhere_do_not_count() {
        let details = vec![detail("U1", "anna", "/", &[]), detail("U2", "bert", "/b/", &[])];
        let both = observed(vec![user("U1", "anna"), user("U2", "bert")], details.clone());
        assert_eq!(both.disagreements(&scope("/"), Some(2)), []);
        let elsewhere = observed(vec![user("U2", "bert")], details);
        assert_eq!(elsewhere.disagreements(&scope("/b/"), Some(2)), []);
        assert_eq!(elsewhere.disagreements(&scope("/"), None).len(), 1);
    }

    #[test]
    fn a_disagreement_names_both_sides_and_at_most_twenty_of_each() {
        let many = |from: usize| (from..from + 30).map(move |n| (format!("U{n}"), format!("user{n:02}")));
        let users = many(0).map(|(id, name)| user(&id, &name)).collect();
        let details = many(50).map(|(id, name)| detail(&id, &name, "/", &[])).collect();
        match observed(users, details).disagreements(&scope("/"), Some(31)).as_slice() {
            [
                Suspicion::ListingsDisagree { only_in_first, only_in_second, differences: 60, .. },
                Suspicion::ListingsDisagree { second, differences: 1, .. },
            ] => {
                assert_eq!((only_in_first.len(), only_in_second.len()), (20, 20));
                assert_eq!((only_in_first[0].as_str(), only_in_second[0].as_str()), ("user00", "user50"));
                assert!(second.contains("31") && second.contains("30"), "{second}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn another_name_and_an_unknown_group_show_that_something_changed_meanwhile() {
        let known = Inventory::default();
        let same = observed(vec![user("U1", "anna")], vec![detail("U1", "anna", "/", &[])]);
        assert!(!same.changed_meanwhile(&known, &scope("/")));
        let renamed = observed(vec![user("U1", "anna")], vec![detail("U1", "anne", "/", &[])]);
        assert!(renamed.changed_meanwhile(&known, &scope("/")));
        let mut member = observed(vec![user("U1", "anna")], vec![detail("U1", "anna", "/", &["Admins"])]);
        assert!(member.changed_meanwhile(&known, &scope("/")));
        assert!(!member.changed_meanwhile(&known, &scope("/other/")), "outside the scope nobody asks");
        let (name, path, arn) = ("admins".to_owned(), "/".to_owned(), "arn".to_owned());
        member.groups.push(GroupEntry { external_id: id("G1"), name, path, arn });
        assert!(!member.changed_meanwhile(&known, &scope("/")), "names of groups are the same ignoring case");
    }

    #[test]
    fn a_later_name_makes_the_answer_to_the_earlier_one_worthless() {
        let mut read = observed(vec![user("U1", "anna"), user("U2", "bert")], Vec::new());
        for number in ["U1", "U2"] {
            read.credentials.login_profiles.insert(id(number), Ok(None));
        }
        read.forget_renamed(&[user("U1", "anne"), user("U2", "bert")]);
        assert!(!read.credentials.login_profiles.contains_key(&id("U1")));
        assert!(read.credentials.login_profiles.contains_key(&id("U2")));
    }
}
