//! Deleting an account: everything that blocks it, in an order that leaves it weaker at every point between.

use keyreeve_model::{Hint, ObstacleKind, RecreatePackage, Setting, StepCall, StepReason};

use crate::plan::draft::TaskDraft;
use crate::plan::facts::{AccountFact, Seen};
use crate::plan::held::Held;

/// Credentials off, then the console password, then the groups and policies that only allow, then the credentials
/// themselves and the multi-factor devices, and last before the account what denies or may deny, one after the other
/// ([`Held`]). The permissions boundary goes with the account itself. Whoever dies half-way leaves no account that is
/// easier to enter, or can do more, than before (aws-iam.md A10).
pub(in crate::plan) fn plan(draft: &mut TaskDraft<'_>, account: &AccountFact) {
    if !draft.facts.settings.prioritise_delete_tasks {
        refuse_held(draft, account);
    }
    check_visible(draft, account);
    let held = Held::of(draft.facts, account);
    if let Some(message) = held.doubt(&account.name) {
        draft.notice(ObstacleKind::Dependants, message);
    }
    let mut phases = vec![
        credentials_off(account),
        login_profile(account),
        held.allowing,
        credentials(account),
        mfa_devices(account),
    ];
    phases.extend(held.denying.into_iter().map(|call| vec![call]));
    let mut before: Vec<u32> = Vec::new();
    for phase in phases {
        let already = draft.steps.len();
        for call in phase {
            let mut after = before.clone();
            if let StepCall::DeleteVirtualMfaDevice { serial, .. } = &call {
                // Its own deactivation, a step of the same phase.
                after.extend(
                    draft.steps.iter().filter(|step| deactivates(&step.call, serial)).map(|step| step.seq),
                );
            }
            let reason = match call {
                StepCall::DeleteLoginProfile { .. } => StepReason::CustomAction,
                _ => StepReason::Blocker,
            };
            draft.step(call, reason, &after);
        }
        let added: Vec<u32> = draft.steps.iter().skip(already).map(|step| step.seq).collect();
        if !added.is_empty() {
            before = added;
        }
    }
    let all: Vec<u32> = draft.steps.iter().map(|step| step.seq).collect();
    draft.step(StepCall::DeleteAccount { account: account.name.clone() }, StepReason::TaskMapping, &all);
    draft.recreate = recreate_package(account);
}

/// The setting *Prioritise delete tasks* is off: whatever is assigned must have been taken away by somebody else.
fn refuse_held(draft: &mut TaskDraft<'_>, account: &AccountFact) {
    let groups = account.groups.iter().map(|group| format!("group {group}"));
    let policies = account.policies.iter().map(|arn| format!("policy {arn}"));
    let held: Vec<String> = groups.chain(policies).collect();
    if held.is_empty() {
        return;
    }
    draft.refuse(
        ObstacleKind::Dependants,
        format!(
            "{} still holds {}; AWS refuses to delete it (DeleteConflict). Remove these assignments first, or let \
             Keyreeve do so: {}",
            account.name,
            held.join(", "),
            Hint::Set(draft.facts.system_id.clone(), Setting::PrioritiseDeleteTasks)
        ),
    );
}

/// What cannot be seen may block the deletion half-way, so it is said before.
fn check_visible(draft: &mut TaskDraft<'_>, account: &AccountFact) {
    let mut missing: Vec<&str> = account.credentials.missing().to_vec();
    missing.extend(account.mfa_devices.missing());
    if missing.is_empty() {
        return;
    }
    let known: Vec<&str> = [
        (account.imported_access_keys.is_some_and(|keys| keys > 0)).then_some("access keys"),
        (account.imported_mfa == Some(true)).then_some("a multi-factor device"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let name = &account.name;
    let missing = missing.join(", ");
    if known.is_empty() {
        draft.notice(
            ObstacleKind::NotVisible,
            format!(
                "access keys, multi-factor devices, SSH keys, certificates and service credentials of {name} are not \
                 visible with the granted permissions (missing: {missing}); if there are any, AWS refuses to delete \
                 the account after its console password and assignments are gone"
            ),
        );
    } else {
        draft.refuse(
            ObstacleKind::PermissionMissing,
            format!(
                "the last import saw {} of {name}, which must be removed first and cannot be with the granted \
                 permissions (missing: {missing})",
                known.join(" and ")
            ),
        );
    }
}

fn credentials_off(account: &AccountFact) -> Vec<StepCall> {
    let Seen::Read(credentials) = &account.credentials else { return Vec::new() };
    let active = credentials.iter().filter(|(_, active)| **active).map(|(credential, _)| credential);
    active
        .map(|credential| StepCall::SetCredential {
            account: account.name.clone(),
            credential: credential.clone(),
            active: false,
        })
        .collect()
}

fn login_profile(account: &AccountFact) -> Vec<StepCall> {
    match account.login_profile.read() {
        Some(false) => Vec::new(),
        _ => vec![StepCall::DeleteLoginProfile { account: account.name.clone() }],
    }
}

fn credentials(account: &AccountFact) -> Vec<StepCall> {
    let Seen::Read(credentials) = &account.credentials else { return Vec::new() };
    credentials
        .keys()
        .map(|credential| StepCall::DeleteCredential {
            account: account.name.clone(),
            credential: credential.clone(),
        })
        .collect()
}

fn mfa_devices(account: &AccountFact) -> Vec<StepCall> {
    let Seen::Read(devices) = &account.mfa_devices else { return Vec::new() };
    let mut calls = Vec::new();
    for device in devices {
        let (account, serial) = (account.name.clone(), device.serial.clone());
        calls.push(StepCall::DeactivateMfaDevice { account: account.clone(), serial: serial.clone() });
        if device.is_virtual {
            calls.push(StepCall::DeleteVirtualMfaDevice { account, serial });
        }
    }
    calls
}

fn deactivates(call: &StepCall, device: &str) -> bool {
    matches!(call, StepCall::DeactivateMfaDevice { serial, .. } if serial == device)
}

fn recreate_package(account: &AccountFact) -> Option<RecreatePackage> {
    Some(RecreatePackage {
        name: account.name.clone(),
        external_id: account.external_id.clone()?,
        path: account.path.clone(),
        tags: Some(account.tags.clone()),
        permissions_boundary: account.permissions_boundary.clone(),
        groups: account.groups.iter().cloned().collect(),
        policies: account.policies.iter().cloned().collect(),
        inline_policies: account
            .inline_policies
            .iter()
            .map(|name| (name.clone(), account.inline_documents.get(name).cloned().flatten()))
            .collect(),
        login_profile: account.login_profile.read() == Some(&true),
    })
}
