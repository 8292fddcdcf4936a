//! What we changed and no import has confirmed yet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::TaskId;
use crate::{ExternalId, ImportRunId, SystemId};

/// One change of ours that waits for an import to confirm it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Claim {
    /// The system.
    pub system_id: SystemId,
    /// The task that made the change.
    pub task: TaskId,
    /// The step of that task.
    pub step: u32,
    /// The account's id.
    pub account_external_id: ExternalId,
    /// The account's name when the change was made.
    pub account: String,
    /// What we claim.
    pub fact: ClaimFact,
    /// How it stands.
    pub state: ClaimState,
    /// When the connected system said that it is done. Only evidence taken later settles the claim.
    pub claimed_at: Timestamp,
    /// The run that settled it.
    pub settled_by: Option<ImportRunId>,
}

/// What a claim says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum ClaimFact {
    /// The account exists.
    AccountExists,
    /// The account is gone.
    AccountGone,
    /// The account has this name.
    Named {
        /// The name.
        name: String,
    },
    /// The account has this path.
    Path {
        /// The path.
        path: String,
    },
    /// The account has a console password.
    LoginProfilePresent,
    /// The account has no console password.
    LoginProfileAbsent,
    /// The account is in a group.
    InGroup {
        /// The group's name.
        group: String,
    },
    /// The account is not in a group.
    NotInGroup {
        /// The group's name.
        group: String,
    },
    /// A policy is attached.
    HasPolicy {
        /// Its ARN.
        policy_arn: String,
    },
    /// A policy is not attached.
    LacksPolicy {
        /// Its ARN.
        policy_arn: String,
    },
    /// An access key is accepted.
    KeyActive {
        /// Its id.
        access_key_id: String,
    },
    /// An access key is switched off, or gone.
    KeyInactive {
        /// Its id.
        access_key_id: String,
    },
    /// An access key is gone.
    KeyGone {
        /// Its id.
        access_key_id: String,
    },
    /// The account has a tag with this value.
    Tagged {
        /// The tag's key.
        key: String,
        /// Its value.
        value: String,
    },
    /// The account has no such tag.
    NotTagged {
        /// The tag's key.
        key: String,
    },
    /// This is the permissions boundary.
    Boundary {
        /// Its ARN.
        policy_arn: String,
    },
    /// There is no permissions boundary.
    NoBoundary,
    /// The account has no inline policy of this name.
    LacksInlinePolicy {
        /// The policy's name.
        name: String,
    },
    /// The account does not use a multi-factor device.
    LacksMfaDevice {
        /// The device's serial number or ARN.
        serial: String,
    },
}

impl ClaimFact {
    /// What it says, in words that follow the account's name.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::AccountExists => "was made".to_owned(),
            Self::AccountGone => "was deleted".to_owned(),
            Self::Named { name } => format!("was named {name:?}"),
            Self::Path { path } => format!("was moved to path {path:?}"),
            Self::LoginProfilePresent => "was given a console password".to_owned(),
            Self::LoginProfileAbsent => "lost its console password".to_owned(),
            Self::InGroup { group } => format!("was put into group {group:?}"),
            Self::NotInGroup { group } => format!("was taken out of group {group:?}"),
            Self::HasPolicy { policy_arn } => format!("was given policy {policy_arn:?}"),
            Self::LacksPolicy { policy_arn } => format!("lost policy {policy_arn:?}"),
            Self::KeyActive { access_key_id } => format!("had access key {access_key_id:?} switched on"),
            Self::KeyInactive { access_key_id } => format!("had access key {access_key_id:?} switched off"),
            Self::KeyGone { access_key_id } => format!("lost access key {access_key_id:?}"),
            Self::Tagged { key, value } => format!("was tagged {key:?} = {value:?}"),
            Self::NotTagged { key } => format!("lost tag {key:?}"),
            Self::Boundary { policy_arn } => format!("was given boundary {policy_arn:?}"),
            Self::NoBoundary => "lost its boundary".to_owned(),
            Self::LacksInlinePolicy { name } => format!("lost inline policy {name:?}"),
            Self::LacksMfaDevice { serial } => format!("lost MFA device {serial:?}"),
        }
    }

    /// Whether only a look at the account's access keys can tell.
    #[must_use]
    pub fn is_of_keys(&self) -> bool {
        matches!(self, Self::KeyActive { .. } | Self::KeyInactive { .. } | Self::KeyGone { .. })
    }
}

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// No import has looked since.
    Open,
    /// An import saw it.
    Confirmed,
    /// An import saw the contrary: drift.
    Contradicted,
    /// A later change of ours made it void.
    Superseded,
}

impl ClaimState {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Confirmed => "confirmed",
            Self::Contradicted => "contradicted",
            Self::Superseded => "superseded",
        }
    }
}
