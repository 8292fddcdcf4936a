//! One store over SQLite or PostgreSQL, and the only crate that knows SQL.
//!
//! [`Store`] keeps the connected systems with their encrypted credentials, the import runs with their evidence,
//! the history of every account, resource and assignment, and the provisioning jobs with all that happened to them.
//! What callers can rely on:
//!
//! - **One method, one transaction.** A method either did all it says, or nothing. Transient refusals of the
//!   database (busy, serialisation, deadlock, a connection lost before anything was sent) are retried as whole
//!   transactions a few times.
//! - **Publishing is atomic and fenced.** Readers see run N or run N-1; only the holder of the run's lease can
//!   publish, and only onto the run it was compared with.
//! - **History by difference.** An object has one row for each span of runs in which it did not change, so an
//!   unchanged import writes no object rows. Every published run can be read back.
//! - **Nothing is changed without a word.** What provisioning writes has a row in the audit log, in the same
//!   transaction; the rows are chained by their hashes.
//! - **A lost lease writes nothing.** What happens to a task is written only by the worker that holds it.
//! - **No clock.** "Now" is always a parameter; only how fast AWS is asked goes by the database's own. Times are kept in
//!   milliseconds.
//! - **No secret in clear.** Secrets are sealed under data keys, and these under the [`StoreKey`], before they come near
//!   a statement.
//! - **A damaged store never opens as an empty one.** [`Store::open`] opens only what [`Store::create`] made.

mod access_calls;
mod attention;
mod audit;
mod backup;
mod cipher;
mod connect;
mod connection_tests;
mod crash_points;
mod custody;
mod data_keys;
mod dialect;
mod dispatch;
mod documents;
mod error;
#[cfg(feature = "faults")]
mod faults;
mod filter;
mod history;
mod import_profiles;
mod import_runs;
mod import_schedules;
mod inventory;
mod kept;
mod key;
mod key_renewal;
mod key_rotations;
mod measures;
mod migrate;
mod moments;
mod moving;
mod notifications;
mod organizations;
mod outgrown;
mod pending;
mod people;
mod provisioning;
mod reach;
mod regular_file;
mod rekey;
mod request_keys;
mod restore;
mod row;
mod scim;
mod secrets;
mod signers;
mod sqlite_file;
mod sqlite_hold;
mod sqlite_pools;
mod statement;
mod store_keys;
mod systems;
mod task_mappings;
mod time;
mod tokens;
mod transaction;
mod url;
mod writable;

pub use access_calls::{AccessCall, AccessOutcome};
pub use attention::{Attention, FailedImport, JobStanding, SuspendedRun, SystemStanding, Unconfirmed};
pub use audit::{
    AUDIT_ACTIONS, AuditBatch, AuditCheckpoint, AuditFilter, AuditFrom, AuditHead, AuditRow,
    AuditSinkStanding, CHECKPOINT_NAME, CheckpointState,
};
pub use backup::{backup_is_sound, folder_of};
pub use connect::{Closing, Store};
pub use connection_tests::ConnectionTest;
pub use crash_points::{CrashPoint, CrashStage};
pub use custody::{
    EnvironmentCustody, FileCustody, KeyCustody, KeyRecord, MadeKey, NextFileCustody, SystemdCustody,
    key_file_holds,
};
pub use dispatch::{AccountPace, Errand, ErrandKind, NewErrand, PaceNow, PlaceLease, PlaceTaken};
pub use documents::ReadVersion;
pub use error::{DatabaseFailure, StoreError};
#[cfg(feature = "faults")]
pub use faults::{ask_postgres, tell_postgres};
pub use filter::{
    AccountFilter, AccountOrder, AsOf, AssignmentFilter, AssignmentSlice, ChangeFilter, ChangePlace,
    ChangeSlice, JobSlice, Mfa, ResourceFilter, ResourceOrder, RunSlice, Slice, SlicePlace, SortKey,
};
pub use import_runs::{ImportLease, Outcome, PlacedChange, PublishedRun, RunRecord, changes_sha256};
pub use import_schedules::{ImportSchedule, ScheduledRun, Turn, TurnOutcome};
pub use inventory::{
    AccountCounts, AccountEvent, AccountPlace, Found, Gone, HeldFilter, HeldPlace, HeldSlice, InlineHolder,
    InlineSince, LastKnown, NamedResource, ScimGroups, ScimStanding, ScimUsers, Searched, SeenIn, fits,
};
pub use kept::{GivenUp, LeftToRemove};
pub use key::{KeyError, StoreKey, is_key};
pub use key_rotations::{KeyRotation, NewRotation, RotationState};
pub use measures::Standing;
pub use moving::{Moved, MovedTable, left_by_moves};
pub use notifications::{MOST_UNTOLD, Notification};
pub use organizations::KnownOrganization;
pub use people::{AdminsLeft, KnownPerson, NewPerson, NewSession, SessionLife, SignInFailures, Vouched};
pub use provisioning::{
    AcceptedDrift, AskedTask, AssignmentStep, BEARER, Cap, ClaimId, ClaimedTask, ClaimsSeen, Decided,
    DeliveryState, Drift, JobLine, JobLineSlice, JobTry, JournalEntry, JournalEvent, NewJob, NewStep,
    NewTask, OpenDeletion, PasswordDelivery, Retry, SealedPassword, SwitchedOff, TaskLease,
    UnclaimedPassword, WithJob,
};
pub use regular_file::open_regular_file;
pub use rekey::{KeyFacts, KeyStatus, Rekey, RekeyPlan, Resealed};
pub use request_keys::{KeyClaim, KnownRegistration, KnownRequest, RequestKey};
pub use restore::{
    BroughtBack, Compared, GoneSince, GoneToken, KEY_OF_THE_BACKUP, Restoration, left_by_restores,
};
pub use scim::{ScimBecomes, ScimDeleted, ScimMark, ScimRecord, ScimSaid, ScimUnbegun};
pub use signers::{Signer, SignerPart};
pub use sqlite_file::{beside, remove_database};
pub use sqlite_pools::work_below_others;
pub use systems::{NewSystem, SystemFilter, SystemOrder, SystemPatch, SystemPlace, SystemSlice};
pub use task_mappings::StoredMapping;
pub use tokens::{NewToken, use_is_noted};
pub use url::{DatabaseUrl, UrlError};
