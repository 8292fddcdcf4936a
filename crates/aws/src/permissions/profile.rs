//! The actions that each permission profile grants.

use keyreeve_model::PermissionProfile;

/// The actions with which Keyreeve reads. Most of them support no resources, so they are granted on `*`.
pub const READ_ACTIONS: [&str; 5] = [
    "iam:ListUsers",
    "iam:ListGroups",
    "iam:ListPolicies",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetLoginProfile",
];

/// The fourteen actions that are enough for everything the reference behaviour asks for.
pub const REFERENCE_ACTIONS: [&str; 14] = [
    "iam:ListUsers",
    "iam:ListGroups",
    "iam:ListPolicies",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetLoginProfile",
    "iam:CreateUser",
    "iam:DeleteUser",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:DeleteLoginProfile",
    "iam:AddUserToGroup",
    "iam:RemoveUserFromGroup",
    "iam:AttachUserPolicy",
    "iam:DetachUserPolicy",
];

/// What an import gains by, beyond [`READ_ACTIONS`]: point reads, the account's counts, and the credential report.
pub const EXTRA_READ_ACTIONS: [&str; 4] =
    ["iam:GetUser", "iam:GetAccountSummary", "iam:GenerateCredentialReport", "iam:GetCredentialReport"];

/// What the whole life cycle of an account needs beyond [`REFERENCE_ACTIONS`] and [`EXTRA_READ_ACTIONS`]: the password
/// policy, renaming, tags, and to see, switch off and delete whatever blocks a deletion (IAM API Reference, `DeleteUser`).
pub const EXTRA_LIFECYCLE_ACTIONS: [&str; 23] = [
    "iam:GetAccountPasswordPolicy",
    "iam:UpdateUser",
    "iam:TagUser",
    "iam:UntagUser",
    "iam:ListGroupsForUser",
    "iam:ListAttachedUserPolicies",
    "iam:GetUserPolicy",
    "iam:DeleteUserPolicy",
    "iam:ListAccessKeys",
    "iam:UpdateAccessKey",
    "iam:DeleteAccessKey",
    "iam:ListSSHPublicKeys",
    "iam:UpdateSSHPublicKey",
    "iam:DeleteSSHPublicKey",
    "iam:ListSigningCertificates",
    "iam:UpdateSigningCertificate",
    "iam:DeleteSigningCertificate",
    "iam:ListServiceSpecificCredentials",
    "iam:UpdateServiceSpecificCredential",
    "iam:DeleteServiceSpecificCredential",
    "iam:ListMFADevices",
    "iam:DeactivateMFADevice",
    "iam:DeleteVirtualMFADevice",
];

/// What every feature needs beyond the life cycle: permissions boundaries.
pub const EXTRA_FULL_ACTIONS: [&str; 2] =
    ["iam:PutUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary"];

/// The actions that a profile grants, as policies name them, each once.
#[must_use]
pub fn profile_actions(profile: PermissionProfile) -> Vec<&'static str> {
    let lifecycle = [REFERENCE_ACTIONS.as_slice(), &EXTRA_READ_ACTIONS, &EXTRA_LIFECYCLE_ACTIONS].concat();
    match profile {
        PermissionProfile::Reference => REFERENCE_ACTIONS.to_vec(),
        PermissionProfile::Read => [READ_ACTIONS.as_slice(), &EXTRA_READ_ACTIONS].concat(),
        PermissionProfile::Lifecycle => lifecycle,
        PermissionProfile::Full => [lifecycle.as_slice(), &EXTRA_FULL_ACTIONS].concat(),
    }
}
