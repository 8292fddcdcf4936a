//! Why an import could not be run at all.

use keyreeve_store::StoreError;

/// An import could not be run at all. (One that ran and failed is an [`ImportRun`](keyreeve_model::ImportRun) in state `failed`.)
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The system is quarantined.
    #[error(
        "system {system} is quarantined and is not imported: {reason}. Mend the cause, then use \
         `keyreeve system release {system}`"
    )]
    Quarantined {
        /// Its System ID.
        system: String,
        /// Why.
        reason: String,
    },
    /// Its AWS account is not in use.
    #[error("system {system} is suspended and is not imported: {reason}")]
    Suspended {
        /// Its System ID.
        system: String,
        /// Why.
        reason: String,
    },
    /// The system was removed.
    #[error("system {0} was removed: its history can be read, but it is not imported any more")]
    Removed(String),
    /// The connector cannot read.
    #[error("the connector of system {0} cannot read accounts and resources")]
    NoInventory(String),
    /// The AWS account could not be identified before the first import.
    #[error("the AWS account of system {system} could not be identified: {source}")]
    Identify {
        /// Its System ID.
        system: String,
        /// Why.
        source: keyreeve_connector::Error,
    },
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}
