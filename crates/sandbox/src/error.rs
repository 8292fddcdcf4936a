//! What can go wrong with a sandbox itself. What it answers its clients is in `protocol::error`.

use std::net::SocketAddr;

use crate::protocol::error::ApiError;

/// Why the sandbox could not be started or did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port could not be opened.
    #[error("opening the sandbox's port on {address}: choose another port, or 0 for a free one")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No account of this id.
    #[error("the sandbox has no account {0}: name one that it was started with")]
    UnknownAccount(String),
    /// No organization.
    #[error("the sandbox has no organization: make one with POST /organization, or start it with one")]
    NoOrganization,
    /// No access key of this id.
    #[error("no account of the sandbox has an access key {0}")]
    UnknownKey(String),
    /// A change that IAM's own rules do not allow.
    #[error("the change was refused and nothing was changed: {code}: {message}")]
    Refused {
        /// IAM's error code.
        code: String,
        /// IAM's message.
        message: String,
    },
}

impl Error {
    pub(crate) fn refused(error: ApiError) -> Self {
        Self::Refused { code: error.code.into_owned(), message: error.message }
    }
}
