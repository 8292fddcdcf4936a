//! Who may act: tokens with a role.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{IdError, SystemId};

/// The public half of a token, by which it is named and looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct TokenId(pub String);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token as it is listed: everything but the secret, which is shown once and never kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Token {
    /// Its public half.
    pub id: TokenId,
    /// Whose it is; the actor of everything done with it.
    pub owner: String,
    /// What it may do.
    pub role: Role,
    /// The systems it is limited to; empty for all.
    pub systems: Vec<SystemId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// What somebody may do. Each role may do what the ones before it may, but an approver does not ask for changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Imports, and asks for changes.
    Operator,
    /// Reads, and approves what others asked for.
    Approver,
    /// Everything.
    Admin,
}

impl Role {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// Whether it may import and ask for changes.
    #[must_use]
    pub fn may_operate(self) -> bool {
        matches!(self, Self::Operator | Self::Admin)
    }

    /// Whether it may approve what others asked for.
    #[must_use]
    pub fn may_approve(self) -> bool {
        matches!(self, Self::Approver | Self::Admin)
    }

    /// Whether it may change systems, settings, tokens and the protect list.
    #[must_use]
    pub fn may_administer(self) -> bool {
        self == Self::Admin
    }
}

impl FromStr for Role {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        [Self::Viewer, Self::Operator, Self::Approver, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| crate::id::refuse("role", "one of viewer, operator, approver, admin", text))
    }
}
