//! Provisioning: carries out what was planned so that a crash at any instant loses nothing and repeats safely.
//!
//! [`decide`] is pure: given a task as its journal says it stands and what has just happened, it says what is to be
//! written down and what comes next. [`Worker`] is the thin shell that makes the calls. Every call is written down
//! before it is made and its outcome after; a call whose outcome is not known is settled by looking (`settle`), never
//! by guessing; a wait longer than a moment is a column of the task, never a sleep.

mod administrators;
mod claims;
mod crash_points;
mod decide;
mod fold;
mod guard;
mod hand_over;
mod held;
mod journal;
mod look;
mod observe;
mod opening;
mod password_policy;
mod recheck;
mod replan;
mod retry;
mod settle;
mod task_run;
mod worker;

pub use decide::{Answer, Context, Decision, Event, Identified, Next, Refreshed, Sight, decide};
pub use fold::fold;
pub use hand_over::{HandOver, HandOverError, Handed, SECRET_LIVES};
pub use look::{LOOK_HOLDS, Look};
pub use opening::{OpenError, Revealed, open_once, reveal};
pub use retry::Rules;
pub use worker::{Elsewhere, Ended, WorkError, Worker};
