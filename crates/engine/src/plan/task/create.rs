//! Making an account: the user by a custom action, the login profile by the task mapping, then what it holds.

use std::collections::BTreeMap;

use keyreeve_model::{
    ObstacleKind, PermissionProfile, ResourceName, StepCall, StepReason, TaskKind, Wish, check_account_name,
    check_path, check_tags, is_own_tag,
};

use crate::mapping::{Given, MappedAccount, Sources, map_account};
use crate::plan::draft::{TaskDraft, made};
use crate::plan::{first_sign_in, protect};

/// The key of the tag by which an account of ours is known again after a lost answer. Its value is unique.
pub const MARKER_TAG: &str = "keyreeve:task";

/// Plans a creation; gives the wish with its name and path filled in, and the name.
pub(in crate::plan) fn plan(
    draft: &mut TaskDraft<'_>,
    wish: &Wish,
    marker: &mut dyn FnMut() -> String,
) -> (Wish, String) {
    let Wish::CreateAccount { name, groups, policies, attributes, tags, boundary, deliver, .. } = wish else {
        return (wish.clone(), String::new());
    };
    let mapped = match mapped(draft, wish) {
        Ok(mapped) => mapped,
        Err(error) => {
            draft.refuse(ObstacleKind::Invalid, error);
            return (wish.clone(), name.clone().unwrap_or_default());
        }
    };
    let (name, path) = (mapped.account.clone(), mapped.path.clone());
    check_values(draft, &name, &path, &mapped.tags);
    check_boundary(draft, mapped.permissions_boundary.as_deref());
    let call = creation(draft, &mapped, marker);
    let Some(made) = made(draft.facts, &call) else { return (wish.clone(), name) };
    check_tag_count(draft, &name, &made.tags);
    let create = draft.step(call, StepReason::CustomAction, &[]);
    let mut before = vec![create];
    for call in mapped.before.into_iter().filter(|call| !matches!(call, StepCall::CreateAccount { .. })) {
        before.push(draft.step(call, StepReason::CustomAction, &[create]));
    }
    draft.coming = mapped.after;
    let before = first_sign_in::steps(draft, &made, groups, policies, &before);
    let login = StepCall::CreateLoginProfile { account: name.clone() };
    let login = draft.step(login, StepReason::TaskMapping, &before);
    for call in std::mem::take(&mut draft.coming) {
        draft.step(call, StepReason::CustomAction, &[create, login]);
    }
    let resources = groups.iter().cloned().map(ResourceName::Group);
    for resource in resources.chain(policies.iter().cloned().map(ResourceName::Policy)) {
        if !draft.steps.iter().any(|step| gives(&step.call, &resource)) {
            super::assignment::add(draft, &made, &resource, StepReason::Asked, &[create]);
        }
    }
    super::assignment::check_custom_actions(draft, &made);
    let wish = Wish::CreateAccount {
        name: Some(name.clone()),
        path: Some(path),
        groups: groups.clone(),
        policies: policies.clone(),
        attributes: attributes.clone(),
        tags: tags.clone(),
        boundary: boundary.clone(),
        deliver: deliver.clone(),
    };
    (wish, name)
}

/// Name, path, tags and extra calls: what the wish says itself, else what the task mapping makes of its attributes.
fn mapped(draft: &TaskDraft<'_>, wish: &Wish) -> Result<MappedAccount, String> {
    let Wish::CreateAccount { name, path, attributes, tags, boundary, .. } = wish else {
        return Err("it is no creation".to_owned());
    };
    let mapping =
        draft.facts.mapping(TaskKind::CreateAccount, false).ok_or("there is no task mapping for accounts")?;
    let sources = Sources { system: &draft.facts.system, attributes };
    let given = Given {
        name: name.as_deref(),
        path: path.as_deref(),
        tags: Some(tags),
        permissions_boundary: boundary.as_deref(),
    };
    map_account(mapping, sources, given, &|name| draft.facts.is_taken(name))
        .map_err(|error| error.to_string())
}

/// The call that makes the account. What AWS would not let the reference policy send is refused, never left out.
fn creation(
    draft: &mut TaskDraft<'_>,
    mapped: &MappedAccount,
    marker: &mut dyn FnMut() -> String,
) -> StepCall {
    let mut tags = mapped.tags.clone();
    if draft.facts.settings.permission_profile != PermissionProfile::Reference {
        tags.insert(MARKER_TAG.to_owned(), marker());
    } else if !tags.is_empty() || mapped.permissions_boundary.is_some() {
        draft.refuse(
            ObstacleKind::PermissionMissing,
            "tags and a permissions boundary need more than the reference policy (iam:TagUser, \
             iam:PutUserPermissionsBoundary): give the system the permission profile lifecycle or full, and the connector its policy",
        );
    }
    StepCall::CreateAccount {
        account: mapped.account.clone(),
        path: mapped.path.clone(),
        tags,
        permissions_boundary: mapped.permissions_boundary.clone(),
    }
}

fn gives(call: &StepCall, resource: &ResourceName) -> bool {
    match (call, resource) {
        (StepCall::AddToGroup { group, .. }, ResourceName::Group(name)) => group == name,
        (StepCall::AttachPolicy { policy_arn, .. }, ResourceName::Policy(arn)) => policy_arn == arn,
        _ => false,
    }
}

fn check_values(draft: &mut TaskDraft<'_>, name: &str, path: &str, tags: &BTreeMap<String, String>) {
    for checked in [check_account_name(name), check_path(path), check_tags(tags)] {
        if let Err(error) = checked {
            draft.refuse(ObstacleKind::Invalid, error.to_string());
        }
    }
    if let Some(other) = draft.facts.accounts.get(&name.to_ascii_lowercase()) {
        let why = format!(
            "the name {name:?} is taken by {:?}; names are unique in an AWS account, whatever their case and path",
            other.name
        );
        draft.refuse(ObstacleKind::NameTaken, why);
    }
    if let Some(why) = protect::listed(&draft.facts.protections, name, path, Some(tags)) {
        draft.refuse(ObstacleKind::Protected, why);
    }
    refuse_own_tags(draft, tags);
}

/// Keyreeve's own tags are nobody else's to set.
pub(super) fn refuse_own_tags(draft: &mut TaskDraft<'_>, asked: &BTreeMap<String, String>) {
    for key in asked.keys().filter(|key| is_own_tag(key)) {
        draft.refuse(
            ObstacleKind::Invalid,
            format!("the tags that begin with keyreeve: are Keyreeve's own, not {key:?}"),
        );
    }
}

/// AWS keeps so many tags of a user (IAM User Guide, "IAM and AWS STS quotas").
const MOST_TAGS: usize = 50;

/// What is asked for must leave room for Keyreeve's own mark; whether it does not.
pub(super) fn check_tag_count(
    draft: &mut TaskDraft<'_>,
    name: &str,
    tags: &BTreeMap<String, String>,
) -> bool {
    let crowded = tags.len() > MOST_TAGS && tags.contains_key(MARKER_TAG);
    if crowded {
        let why = format!(
            "{name} would have {} tags, and AWS keeps {MOST_TAGS}; one of them is Keyreeve's own mark {MARKER_TAG}, so \
             there is room for {}",
            tags.len(),
            MOST_TAGS - 1
        );
        draft.refuse(ObstacleKind::QuotaFull, why);
    }
    crowded
}

/// A boundary must be a policy that exists.
pub(super) fn check_boundary(draft: &mut TaskDraft<'_>, boundary: Option<&str>) {
    if let Some(arn) = boundary
        && !draft.facts.policies.contains_key(arn)
    {
        let why = format!("for a boundary, {}", super::assignment::no_policy(draft.facts, arn));
        draft.refuse(ObstacleKind::NotFound, why);
    }
}
