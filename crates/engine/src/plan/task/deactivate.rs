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
    } else {
        let missing = account.credentials.missing().join(", ");
        let missing = if missing.is_empty() { String::new() } else { format!(" (missing: {missing})") };
        draft.notice(
            ObstacleKind::NotVisible,
            format!(
                "only console access is removed; access keys and other credentials are not visible with the granted \
                 permissions{missing} and may go on working"
            ),
        );
    }
    if account.login_profile.read() != Some(&false) {
        let all: Vec<u32> = draft.steps.iter().map(|step| step.seq).collect();
        draft.step(StepCall::DeleteLoginProfile { account: name.clone() }, StepReason::TaskMapping, &all);
        manifest.login_profile |= account.login_profile.read() == Some(&true);
    }
    attach_deny_all(draft, account, &mut manifest);
    if draft.steps.is_empty() && draft.obstacles.is_empty() {
        draft.notice(ObstacleKind::NothingToDo, format!("{name} has no way in already: nothing to do"));
    }
    draft.manifest = Some(manifest);
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
