//! The sandbox through its front doors: signed requests on one port, JSON on the other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod admin;
mod client;
mod faults;
mod identity;
mod paging;
mod reads;
mod report;
mod seeding;
