//! Changing what is, one call at a time, and the point reads that prepare and prove a change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use keyreeve_model::{
    AccountCredential, AccountCredentialKind, PermissionProfile, PolicyScope, Secret, StepCall,
};

use crate::{AccountEntry, Error, Marker, Page, PolicyReference};

/// Changes what is. Each method makes at most one call to the connected system.
///
/// A call that finds things already as it would make them is a success, [`Outcome::Unchanged`]: a login profile that
/// is not there to be deleted, a policy that is not attached to be detached. Something to be *made* that is there
/// already is an error ([`crate::Cause::AlreadyThere`]), because it may be somebody else's.
#[async_trait]
pub trait Provisioning: Send + Sync {
    /// The call as the connected system names it: `CreateUser`.
    fn operation(&self, call: &StepCall) -> &'static str;

    /// The permissions the call needs, as the connected system names them: `iam:CreateUser`, and `iam:TagUser` where
    /// it has tags.
    fn needs(&self, call: &StepCall) -> Vec<&'static str>;

    /// The permissions a point read needs.
    fn read_needs(&self, read: PointRead) -> &'static str;

    /// Which of these permissions a permission profile does not grant.
    fn lacks(&self, profile: PermissionProfile, needs: &[&'static str]) -> Vec<&'static str>;

    /// Makes the call. A password is given exactly where [`StepCall::takes_password`] says so; it must be changed at
    /// the next sign-in.
    async fn perform(&self, call: &StepCall, password: Option<&Secret>) -> Result<Performed, Error>;

    /// The permission that making an access key needs.
    fn key_needs(&self) -> &'static str;

    /// Makes an access key for a user. Its secret is in this answer and nowhere else; there is no way to ask for it
    /// again, so a lost answer leaves a key that nobody can use.
    async fn create_access_key(&self, account: &str) -> Result<NewAccessKey, Error>;

    /// One account with its tags and boundary; `None` when there is no such user.
    async fn get_account_facts(&self, account: &str) -> Result<Option<AccountFacts>, Error>;

    /// One page of an account's credentials of a kind.
    async fn list_credentials(
        &self,
        account: &str,
        kind: AccountCredentialKind,
        after: Option<&Marker>,
    ) -> Result<Page<AccountCredentialEntry>, Error>;

    /// One page of an account's multi-factor devices.
    async fn list_mfa_devices(&self, account: &str, after: Option<&Marker>)
    -> Result<Page<MfaDevice>, Error>;

    /// The document of an inline policy, decoded; `None` when there is none.
    async fn get_inline_policy(&self, account: &str, name: &str) -> Result<Option<String>, Error>;

    /// One page of the names of an account's groups.
    async fn list_groups_of(&self, account: &str, after: Option<&Marker>) -> Result<Page<String>, Error>;

    /// One page of the policies attached to an account.
    async fn list_policies_of(
        &self,
        account: &str,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyReference>, Error>;

    /// One page of the documents of policies: of users and groups their inline ones, and of customer managed policies
    /// the version in force; those of AWS that are attached to anything come, too, unless the scope is the customer's. They
    /// come with the details, so no permission beyond those of an import is needed.
    async fn list_policy_documents(
        &self,
        scope: PolicyScope,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyDocument>, Error>;

    /// One page of the roles there are, with what each holds. They come with the details, too.
    async fn list_roles(&self, after: Option<&Marker>) -> Result<Page<RoleDetail>, Error>;

    /// The account's password policy; `None` when none was ever set, and the connected system's default applies.
    async fn get_password_policy(&self) -> Result<Option<PasswordPolicy>, Error>;
}

/// The point reads, for asking what they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PointRead {
    /// [`Provisioning::get_account_facts`].
    AccountFacts,
    /// [`Provisioning::list_credentials`].
    Credentials(AccountCredentialKind),
    /// [`Provisioning::list_mfa_devices`].
    MfaDevices,
    /// [`Provisioning::get_inline_policy`].
    InlinePolicy,
    /// [`Provisioning::list_groups_of`].
    GroupsOf,
    /// [`Provisioning::list_policies_of`].
    PoliciesOf,
    /// [`Provisioning::get_password_policy`].
    PasswordPolicy,
    /// [`Provisioning::list_policy_documents`].
    PolicyDocuments,
}

/// A call that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Performed {
    /// Whether it changed anything.
    pub outcome: Outcome,
    /// The account that was made, of a creation.
    pub account: Option<AccountEntry>,
    /// When the login profile was made, of a creation of one.
    pub login_profile_created_at: Option<Timestamp>,
    /// The connected system's id of the request.
    pub request_id: Option<String>,
}

/// Whether a call that succeeded changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did, or the connected system does not say.
    Changed,
    /// It was so already.
    Unchanged,
}

/// A user with what a listing of users does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// The user.
    pub entry: AccountEntry,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// ARN of its permissions boundary.
    pub permissions_boundary: Option<String>,
}

/// A policy's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    /// Whose policy it is.
    pub holder: PolicyHolder,
    /// Its name within its holder; of a managed policy its own.
    pub name: String,
    /// The document, decoded; `None` when it could not be.
    pub document: Option<String>,
}

/// A role, with what decides on what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDetail {
    /// Its unique id; those of its sessions begin with it.
    pub external_id: String,
    /// ARNs of its attached policies.
    pub policies: Vec<String>,
    /// Its inline policies: name, and document where it could be decoded.
    pub inline_policies: Vec<(String, Option<String>)>,
    /// ARN of its permissions boundary.
    pub permissions_boundary: Option<String>,
}

/// Whose policy a document belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyHolder {
    /// Inline, of the user of this name.
    Account(String),
    /// Inline, of the group of this name.
    Group(String),
    /// A managed policy, by ARN.
    Managed(String),
}

/// A credential of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCredentialEntry {
    /// Which.
    pub credential: AccountCredential,
    /// Whether it is accepted.
    pub active: bool,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// An access key that was just made.
#[derive(Debug, Clone)]
pub struct NewAccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
    /// The connected system's id of the request.
    pub request_id: Option<String>,
}

/// A multi-factor device of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MfaDevice {
    /// Serial number, or ARN of a virtual device or security key.
    pub serial: String,
    /// Whether it is a virtual device, which must be deleted after it was deactivated.
    pub is_virtual: bool,
}

/// What the account asks of passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The least number of characters.
    pub minimum_length: u32,
    /// A symbol must be in it.
    pub require_symbols: bool,
    /// A digit must be in it.
    pub require_numbers: bool,
    /// A capital letter must be in it.
    pub require_uppercase: bool,
    /// A small letter must be in it.
    pub require_lowercase: bool,
    /// Whether every user may change the own password, whatever policies say.
    pub users_may_change: bool,
}
