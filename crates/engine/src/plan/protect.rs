//! What nobody may change, whoever asks: decided before any call.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{
    Account, AccountCredential, AccountCredentialKind, AccountStatus, ExternalId, Hint, Obstacle,
    ObstacleKind, Protection, StepCall, Wish,
};
use keyreeve_store::{Signer, SignerPart};

use super::disarm::is_disarmed;
use super::draft::apply_to;
use super::facts::{AccountFact, Facts};

/// Why nothing may be changed of an account; `None` when that is not so. Adding to a protected account is refused too.
pub(super) fn protected(facts: &Facts, account: &AccountFact) -> Option<Obstacle> {
    let refuse = |why: String| Some(Obstacle::new(ObstacleKind::Protected, why));
    let connector = &facts.connector;
    if is_own(
        (&connector.arn, &connector.external_id),
        (account.external_id.as_ref(), &account.arn, &account.name),
    ) {
        return refuse(own(&account.name));
    }
    let found = (account.external_id.as_ref(), account.arn.as_str(), account.name.as_str());
    if let Some(why) = signs_in(&facts.signers, found) {
        return refuse(why);
    }
    if let Some(why) = reserved(&account.name, &account.path) {
        return refuse(why);
    }
    if let Some(why) = listed(&facts.protections, &account.name, &account.path, Some(&account.tags)) {
        return refuse(why);
    }
    None
}

/// Why these calls about an account are refused: they would leave nobody who holds AdministratorAccess and can come in.
pub(super) fn last_administrator_goes<'s>(
    facts: &Facts,
    account: &AccountFact,
    steps: impl IntoIterator<Item = &'s StepCall>,
) -> Option<Obstacle> {
    if !facts.settings.keep_last_administrator || !takes_administrator(facts, account, steps) {
        return None;
    }
    last_administrator(facts, account, &BTreeSet::new(), false)
        .map(|why| Obstacle::new(ObstacleKind::Protected, why))
}

/// Why a wish that takes every way in is refused whatever reading the account would tell: nobody else holds
/// AdministratorAccess, not even somebody who is disabled.
pub(super) fn last_whatever_is_read(facts: &Facts, account: &AccountFact, wish: &Wish) -> Option<Obstacle> {
    let takes = match wish {
        Wish::DeleteAccount { .. } => true,
        // Of somebody who has no way in nothing is left to take.
        Wish::DeactivateAccount { .. } => !is_disabled(account),
        _ => false,
    };
    let concerns = takes && facts.settings.keep_last_administrator && is_administrator(facts, account);
    let (others, disabled) = other_administrators(facts, account);
    if !concerns || !others.is_empty() || !disabled.is_empty() {
        return None;
    }
    last_administrator(facts, account, &BTreeSet::new(), false)
        .map(|why| Obstacle::new(ObstacleKind::Protected, why))
}

/// Why nothing may be changed of an account, as far as that is known before AWS is asked: by what was imported of it, the
/// protect list, and who systems sign in as.
#[must_use]
pub fn known_protection(protections: &[Protection], signers: &[Signer], account: &Account) -> Option<String> {
    let id = (Some(&account.external_id), account.arn.as_str(), account.name.as_str());
    signs_in(signers, id)
        .or_else(|| reserved(&account.name, &account.path))
        .or_else(|| listed(protections, &account.name, &account.path, account.tags.as_ref()))
}

/// Why an account below this path is refused: AWS keeps it for itself.
fn reserved(name: &str, path: &str) -> Option<String> {
    let kept = ["/aws-service-role/", "/aws-reserved/"].iter().any(|reserved| path.starts_with(reserved));
    kept.then(|| {
        format!("{} lies under {}, which is reserved to AWS", name.escape_debug(), path.escape_debug())
    })
}

/// Why an account of this name, path and tags is refused by the protect list; `None` when it is not on it.
pub(crate) fn listed(
    protections: &[Protection],
    name: &str,
    path: &str,
    tags: Option<&BTreeMap<String, String>>,
) -> Option<String> {
    let entry = protections.iter().find(|entry| entry.kind.covers(name, path, tags))?;
    let (word, value) = entry.kind.parts();
    Some(format!(
        "{} is on the protect list ({word} {}); an administrator can take it off: {}",
        name.escape_debug(),
        value.escape_debug(),
        Hint::EndProtection
    ))
}

/// Why the connector's own account is refused.
pub(crate) fn own(name: &str) -> String {
    format!(
        "{} is the account that Keyreeve itself signs in with: changing it could end every further change",
        name.escape_debug()
    )
}

/// Why an account of this id, ARN and name is refused that a system of this store signs in with, itself or to assume its
/// role; `None` when none does.
pub(crate) fn signs_in(signers: &[Signer], account: (Option<&ExternalId>, &str, &str)) -> Option<String> {
    let signer = signers.iter().find(|signer| is_own((&signer.arn, &signer.external_id), account))?;
    let (name, system) = (account.2.escape_debug(), &signer.system_id);
    Some(match signer.part {
        SignerPart::System => format!(
            "{name} is the account that Keyreeve signs in with for system {system}: changing it could end every further \
             change there"
        ),
        SignerPart::Base => format!(
            "{name} is the account whose credentials Keyreeve assumes the role of system {system} with: changing it could \
             end every further change there"
        ),
    })
}

/// Whether the connector, of this ARN and id, acts as the account of this id, ARN and name: a rename or another case
/// does not hide it. A role session names its role, no user.
pub(crate) fn is_own(connector: (&str, &str), account: (Option<&ExternalId>, &str, &str)) -> bool {
    let ((connector_arn, connector_id), (id, arn, name)) = (connector, account);
    let of_user = connector_arn.contains(":user/");
    let connector_name = connector_arn.rsplit('/').next().unwrap_or_default();
    id.is_some_and(|id| id.as_str() == connector_id)
        || connector_arn == arn
        || (of_user && connector_name.eq_ignore_ascii_case(name))
}

/// Why AdministratorAccess must not be taken from an account: nobody else who holds it can come in. Whoever is known to
/// be disabled cannot; for one who is disabled nothing is lost.
///
/// `changing` are accounts, by lower-cased name, that something is being done to at this moment: they do not count.
/// `shut_out` says that ways in were taken from the account by those who ask: then it was not disabled before.
pub(crate) fn last_administrator(
    facts: &Facts,
    account: &AccountFact,
    changing: &BTreeSet<String>,
    shut_out: bool,
) -> Option<String> {
    let name = account.name.escape_debug();
    let (mut others, mut disabled) = other_administrators(facts, account);
    let rests = |other: &&AccountFact| !changing.contains(&other.name.to_ascii_lowercase());
    others.retain(rests);
    disabled.retain(rests);
    let left = others.len() + if !shut_out && is_disabled(account) { disabled.len() } else { 0 };
    if left > 0 {
        return None;
    }
    let disabled: Vec<String> = disabled.iter().map(|other| other.name.escape_debug().to_string()).collect();
    let but = match disabled.as_slice() {
        [] => String::new(),
        names => format!(
            " and is not disabled, as {} is by the last import, a deactivation of ours, or what AWS says now",
            names.join(", ")
        ),
    };
    let taken: Vec<String> = facts
        .accounts
        .values()
        .filter(|other| other.name != account.name && stands(facts, other) && !still_stands(facts, other))
        .map(|other| other.name.escape_debug().to_string())
        .collect();
    let taken = match taken.as_slice() {
        [] => String::new(),
        names => format!(
            "; {} lost it or was deleted by a job a short time ago, which AWS may not show yet",
            names.join(", ")
        ),
    };
    Some(format!(
        "{name} is the last account that holds AdministratorAccess{but}{taken}; the setting keep_last_administrator \
         guards it"
    ))
}

/// What a person should know of calls that the guard of the last administrator lets pass: of nobody who is left is it
/// known that they can still come in.
pub(super) fn notice<'s>(
    facts: &Facts,
    account: &AccountFact,
    steps: impl IntoIterator<Item = &'s StepCall>,
) -> Option<String> {
    if !facts.settings.keep_last_administrator
        || !takes_administrator(facts, account, steps)
        || is_disabled(account)
    {
        return None;
    }
    let (others, _) = other_administrators(facts, account);
    if others.is_empty() || others.iter().any(|other| is_enabled(other)) {
        return None;
    }
    let names: Vec<String> = others.iter().map(|other| other.name.escape_debug().to_string()).collect();
    Some(format!(
        "besides {} only {} will hold AdministratorAccess, and whether they can still sign in or have an active key \
         is not known; they are counted as if they could",
        account.name.escape_debug(),
        names.join(", ")
    ))
}

/// The other accounts that hold AdministratorAccess, and are not denied all of it: those that are not known to be disabled, and those that are.
fn other_administrators<'a>(
    facts: &'a Facts,
    account: &AccountFact,
) -> (Vec<&'a AccountFact>, Vec<&'a AccountFact>) {
    let others = facts
        .accounts
        .values()
        .filter(|other| other.name != account.name && stands(facts, other) && still_stands(facts, other));
    others.partition(|other| !is_disabled(other) && !facts.lately.shut_out(other))
}

/// Whether an account holds AdministratorAccess, and is not denied all of it.
fn stands(facts: &Facts, account: &AccountFact) -> bool {
    is_administrator(facts, account) && !is_disarmed(facts, account)
}

/// Whether that is so with what was done to it a short time ago, too.
fn still_stands(facts: &Facts, account: &AccountFact) -> bool {
    facts.lately.laid_over(account).is_some_and(|account| stands(facts, &account))
}

/// Whether an administrator, by lower-cased name, who can come in as far as AWS shows is one by what we did as well.
pub(super) fn counts(facts: &Facts, name: &str) -> bool {
    facts.accounts.get(name).is_some_and(|account| {
        let switched_off = account.manifest.is_some() || account.switched_off_elsewhere;
        !switched_off && !facts.lately.shut_out(account) && still_stands(facts, account)
    })
}

/// The ARN of AdministratorAccess in a partition.
pub(crate) fn administrator_access(partition: &str) -> String {
    format!("arn:{partition}:iam::aws:policy/AdministratorAccess")
}

/// Whether an account holds AdministratorAccess, itself or through a group.
pub(crate) fn is_administrator(facts: &Facts, account: &AccountFact) -> bool {
    let policy = administrator_access(&facts.partition);
    let of_group =
        |name: &String| facts.group(name).map(|group| &group.policies).or_else(|| facts.new_groups.get(name));
    let through = |name: &String| of_group(name).is_some_and(|policies| policies.contains(&policy));
    account.policies.contains(&policy) || account.groups.iter().any(through)
}

/// Whether these calls take AdministratorAccess from an account that holds it, all power by it, or the last way in that
/// is known of it,
/// whoever asked for them: the wish, a custom action, or a deactivation.
pub(crate) fn takes_administrator<'s>(
    facts: &Facts,
    account: &AccountFact,
    steps: impl IntoIterator<Item = &'s StepCall>,
) -> bool {
    // What was just given to it may not be shown yet.
    let laid_over = facts.lately.laid_over(account);
    let account = if is_administrator(facts, account) { Some(account) } else { laid_over.as_ref() };
    let Some(account) = account.filter(|account| is_administrator(facts, account)) else { return false };
    let mut after = account.clone();
    let mut shut_out = false;
    let mut ways_in_go = false;
    for call in steps {
        match call {
            StepCall::DeleteAccount { .. } => return true,
            StepCall::AttachPolicy { policy_arn, .. } => shut_out |= denies_all(facts, policy_arn),
            other => ways_in_go |= shuts_out(other),
        }
        apply_to(&mut after, call);
    }
    let comes_in = after.login_profile.read() == Some(&true) || active_key(&after) == Some(true);
    let disarmed = || !is_disarmed(facts, account) && is_disarmed(facts, &after);
    shut_out || (ways_in_go && !comes_in) || !is_administrator(facts, &after) || disarmed()
}

/// Whether a call takes a way in.
pub(crate) fn shuts_out(call: &StepCall) -> bool {
    match call {
        StepCall::DeleteLoginProfile { .. } => true,
        StepCall::SetCredential { credential, active: false, .. }
        | StepCall::DeleteCredential { credential, .. } => {
            credential.kind == AccountCredentialKind::AccessKey
        }
        _ => false,
    }
}

/// Whether a policy denies everything: the system's own for that, or AWS's.
fn denies_all(facts: &Facts, arn: &str) -> bool {
    facts.settings.deny_all_policy.as_deref() == Some(arn) || arn == facts.aws_policy("AWSDenyAll")
}

/// Whether an account is known to have neither a console password nor an active key, or was deactivated by us: by what
/// was read of it for its tasks, else by what we did, else by what was looked at for this guard, else by the last import.
fn is_disabled(account: &AccountFact) -> bool {
    match (account.login_profile.read(), active_key(account)) {
        (Some(true), _) | (_, Some(true)) => false,
        (Some(false), Some(false)) => true,
        _ => {
            account.manifest.is_some()
                || account.switched_off_elsewhere
                || match account.comes_in {
                    Some(comes_in) => !comes_in,
                    None => account.imported_status == Some(AccountStatus::Disabled),
                }
        }
    }
}

fn is_enabled(account: &AccountFact) -> bool {
    account.login_profile.read() == Some(&true)
        || active_key(account) == Some(true)
        || account.comes_in == Some(true)
        || (account.login_profile.read().is_none() && account.imported_status == Some(AccountStatus::Enabled))
}

fn active_key(account: &AccountFact) -> Option<bool> {
    let credentials = account.credentials.read()?;
    let key = |credential: &AccountCredential| credential.kind == AccountCredentialKind::AccessKey;
    Some(credentials.iter().any(|(credential, active)| *active && key(credential)))
}
