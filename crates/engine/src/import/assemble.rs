//! Builds the inventory that holds after a run from what it read and what was known: pure.
//!
//! Three rules decide everything here. What was read replaces what was known. What lies outside the run's scope,
//! or could not be proved to be gone, is carried over. What could not be read becomes *unknown*, never *absent*.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use keyreeve_connector::{AccountDetail, AccountEntry, GroupDetail, PolicyReference};
use keyreeve_model::{
    Account, AccountStatus, Assignment, AssignmentKind, AssignmentState, CredentialSource, Credentials,
    ExternalId, ImportObject, ImportRunId, ImportScope, Inventory, LoginProfile, LoginProfileState, Resource,
    ResourceType, SystemId, Warning,
};

use super::credentials::CredentialsRead;
use super::holdings::take_last_use;
use super::observed::Observed;

/// Ids of objects that were not listed but must be kept: proved to exist, or not proved to be gone.
pub(crate) type Kept = HashSet<ExternalId>;

/// What the assembly is about.
pub(crate) struct Assembly<'a> {
    pub(crate) system_id: &'a SystemId,
    pub(crate) run: ImportRunId,
    pub(crate) started_at: Timestamp,
    pub(crate) scope: &'a ImportScope,
    pub(crate) known: &'a Inventory,
    pub(crate) kept: &'a Kept,
}

/// The inventory after the run, and what was odd. What was read becomes part of it, because a large account need not
/// be in memory twice.
pub(crate) fn assemble(assembly: &Assembly<'_>, mut observed: Observed) -> (Inventory, Vec<Warning>) {
    let accounts = assembly.accounts(&mut observed);
    let resources = assembly.resources(&mut observed);
    let (assignments, unresolved) = assembly.assignments(&mut observed, &accounts, &resources);
    drop(observed);
    let mut inventory = Inventory { accounts, resources, assignments };
    inventory.sort();
    let mut warnings = Vec::new();
    if let Some(first) = unresolved.first() {
        let others = unresolved.len() - 1;
        warnings.push(Warning::new(
            "unresolved_reference",
            format!("assignments refer to groups that no listing names: {first:?} and {others} others; they are kept"),
        ));
    }
    let unknown = (inventory.accounts.iter())
        .filter(|account| {
            account.login_profile.state == LoginProfileState::Unknown
                && assembly.scope.covers_account(account)
        })
        .count();
    if unknown > 0 && assembly.reads(ImportObject::LoginProfiles) {
        warnings.push(Warning::new(
            "credentials_unknown",
            format!("the login profile of {unknown} accounts could not be read: their state is unknown"),
        ));
    }
    (inventory, warnings)
}

impl Assembly<'_> {
    fn reads(&self, object: ImportObject) -> bool {
        self.scope.objects.contains(&object)
    }

    fn accounts(&self, observed: &mut Observed) -> Vec<Account> {
        let known: HashMap<&ExternalId, &Account> =
            self.known.accounts.iter().map(|account| (&account.external_id, account)).collect();
        let users = std::mem::take(&mut observed.users);
        let listed: HashSet<ExternalId> = users.iter().map(|user| user.external_id.clone()).collect();
        let mut accounts = Vec::with_capacity(users.len().max(self.known.accounts.len()));
        for user in users {
            let known = known.get(&user.external_id).copied();
            let detail = observed.account_details.get_mut(&user.external_id);
            accounts.push(self.account(user, detail, &observed.credentials, known));
        }
        let carried = self.known.accounts.iter().filter(|account| !listed.contains(&account.external_id));
        accounts.extend(carried.filter_map(|account| self.carry_account(observed, account)));
        accounts
    }

    /// An account that was listed.
    fn account(
        &self,
        user: AccountEntry,
        detail: Option<&mut AccountDetail>,
        read: &CredentialsRead,
        known: Option<&Account>,
    ) -> Account {
        let AccountEntry { external_id, name, path, arn, created_at, password_last_used_at } = user;
        let mut account = Account {
            system_id: self.system_id.clone(),
            external_id,
            name,
            path,
            arn,
            status: AccountStatus::Unknown,
            login_profile: LoginProfile::unknown(),
            access_keys: None,
            mfa_active: None,
            credentials: Credentials { source: CredentialSource::None, as_of: None },
            created_at: milliseconds(created_at),
            password_last_used_at: password_last_used_at.map(milliseconds),
            tags: None,
            permissions_boundary: None,
            inline_policies: None,
            first_seen_run: known.map_or(self.run, |known| known.first_seen_run),
            last_seen_run: self.run,
        };
        if let Some(detail) = detail {
            take_detail(&mut account, detail);
        } else if let Some(known) = known {
            account.tags.clone_from(&known.tags);
            account.permissions_boundary.clone_from(&known.permissions_boundary);
            account.inline_policies.clone_from(&known.inline_policies);
        }
        match known {
            Some(known) if !self.reads(ImportObject::LoginProfiles) => copy_credentials(&mut account, known),
            _ => self.apply_credentials(&mut account, read, created_at),
        }
        if let Some(known) = known {
            keep_last_use(&mut account, known);
        }
        account.status = AccountStatus::of(account.login_profile.state, account.access_keys.as_deref());
        account
    }

    /// Accounts that were known inside the scope and exist outside it now.
    fn moved(&self, observed: &Observed) -> HashSet<&ExternalId> {
        let known = self.known.accounts.iter().filter(|account| self.scope.covers_account(account));
        known
            .map(|account| &account.external_id)
            .filter(|id| observed.moved_away(id, self.scope).is_some())
            .collect()
    }

    /// An account that was known and not listed: out of scope, moved out of it, or not proved to be gone.
    fn carry_account(&self, observed: &mut Observed, known: &Account) -> Option<Account> {
        if !self.scope.covers_account(known) || self.kept.contains(&known.external_id) {
            return Some(known.clone());
        }
        observed.moved_away(&known.external_id, self.scope)?;
        let detail = observed.account_details.get_mut(&known.external_id)?;
        let mut account = known.clone();
        account.name.clone_from(&detail.name);
        account.path.clone_from(&detail.path);
        account.arn.clone_from(&detail.arn);
        take_detail(&mut account, detail);
        Some(account)
    }

    /// Login profile and keys, from the report or from the user's own answer.
    fn apply_credentials(&self, account: &mut Account, read: &CredentialsRead, created_at: Timestamp) {
        let row = read.row(account, created_at);
        if let Some((generated_at, row)) = row {
            account.login_profile = LoginProfile {
                state: match row.password_enabled {
                    Some(true) => LoginProfileState::Present,
                    Some(false) => LoginProfileState::Absent,
                    None => LoginProfileState::Unknown,
                },
                created_at: None,
                password_reset_required: None,
            };
            account.access_keys.clone_from(&row.access_keys);
            account.mfa_active = row.mfa_active;
            account.credentials = Credentials {
                source: CredentialSource::CredentialReport,
                as_of: Some(milliseconds(generated_at)),
            };
        }
        let answer = read.login_profiles.get(&account.external_id);
        match answer {
            Some(Ok(Some(profile))) => {
                account.login_profile = LoginProfile {
                    state: LoginProfileState::Present,
                    created_at: Some(milliseconds(profile.created_at)),
                    password_reset_required: Some(profile.password_reset_required),
                };
            }
            Some(Ok(None)) => account.login_profile = LoginProfile::absent(),
            Some(Err(_)) | None => {}
        }
        // Without a report nobody's keys are known, and it stays so: else they would come and go with each change.
        let held = read.held.get(&account.external_id).filter(|_| read.report.is_some());
        let all_held = held.is_some_and(|held| held.access_keys.is_some() && held.devices.is_some());
        if let Some(held) = held.filter(|_| all_held || row.is_none()) {
            account.access_keys.clone_from(&held.access_keys);
            account.mfa_active = held.devices.as_ref().map(|devices| !devices.is_empty());
        }
        let by_itself = matches!(answer, Some(Ok(_)));
        // As old as the oldest of it.
        if (by_itself || account.access_keys.is_some()) && (row.is_none() || (all_held && by_itself)) {
            account.credentials =
                Credentials { source: CredentialSource::PerUser, as_of: Some(self.started_at) };
        }
    }

    fn resources(&self, observed: &mut Observed) -> Vec<Resource> {
        let known: HashMap<&ExternalId, &Resource> =
            self.known.resources.iter().map(|resource| (&resource.external_id, resource)).collect();
        let first_seen = |id: &ExternalId| known.get(id).map_or(self.run, |resource| resource.first_seen_run);
        let details = &mut observed.group_details;
        let groups = std::mem::take(&mut observed.groups).into_iter().map(|group| Resource {
            system_id: self.system_id.clone(),
            kind: ResourceType::Group,
            managed_by: None,
            attachable: true,
            inline_policies: match details.get_mut(&group.external_id) {
                Some(detail) => Some(sorted(std::mem::take(&mut detail.inline_policies))),
                None => known.get(&group.external_id).and_then(|known| known.inline_policies.clone()),
            },
            default_version: None,
            first_seen_run: first_seen(&group.external_id),
            last_seen_run: self.run,
            external_id: group.external_id,
            name: group.name,
            path: group.path,
            arn: group.arn,
        });
        let policies = std::mem::take(&mut observed.policies).into_iter().map(|policy| Resource {
            system_id: self.system_id.clone(),
            kind: ResourceType::Policy,
            managed_by: Some(policy.managed_by),
            attachable: policy.attachable,
            inline_policies: None,
            first_seen_run: first_seen(&policy.external_id),
            last_seen_run: self.run,
            external_id: policy.external_id,
            name: policy.name,
            path: policy.path,
            arn: policy.arn,
            default_version: policy.default_version,
        });
        let mut resources: Vec<Resource> = groups.chain(policies).collect();
        let listed: HashSet<ExternalId> =
            resources.iter().map(|resource| resource.external_id.clone()).collect();
        let carried = self.known.resources.iter().filter(|resource| {
            !listed.contains(&resource.external_id)
                && (!self.scope.covers_resource(resource) || self.kept.contains(&resource.external_id))
        });
        resources.extend(carried.cloned());
        resources
    }

    /// All assignments, and the names of groups that could not be resolved.
    fn assignments(
        &self,
        observed: &mut Observed,
        accounts: &[Account],
        resources: &[Resource],
    ) -> (Vec<Assignment>, BTreeSet<String>) {
        let held =
            observed.account_details.values().map(|detail| detail.groups.len() + detail.policies.len());
        let mut drafts = Drafts::new(self, resources, held.sum());
        let moved = self.moved(observed);
        let mut told: HashSet<(&ExternalId, AssignmentKind)> = HashSet::new();
        for account in accounts {
            let Some(detail) = observed.account_details.get_mut(&account.external_id) else { continue };
            if !self.scope.covers_path(&account.path) && !moved.contains(&account.external_id) {
                continue;
            }
            if self.scope.covers_kind(AssignmentKind::AccountGroup) {
                told.insert((&account.external_id, AssignmentKind::AccountGroup));
                detail.groups.iter().for_each(|group| drafts.membership(account, group));
            }
            if self.scope.covers_kind(AssignmentKind::AccountPolicy) {
                told.insert((&account.external_id, AssignmentKind::AccountPolicy));
                drafts.attached(
                    AssignmentKind::AccountPolicy,
                    &account.name,
                    &account.external_id,
                    std::mem::take(&mut detail.policies),
                );
            }
        }
        let groups = resources.iter().filter(|resource| resource.kind == ResourceType::Group);
        for group in groups {
            let detail: Option<&mut GroupDetail> = observed.group_details.get_mut(&group.external_id);
            let Some(detail) = detail.filter(|_| self.scope.covers_kind(AssignmentKind::GroupPolicy)) else {
                continue;
            };
            told.insert((&group.external_id, AssignmentKind::GroupPolicy));
            let policies = std::mem::take(&mut detail.policies);
            drafts.attached(AssignmentKind::GroupPolicy, &group.name, &group.external_id, policies);
        }
        let holders: HashSet<&ExternalId> = (accounts.iter().map(|account| &account.external_id))
            .chain(resources.iter().map(|resource| &resource.external_id))
            .collect();
        let carried = self.known.assignments.iter().filter(|assignment| {
            holders.contains(&assignment.subject_external_id)
                && !told.contains(&(&assignment.subject_external_id, assignment.kind))
        });
        drafts.assignments.extend(carried.cloned());
        (drafts.assignments, drafts.unresolved)
    }
}

/// What [`keyreeve_model::AssignmentKey`] says, borrowed.
type Key<'a> = (AssignmentKind, &'a str, Cow<'a, str>);

fn key_of(assignment: &Assignment) -> Key<'_> {
    (assignment.kind, assignment.subject_external_id.as_str(), assignment.resource_key())
}

/// Assignments under construction.
struct Drafts<'a> {
    assembly: &'a Assembly<'a>,
    groups: HashMap<String, &'a Resource>,
    policies: HashMap<&'a str, &'a Resource>,
    first_seen: HashMap<Key<'a>, ImportRunId>,
    assignments: Vec<Assignment>,
    unresolved: BTreeSet<String>,
}

impl<'a> Drafts<'a> {
    fn new(assembly: &'a Assembly<'a>, resources: &'a [Resource], expected: usize) -> Self {
        let of_kind = |kind| resources.iter().filter(move |resource| resource.kind == kind);
        Self {
            assembly,
            // IAM tells group names apart ignoring case.
            groups: of_kind(ResourceType::Group)
                .map(|group| (group.name.to_ascii_lowercase(), group))
                .collect(),
            policies: of_kind(ResourceType::Policy).map(|policy| (policy.arn.as_str(), policy)).collect(),
            first_seen: (assembly.known.assignments.iter())
                .map(|assignment| (key_of(assignment), assignment.first_seen_run))
                .collect(),
            assignments: Vec::with_capacity(expected),
            unresolved: BTreeSet::new(),
        }
    }

    fn membership(&mut self, account: &Account, group_name: &str) {
        let group = self.groups.get(&group_name.to_ascii_lowercase()).copied();
        if group.is_none() {
            self.unresolved.insert(group_name.to_owned());
        }
        self.add(Assignment {
            system_id: self.assembly.system_id.clone(),
            kind: AssignmentKind::AccountGroup,
            subject_name: account.name.clone(),
            subject_external_id: account.external_id.clone(),
            resource_external_id: group.map(|group| group.external_id.clone()),
            resource_arn: group.map(|group| group.arn.clone()),
            resource_name: group.map_or_else(|| group_name.to_owned(), |group| group.name.clone()),
            state: AssignmentState::Actual,
            first_seen_run: self.assembly.run,
            last_seen_run: self.assembly.run,
        });
    }

    fn attached(
        &mut self,
        kind: AssignmentKind,
        name: &str,
        id: &ExternalId,
        policies: Vec<PolicyReference>,
    ) {
        for PolicyReference { arn, name: policy_name } in policies {
            let policy = self.policies.get(arn.as_str());
            self.add(Assignment {
                system_id: self.assembly.system_id.clone(),
                kind,
                subject_name: name.to_owned(),
                subject_external_id: id.clone(),
                resource_external_id: policy.map(|policy| policy.external_id.clone()),
                resource_arn: Some(arn),
                resource_name: policy_name,
                state: AssignmentState::Actual,
                first_seen_run: self.assembly.run,
                last_seen_run: self.assembly.run,
            });
        }
    }

    fn first_seen_of(&self, assignment: &Assignment) -> Option<ImportRunId> {
        let known: &HashMap<Key<'_>, ImportRunId> = &self.first_seen;
        if known.is_empty() {
            return None;
        }
        let unresolved = || {
            let key = assignment.unresolved_key()?;
            known.get(&(key.kind, key.subject.as_str(), Cow::Borrowed(key.resource.as_str()))).copied()
        };
        known.get(&key_of(assignment)).copied().or_else(unresolved)
    }

    fn add(&mut self, mut assignment: Assignment) {
        if let Some(first_seen) = self.first_seen_of(&assignment) {
            assignment.first_seen_run = first_seen;
        }
        self.assignments.push(assignment);
    }
}

/// Moves tags, boundary and inline policies out of the details; what an account holds stays there.
fn take_detail(account: &mut Account, detail: &mut AccountDetail) {
    account.tags = Some(std::mem::take(&mut detail.tags));
    account.permissions_boundary = detail.permissions_boundary.take();
    account.inline_policies = Some(sorted(std::mem::take(&mut detail.inline_policies)));
}

/// Only the report says when a key was last used. Where it does not vouch for the account, what it said before still holds:
/// a key was used then, if not later.
fn keep_last_use(account: &mut Account, known: &Account) {
    if let Some(keys) = &mut account.access_keys {
        take_last_use(keys, known.access_keys.as_deref().unwrap_or_default());
    }
}

fn copy_credentials(account: &mut Account, known: &Account) {
    account.login_profile.clone_from(&known.login_profile);
    account.access_keys.clone_from(&known.access_keys);
    account.mfa_active = known.mfa_active;
    account.credentials.clone_from(&known.credentials);
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

/// The store keeps milliseconds; cutting here keeps an unchanged time unchanged.
fn milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests;
