//! What we changed and no import has confirmed yet.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::TaskId;
use crate::{ExternalId, ImportRunId, SystemId};

/// One change of ours that waits for an import to confirm it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
