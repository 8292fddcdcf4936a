//! What stands in the way of a task, found before anything is touched.

use serde::{Deserialize, Serialize};

use super::TaskKind;

/// One thing that stands in the way, or that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Obstacle {
    /// Which kind.
    pub kind: ObstacleKind,
    /// What it is and what to do about it, in a sentence or two.
    pub message: String,
}

impl Obstacle {
    /// An obstacle with its words.
    #[must_use]
    pub fn new(kind: ObstacleKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Why it is not certain who is meant by what is the id of one, of this name, and the name of another, of this id.
#[must_use]
pub fn ambiguous(noun: &str, given: &str, name: &str, id: &str) -> String {
    format!(
        "{given:?} is the id of {noun} {name:?}, and the name of another {noun}, {id}, so it is not certain which is \
         meant; say {name:?} for the one, or {id} for the other"
    )
}

/// Of the notices of a task the words that a deactivation may leave a way in, because what it would have to switch off
/// cannot be seen with the connector's permissions.
#[must_use]
pub fn leaves_a_way_in(kind: TaskKind, notices: &[Obstacle]) -> Option<&str> {
    let left = |notice: &&Obstacle| {
        kind == TaskKind::DeactivateAccount && notice.kind == ObstacleKind::PermissionMissing
    };
    notices.iter().find(left).map(|notice| notice.message.as_str())
}

/// The kinds of obstacle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ObstacleKind {
    /// No such account, group or policy.
    NotFound,
    /// What was given is the id of one and the name of another.
    Ambiguous,
    /// The name is another's than at the last import.
    IdentityChanged,
    /// The name is taken, ignoring case.
    NameTaken,
    /// A name, path, tag or other value that cannot be sent.
    Invalid,
    /// Nobody may change this account.
    Protected,
    /// The connector's permissions do not suffice.
    PermissionMissing,
    /// A quota of the connected system is used up.
    QuotaFull,
    /// The new password could not be changed at the first sign-in.
    FirstSignIn,
    /// No way to deliver the password, or one that is not allowed.
    Delivery,
    /// Something must be removed first, and the system's settings forbid doing so.
    Dependants,
    /// The policy cannot be attached.
    NotAttachable,
    /// Part of the account's state cannot be seen with the granted permissions.
    NotVisible,
    /// With what it is given, the account may do everything in the connected system.
    Administrator,
    /// Another job that has not ended does the same, or takes the account away.
    UnderWay,
    /// Two wishes of the job contradict each other.
    Contradiction,
    /// There is nothing to do.
    NothingToDo,
}
