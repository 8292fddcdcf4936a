//! The command line through its front door: the real binary, against a sandbox account in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod acting;
mod audit;
mod auditor;
mod change;
mod configuration;
mod custody;
mod errors;
mod filters;
mod guide;
mod harness;
mod import;
mod init;
mod life_cycle;
mod mapping;
mod moment;
mod no_credentials;
mod output;
mod own_rights;
mod password;
mod peer;
mod plans;
mod policy;
mod protect;
mod r01_killed_job;
mod r02_killed_import;
mod r03_crash_points;
mod r28_killed_deletion;
mod r30_renames;
mod r37_stale_plan;
mod r38_dry_run;
mod restore;
mod rights;
mod roles;
mod s02_altered_secrets;
mod s09_bad_recipients;
mod s26_extreme_names;
mod s29_roles;
mod s30_external_id;
mod sandbox;
mod secrets;
mod suspended;
mod system;
mod waiting_jobs;
mod walk;
