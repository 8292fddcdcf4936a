//! Who does what, where many processes work on one store.
//!
//! - An [errand](errands) says that something is to be looked at: a job, or a schedule whose time has come.
//! - A [place](places) is the right of one process to change one AWS account.
//! - A [pace](paces) says how fast one AWS account is asked, by all of them together.

mod errands;
mod paces;
mod places;

pub use errands::{Errand, ErrandKind, NewErrand};
pub use paces::{AccountPace, PaceNow};
pub(crate) use places::require;
pub use places::{PlaceLease, PlaceTaken};
