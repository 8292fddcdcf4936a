//! One call of a step, as data: what is written down before it is made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One call that changes something. It holds no secret: a password is made when the call is attempted and handed over
/// beside it.
///
/// Accounts and groups are named in the exact case in which they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
pub enum StepCall {
    /// Makes an account, without a console password.
    CreateAccount {
        /// Its name.
        account: String,
        /// Its path.
        path: String,
        /// Its tags; none are sent when empty.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
        /// The ARN of its permissions boundary.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permissions_boundary: Option<String>,
    },
    /// Renames an account, moves it to another path, or both.
    UpdateAccount {
        /// Its present name.
        account: String,
        /// The new name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_name: Option<String>,
        /// The new path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        new_path: Option<String>,
    },
    /// Deletes an account; everything that blocks this must be gone.
    DeleteAccount {
        /// Its name.
        account: String,
    },
    /// Gives an account a console password that must be changed at the first sign-in.
    CreateLoginProfile {
        /// Its name.
        account: String,
    },
    /// Replaces the console password by one that must be changed at the next sign-in.
    UpdateLoginProfile {
        /// Its name.
        account: String,
    },
    /// Takes the console password away.
    DeleteLoginProfile {
        /// Its name.
        account: String,
    },
    /// Puts an account into a group.
    AddToGroup {
        /// The account's name.
        account: String,
        /// The group's name.
        group: String,
    },
    /// Takes an account out of a group.
    RemoveFromGroup {
        /// The account's name.
        account: String,
        /// The group's name.
        group: String,
    },
    /// Attaches a managed policy to an account.
    AttachPolicy {
        /// The account's name.
        account: String,
        /// The policy's ARN.
        policy_arn: String,
    },
    /// Detaches a managed policy from an account.
    DetachPolicy {
        /// The account's name.
        account: String,
        /// The policy's ARN.
        policy_arn: String,
    },
    /// Switches a credential on or off.
    SetCredential {
        /// The account's name.
        account: String,
        /// Which credential.
        credential: AccountCredential,
        /// On or off.
        active: bool,
    },
    /// Deletes a credential.
    DeleteCredential {
        /// The account's name.
        account: String,
        /// Which credential.
        credential: AccountCredential,
    },
    /// Takes a multi-factor device away from an account.
    DeactivateMfaDevice {
        /// The account's name.
        account: String,
        /// The device's serial number or ARN.
        serial: String,
    },
    /// Deletes a virtual multi-factor device that no account uses any more.
    DeleteVirtualMfaDevice {
        /// The account it belonged to.
        account: String,
        /// The device's ARN.
        serial: String,
    },
    /// Deletes an inline policy of an account.
    DeleteInlinePolicy {
        /// The account's name.
        account: String,
        /// The policy's name.
        name: String,
    },
    /// Sets tags; others stay.
    TagAccount {
        /// The account's name.
        account: String,
        /// The tags.
        tags: BTreeMap<String, String>,
    },
    /// Takes tags away.
    UntagAccount {
        /// The account's name.
        account: String,
        /// Their keys.
        keys: Vec<String>,
    },
    /// Sets the permissions boundary.
    SetBoundary {
        /// The account's name.
        account: String,
        /// The boundary policy's ARN.
        policy_arn: String,
    },
    /// Takes the permissions boundary away.
    RemoveBoundary {
        /// The account's name.
        account: String,
    },
}

impl StepCall {
    /// The name of the account it is about, as it is before the call.
    #[must_use]
    pub fn account(&self) -> &str {
        match self {
            Self::CreateAccount { account, .. }
            | Self::UpdateAccount { account, .. }
            | Self::DeleteAccount { account }
            | Self::CreateLoginProfile { account }
            | Self::UpdateLoginProfile { account }
            | Self::DeleteLoginProfile { account }
            | Self::AddToGroup { account, .. }
            | Self::RemoveFromGroup { account, .. }
            | Self::AttachPolicy { account, .. }
            | Self::DetachPolicy { account, .. }
            | Self::SetCredential { account, .. }
            | Self::DeleteCredential { account, .. }
            | Self::DeactivateMfaDevice { account, .. }
            | Self::DeleteVirtualMfaDevice { account, .. }
            | Self::DeleteInlinePolicy { account, .. }
            | Self::TagAccount { account, .. }
            | Self::UntagAccount { account, .. }
            | Self::SetBoundary { account, .. }
            | Self::RemoveBoundary { account } => account,
        }
    }

    /// What else it is about: a group, a policy, a credential's id, a device.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        match self {
            Self::AddToGroup { group, .. } | Self::RemoveFromGroup { group, .. } => Some(group),
            Self::AttachPolicy { policy_arn, .. }
            | Self::DetachPolicy { policy_arn, .. }
            | Self::SetBoundary { policy_arn, .. } => Some(policy_arn),
            Self::SetCredential { credential, .. } | Self::DeleteCredential { credential, .. } => {
                Some(&credential.id)
            }
            Self::DeactivateMfaDevice { serial, .. } | Self::DeleteVirtualMfaDevice { serial, .. } => {
                Some(serial)
            }
            Self::DeleteInlinePolicy { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether a password goes with it.
    #[must_use]
    pub fn takes_password(&self) -> bool {
        matches!(self, Self::CreateLoginProfile { .. } | Self::UpdateLoginProfile { .. })
    }

    /// Whether it takes something away that cannot simply be given back.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        matches!(
            self,
            Self::DeleteAccount { .. }
                | Self::DeleteLoginProfile { .. }
                | Self::UpdateLoginProfile { .. }
                | Self::RemoveFromGroup { .. }
                | Self::DetachPolicy { .. }
                | Self::SetCredential { active: false, .. }
                | Self::DeleteCredential { .. }
                | Self::DeactivateMfaDevice { .. }
                | Self::DeleteVirtualMfaDevice { .. }
                | Self::DeleteInlinePolicy { .. }
                | Self::UntagAccount { .. }
                | Self::RemoveBoundary { .. }
        )
    }
}

/// A credential of an account that can be switched off and on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AccountCredential {
    /// Which kind.
    pub kind: AccountCredentialKind,
    /// Its id at the connected system. No secret: the id of an access key is its public half.
    pub id: String,
}

/// The kinds of credentials beside the console password and multi-factor devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountCredentialKind {
    /// An access key.
    AccessKey,
    /// An SSH public key, for CodeCommit.
    SshKey,
    /// An X.509 signing certificate.
    SigningCertificate,
    /// A service-specific credential: CodeCommit, Keyspaces, Bedrock, ….
    ServiceCredential,
}

impl AccountCredentialKind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::AccessKey, Self::SshKey, Self::SigningCertificate, Self::ServiceCredential];

    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessKey => "access_key",
            Self::SshKey => "ssh_key",
            Self::SigningCertificate => "signing_certificate",
            Self::ServiceCredential => "service_credential",
        }
    }
}
