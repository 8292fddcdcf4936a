//! Replacing the access key that a system signs in with: a new one is made, proven, stored, and only then the old one
//! is switched off and deleted. Each step is written down before or after it is made, so that a process that ended
//! anywhere leaves at least one working key in the store, and the next one goes on.

mod keys;
mod look;
mod patience;
mod rotate;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use keyreeve_connector::{Connector, Error, Identity};
use keyreeve_model::{Secret, SystemId};
use keyreeve_policy::PolicySet;
use keyreeve_store::{Store, StoreError};

use crate::clock::Clock;

pub use look::{Look, stored_key};
pub use patience::Settling;

/// Connects with an access key: the old one, and the new one to prove it.
#[async_trait]
pub trait Dial: Send + Sync {
    /// The policies of `identity`, who signs in with this key. `None` for somebody who has none that can be read.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn policies(
        &self,
        access_key_id: &str,
        secret: &Secret,
        identity: &Identity,
    ) -> Result<Option<PolicySet>, PoliciesError>;

    /// A connection. Nothing is sent yet.
    ///
    /// # Errors
    /// Why none can be prepared.
    async fn dial(&self, access_key_id: &str, secret: &Secret) -> Result<Box<dyn Connector>, String>;
}

/// Why policies could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// No connection could be prepared.
    #[error("{0}")]
    Dial(String),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Error),
}

/// Rotates keys.
pub struct Rotator<'a> {
    /// The store.
    pub store: &'a Store,
    /// The time.
    pub clock: Clock,
    /// How to connect.
    pub dial: &'a dyn Dial,
    /// Who asks.
    pub actor: &'a str,
    /// And why.
    pub reason: Option<&'a str>,
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

fn made_words(created_at: Option<Timestamp>) -> String {
    created_at.map(|at| format!(" (made {at:.0})")).unwrap_or_default()
}
