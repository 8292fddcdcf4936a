//! Finding the accounts of an organization: one method for each call.

use async_trait::async_trait;
use keyreeve_model::{AwsAccountId, MemberState};

use crate::{Error, Marker, Page};

/// Reads the organization of the connected account. Each method makes at most one call. The account ids of a page are
/// those of the account that owns the organization.
#[async_trait]
pub trait Organization: Send + Sync {
    /// Which organization the connected account is in.
    async fn get_organization(&self) -> Result<OrganizationEntry, Error>;

    /// One page of all accounts of the organization, in every state.
    async fn list_members(&self, after: Option<&Marker>) -> Result<Page<MemberEntry>, Error>;

    /// One account of the organization by itself; `None` when it is not in it.
    async fn describe_member(&self, account: &AwsAccountId) -> Result<Option<MemberEntry>, Error>;

    /// One page of the roots of its tree.
    async fn list_roots(&self, after: Option<&Marker>) -> Result<Page<UnitEntry>, Error>;

    /// One page of the organizational units directly in a root or unit.
    async fn list_units_of(&self, parent: &str, after: Option<&Marker>) -> Result<Page<UnitEntry>, Error>;

    /// One page of the accounts directly in a root or unit.
    async fn list_members_of(
        &self,
        parent: &str,
        after: Option<&Marker>,
    ) -> Result<Page<AwsAccountId>, Error>;

    /// One page of the tags of an account: keys and values.
    async fn list_tags_of(
        &self,
        account: &AwsAccountId,
        after: Option<&Marker>,
    ) -> Result<Page<(String, String)>, Error>;
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationEntry {
    /// Its id, `o-…`.
    pub id: String,
    /// The account that owns it.
    pub management_account: AwsAccountId,
    /// The partition of its ARN.
    pub partition: String,
}

/// An account as the organization knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEntry {
    /// The AWS account.
    pub account_id: AwsAccountId,
    /// Its name; not unique.
    pub name: String,
    /// Where it is in its life.
    pub state: MemberState,
}

/// A root, or an organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEntry {
    /// Its id, `r-…` or `ou-…`.
    pub id: String,
    /// Its name; unique among those in the same parent.
    pub name: String,
}
