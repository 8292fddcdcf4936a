//! The account's password policy, read once for many passwords.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_connector::PasswordPolicy;
use tokio::sync::Mutex;

use super::retry::signed;

/// A policy that was read is taken to be in force for this long. It is read anew sooner if AWS refuses a password.
const FRESH: Duration = Duration::from_secs(60);

/// The policy as it was last read. One per job under way; an outdated one costs a refused password, never a weak one.
#[derive(Debug, Default)]
pub(super) struct LivePolicy(Mutex<Option<(Timestamp, Option<PasswordPolicy>)>>);

impl LivePolicy {
    /// The policy, read with `read` if it is not known freshly; `None` where none is set or `read` fails. Those who
    /// ask meanwhile wait for the same answer. What could not be read is asked for again by the next.
    pub(super) async fn get<E>(
        &self,
        now: Timestamp,
        read: impl Future<Output = Result<Option<PasswordPolicy>, E>>,
    ) -> Option<PasswordPolicy> {
        let mut known = self.0.lock().await;
        if let Some((at, policy)) = &*known
            && now.duration_since(*at).abs() < signed(FRESH)
        {
            return policy.clone();
        }
        *known = None;
        let policy = read.await.ok()?;
        *known = Some((now, policy.clone()));
        policy
    }

    /// Forgets it: AWS refused a password made to it.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn it_is_read_once_and_anew_when_old_refused_or_unreadable() {
        let (live, reads) = (LivePolicy::default(), Cell::new(0));
        let read = async |works: bool| {
            reads.set(reads.get() + 1);
            if works { Ok(None) } else { Err(()) }
        };
        let at = |second| Timestamp::from_second(second).unwrap();
        live.get(at(0), read(false)).await;
        live.get(at(0), read(true)).await;
        live.get(at(59), read(true)).await;
        assert_eq!(reads.get(), 2);
        live.get(at(60), read(true)).await;
        assert_eq!(reads.get(), 3);
        live.forget().await;
        live.get(at(61), read(true)).await;
        assert_eq!(reads.get(), 4);
        // The clock was set back.
        live.get(at(-100), read(true)).await;
        assert_eq!(reads.get(), 5);
    }
}
