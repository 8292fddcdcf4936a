//! Making an account: the user by a custom action, the login profile by the task mapping, then what it holds.

use std::collections::BTreeMap;

use keyreeve_model::{
    ObstacleKind, PermissionProfile, ResourceName, StepCall, StepReason, Wish, check_account_name,
    check_path, check_tags,
};

use crate::plan::draft::{TaskDraft, made};
use crate::plan::first_sign_in;

/// The key of the tag by which an account of ours is known again after a lost answer. Its value is unique.
pub const MARKER_TAG: &str = "keyreeve:task";

/// Plans a creation; gives the wish with its name and path filled in, and the name.
pub(in crate::plan) fn plan(
    draft: &mut TaskDraft<'_>,
    wish: &Wish,
    marker: &mut dyn FnMut() -> String,
) -> (Wish, String) {
    let Wish::CreateAccount { name, path, groups, policies, attributes, tags, boundary, deliver } = wish
    else {
        return (wish.clone(), String::new());
    };
    let name = name.clone().unwrap_or_default();
    let path = path.clone().unwrap_or_else(|| "/".to_owned());
    check_values(draft, &name, &path, tags);
    check_boundary(draft, boundary.as_deref());
    let mut sent_tags = tags.clone();
    if draft.facts.settings.permission_profile != PermissionProfile::Reference {
        sent_tags.insert(MARKER_TAG.to_owned(), marker());
    } else if !tags.is_empty() || boundary.is_some() {
        draft.refuse(
            ObstacleKind::PermissionMissing,
            "tags and a permissions boundary need more than the reference policy (iam:TagUser, \
             iam:PutUserPermissionsBoundary): set permission_profile to lifecycle or full",
        );
    }
    let call = StepCall::CreateAccount {
        account: name.clone(),
        path: path.clone(),
        tags: sent_tags,
        permissions_boundary: boundary.clone(),
    };
    let Some(made) = made(draft.facts, &call) else { return (wish.clone(), name) };
    let create = draft.step(call, StepReason::CustomAction, &[]);
    let before = first_sign_in::steps(draft, &made, groups, policies, &[create]);
    let login = StepCall::CreateLoginProfile { account: name.clone() };
    draft.step(login, StepReason::TaskMapping, &before);
    for group in groups {
        let resource = ResourceName::Group(group.clone());
        super::assignment::add(draft, &made, &resource, StepReason::Asked, &[create]);
    }
    for arn in policies {
        let attached =
            |call: &StepCall| matches!(call, StepCall::AttachPolicy { policy_arn, .. } if policy_arn == arn);
        if !draft.steps.iter().any(|step| attached(&step.call)) {
            let resource = ResourceName::Policy(arn.clone());
            super::assignment::add(draft, &made, &resource, StepReason::Asked, &[create]);
        }
    }
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
    if tags.keys().any(|key| key.eq_ignore_ascii_case(MARKER_TAG)) {
        draft.refuse(ObstacleKind::Invalid, format!("the tag {MARKER_TAG} is Keyreeve's own"));
    }
}

/// A boundary must be a policy that exists.
pub(super) fn check_boundary(draft: &mut TaskDraft<'_>, boundary: Option<&str>) {
    if let Some(arn) = boundary
        && !draft.facts.policies.contains_key(arn)
    {
        draft.refuse(ObstacleKind::NotFound, format!("the last import saw no policy {arn:?} for a boundary"));
    }
}
