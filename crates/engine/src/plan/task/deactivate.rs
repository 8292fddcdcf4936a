//! Taking every way in away, so that it can be given back.

use keyreeve_model::{Manifest, ObstacleKind, StepCall, StepReason};

use crate::plan::draft::TaskDraft;
use crate::plan::facts::{AccountFact, Seen};

/// Credentials go first, then the console password, then the deny-all policy that ends running sessions; what was on
/// is written into the manifest.
pub(in crate::plan) fn plan(draft: &mut TaskDraft<'_>, account: &AccountFact) {
    let name = account.name.clone();
    let before = account.manifest.clone().unwrap_or_default();
    let mut manifest = Manifest { credentials_visible: account.credentials.read().is_some(), ..before };
    if let Seen::Read(credentials) = &account.credentials {
        for credential in credentials.iter().filter(|(_, active)| **active).map(|(credential, _)| credential)
        {
            let call = StepCall::SetCredential {
                account: name.clone(),
                credential: credential.clone(),
                active: false,
            };
            draft.step(call, StepReason::Deactivation, &[]);
            manifest.credentials.insert(credential.clone());
        }
    }
    if account.login_profile.read() != Some(&false) {
        let all: Vec<u32> = draft.steps.iter().map(|step| step.seq).collect();
        draft.step(StepCall::DeleteLoginProfile { account: name.clone() }, StepReason::TaskMapping, &all);
        manifest.login_profile |= account.login_profile.read() == Some(&true);
    }
    attach_deny_all(draft, account, &mut manifest);
    let shut_out = shut_out(draft, account, &manifest);
    if account.credentials.read().is_none() {
        say_what_is_left(draft, account, shut_out);
    }
    if draft.steps.is_empty() && draft.obstacles.is_empty() {
        draft.notice(ObstacleKind::NothingToDo, format!("{name} has no way in already: nothing to do"));
    }
    draft.manifest = Some(manifest);
}

/// Whether the system's deny-all policy is attached, or will be: whoever has a credential can do nothing with it then.
fn shut_out(draft: &TaskDraft<'_>, account: &AccountFact, manifest: &Manifest) -> bool {
    let policy = draft.facts.settings.deny_all_policy.as_ref();
    policy.is_some_and(|arn| account.policies.contains(arn) || manifest.deny_all_policy.as_ref() == Some(arn))
}

/// Credentials that cannot be seen cannot be switched off, and nobody may take the account for shut out because of that.
/// Where nothing at all can be taken away, the task is refused.
fn say_what_is_left(draft: &mut TaskDraft<'_>, account: &AccountFact, shut_out: bool) {
    let name = &account.name;
    let missing = account.credentials.missing().join(", ");
    let missing = if missing.is_empty() { String::new() } else { format!(" (missing: {missing})") };
    let unseen = format!("not visible with the granted permissions{missing}");
    if shut_out {
        draft.notice(
            ObstacleKind::NotVisible,
            format!("access keys and other credentials of {name} are {unseen}; the deny-all policy keeps them from use"),
        );
    } else if account.imported_access_keys == Some(0) {
        let known = match account.imported_status {
            Some(_) => format!("the last import saw no access key of {name}"),
            None => format!("{name} was made without an access key, and no import has seen it yet"),
        };
        draft.notice(
            ObstacleKind::NotVisible,
            format!("{known}; whether there is one by now, or another credential, is {unseen}"),
        );
    } else if draft.steps.is_empty() {
        draft.refuse(
            ObstacleKind::PermissionMissing,
            format!(
                "{name} has no console password that could be taken away, and access keys and other credentials are \
                 {unseen} and may go on working: let the connector switch them off (permission_profile=lifecycle), or \
                 name a policy that denies everything (deny_all_policy)"
            ),
        );
    } else {
        draft.notice(
            ObstacleKind::PermissionMissing,
            format!(
                "only console access is removed; access keys and other credentials are {unseen} and may go on working"
            ),
        );
    }
}

fn attach_deny_all(draft: &mut TaskDraft<'_>, account: &AccountFact, manifest: &mut Manifest) {
    let Some(arn) = draft.facts.settings.deny_all_policy.clone() else { return };
    if account.policies.contains(&arn) {
        return;
    }
    let all: Vec<u32> = draft.steps.iter().map(|step| step.seq).collect();
    let resource = keyreeve_model::ResourceName::Policy(arn.clone());
    if super::assignment::add(draft, account, &resource, StepReason::Deactivation, &all).is_some() {
        manifest.deny_all_policy = Some(arn);
    }
}
