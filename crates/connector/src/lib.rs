//! What a connector to a target system must offer, and what its answers mean.
//!
//! The required part, [`Connector`], is tiny: say who we are over there. Everything else is a capability that a
//! connector may have, reached through a method that gives `None` when it has not: [`Inventory`] reads accounts,
//! resources and assignments page by page; [`Provisioning`] changes them; [`Organization`] finds the other accounts of
//! an organization.
//!
//! A connector makes **one call to the connected system per method call**. It never repeats, never waits and
//! never follows pages by itself: patience, pacing and the proof that a listing is whole belong to the engine,
//! where they are decided once for all connectors. Its [`Error`] answers two questions: *did anything happen?*
//! and *may I try again?*

mod error;
mod inventory;
mod organization;
mod page;
mod provisioning;

use async_trait::async_trait;
use jiff::Timestamp;
use keyreeve_model::AwsAccountId;

pub use error::{Cause, Error, Retry};
pub use inventory::{
    AccountDetail, AccountEntry, CredentialReport, CredentialReportRow, CredentialReportState, Detail,
    DetailFilter, GroupDetail, GroupEntry, Inventory, LoginProfileEntry, PolicyDetail, PolicyEntry,
    PolicyReference, PolicyVersionDetail,
};
pub use organization::{MemberEntry, Organization, OrganizationEntry, UnitEntry};
pub use page::{Marker, Next, Page};
pub use provisioning::{
    AccountCredentialEntry, AccountFacts, MfaDevice, NewAccessKey, Outcome, PasswordPolicy, Performed,
    PointRead, PolicyDocument, PolicyHolder, Provisioning, RoleDetail,
};

/// A connection to one target system.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Who the connected system says we are. Needs no permission there.
    async fn identify(&self) -> Result<Identity, Error>;

    /// Whose credentials the role is assumed with that we act as, at the beginning of the chain where there are several;
    /// `None` where no role is assumed. Needs no permission there.
    async fn identify_base(&self) -> Result<Option<Identity>, Error> {
        Ok(None)
    }

    /// Reading of accounts, resources and assignments, if the connector can do that.
    fn inventory(&self) -> Option<&dyn Inventory>;

    /// Changing of accounts and assignments, if the connector can do that.
    fn provisioning(&self) -> Option<&dyn Provisioning> {
        None
    }

    /// Reading of the organization that the connected account belongs to, if the connector can do that.
    fn organization(&self) -> Option<&dyn Organization> {
        None
    }
}

/// Who we are at the connected system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The AWS account the credentials belong to.
    pub account_id: AwsAccountId,
    /// The ARN of the user or role session.
    pub arn: String,
    /// The unique id of the user or role session.
    pub external_id: String,
    /// The partition of the ARN: `aws`, `aws-cn`, `aws-us-gov`, ….
    pub partition: String,
    /// The other side's clock, from the `Date` header of its answer, to the second.
    pub server_time: Option<Timestamp>,
}
