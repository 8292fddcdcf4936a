//! Reading accounts, resources and assignments, one call at a time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use keyreeve_model::{AccessKey, ExternalId, InlinePolicy, ManagedBy, PolicyScope};

use crate::{Error, Marker, Page};

/// Reads what is. Each method makes exactly one call; `after` is the marker of the page before.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// One page of the users whose path begins with `path_prefix`. The only source of the last password use.
    async fn list_accounts(
        &self,
        path_prefix: &str,
        after: Option<&Marker>,
    ) -> Result<Page<AccountEntry>, Error>;

    /// One page of users and groups with what they hold; kinds may be mixed on a page in any way.
    async fn list_details(&self, filter: DetailFilter, after: Option<&Marker>)
    -> Result<Page<Detail>, Error>;

    /// One page of the groups.
    async fn list_groups(&self, after: Option<&Marker>) -> Result<Page<GroupEntry>, Error>;

    /// One page of the managed policies.
    async fn list_policies(
        &self,
        scope: PolicyScope,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyEntry>, Error>;

    /// One page of the managed policies with the documents of their versions: all of the customer, and unless only these
    /// are asked for those of AWS that somebody holds.
    async fn list_policy_details(
        &self,
        scope: PolicyScope,
        after: Option<&Marker>,
    ) -> Result<Page<PolicyDetail>, Error>;

    /// The login profile of one user; `None` when there is none, or no such user.
    async fn get_login_profile(&self, account_name: &str) -> Result<Option<LoginProfileEntry>, Error>;

    /// Asks for a credential report, or how far the making of one is.
    async fn generate_credential_report(&self) -> Result<CredentialReportState, Error>;

    /// Fetches the credential report.
    async fn get_credential_report(&self) -> Result<CredentialReport, Error>;

    /// Reads one user by name; `None` when there is no such user. Needs more than the reference policy.
    async fn get_account(&self, account_name: &str) -> Result<Option<AccountEntry>, Error>;

    /// How many users the AWS account has by its own count. Needs more than the reference policy.
    async fn count_accounts(&self) -> Result<u64, Error>;
}

/// A user as the listing gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEntry {
    /// `UserId`.
    pub external_id: ExternalId,
    /// Name, in the exact case.
    pub name: String,
    /// Path.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the console password was last used; `None` for never or unknown.
    pub password_last_used_at: Option<Timestamp>,
}

/// Which kinds of details are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetailFilter {
    /// Users.
    pub accounts: bool,
    /// Groups.
    pub groups: bool,
}

/// One entry of the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// A user.
    Account(AccountDetail),
    /// A group.
    Group(GroupDetail),
}

/// A user with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountDetail {
    /// `UserId`.
    pub external_id: ExternalId,
    /// Name, in the exact case.
    pub name: String,
    /// Path.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Names of the groups it is in.
    pub groups: Vec<String>,
    /// Managed policies attached to it.
    pub policies: Vec<PolicyReference>,
    /// Its inline policies.
    pub inline_policies: Vec<InlinePolicy>,
    /// The documents of these, in clear and in no order.
    pub documents: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// ARN of its permissions boundary, when given.
    pub permissions_boundary: Option<String>,
}

/// A group with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDetail {
    /// `GroupId`.
    pub external_id: ExternalId,
    /// Name, in the exact case.
    pub name: String,
    /// Path.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// Managed policies attached to it.
    pub policies: Vec<PolicyReference>,
    /// Its inline policies.
    pub inline_policies: Vec<InlinePolicy>,
    /// The documents of these, in clear and in no order.
    pub documents: Vec<String>,
}

/// A managed policy with its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDetail {
    /// `PolicyId`, when given.
    pub external_id: Option<ExternalId>,
    /// ARN.
    pub arn: String,
    /// All versions that AWS has of it.
    pub versions: Vec<PolicyVersionDetail>,
}

/// A version of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersionDetail {
    /// `VersionId`, as `v3`.
    pub version_id: String,
    /// When it was made, when given.
    pub created_at: Option<Timestamp>,
    /// Its document in clear; `None` when it did not come, or could not be decoded.
    pub document: Option<String>,
}

/// A managed policy as its holder names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyReference {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
}

/// A group as the listing gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// `GroupId`.
    pub external_id: ExternalId,
    /// Name, in the exact case.
    pub name: String,
    /// Path.
    pub path: String,
    /// ARN.
    pub arn: String,
}

/// A managed policy as the listing gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// `PolicyId`.
    pub external_id: ExternalId,
    /// Name.
    pub name: String,
    /// Path.
    pub path: String,
    /// ARN.
    pub arn: String,
    /// Who maintains it (by its ARN).
    pub managed_by: ManagedBy,
    /// Whether it can be attached.
    pub attachable: bool,
    /// The version in force.
    pub default_version: Option<String>,
}

/// A login profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginProfileEntry {
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether the password must be changed at the next sign-in.
    pub password_reset_required: bool,
}

/// How far the making of a credential report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialReportState {
    /// Being made.
    InProgress,
    /// Ready to be fetched.
    Complete,
}

/// The credential report: passwords, keys and devices of all users at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialReport {
    /// The moment it speaks of.
    pub generated_at: Timestamp,
    /// One row per user, the root user left out.
    pub rows: Vec<CredentialReportRow>,
    /// Rows that could not be understood and were left out; their users must be read one by one.
    pub unusable_rows: u64,
    /// The AWS accounts its ARNs belong to.
    pub account_ids: std::collections::BTreeSet<keyreeve_model::AwsAccountId>,
}

/// What the credential report says of one user. `None` means that it does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialReportRow {
    /// ARN; together with `created_at` it names the user (the report has no `UserId`).
    pub arn: String,
    /// When the user was made.
    pub created_at: Option<Timestamp>,
    /// Whether there is a console password.
    pub password_enabled: Option<bool>,
    /// When the console password was last used.
    pub password_last_used_at: Option<Timestamp>,
    /// Whether a multi-factor device is active.
    pub mfa_active: Option<bool>,
    /// The access keys that exist.
    pub access_keys: Option<Vec<AccessKey>>,
}
