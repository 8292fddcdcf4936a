//! One suite for both databases: every test runs on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod attention;
mod audit_sinks;
mod backup;
mod checkpoint;
mod damage;
mod dispatch;
mod documents;
mod envelopes;
mod everywhere;
mod faults;
mod gone;
mod history;
mod kept;
mod key;
mod key_rotations;
mod moving;
mod paces;
mod people;
mod place;
mod pooler;
mod provisioning;
mod reading;
mod rekey;
mod request_keys;
mod restore;
mod runs;
mod sample;
mod schedules;
mod scim;
mod secrets;
mod systems;
mod task_mappings;
mod version;
