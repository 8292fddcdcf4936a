//! One store over SQLite or PostgreSQL, and the only crate that knows SQL.
//!
//! [`Store`] keeps the connected systems with their encrypted credentials, the import runs with their evidence,
//! and the history of every account, resource and assignment. What callers can rely on:
//!
//! - **One method, one transaction.** A method either did all it says, or nothing. Transient refusals of the
//!   database (busy, serialisation, deadlock, a connection lost before anything was sent) are retried as whole
//!   transactions a few times.
//! - **Publishing is atomic and fenced.** Readers see run N or run N-1; only the holder of the run's lease can
//!   publish, and only onto the run it was compared with.
//! - **History by difference.** An object has one row for each span of runs in which it did not change, so an
//!   unchanged import writes no object rows. Every published run can be read back.
//! - **No clock.** "Now" is always a parameter. Times are kept in milliseconds.
//! - **No secret in clear.** Secrets are sealed under the [`StoreKey`] before they come near a statement.
//! - **A damaged store never opens as an empty one.** [`Store::open`] opens only what [`Store::create`] made.

mod backup;
mod connect;
mod dialect;
mod error;
#[cfg(feature = "faults")]
mod faults;
mod filter;
mod history;
mod import_profiles;
mod import_runs;
mod inventory;
mod key;
mod migrate;
mod row;
mod secrets;
mod sqlite_file;
mod statement;
mod systems;
mod time;
mod transaction;
mod url;

pub use backup::{backup_is_sound, restore};
pub use connect::Store;
pub use error::{DatabaseFailure, StoreError};
pub use filter::{AccountFilter, AsOf, AssignmentFilter, ResourceFilter};
pub use import_runs::{ImportLease, Outcome, RunRecord, changes_sha256};
pub use key::{EnvironmentCustody, FileCustody, KeyCustody, KeyError, StoreKey};
pub use systems::{NewSystem, SystemPatch};
pub use url::{DatabaseUrl, UrlError};
