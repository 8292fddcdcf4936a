//! What a step that was applied lets us claim.

use std::collections::BTreeMap;

use keyreeve_model::{AccountCredential, AccountCredentialKind, ClaimFact, StepCall};

/// The facts an import should confirm.
pub(super) fn claims(call: &StepCall) -> Vec<ClaimFact> {
    match call {
        StepCall::CreateAccount { tags, permissions_boundary, .. } => {
            let boundary = permissions_boundary.clone().map(|policy_arn| ClaimFact::Boundary { policy_arn });
            std::iter::once(ClaimFact::AccountExists).chain(tagged(tags)).chain(boundary).collect()
        }
        StepCall::UpdateAccount { new_name, new_path, .. } => {
            let name = new_name.clone().map(|name| ClaimFact::Named { name });
            let path = new_path.clone().map(|path| ClaimFact::Path { path });
            name.into_iter().chain(path).collect()
        }
        StepCall::DeleteAccount { .. } => vec![ClaimFact::AccountGone],
        StepCall::CreateLoginProfile { .. } | StepCall::UpdateLoginProfile { .. } => {
            vec![ClaimFact::LoginProfilePresent]
        }
        StepCall::DeleteLoginProfile { .. } => vec![ClaimFact::LoginProfileAbsent],
        StepCall::AddToGroup { group, .. } => vec![ClaimFact::InGroup { group: group.clone() }],
        StepCall::RemoveFromGroup { group, .. } => vec![ClaimFact::NotInGroup { group: group.clone() }],
        StepCall::AttachPolicy { policy_arn, .. } => {
            vec![ClaimFact::HasPolicy { policy_arn: policy_arn.clone() }]
        }
        StepCall::DetachPolicy { policy_arn, .. } => {
            vec![ClaimFact::LacksPolicy { policy_arn: policy_arn.clone() }]
        }
        StepCall::SetCredential { credential, active, .. } => {
            of_key(credential, |access_key_id| match active {
                true => ClaimFact::KeyActive { access_key_id },
                false => ClaimFact::KeyInactive { access_key_id },
            })
        }
        StepCall::DeleteCredential { credential, .. } => {
            of_key(credential, |access_key_id| ClaimFact::KeyGone { access_key_id })
        }
        StepCall::TagAccount { tags, .. } => tagged(tags).collect(),
        StepCall::UntagAccount { keys, .. } => {
            keys.iter().map(|key| ClaimFact::NotTagged { key: key.clone() }).collect()
        }
        StepCall::SetBoundary { policy_arn, .. } => {
            vec![ClaimFact::Boundary { policy_arn: policy_arn.clone() }]
        }
        StepCall::RemoveBoundary { .. } => vec![ClaimFact::NoBoundary],
        StepCall::DeleteInlinePolicy { name, .. } => {
            vec![ClaimFact::LacksInlinePolicy { name: name.clone() }]
        }
        StepCall::DeactivateMfaDevice { serial, .. } => {
            vec![ClaimFact::LacksMfaDevice { serial: serial.clone() }]
        }
        // No import sees a device that nobody uses.
        StepCall::DeleteVirtualMfaDevice { .. } => Vec::new(),
    }
}

fn tagged(tags: &BTreeMap<String, String>) -> impl Iterator<Item = ClaimFact> {
    tags.iter().map(|(key, value)| ClaimFact::Tagged { key: key.clone(), value: value.clone() })
}

/// Of the other kinds of credentials no import sees anything.
fn of_key(credential: &AccountCredential, fact: impl Fn(String) -> ClaimFact) -> Vec<ClaimFact> {
    match credential.kind {
        AccountCredentialKind::AccessKey => vec![fact(credential.id.clone())],
        AccountCredentialKind::SshKey
        | AccountCredentialKind::SigningCertificate
        | AccountCredentialKind::ServiceCredential => Vec::new(),
    }
}
