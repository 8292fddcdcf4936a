//! Named points at which a test can end the process, to prove that each of them is safe.
//!
//! Only with the feature `faults`, which no released binary has, and the environment variable `KEYREEVE_CRASH_AT`:
//! the name of a point, and after a colon the how-manieth passing of it ends the process.

/// Passes a point.
#[cfg(feature = "faults")]
pub(super) fn pass(point: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("KEYREEVE_CRASH_AT") else { return };
    let (name, number) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if name == point && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == number.parse().unwrap_or(1) {
        // As abrupt as a kill: nothing is flushed, no destructor runs.
        std::process::abort();
    }
}

/// Passes a point.
#[cfg(not(feature = "faults"))]
pub(super) fn pass(_: &str) {}
