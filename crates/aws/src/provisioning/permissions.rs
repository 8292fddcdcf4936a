//! What the calls are named and which permissions they need.

use keyreeve_connector::PointRead;
use keyreeve_model::{AccountCredential, AccountCredentialKind, PermissionProfile, StepCall};

use crate::permissions::profile_actions;

/// The call's name in the IAM API.
pub(super) fn operation(call: &StepCall) -> &'static str {
    name(action(call))
}

/// The actions the call needs. A creation with tags or a boundary sets these too, and is checked for that (Service
/// Authorization Reference, `CreateUser`).
pub(super) fn needs(call: &StepCall) -> Vec<&'static str> {
    let mut needs = vec![action(call)];
    if let StepCall::CreateAccount { tags, permissions_boundary, .. } = call {
        needs.extend((!tags.is_empty()).then_some("iam:TagUser"));
        needs.extend(permissions_boundary.as_ref().map(|_| "iam:PutUserPermissionsBoundary"));
    }
    needs
}

/// The action a point read needs.
pub(super) fn read_needs(read: PointRead) -> &'static str {
    match read {
        PointRead::AccountFacts => "iam:GetUser",
        PointRead::Credentials(kind) => listing_action(kind),
        PointRead::MfaDevices => "iam:ListMFADevices",
        PointRead::InlinePolicy => "iam:GetUserPolicy",
        PointRead::GroupsOf => "iam:ListGroupsForUser",
        PointRead::PoliciesOf => "iam:ListAttachedUserPolicies",
        PointRead::PasswordPolicy => "iam:GetAccountPasswordPolicy",
        PointRead::PolicyDocuments => "iam:GetAccountAuthorizationDetails",
    }
}

/// Which of the needed actions a profile does not grant.
pub(super) fn lacks(profile: PermissionProfile, needs: &[&'static str]) -> Vec<&'static str> {
    let granted = profile_actions(profile);
    needs.iter().copied().filter(|needed| !granted.contains(needed)).collect()
}

/// The name in the IAM API of the listing of a kind of credentials.
pub(super) fn credential_listing(kind: AccountCredentialKind) -> &'static str {
    name(listing_action(kind))
}

/// An action is named as the API names the operation.
fn name(action: &'static str) -> &'static str {
    action.strip_prefix("iam:").unwrap_or(action)
}

fn action(call: &StepCall) -> &'static str {
    match call {
        StepCall::CreateAccount { .. } => "iam:CreateUser",
        StepCall::UpdateAccount { .. } => "iam:UpdateUser",
        StepCall::DeleteAccount { .. } => "iam:DeleteUser",
        StepCall::CreateLoginProfile { .. } => "iam:CreateLoginProfile",
        StepCall::UpdateLoginProfile { .. } => "iam:UpdateLoginProfile",
        StepCall::DeleteLoginProfile { .. } => "iam:DeleteLoginProfile",
        StepCall::AddToGroup { .. } => "iam:AddUserToGroup",
        StepCall::RemoveFromGroup { .. } => "iam:RemoveUserFromGroup",
        StepCall::AttachPolicy { .. } => "iam:AttachUserPolicy",
        StepCall::DetachPolicy { .. } => "iam:DetachUserPolicy",
        StepCall::SetCredential { credential, .. } => setting_action(credential),
        StepCall::DeleteCredential { credential, .. } => deleting_action(credential),
        StepCall::DeactivateMfaDevice { .. } => "iam:DeactivateMFADevice",
        StepCall::DeleteVirtualMfaDevice { .. } => "iam:DeleteVirtualMFADevice",
        StepCall::DeleteInlinePolicy { .. } => "iam:DeleteUserPolicy",
        StepCall::TagAccount { .. } => "iam:TagUser",
        StepCall::UntagAccount { .. } => "iam:UntagUser",
        StepCall::SetBoundary { .. } => "iam:PutUserPermissionsBoundary",
        StepCall::RemoveBoundary { .. } => "iam:DeleteUserPermissionsBoundary",
    }
}

fn setting_action(credential: &AccountCredential) -> &'static str {
    match credential.kind {
        AccountCredentialKind::AccessKey => "iam:UpdateAccessKey",
        AccountCredentialKind::SshKey => "iam:UpdateSSHPublicKey",
        AccountCredentialKind::SigningCertificate => "iam:UpdateSigningCertificate",
        AccountCredentialKind::ServiceCredential => "iam:UpdateServiceSpecificCredential",
    }
}

fn deleting_action(credential: &AccountCredential) -> &'static str {
    match credential.kind {
        AccountCredentialKind::AccessKey => "iam:DeleteAccessKey",
        AccountCredentialKind::SshKey => "iam:DeleteSSHPublicKey",
        AccountCredentialKind::SigningCertificate => "iam:DeleteSigningCertificate",
        AccountCredentialKind::ServiceCredential => "iam:DeleteServiceSpecificCredential",
    }
}

fn listing_action(kind: AccountCredentialKind) -> &'static str {
    match kind {
        AccountCredentialKind::AccessKey => "iam:ListAccessKeys",
        AccountCredentialKind::SshKey => "iam:ListSSHPublicKeys",
        AccountCredentialKind::SigningCertificate => "iam:ListSigningCertificates",
        AccountCredentialKind::ServiceCredential => "iam:ListServiceSpecificCredentials",
    }
}
