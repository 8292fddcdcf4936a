//! Giving and taking a group or a policy.

use keyreeve_model::{Hint, ObstacleKind, ResourceName, StepCall, StepReason};

use crate::near::nearest;
use crate::plan::draft::TaskDraft;
use crate::plan::facts::{AccountFact, Facts};
use crate::plan::protect;

/// A user is in at most ten groups, and that cannot be raised (IAM User Guide, "IAM and AWS STS quotas").
const MOST_GROUPS: usize = 10;
/// At most ten policies are attached to a user unless AWS has raised that; the default is what is planned with.
const MOST_POLICIES: usize = 10;

/// Gives the account a group or a policy; nothing to do where it has it already.
pub(in crate::plan) fn plan_add(draft: &mut TaskDraft<'_>, account: &AccountFact, resource: &ResourceName) {
    add(draft, account, resource, StepReason::TaskMapping, &[]);
}

/// Adds the step that gives a group or a policy, if it is needed and possible. Gives its place.
pub(super) fn add(
    draft: &mut TaskDraft<'_>,
    account: &AccountFact,
    resource: &ResourceName,
    reason: StepReason,
    after: &[u32],
) -> Option<u32> {
    let name = account.name.clone();
    match resource {
        ResourceName::Group(group) => {
            if !is_group(draft, group) || already(draft, account.groups.contains(group), &name, group) {
                return None;
            }
            if account.groups.len() + added(draft, is_group_addition) >= MOST_GROUPS {
                draft.refuse(ObstacleKind::QuotaFull, too_many_groups(&name));
            }
            Some(draft.step(StepCall::AddToGroup { account: name, group: group.clone() }, reason, after))
        }
        ResourceName::Policy(arn) => {
            if !is_attachable(draft, arn) || already(draft, account.policies.contains(arn), &name, arn) {
                return None;
            }
            if account.policies.len() + added(draft, is_policy_addition) >= MOST_POLICIES {
                draft.refuse(ObstacleKind::QuotaFull, too_many_policies(&name));
            }
            Some(draft.step(StepCall::AttachPolicy { account: name, policy_arn: arn.clone() }, reason, after))
        }
    }
}

/// Takes a group or a policy away; nothing to do where the account does not have it. What nobody knows by this name is
/// refused: whoever mistypes a name, also in case alone, would take the account for rid of it.
pub(in crate::plan) fn plan_remove(
    draft: &mut TaskDraft<'_>,
    account: &AccountFact,
    resource: &ResourceName,
) {
    let name = account.name.clone();
    let call = match resource {
        ResourceName::Group(group) if is_anothers(draft, group) => return,
        ResourceName::Group(group) => {
            StepCall::RemoveFromGroup { account: name.clone(), group: group.clone() }
        }
        ResourceName::Policy(arn) => {
            StepCall::DetachPolicy { account: name.clone(), policy_arn: arn.clone() }
        }
    };
    let holds = |account: &AccountFact| match resource {
        ResourceName::Group(group) => account.groups.contains(group),
        ResourceName::Policy(arn) => account.policies.contains(arn),
    };
    // What was given from here a short time ago is there, though AWS may not show it yet.
    let held = holds(account) || draft.facts.lately.laid_over(account).is_some_and(|later| holds(&later));
    if held {
        draft.step(call, StepReason::TaskMapping, &[]);
    } else if let Some(why) = unknown(draft.facts, account, resource) {
        draft.refuse(ObstacleKind::NotFound, why);
    } else {
        let what = resource.as_str();
        draft.notice(ObstacleKind::NothingToDo, format!("{name} does not have {what}: nothing to do"));
    }
}

/// What custom actions give must be there and fit, as what a wish gives must; and a tag of theirs must not protect the
/// account.
pub(in crate::plan) fn check_custom_actions(draft: &mut TaskDraft<'_>, account: &AccountFact) {
    let extra = draft.steps.iter().filter(|step| step.reason == StepReason::CustomAction);
    let extra: Vec<StepCall> = extra.map(|step| step.call.clone()).collect();
    let after = draft.afterwards(account);
    for call in extra {
        match call {
            StepCall::AddToGroup { account, group } => {
                is_group(draft, &group);
                if after.groups.len() > MOST_GROUPS {
                    draft.refuse(ObstacleKind::QuotaFull, too_many_groups(&account));
                }
            }
            StepCall::AttachPolicy { account, policy_arn } => {
                is_attachable(draft, &policy_arn);
                if after.policies.len() > MOST_POLICIES {
                    draft.refuse(ObstacleKind::QuotaFull, too_many_policies(&account));
                }
            }
            StepCall::SetBoundary { policy_arn, .. } => {
                super::create::check_boundary(draft, Some(&policy_arn))
            }
            StepCall::TagAccount { .. } => {
                super::create::check_tag_count(draft, &after.name, &after.tags);
                let Facts { protections, .. } = draft.facts;
                if let Some(why) = protect::listed(protections, &after.name, &after.path, Some(&after.tags)) {
                    draft.refuse(ObstacleKind::Protected, why);
                }
            }
            _ => {}
        }
    }
}

fn too_many_groups(account: &str) -> String {
    format!("{account} would be in more than {MOST_GROUPS} groups, which AWS does not allow")
}

fn too_many_policies(account: &str) -> String {
    format!("{account} would have more than {MOST_POLICIES} attached policies, AWS's quota for a user")
}

fn added(draft: &TaskDraft<'_>, counts: fn(&StepCall) -> bool) -> usize {
    draft.steps.iter().filter(|step| counts(&step.call)).count()
}

fn is_group_addition(call: &StepCall) -> bool {
    matches!(call, StepCall::AddToGroup { .. })
}

fn is_policy_addition(call: &StepCall) -> bool {
    matches!(call, StepCall::AttachPolicy { .. })
}

fn already(draft: &mut TaskDraft<'_>, held: bool, account: &str, what: &str) -> bool {
    if held {
        draft.notice(ObstacleKind::NothingToDo, format!("{account} has {what} already: nothing to do"));
    }
    held
}

/// Which name is near, and how a newer one becomes known.
fn or_import(facts: &Facts, near: Option<&str>) -> String {
    let near = near.map_or_else(String::new, |near| format!("; there is {near:?}"));
    format!(
        "{near}; what is newer than it is seen after an import: {}",
        Hint::Import(facts.system_id.clone())
    )
}

/// What to say of a policy that the last import did not see: a policy is given by its ARN.
pub(super) fn no_policy(facts: &Facts, given: &str) -> String {
    let name = given.rsplit('/').next().unwrap_or(given);
    let mut policies = facts.policies.values();
    let named = policies.find(|policy| policy.name.eq_ignore_ascii_case(name));
    let near = match named {
        Some(policy) => Some(policy),
        None => nearest(name, facts.policies.values().map(|policy| policy.name.as_str()))
            .and_then(|near| facts.policies.values().find(|policy| policy.name == near)),
    };
    let near = near.map(|policy| policy.arn.as_str());
    format!("the last import saw no policy {given:?}{}", or_import(facts, near))
}

/// What to say of a group that the last import did not see.
fn no_group(facts: &Facts, given: &str) -> String {
    if let Some(now) = facts.groups_once.get(&given.to_ascii_lowercase()) {
        return format!("the group {given:?} of earlier imports is called {now:?} now; give that name");
    }
    let new = || facts.new_groups.keys().map(String::as_str);
    let known =
        || facts.groups.values().map(|group| group.name.as_str()).chain(new()).filter(|name| *name != given);
    let near = known().find(|name| name.eq_ignore_ascii_case(given)).or_else(|| nearest(given, known()));
    format!("the last import saw no group {given:?}{}", or_import(facts, near))
}

/// What to say of a group or a policy that neither the last import saw nor anybody holds now; `None` where it is known,
/// be it that it has been deleted since.
fn unknown(facts: &Facts, account: &AccountFact, resource: &ResourceName) -> Option<String> {
    match resource {
        ResourceName::Group(group) => {
            let known = facts.group(group).is_some() || facts.new_groups.contains_key(group);
            (!known).then(|| no_group(facts, group))
        }
        ResourceName::Policy(arn) => {
            let known = facts.policies.contains_key(arn)
                || facts.policies_seen.contains(arn)
                || facts.accounts.values().any(|account| account.policies.contains(arn))
                || facts.groups.values().any(|group| group.policies.contains(arn))
                || facts.new_groups.values().any(|held| held.contains(arn));
            let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
            // AWS's own need not have been imported.
            let held = account.policies.iter().find(|held| name(held).eq_ignore_ascii_case(&name(arn)));
            (!known).then(|| match held {
                Some(held) => {
                    format!("the last import saw no policy {arn:?}{}", or_import(facts, Some(held.as_str())))
                }
                None => no_policy(facts, arn),
            })
        }
    }
}

/// Whether the name is another group's than at the last import, or the group has another name, which is refused then.
fn is_anothers(draft: &mut TaskDraft<'_>, group: &str) -> bool {
    let facts = draft.facts;
    let key = group.to_ascii_lowercase();
    if let Some(was) = facts.groups_passed_on.get(&key) {
        draft.passed_on("group", group, facts.group(group).map(|now| &now.external_id), was);
        return true;
    }
    let Some(now) = facts.groups_renamed.get(&key) else { return false };
    let why = format!(
        "the group {group:?} of run {}, the last import, is called {now:?} now, so nothing is changed; give that name, or \
         import first: {}",
        facts.run,
        Hint::Import(facts.system_id.clone())
    );
    draft.refuse(ObstacleKind::IdentityChanged, why);
    true
}

fn is_group(draft: &mut TaskDraft<'_>, group: &str) -> bool {
    if is_anothers(draft, group) {
        return false;
    }
    if draft.facts.group(group).is_some() {
        return true;
    }
    let why = no_group(draft.facts, group);
    draft.refuse(ObstacleKind::NotFound, why);
    false
}

/// Policies for service-linked roles cannot be attached to a user (AWS answers PolicyNotAttachable).
fn is_attachable(draft: &mut TaskDraft<'_>, arn: &str) -> bool {
    if arn.contains(":policy/aws-service-role/") {
        draft.refuse(
            ObstacleKind::NotAttachable,
            format!("{arn} is a policy for service-linked roles: AWS attaches it to nothing else"),
        );
        return false;
    }
    match draft.facts.policies.get(arn) {
        Some(policy) if policy.attachable => true,
        Some(_) => {
            draft.refuse(ObstacleKind::NotAttachable, format!("{arn} cannot be attached, AWS says"));
            false
        }
        None => {
            let why = no_policy(draft.facts, arn);
            draft.refuse(ObstacleKind::NotFound, why);
            false
        }
    }
}
