//! Rules that hold for any account, any scope and any reading.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_connector::{GroupEntry, LoginProfileEntry, PolicyEntry};
use keyreeve_model::{ManagedBy, PolicyScope, difference};
use proptest::prelude::*;

use super::*;
use crate::import::collect::Details;
use crate::import::observed::Missing;

const AT: &str = "2025-01-01T00:00:00Z";
const PREFIXES: [&str; 3] = ["/", "/a/", "/b/"];

/// A made-up user: where it is, which groups it is in and policies it holds (by number), and what a question for
/// its login profile gives.
#[derive(Debug, Clone)]
struct User {
    renamed: bool,
    path: usize,
    groups: BTreeSet<usize>,
    policies: BTreeSet<usize>,
    login: Login,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Login {
    Present,
    Absent,
    Unread,
}

/// A made-up account: users by number, groups with their policies, and policies.
#[derive(Debug, Clone)]
struct Iam {
    users: BTreeMap<usize, User>,
    groups: BTreeMap<usize, BTreeSet<usize>>,
    policies: BTreeSet<usize>,
}

fn id(kind: &str, number: usize) -> ExternalId {
    ExternalId::new(format!("{kind}{number}")).unwrap()
}

fn some() -> impl Strategy<Value = BTreeSet<usize>> {
    proptest::collection::btree_set(0_usize..5, 0..4)
}

fn iam() -> impl Strategy<Value = Iam> {
    let login = prop_oneof![Just(Login::Present), Just(Login::Absent), Just(Login::Unread)];
    let user = (any::<bool>(), 0_usize..3, some(), some(), login)
        .prop_map(|(renamed, path, groups, policies, login)| User { renamed, path, groups, policies, login });
    let users = proptest::collection::btree_map(0_usize..8, user, 0..8);
    let groups = proptest::collection::btree_map(0_usize..5, some(), 0..5);
    (users, groups, some()).prop_map(|(users, groups, policies)| Iam { users, groups, policies })
}

fn scope() -> impl Strategy<Value = ImportScope> {
    use ImportObject::{Accounts, Assignments, Groups, LoginProfiles, Policies};
    let all = vec![Accounts, LoginProfiles, Groups, Policies, Assignments];
    let customer = prop_oneof![Just(PolicyScope::All), Just(PolicyScope::Customer)];
    (proptest::sample::subsequence(all, 1..=5), 0_usize..3, customer).prop_map(
        |(objects, prefix, policy_scope)| ImportScope {
            objects: objects.into_iter().collect(),
            path_prefix: PREFIXES[prefix].to_owned(),
            policy_scope,
        },
    )
}

fn everything() -> ImportScope {
    use ImportObject::{Accounts, Assignments, Groups, LoginProfiles, Policies};
    ImportScope {
        objects: [Accounts, LoginProfiles, Groups, Policies, Assignments].into(),
        path_prefix: "/".to_owned(),
        policy_scope: PolicyScope::All,
    }
}

impl Iam {
    /// What a faultless reading of it within a scope brings.
    fn read(&self, scope: &ImportScope) -> Observed {
        let reads = |object| scope.objects.contains(&object);
        let mut observed = Observed::default();
        let mut details = Details::default();
        for (&number, user) in self.users.iter().filter(|_| reads(ImportObject::Accounts)) {
            let (entry, detail) = self.user(number, user);
            if scope.covers_path(&entry.path) {
                if reads(ImportObject::LoginProfiles) {
                    let profile =
                        LoginProfileEntry { created_at: AT.parse().unwrap(), password_reset_required: false };
                    let answer = match user.login {
                        Login::Present => Ok(Some(profile)),
                        Login::Absent => Ok(None),
                        Login::Unread => Err("throttled".to_owned()),
                    };
                    observed.credentials.login_profiles.insert(entry.external_id.clone(), answer);
                }
                observed.users.push(entry);
            }
            details.accounts.push(detail);
        }
        for (&number, policies) in self.groups.iter().filter(|_| reads(ImportObject::Groups)) {
            let (external_id, name) = (id("G", number), format!("group{number}"));
            let (path, arn) = ("/".to_owned(), format!("arn:aws:iam::111122223333:group/{name}"));
            let policies = references(policies);
            observed.groups.push(GroupEntry {
                external_id: external_id.clone(),
                name: name.clone(),
                path: path.clone(),
                arn: arn.clone(),
            });
            let inline_policies = Vec::new();
            let documents = Vec::new();
            details.groups.push(GroupDetail {
                external_id,
                name,
                path,
                arn,
                policies,
                inline_policies,
                documents,
            });
        }
        for &number in self.policies.iter().filter(|_| reads(ImportObject::Policies)) {
            // Policy 0 is one of AWS.
            let managed_by = if number == 0 { ManagedBy::Aws } else { ManagedBy::Customer };
            if scope.policy_scope == PolicyScope::Customer && managed_by == ManagedBy::Aws {
                continue;
            }
            observed.policies.push(PolicyEntry {
                external_id: id("P", number),
                name: format!("policy{number}"),
                path: "/".to_owned(),
                arn: policy_arn(number),
                managed_by,
                attachable: true,
                default_version: None,
            });
        }
        observed.set_details(details);
        observed
    }

    fn user(&self, number: usize, user: &User) -> (AccountEntry, AccountDetail) {
        let name = format!("user{number}{}", if user.renamed { "-renamed" } else { "" });
        let path = PREFIXES[user.path].to_owned();
        let arn = format!("arn:aws:iam::111122223333:user{path}{name}");
        let (external_id, created_at) = (id("U", number), AT.parse().unwrap());
        let entry = AccountEntry {
            external_id: external_id.clone(),
            name: name.clone(),
            path: path.clone(),
            arn: arn.clone(),
            created_at,
            password_last_used_at: None,
        };
        let groups = user.groups.iter().filter(|group| self.groups.contains_key(group));
        let detail = AccountDetail {
            documents: Vec::new(),
            external_id,
            name,
            path,
            arn,
            created_at,
            groups: groups.map(|number| format!("group{number}")).collect(),
            policies: references(&user.policies),
            inline_policies: Vec::new(),
            tags: BTreeMap::new(),
            permissions_boundary: None,
        };
        (entry, detail)
    }
}

fn policy_arn(number: usize) -> String {
    let owner = if number == 0 { "aws" } else { "111122223333" };
    format!("arn:aws:iam::{owner}:policy/policy{number}")
}

fn references(policies: &BTreeSet<usize>) -> Vec<PolicyReference> {
    let one = |number: &usize| PolicyReference { arn: policy_arn(*number), name: format!("policy{number}") };
    policies.iter().map(one).collect()
}

fn after(run: i64, scope: &ImportScope, known: &Inventory, observed: &Observed, kept: &Kept) -> Inventory {
    let system_id = SystemId::new("s").unwrap();
    let (run, started_at) = (ImportRunId(run), AT.parse().unwrap());
    let assembly = Assembly { system_id: &system_id, run, started_at, scope, known, kept };
    assemble(&assembly, observed.clone()).0
}

fn known(iam: &Iam) -> Inventory {
    after(1, &everything(), &Inventory::default(), &iam.read(&everything()), &Kept::new())
}

fn ids(inventory: &Inventory) -> BTreeSet<&ExternalId> {
    let accounts = inventory.accounts.iter().map(|one| &one.external_id);
    accounts.chain(inventory.resources.iter().map(|one| &one.external_id)).collect()
}

/// Some of the missing objects, chosen by the bits of a number.
fn some_of(missing: &Missing, bits: u32) -> Kept {
    let accounts = missing.accounts.iter().map(|(id, _)| id);
    let all: BTreeSet<&ExternalId> = accounts.chain(&missing.groups).chain(&missing.policies).collect();
    let chosen = all.into_iter().enumerate().filter(|(place, _)| bits >> (place % 32) & 1 == 1);
    chosen.map(|(_, id)| id.clone()).collect()
}

proptest! {
    #[test]
    fn the_same_reading_twice_is_no_change(iam in iam(), scope in scope()) {
        let known = known(&iam);
        let again = after(2, &scope, &known, &iam.read(&scope), &Kept::new());
        prop_assert!(difference(known.clone(), again.clone()).is_empty());
        let firsts = |inventory: &Inventory| {
            inventory.accounts.iter().map(|one| one.first_seen_run).collect::<Vec<_>>()
        };
        prop_assert_eq!(firsts(&known), firsts(&again), "a known account keeps the run that first saw it");
    }

    #[test]
    fn only_what_is_missing_and_not_kept_goes(was in iam(), is in iam(), scope in scope(), bits in any::<u32>()) {
        let (known, observed) = (known(&was), is.read(&scope));
        let missing = observed.missing(&known, &scope);
        let kept = some_of(&missing, bits);
        let result = after(2, &scope, &known, &observed, &kept);
        let may_go: BTreeSet<&ExternalId> = (missing.accounts.iter().map(|(id, _)| id))
            .chain(&missing.groups)
            .chain(&missing.policies)
            .filter(|id| !kept.contains(id))
            .collect();
        let gone: BTreeSet<&ExternalId> = ids(&known).difference(&ids(&result)).copied().collect();
        prop_assert_eq!(gone, may_go);
        let listed = (observed.users.iter().map(|one| &one.external_id))
            .chain(observed.groups.iter().map(|one| &one.external_id))
            .chain(observed.policies.iter().map(|one| &one.external_id));
        for id in listed {
            prop_assert!(ids(&result).contains(id), "{} was listed", id);
        }
    }

    #[test]
    fn what_lies_outside_the_scope_is_carried_over_as_it_was(was in iam(), is in iam(), scope in scope()) {
        let (known, observed) = (known(&was), is.read(&scope));
        let result = after(2, &scope, &known, &observed, &Kept::new());
        let seen: BTreeSet<&ExternalId> = observed.users.iter().map(|user| &user.external_id).collect();
        let outside = |one: &&Account| !scope.covers_account(one) && !seen.contains(&one.external_id);
        for account in known.accounts.iter().filter(outside) {
            prop_assert!(result.accounts.contains(account), "{account:?}");
            for assignment in known.assignments.iter().filter(|one| one.subject_external_id == account.external_id) {
                prop_assert!(result.assignments.contains(assignment), "{assignment:?}");
            }
        }
        for resource in known.resources.iter().filter(|one| !scope.covers_resource(one)) {
            prop_assert!(result.resources.contains(resource), "{resource:?}");
        }
    }

    #[test]
    fn every_assignment_is_there_once_and_is_held_by_somebody(was in iam(), is in iam(), scope in scope()) {
        let (known, observed) = (known(&was), is.read(&scope));
        let result = after(2, &scope, &known, &observed, &Kept::new());
        let mut keys = BTreeSet::new();
        for assignment in &result.assignments {
            prop_assert!(ids(&result).contains(&assignment.subject_external_id), "{assignment:?}");
            prop_assert!(keys.insert(assignment.key()), "twice: {assignment:?}");
        }
        if scope == everything() {
            let held: usize = is.users.values().map(|user| {
                user.policies.len() + user.groups.iter().filter(|group| is.groups.contains_key(group)).count()
            }).sum();
            let of_groups: usize = is.groups.values().map(BTreeSet::len).sum();
            prop_assert_eq!(result.assignments.len(), held + of_groups);
        }
    }

    #[test]
    fn what_could_not_be_read_is_unknown_and_never_absent(was in iam(), is in iam(), bits in 0_usize..3) {
        let scope = ImportScope { path_prefix: PREFIXES[bits].to_owned(), ..everything() };
        let (known, observed) = (known(&was), is.read(&scope));
        let result = after(2, &scope, &known, &observed, &Kept::new());
        for user in &observed.users {
            let account = result.accounts.iter().find(|one| one.external_id == user.external_id).unwrap();
            let number: usize = user.external_id.as_str()[1..].parse().unwrap();
            let expected = match is.users[&number].login {
                Login::Present => LoginProfileState::Present,
                Login::Absent => LoginProfileState::Absent,
                Login::Unread => LoginProfileState::Unknown,
            };
            prop_assert_eq!(account.login_profile.state, expected);
            prop_assert!(account.status != AccountStatus::Disabled, "its keys were not read");
        }
    }
}
