//! The sandbox's clock: the machine's clock, shifted.
//!
//! Two shifts, because two things are asked of it. `advance` lets time pass for what is *kept* (ages,
//! expiries, creation dates) while a client signing with the real time is still believed. `set_skew` makes
//! the whole account's clock wrong, as a client with a wrong clock would see it: in `Date` and in the check
//! of the signature's time.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

#[derive(Debug, Default)]
pub(crate) struct Clock {
    passed_seconds: AtomicI64,
    skew_seconds: AtomicI64,
}

impl Clock {
    /// The time of what the sandbox keeps, to the second.
    pub(crate) fn now(&self) -> Timestamp {
        shift(self.on_the_wire(), self.passed_seconds.load(Ordering::SeqCst))
    }

    /// The time the sandbox tells its clients, and holds their signatures against.
    pub(crate) fn on_the_wire(&self) -> Timestamp {
        let second = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        shift(second, self.skew_seconds.load(Ordering::SeqCst))
    }

    /// Lets this much more time pass.
    pub(crate) fn advance(&self, seconds: i64) {
        self.passed_seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Lets time pass (or turns it back) so that it is now `at`.
    pub(crate) fn set(&self, at: Timestamp) {
        let passed = at.as_second() - self.on_the_wire().as_second();
        self.passed_seconds.store(passed, Ordering::SeqCst);
    }

    /// Makes the clock on the wire wrong by this much.
    pub(crate) fn set_skew(&self, seconds: i64) {
        self.skew_seconds.store(seconds, Ordering::SeqCst);
    }
}

/// `at` moved by whole seconds, kept inside what a timestamp can hold.
pub(crate) fn shift(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(at)
}
