//! Faults on demand, matched by what a call is (action, subject, page, attempt), not by when it comes, so
//! that concurrency does not change what is hit.

mod bucket;
mod rule;
mod schedule;

pub use self::rule::{CallRange, Effect, FaultMatch, FaultRule, FaultState, Malformed, Phase};
pub(crate) use self::schedule::{Faults, Fired, Operation};
