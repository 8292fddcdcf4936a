//! The sandbox through its front doors: signed requests on one port, JSON on the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod admin;
mod assignments;
mod client;
mod consistency;
mod credentials_write;
mod delete_conflict;
mod faults;
mod identity;
mod login_profiles;
mod material;
mod organization;
mod paging;
mod policies_enforced;
mod policies_write;
mod quotas;
mod reads;
mod report;
mod roles;
mod seeding;
mod tags;
mod trace;
mod users_write;
mod write_faults;
