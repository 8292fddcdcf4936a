//! Patience with IAM, which does not know a new key everywhere at once.

use std::time::Duration;

use keyreeve_connector::{Cause, Error, Retry};
use tokio::time::Instant;

/// How long, and how often.
#[derive(Debug, Clone, Copy)]
pub struct Settling {
    /// How long a new key may be unknown, or a change unseen.
    pub longest: Duration,
    /// The wait before the first repeat; it doubles, up to five seconds.
    pub first_wait: Duration,
    /// How many times in a row a key must work before it counts as proven.
    pub proofs: u32,
    /// The wait between two proofs: they reach different machines of AWS.
    pub between_proofs: Duration,
}

impl Default for Settling {
    fn default() -> Self {
        Self {
            longest: Duration::from_secs(90),
            first_wait: Duration::from_millis(500),
            proofs: 3,
            between_proofs: Duration::from_millis(500),
        }
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Waits, until patience ends.
pub(super) struct Patience {
    since: Instant,
    next: Duration,
    longest: Duration,
}

impl Settling {
    pub(super) fn patience(&self) -> Patience {
        Patience { since: Instant::now(), next: self.first_wait, longest: self.longest }
    }
}

impl Patience {
    /// Waits a little; `false` when it is enough.
    pub(super) async fn wait(&mut self, at_least: Duration) -> bool {
        if self.since.elapsed() >= self.longest {
            return false;
        }
        tokio::time::sleep(self.next.max(at_least)).await;
        self.next = (self.next * 2).min(LONGEST_WAIT);
        true
    }

    /// After a call that may be made again: waits a little. `false` when it may not, or it is enough. `settles` says
    /// that IAM may not know the key yet; `again` that making the call twice is the same as once.
    pub(super) async fn may_repeat(&mut self, error: &Error, settles: bool, again: bool) -> bool {
        let wait = match (error.retry(), error.cause) {
            (Retry::After(wait), _) => wait,
            (Retry::Never, Cause::CredentialBad) if settles => Duration::ZERO,
            (Retry::Never, Cause::Unknown) if again => Duration::ZERO,
            (Retry::Never, _) => return false,
        };
        self.wait(wait).await
    }
}
