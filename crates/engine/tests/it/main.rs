//! The import engine through its front door: the real connector over HTTP against the sandbox, and a store in a
//! temporary SQLite file. One file for each promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[cfg(target_os = "linux")]
mod below_others;
mod documents;
mod harness;
mod pacing;
mod provisioning;
mod r05_half_failed_import;
mod r06_lying_pages;
mod r07_changes_meanwhile;
mod r08_cross_check;
mod r09_second_look;
mod r10_thresholds;
mod r11_wrong_account;
mod r19_store_failures;
mod r22_expired_credentials;
mod r23_denied_listing;
mod r27_hostile_bodies;
mod schedule;
mod scope;
mod simulation;
