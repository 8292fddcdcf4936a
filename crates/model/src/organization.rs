//! What an AWS organization says of an account.

use serde::{Deserialize, Serialize};

/// Where an account of an organization is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Being made.
    PendingActivation,
    /// In use.
    Active,
    /// Switched off by AWS, or closed and not yet gone for good.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed.
    Closed,
    /// No longer in the organization.
    Gone,
    /// In a state that this version does not know.
    Unknown,
}

impl MemberState {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingActivation => "pending_activation",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::PendingClosure => "pending_closure",
            Self::Closed => "closed",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        }
    }
}

/// What an organization was last seen to say of a system's AWS account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Membership {
    /// The organization, `o-…`.
    pub organization_id: String,
    /// The account's name there.
    pub name: String,
    /// The path of its organizational unit, `/` for the root; `None` when it could not be read.
    pub unit: Option<String>,
    /// Where it is in its life.
    pub state: MemberState,
}
