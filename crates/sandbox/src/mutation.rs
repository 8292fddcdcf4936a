//! Changes a test or the admin port can make behind IAM's back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::{KeyStatus, PasswordPolicy, Trust};

/// One change to an account. In JSON: `{"op": "create_user", "name": "ada"}`.
///
/// Names are found ignoring case. What a change needs (a user, a group, a policy) must exist; deleting takes
/// along everything the thing holds, without IAM's `DeleteConflict`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // The fields are named for what they hold.
pub enum Mutation {
    /// Makes a user.
    CreateUser {
        name: String,
        #[serde(default = "root_path")]
        path: String,
        #[serde(default)]
        tags: Vec<(String, String)>,
        #[serde(default)]
        boundary: Option<String>,
    },
    /// Removes a user and all it holds.
    DeleteUser { name: String },
    /// Removes a user and makes an empty one of the same name and path, with a new id.
    DeleteAndRecreateUser { name: String },
    /// Gives a user another name; the id stays.
    RenameUser { name: String, new_name: String },
    /// Moves a user to another path.
    SetPath { name: String, path: String },
    /// Sets the time of the last console sign-in, or takes it away.
    SetPasswordLastUsed { name: String, at: Option<Timestamp> },
    /// Sets when the user was made.
    SetCreated { name: String, at: Timestamp },
    /// Sets or takes away the permissions boundary.
    SetBoundary { name: String, arn: Option<String> },
    /// Sets a tag.
    TagUser { name: String, key: String, value: String },
    /// Takes a tag away.
    UntagUser { name: String, key: String },
    /// Puts a user into a group.
    AddToGroup { user: String, group: String },
    /// Takes a user out of a group.
    RemoveFromGroup { user: String, group: String },
    /// Attaches a managed policy to a user.
    AttachUserPolicy { user: String, arn: String },
    /// Detaches a managed policy from a user.
    DetachUserPolicy { user: String, arn: String },
    /// Attaches a managed policy to a group.
    AttachGroupPolicy { group: String, arn: String },
    /// Detaches a managed policy from a group.
    DetachGroupPolicy { group: String, arn: String },
    /// Attaches a managed policy to a role.
    AttachRolePolicy { role: String, arn: String },
    /// Writes an inline policy of a user.
    PutUserInline { user: String, name: String, document: String },
    /// Removes an inline policy of a user.
    DeleteUserInline { user: String, name: String },
    /// Writes an inline policy of a group.
    PutGroupInline { group: String, name: String, document: String },
    /// Removes an inline policy of a group.
    DeleteGroupInline { group: String, name: String },
    /// Gives a user a console password.
    CreateLoginProfile {
        user: String,
        #[serde(default)]
        reset_required: bool,
    },
    /// Takes the console password away.
    DeleteLoginProfile { user: String },
    /// Makes an access key.
    CreateAccessKey { user: String },
    /// Switches an access key on or off.
    SetKeyStatus { key_id: String, status: KeyStatus },
    /// Sets when an access key was last used.
    SetKeyUsed { key_id: String, at: Timestamp, region: String, service: String },
    /// Deletes an access key.
    DeleteAccessKey { key_id: String },
    /// Gives a user an MFA device, virtual or with a serial number.
    AddMfa {
        user: String,
        #[serde(rename = "virtual", default)]
        is_virtual: bool,
    },
    /// Takes all MFA devices away.
    RemoveMfa { user: String },
    /// Uploads an SSH key.
    AddSshKey { user: String },
    /// Uploads a signing certificate.
    AddSigningCertificate { user: String },
    /// Makes a service-specific credential, for CodeCommit.
    AddServiceCredential { user: String },
    /// Makes a group.
    CreateGroup {
        name: String,
        #[serde(default = "root_path")]
        path: String,
    },
    /// Removes a group; its members leave it.
    DeleteGroup { name: String },
    /// Gives a group another name; the id stays.
    RenameGroup { name: String, new_name: String },
    /// Makes a customer policy.
    CreatePolicy {
        name: String,
        #[serde(default = "root_path")]
        path: String,
        document: String,
    },
    /// Adds a version to a customer policy and makes it the default.
    CreatePolicyVersion { arn: String, document: String },
    /// Removes a customer policy and detaches it everywhere.
    DeletePolicy { arn: String },
    /// Makes a role.
    CreateRole {
        name: String,
        #[serde(default = "root_path")]
        path: String,
        trust: Trust,
    },
    /// Says anew whom a role trusts.
    SetTrust { role: String, trust: Trust },
    /// Removes a role.
    DeleteRole { name: String },
    /// Sets the password policy of the account, or takes it away.
    SetPasswordPolicy { policy: Option<PasswordPolicy> },
}

fn root_path() -> String {
    "/".to_owned()
}
