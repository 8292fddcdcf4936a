//! The connector against answers of all kinds: canned ones, the sandbox's, and those of independent look-alikes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod canned;
mod changes;
mod conformance;
mod connection;
mod hostile;
mod kms;
mod listings;
mod refusals;
mod sandbox;
