//! What becomes of each account: pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use keyreeve_connector::OrganizationEntry;
use keyreeve_model::{AwsAccountId, CredentialKind, MemberState, Membership, System, SystemId, SystemState};

use super::filter::Wanted;
use super::read::Missing;
use super::words::system_name;
use super::{Access, Discovered, DiscoveryAction, DiscoveryRequest, Member, Step, external_id};

/// All that is known beforehand.
pub(super) struct Known<'a> {
    pub(super) organization: &'a OrganizationEntry,
    /// What external ids begin with.
    pub(super) external_id: &'a str,
    /// All systems, removed ones too.
    pub(super) systems: &'a [System],
    pub(super) memberships: &'a HashMap<SystemId, Membership>,
    /// What was found of accounts that the listing leaves out.
    pub(super) missing: &'a BTreeMap<AwsAccountId, Missing>,
}

/// The accounts that have systems and were in an organization when it was last looked at.
pub(super) fn expected(
    systems: &[System],
    memberships: &HashMap<SystemId, Membership>,
    organization: &str,
) -> BTreeSet<AwsAccountId> {
    let was_in = |system: &&System| {
        let seen = memberships.get(&system.system_id);
        system.state != SystemState::Removed
            && seen
                .is_some_and(|seen| seen.organization_id == organization && seen.state != MemberState::Gone)
    };
    systems.iter().filter(was_in).filter_map(|system| system.aws_account_id.clone()).collect()
}

/// Says what becomes of each account, in the order of their ids, and of the systems whose accounts are not there any
/// more.
pub(super) fn decide(request: &DiscoveryRequest, known: &Known<'_>, members: &[Member]) -> Vec<Discovered> {
    let mut names: HashSet<String> = known
        .systems
        .iter()
        .filter(|system| system.state != SystemState::Removed)
        .map(|system| system.name.as_str().to_lowercase())
        .collect();
    let mut all = Vec::new();
    for member in members {
        let own: Vec<&System> = known.in_use(&member.account_id).collect();
        if own.is_empty() {
            all.push(newcomer(request, known, member, &mut names));
        }
        all.extend(own.into_iter().map(|system| acquaintance(request, known, member, system)));
    }
    all.extend(gone(known, members));
    all.extend(left_out(known, members));
    all
}

/// Accounts that have no system, and that the tree has and the listing has not: nothing is known of them.
fn left_out(known: &Known<'_>, members: &[Member]) -> Vec<Discovered> {
    let listed: HashSet<&AwsAccountId> = members.iter().map(|member| &member.account_id).collect();
    let unknown = |(account, missing): (&AwsAccountId, &Missing)| {
        let Missing::Unproven(why) = missing else { return None };
        if listed.contains(account) || known.in_use(account).next().is_some() {
            return None;
        }
        let member = Member {
            account_id: account.clone(),
            name: String::new(),
            state: MemberState::Unknown,
            unit: None,
            unit_ids: Vec::new(),
            tags: Ok(BTreeMap::new()),
        };
        Some(row(&member, DiscoveryAction::Failed, Some(unchanged(why))))
    };
    known.missing.iter().filter_map(unknown).collect()
}

fn unchanged(why: &str) -> String {
    format!("{why}; nothing was changed of it, run the same command again")
}

impl Known<'_> {
    fn in_use<'s>(&'s self, account: &'s AwsAccountId) -> impl Iterator<Item = &'s System> {
        self.systems.iter().filter(move |system| {
            system.state != SystemState::Removed && system.aws_account_id.as_ref() == Some(account)
        })
    }

    fn removed(&self, account: &AwsAccountId) -> Option<&System> {
        self.systems.iter().find(|system| {
            system.state == SystemState::Removed && system.aws_account_id.as_ref() == Some(account)
        })
    }
}

fn row(member: &Member, action: DiscoveryAction, reason: Option<String>) -> Discovered {
    Discovered {
        account_id: member.account_id.clone(),
        name: member.name.clone(),
        unit: member.unit.clone(),
        account_state: member.state,
        action,
        system_id: None,
        role_arn: None,
        external_id: None,
        access: Access::NotTried,
        open_without_external_id: None,
        reason,
        step: Step::Nothing,
    }
}

/// An account that has no system.
fn newcomer(
    request: &DiscoveryRequest,
    known: &Known<'_>,
    member: &Member,
    names: &mut HashSet<String>,
) -> Discovered {
    let account = &member.account_id;
    let left = |action, reason: String| row(member, action, Some(reason));
    match request.filter.wants(member) {
        Wanted::Yes => {}
        Wanted::No(why) => return left(DiscoveryAction::Exclude, why),
        Wanted::Unknown(why) => return left(DiscoveryAction::Failed, why),
    }
    if member.state != MemberState::Active {
        return left(DiscoveryAction::Skip, inactive(member.state).to_owned());
    }
    if *account == known.organization.management_account {
        let why =
            "it owns the organization, and its role is not made there: `keyreeve system add` registers it";
        return left(DiscoveryAction::Skip, why.to_owned());
    }
    if let Some(removed) = known.removed(account) {
        let id = &removed.system_id;
        let why =
            format!("its system {id} was removed; `keyreeve system add` with another System ID has it again");
        return left(DiscoveryAction::Skip, why);
    }
    let system_id = match request.system_id.of(account, &member.name) {
        Ok(id) => id,
        Err(why) => return left(DiscoveryAction::Failed, why),
    };
    let taken = |name: &keyreeve_model::SystemName| names.contains(&name.as_str().to_lowercase());
    let Some(name) = system_name(&member.name, account, taken) else {
        let why = "its name, also with its id after it, is that of another system: rename that one";
        return left(DiscoveryAction::Failed, why.to_owned());
    };
    names.insert(name.as_str().to_lowercase());
    let role_arn = request.role.arn(&known.organization.partition, account);
    let external_id = external_id(known.external_id, account.as_str());
    let credential = CredentialKind::Role {
        role_arn: role_arn.clone(),
        external_id: external_id.clone(),
        base: request.base.clone(),
        via: Vec::new(),
    };
    Discovered {
        system_id: Some(system_id.clone()),
        role_arn: Some(role_arn),
        external_id: Some(external_id),
        step: Step::Register { system_id, name, credential },
        ..row(member, DiscoveryAction::Add, None)
    }
}

/// An account that has a system.
fn acquaintance(
    request: &DiscoveryRequest,
    known: &Known<'_>,
    member: &Member,
    system: &System,
) -> Discovered {
    let before = known.memberships.get(&system.system_id);
    let now = Membership {
        organization_id: known.organization.id.clone(),
        name: member.name.clone(),
        // What could not be read is not forgotten.
        unit: member.unit.clone().or_else(|| before.and_then(|before| before.unit.clone())),
        state: member.state,
    };
    let mut reasons = differences(before, &now);
    let wanted = request.filter.wants(member);
    if member.state != MemberState::Active {
        reasons.push(inactive(member.state).to_owned());
    }
    let action = match (&wanted, member.state, system.state) {
        // Whoever is excluded or not is not in use either.
        (_, state, SystemState::Active) if state != MemberState::Active => DiscoveryAction::Suspend,
        (Wanted::No(_), ..) => DiscoveryAction::Exclude,
        (Wanted::Unknown(_), ..) => DiscoveryAction::Failed,
        (Wanted::Yes, MemberState::Active, SystemState::Suspended) => DiscoveryAction::Resume,
        (Wanted::Yes, ..) => DiscoveryAction::Keep,
    };
    if let Wanted::No(why) | Wanted::Unknown(why) = wanted {
        reasons.push(why);
    }
    if action == DiscoveryAction::Exclude && member.state == MemberState::Active {
        reasons.extend(stays_suspended(system));
    }
    if system.state == SystemState::Quarantined {
        reasons.push("its system is quarantined".to_owned());
    }
    let left_alone = matches!(action, DiscoveryAction::Exclude | DiscoveryAction::Failed);
    let (role_arn, external_id) = match &system.credential {
        CredentialKind::Role { role_arn, external_id, .. } => {
            (Some(role_arn.clone()), Some(external_id.clone()))
        }
        _ => (None, None),
    };
    let step = match before == Some(&now) || left_alone {
        true => Step::Nothing,
        false => Step::Note { system_id: system.system_id.clone() },
    };
    Discovered {
        system_id: Some(system.system_id.clone()),
        role_arn,
        external_id,
        unit: now.unit,
        step,
        ..row(member, action, (!reasons.is_empty()).then(|| reasons.join("; ")))
    }
}

/// What is excluded is left as it is, also when its account is in use again.
fn stays_suspended(system: &System) -> Option<String> {
    let why = "its system stays suspended until a discovery that does not exclude it";
    (system.state == SystemState::Suspended).then(|| why.to_owned())
}

/// What is different from when it was last seen. The system's own name is a person's, and stays.
fn differences(before: Option<&Membership>, now: &Membership) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let mut reasons = Vec::new();
    if before.name != now.name {
        reasons.push(format!("the account was named {}, and its system keeps its name", before.name));
    }
    if let (Some(was), Some(is)) = (&before.unit, &now.unit)
        && was != is
    {
        reasons.push(format!("the account was in {was}"));
    }
    if before.organization_id != now.organization_id {
        reasons.push(format!("the account was in the organization {}", before.organization_id));
    }
    reasons
}

/// Systems of accounts that were in this organization and are not listed any more.
fn gone(known: &Known<'_>, members: &[Member]) -> Vec<Discovered> {
    let listed: HashSet<&AwsAccountId> = members.iter().map(|member| &member.account_id).collect();
    let mut gone: BTreeMap<&SystemId, Discovered> = BTreeMap::new();
    for system in known.systems.iter().filter(|system| system.state != SystemState::Removed) {
        let Some(before) = known.memberships.get(&system.system_id) else { continue };
        let Some(account_id) = system.aws_account_id.clone().filter(|account| !listed.contains(account))
        else {
            continue;
        };
        if before.organization_id != known.organization.id {
            continue;
        }
        let missing = known.missing.get(&account_id);
        let unproven = match missing {
            Some(Missing::Unproven(why)) => Some(why.as_str()),
            Some(Missing::Gone) => None,
            // It was gone before, and nobody asked.
            None if before.state == MemberState::Gone => None,
            None => Some("the list of accounts leaves it out"),
        };
        if let Some(why) = unproven {
            let member = Member {
                account_id,
                name: before.name.clone(),
                state: before.state,
                unit: before.unit.clone(),
                unit_ids: Vec::new(),
                tags: Ok(BTreeMap::new()),
            };
            let row = row(&member, DiscoveryAction::Failed, Some(unchanged(why)));
            gone.insert(&system.system_id, Discovered { system_id: Some(system.system_id.clone()), ..row });
            continue;
        }
        let member = Member {
            account_id,
            name: before.name.clone(),
            state: MemberState::Gone,
            unit: before.unit.clone(),
            unit_ids: Vec::new(),
            tags: Ok(BTreeMap::new()),
        };
        let action = match system.state {
            SystemState::Active => DiscoveryAction::Suspend,
            _ => DiscoveryAction::Keep,
        };
        let step = match before.state {
            MemberState::Gone => Step::Nothing,
            _ => Step::Note { system_id: system.system_id.clone() },
        };
        let row = row(&member, action, Some(inactive(MemberState::Gone).to_owned()));
        gone.insert(&system.system_id, Discovered { system_id: Some(system.system_id.clone()), step, ..row });
    }
    gone.into_values().collect()
}

/// Why nothing is done with an account in this state.
pub(super) fn inactive(state: MemberState) -> &'static str {
    match state {
        MemberState::Active => "the account is in use",
        MemberState::PendingActivation => "the account is still being made",
        MemberState::Suspended => "the account is suspended",
        MemberState::PendingClosure => "the account is being closed",
        MemberState::Closed => "the account is closed",
        MemberState::Gone => "the account is no longer in the organization",
        MemberState::Unknown => "the account is in a state that this version does not know",
    }
}

#[cfg(test)]
mod tests;
