//! Replacing the access key that a system signs in with: a new one is made, proven, stored, and only then the old one
//! is switched off and deleted. Each step is written down before or after it is made, so that a process that ended
//! anywhere leaves at least one working key in the store, and the next one goes on.

mod keys;
mod look;
mod patience;
mod rotate;

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_connector::Error;
use keyreeve_model::SystemId;
use keyreeve_store::{KeyClaim, RotationState, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::connections::Connections;

pub use look::{Look, stored_key};
pub use patience::Settling;

/// Rotates keys.
pub struct Rotator<'a> {
    /// The store.
    pub store: &'a Store,
    /// The time.
    pub clock: Clock,
    /// How to connect: with the old key, and with the new one to prove it.
    pub connections: &'a dyn Connections,
    /// The region that the system is reached through.
    pub region: Option<&'a str>,
    /// Who asks.
    pub actor: &'a str,
    /// And why.
    pub reason: Option<&'a str>,
    /// The request that is done when the rotation has ended well.
    pub request: Option<&'a KeyClaim>,
    /// How long the rotation is held without a sign of life.
    pub lease: Duration,
    /// How long IAM may take until it knows a new key everywhere.
    pub settling: Settling,
}

/// A rotation that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The user whose key it is.
    pub user_arn: String,
    /// The key that is gone.
    pub old_key_id: String,
    /// The key in use.
    pub new_key_id: String,
}

/// What is to become of the access key of a system, or became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyChange {
    /// The system.
    pub system_id: SystemId,
    /// Whether it was done.
    pub state: KeyChangeState,
    /// The ARN of the user whose key it is.
    pub user: String,
    /// The key that goes, or is gone; of a rotation that was interrupted, too.
    pub old_key: String,
    /// The key that took its place; of a rotation that was interrupted, the one that was made for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_key: Option<String>,
    /// The other systems that sign in with the same key, or assume their role with it: they change with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<SystemId>,
}

/// Whether a key was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyChangeState {
    /// Nothing was done yet.
    Planned,
    /// The old key is gone, and the new one in use.
    Done,
}

impl KeyChangeState {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Done => "done",
        }
    }
}

/// What replacing a key would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyPlan {
    /// What is to become of the key.
    #[serde(flatten)]
    pub change: KeyChange,
    /// How far a rotation that was begun before has come, which is gone on with: `making`, `made`, `switched` or
    /// `deactivated`.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub under_way: Option<RotationState>,
}

/// A key could not be rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The system does not sign in with a stored key.
    #[error(
        "no access key is stored for the system {0}, so there is none to rotate; a profile's or the environment's keys are \
         rotated where they are kept"
    )]
    NoStoredKey(SystemId),
    /// The key is not an IAM user's.
    #[error("the stored key belongs to {0}, which is no IAM user; only a user's key can be rotated")]
    NoUser(String),
    /// The same key is being rotated for another system.
    #[error(
        "a rotation of the same key was begun for system {0}, and is not ended: wait for it, or go on with it by \
         `keyreeve system rotate-key {0}`"
    )]
    Elsewhere(SystemId),
    /// Somebody else's key takes the second place.
    #[error(
        "{user} has a second access key, {id}{}, that is not of our making, and AWS allows two: delete it if nobody uses \
         it, then try again", made_words(*.created_at)
    )]
    ForeignKey {
        /// The user.
        user: String,
        /// The key.
        id: String,
        /// When it was made.
        created_at: Option<Timestamp>,
    },
    /// A rotation of before made the key, or was to put it away.
    #[error(
        "{user} has a second access key, {id}{}, of a rotation of before for system {of}, and AWS allows two: delete it \
         if nobody uses it, then try again", made_words(*.created_at)
    )]
    OfBefore {
        /// The user.
        user: String,
        /// The key.
        id: String,
        /// When it was made.
        created_at: Option<Timestamp>,
        /// For which system.
        of: SystemId,
    },
    /// The stored key is not among the user's keys.
    #[error(
        "{user} has no access key {id} any more, as IAM lists them; look at the system with `keyreeve system check`"
    )]
    NotListed {
        /// The user.
        user: String,
        /// The key.
        id: String,
    },
    /// The connector's own policies do not allow it.
    #[error(
        "{user} may not do this to itself: its policies do not allow {}; grant it on {user}, for as long as the rotation \
         takes",
        actions.join(", ")
    )]
    Missing {
        /// The user.
        user: String,
        /// What is missing.
        actions: Vec<&'static str>,
    },
    /// The old key could not be put away.
    #[error("{user} may not do this to itself: {action} is not allowed; {then}")]
    MissingHalfWay {
        /// The user.
        user: String,
        /// What is missing.
        action: &'static str,
        /// What became of it, and what to do.
        then: &'static str,
    },
    /// AWS did not accept the new key in time.
    #[error(
        "AWS does not accept the new key {id} ({source}); it was deleted, and the system signs in with the old one as \
         before"
    )]
    NotProven {
        /// The new key.
        id: String,
        /// What AWS said last.
        #[source]
        source: Box<Error>,
    },
    /// The new key is somebody else's.
    #[error("the new key {id} signs in as {found} and not as {user}; it was not stored")]
    OtherUser {
        /// The new key.
        id: String,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        user: String,
    },
    /// A call failed. What was done stays written down.
    #[error("{doing}: {source}; {then}")]
    Call {
        /// What was being done.
        doing: &'static str,
        /// What became of it, and what to do.
        then: &'static str,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// No connection could be prepared.
    #[error("connecting to AWS: {0}")]
    Dial(String),
    /// The connector has no such capability.
    #[error("the connector cannot replace keys")]
    NoProvisioning,
    /// The stored secret is gone.
    #[error("the secret of the access key is not in the store; set the credentials anew")]
    NoSecret,
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl RotationError {
    /// Whether it could not begin, so that nothing was done; else it ran, and failed.
    #[must_use]
    pub fn could_not_begin(&self) -> bool {
        match self {
            Self::NoStoredKey(_)
            | Self::NoUser(_)
            | Self::Elsewhere(_)
            | Self::ForeignKey { .. }
            | Self::OfBefore { .. }
            | Self::NotListed { .. }
            | Self::Missing { .. }
            | Self::Dial(_)
            | Self::NoProvisioning
            | Self::NoSecret => true,
            Self::MissingHalfWay { .. }
            | Self::NotProven { .. }
            | Self::OtherUser { .. }
            | Self::Call { .. }
            | Self::Store(_) => false,
        }
    }
}

fn made_words(created_at: Option<Timestamp>) -> String {
    created_at.map(|at| format!(" (made {at:.0})")).unwrap_or_default()
}
