//! Renaming, moving, tags and the permissions boundary.

use std::collections::BTreeMap;

use keyreeve_model::{
    ObstacleKind, PermissionProfile, StepCall, StepReason, check_account_name, check_path, check_tags,
};

use super::create::{check_boundary, check_tag_count, refuse_own_tags};
use crate::plan::draft::TaskDraft;
use crate::plan::facts::AccountFact;
use crate::plan::protect;

/// What is to be changed; what is empty stays.
pub(in crate::plan) struct Change<'a> {
    pub(in crate::plan) new_name: &'a Option<String>,
    pub(in crate::plan) new_path: &'a Option<String>,
    pub(in crate::plan) tags: &'a BTreeMap<String, String>,
    pub(in crate::plan) untag: &'a [String],
    pub(in crate::plan) boundary: &'a Option<String>,
}

/// Tags and boundary go first, under the name the account has; the rename comes last.
pub(in crate::plan) fn plan(draft: &mut TaskDraft<'_>, account: &AccountFact, change: &Change<'_>) {
    check(draft, account, change);
    let name = account.name.clone();
    let mut before = Vec::new();
    let untag: Vec<String> =
        change.untag.iter().filter(|key| account.tags.contains_key(*key)).cloned().collect();
    if !untag.is_empty() {
        let call = StepCall::UntagAccount { account: name.clone(), keys: untag };
        before.push(draft.step(call, StepReason::Asked, &[]));
    }
    let tags: BTreeMap<String, String> = change
        .tags
        .iter()
        .filter(|(key, value)| account.tags.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !tags.is_empty() {
        let call = StepCall::TagAccount { account: name.clone(), tags };
        before.push(draft.step(call, StepReason::Asked, &before.clone()));
    }
    match change.boundary.as_deref() {
        Some("none") => {
            let call = StepCall::RemoveBoundary { account: name.clone() };
            before.push(draft.step(call, StepReason::Asked, &[]));
        }
        Some(arn) if account.permissions_boundary.as_deref() != Some(arn) => {
            let call = StepCall::SetBoundary { account: name.clone(), policy_arn: arn.to_owned() };
            before.push(draft.step(call, StepReason::Asked, &[]));
        }
        _ => {}
    }
    let new_name = change.new_name.clone().filter(|new| *new != account.name);
    let new_path = change.new_path.clone().filter(|new| *new != account.path);
    if new_name.is_some() || new_path.is_some() {
        let call = StepCall::UpdateAccount { account: name.clone(), new_name, new_path };
        draft.step(call, StepReason::TaskMapping, &before);
    }
    if draft.steps.is_empty() && draft.obstacles.is_empty() {
        draft.notice(ObstacleKind::NothingToDo, format!("{name} is as it is asked to be: nothing to do"));
    }
}

fn check(draft: &mut TaskDraft<'_>, account: &AccountFact, change: &Change<'_>) {
    let mut resulting = account.tags.clone();
    resulting.retain(|key, _| !change.untag.contains(key));
    resulting.extend(change.tags.clone());
    let crowded = check_tag_count(draft, &account.name, &resulting);
    let tags = if change.tags.is_empty() || crowded { Ok(()) } else { check_tags(&resulting) };
    let name = change.new_name.as_deref().map_or(Ok(()), check_account_name);
    let path = change.new_path.as_deref().map_or(Ok(()), check_path);
    for checked in [name, path, tags] {
        if let Err(error) = checked {
            draft.refuse(ObstacleKind::Invalid, error.to_string());
        }
    }
    // It could never be changed again, by anybody.
    let new_name = change.new_name.as_deref().unwrap_or(&account.name);
    let new_path = change.new_path.as_deref().unwrap_or(&account.path);
    if let Some(why) = protect::listed(&draft.facts.protections, new_name, new_path, Some(&resulting)) {
        draft.refuse(ObstacleKind::Protected, format!("after the change {why}"));
    }
    for key in change.untag.iter().filter(|key| change.tags.contains_key(*key)) {
        let why = format!("the tag {key:?} is to be set and to be taken away: ask for one of both");
        draft.refuse(ObstacleKind::Contradiction, why);
    }
    refuse_own_tags(draft, change.tags);
    if let Some(new) = change.new_name.as_deref().filter(|new| *new != account.name) {
        if new.eq_ignore_ascii_case(&account.name) {
            let why = format!(
                "{:?} differs from {new:?} only in case, and AWS refuses such a rename",
                account.name
            );
            draft.refuse(ObstacleKind::NameTaken, why);
        } else if let Some(other) = draft.facts.accounts.get(&new.to_ascii_lowercase()) {
            draft.refuse(ObstacleKind::NameTaken, format!("the name {new:?} is taken by {:?}", other.name));
        }
    }
    let boundary = change.boundary.as_deref().filter(|arn| *arn != "none");
    check_boundary(draft, boundary);
    let profile = draft.facts.settings.permission_profile;
    let extra = !change.tags.is_empty() || !change.untag.is_empty() || change.boundary.is_some();
    if profile == PermissionProfile::Reference && extra {
        draft.refuse(
            ObstacleKind::PermissionMissing,
            "a tag or a permissions boundary is never sent under the permission profile reference: give the \
             connector a wider policy and the system the permission profile lifecycle or full",
        );
    }
}
