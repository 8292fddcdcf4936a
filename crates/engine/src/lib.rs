//! What Keyreeve does: read what is, find what changed, and (with provisioning) carry out what is wished.
//!
//! The engine sees a [`Connector`](keyreeve_connector::Connector) and a [`Store`](keyreeve_store::Store), never AWS
//! and never SQL. Decisions are pure functions over plain data; a thin shell around them makes the calls and
//! writes the outcome, so that the same decisions can be driven by a test without a network.
//!
//! - [`import`] reads a system whole and publishes what changed;
//! - [`plan`] turns wishes into ordered steps, and says what stands in their way;
//! - [`provisioning`] carries plans out, call by call, written down before and after;
//! - [`desk`] is where changes are asked for and decided, whoever asks;
//! - [`schedule`] does what happens by itself: scheduled imports, and chores;
//! - [`systems`] registers systems and keeps their credentials tied to one AWS account;
//! - [`organization`] finds the accounts of an AWS organization, and keeps a system for each;
//! - [`rights`] says who may do what;
//! - [`tokens`] makes access tokens, and says whose one is;
//! - [`people`] lets people sign in, and says whose a session is;
//! - [`mapping`] works out names, paths, tags and extra calls by a system's task mappings;
//! - [`export`] writes all of something to a file, piece by piece;
//! - [`escape`] makes text from outside harmless for a terminal;
//! - [`moment`] is the time that a reading speaks of;
//! - [`unseen`] holds what we changed of accounts and no import has seen;
//! - [`near`] says which name was probably meant;
//! - [`pace`] decides how fast an AWS account may be asked;
//! - [`connections`] leads from a system to a connection with it;
//! - [`own_policy`] gathers what decides which policy a connector needs;
//! - [`threads`] runs work whose futures are not `Send`;
//! - [`key_ages`] says how old keys are, and how old they may become;
//! - [`drift`] is what was changed here and is not so in AWS;
//! - [`check`] is one thing that was looked at, and what to do about it;
//! - [`clock`] is the time, passed in.

// Futures that wait for futures: an optimised build looks deeper into them than 128.
// Whoever waits for a future holds it on the stack, and a thread has 2 MiB: what is large goes into a box.
#![warn(clippy::large_futures)]
#![recursion_limit = "256"]

pub mod check;
pub mod clock;
pub mod connections;
pub mod desk;
pub mod drift;
pub mod escape;
pub mod export;
pub mod import;
pub mod key_ages;
pub mod key_rotation;
pub mod mapping;
mod measures;
pub mod moment;
pub mod near;
pub mod organization;
pub mod own_policy;
pub mod pace;
pub mod password;
pub mod people;
pub mod places;
pub mod plan;
pub mod provisioning;
pub mod rights;
pub mod schedule;
pub mod systems;
pub mod threads;
pub mod tokens;
pub mod unseen;
