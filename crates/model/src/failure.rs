//! What is kept of an error: data, never a live error and never a secret.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A failure as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Failure {
    /// The class that decides what may be done next.
    pub kind: FailureKind,
    /// What was being done, why it failed and what to do next, in a sentence or two.
    pub message: String,
    /// Whether anything happened at the connected system.
    pub effect: Effect,
    /// When it was noticed.
    pub at: Timestamp,
}

/// Whether a call that failed may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing happened.
    None,
    /// It may have happened: look before repeating.
    Unknown,
}

/// The classes of failure. The first eleven are those of a call to the connected system; the others are our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No byte of the request left: name not resolved, connection refused, no credentials to be had.
    NotSent,
    /// The connected system asked for patience.
    Throttled,
    /// The object is being changed by somebody else; wait and try again.
    Busy,
    /// The answer was lost or could not be understood.
    Unknown,
    /// The credentials are expired, unknown or wrong: nothing works until they are mended.
    CredentialBad,
    /// The credentials are good but not allowed to do this.
    Denied,
    /// The object exists already.
    AlreadyThere,
    /// The object does not exist.
    Gone,
    /// Something that depends on the object must go first.
    Dependants,
    /// The password does not satisfy the account's password policy.
    PasswordRefused,
    /// Trying again will not help.
    Permanent,
    /// A listing contradicted itself: a marker that repeats, a page without an end, two listings that disagree.
    Inconsistent,
    /// The answers come from another AWS account than the one the system is pinned to.
    AccountMismatch,
    /// A stored secret does not open: it was altered, moved, or put back from an older copy.
    SecretUnreadable,
    /// The AWS account is not in use: suspended, closed, or no longer in its organization.
    AccountInactive,
    /// The process stopped in the middle, or lost its lease to another.
    Interrupted,
    /// Our own store refused.
    Store,
    /// The name belongs to another account now than the one that was planned with.
    IdentityChanged,
}
