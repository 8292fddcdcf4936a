//! How often may be tried to sign in (S39): for each address, for each name, for each name from each address, and over
//! all. Whoever has signed in from an address before is held there to the last but one alone, so that what others try
//! elsewhere keeps nobody out, and no wait is ever longer than the time of one attempt.
//!
//! What is kept is a table of a fixed size: names and addresses that fall into one place are held to its rate together.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Places of the table, for each kind of rate.
const PLACES: usize = 16_384;

/// Kinds of places: of addresses, names, both, ways by a provider, one-time secrets.
const KINDS: usize = 5;
/// The place of all together.
const ALL: usize = KINDS * PLACES;

/// So many attempts at once, and then one in so long.
#[derive(Clone, Copy)]
struct Rate {
    at_once: i64,
    every: i64,
}

const OF_ADDRESS: Rate = Rate { at_once: 20, every: 6_000 };
const OF_NAME: Rate = Rate { at_once: 10, every: 30_000 };
const OF_NAME_AND_ADDRESS: Rate = Rate { at_once: 5, every: 15_000 };
/// Who only sets out for a provider, or comes back, costs little, and behind one address there may be many.
const OF_PROVIDER: Rate = Rate { at_once: 120, every: 1_000 };
/// Whoever holds a one-time secret has it right at once; there may be many behind one address on a first day.
const OF_SECRET: Rate = Rate { at_once: 120, every: 1_000 };
const OF_ALL: Rate = Rate { at_once: 60, every: 500 };

/// It was tried too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there were too many attempts; try again in {} seconds", .wait.as_secs().max(1))]
pub struct TooMany {
    /// After so long it may be tried again.
    pub wait: Duration,
}

impl TooMany {
    /// After so many whole seconds it may surely be tried again, as `Retry-After` has it (RFC 9110 section 10.2.3).
    #[must_use]
    pub fn retry_after_seconds(&self) -> u64 {
        self.wait.as_secs() + 1
    }
}

/// How often it was tried of late.
pub struct Throttle {
    keys: RandomState,
    // For each place the moment, in milliseconds, up to which its attempts are paid for.
    paid: Mutex<Box<[i64]>>,
}

impl Default for Throttle {
    fn default() -> Self {
        // The last place is that of all.
        Self { keys: RandomState::new(), paid: Mutex::new(vec![0; ALL + 1].into()) }
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

/// What stands for an address: itself, of IPv6 the network that one customer is given.
#[must_use]
pub fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) if address.is_loopback() => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl Throttle {
    /// One attempt more of this name from this network, where they may have signed in `before`.
    ///
    /// # Errors
    /// [`TooMany`]; the attempt does not count then.
    pub fn attempt(&self, name: &str, network: &str, before: bool, now: Timestamp) -> Result<(), TooMany> {
        let own = (self.place(2, &(name, network)), OF_NAME_AND_ADDRESS);
        let everywhere =
            [(self.place(0, &network), OF_ADDRESS), (self.place(1, &name), OF_NAME), (ALL, OF_ALL)];
        let counted: Vec<_> =
            std::iter::once(own).chain(everywhere.into_iter().filter(|_| !before)).collect();
        self.take(&counted, now)
    }

    /// One attempt more from this network by way of a provider, of nobody in particular yet.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn attempt_from(&self, network: &str, now: Timestamp) -> Result<(), TooMany> {
        self.take(&[(self.place(3, &network), OF_PROVIDER)], now)
    }

    /// One attempt more from this network at a one-time secret.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn attempt_secret(&self, network: &str, now: Timestamp) -> Result<(), TooMany> {
        self.take(&[(self.place(4, &network), OF_SECRET)], now)
    }

    /// Forgets the attempts of a name from a network: it was them.
    pub fn signed_in(&self, name: &str, network: &str) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(paid) = paid.get_mut(self.place(2, &(name, network))) {
            *paid = 0;
        }
    }

    fn take(&self, counted: &[(usize, Rate)], now: Timestamp) -> Result<(), TooMany> {
        let now = now.as_millisecond();
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let until = |paid: &[i64], (place, rate): (usize, Rate)| {
            // Never further ahead than attempts can lead, also when the clock was put back.
            let latest = now + rate.every * rate.at_once;
            paid.get(place).copied().unwrap_or(0).clamp(now, latest)
        };
        let wait = |one: &(usize, Rate)| until(&paid, *one) - now - one.1.every * (one.1.at_once - 1);
        let longest = counted.iter().map(wait).max().unwrap_or(0);
        if longest > 0 {
            return Err(TooMany { wait: Duration::from_millis(longest.unsigned_abs()) });
        }
        for one in counted {
            let next = until(&paid, *one) + one.1.every;
            if let Some(paid) = paid.get_mut(one.0) {
                *paid = next;
            }
        }
        Ok(())
    }

    fn place(&self, kind: usize, of: &impl std::hash::Hash) -> usize {
        let within = usize::try_from(self.keys.hash_one((kind, of)) % PLACES as u64).unwrap_or(0);
        kind * PLACES + within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
    }

    #[test]
    fn s39_ten_thousand_a_minute_from_everywhere_are_throttled_and_the_administrator_is_not_kept_out() {
        let throttle = Throttle::default();
        let mut let_through = 0;
        for attempt in 0..10_000_i64 {
            let now = at(attempt * 6);
            let network = format!("198.51.{}.{}", attempt / 250, attempt % 250);
            let_through += i64::from(throttle.attempt("ada", &network, false, now).is_ok());
            // Once a minute she signs in from where she always does.
            if attempt % 2_500 == 0 {
                assert_eq!(throttle.attempt("ada", "192.0.2.1", true, now), Ok(()), "{attempt}");
                throttle.signed_in("ada", "192.0.2.1");
            }
        }
        assert!((10..=13).contains(&let_through), "{let_through}");
        // From a new address she waits as long as one attempt takes, and no longer.
        let wait = throttle.attempt("ada", "203.0.113.7", false, at(59_995)).unwrap_err().wait;
        assert!(wait <= Duration::from_secs(30), "{wait:?}");
        assert_eq!(throttle.attempt("ada", "203.0.113.7", false, at(59_995 + 30_000)), Ok(()));
    }

    #[test]
    fn s39_an_address_and_all_together_have_their_rates_whatever_names_are_tried() {
        let throttle = Throttle::default();
        let tried = |n: i64, network: &str| throttle.attempt(&format!("p{n}"), network, false, at(0)).is_ok();
        assert_eq!((0..100).filter(|n| tried(*n, "192.0.2.9")).count(), 20);
        let elsewhere =
            (0..1_000).filter(|n| tried(1_000 + n, &format!("10.0.{}.{}", n / 250, n % 250))).count();
        assert!(elsewhere <= 40, "{elsewhere}");
    }

    #[test]
    fn s08_secrets_are_guessed_at_a_rate_from_each_address_and_beside_whoever_signs_in_there() {
        let throttle = Throttle::default();
        let guessed = |network: &str, millis| throttle.attempt_secret(network, at(millis)).is_ok();
        assert_eq!((0..1_000).filter(|_| guessed("192.0.2.9", 0)).count(), 120);
        assert_eq!((0..1_000).filter(|_| guessed("192.0.2.9", 60_000)).count(), 60);
        assert!(guessed("192.0.2.10", 60_000));
        assert_eq!(throttle.attempt("ada", "192.0.2.9", false, at(60_000)), Ok(()));
    }

    #[test]
    fn one_name_from_one_address_has_five_attempts_and_then_one_in_a_while() {
        let throttle = Throttle::default();
        let tried = |millis| throttle.attempt("ada", "192.0.2.1", true, at(millis));
        assert_eq!((0..10).filter(|_| tried(0).is_ok()).count(), 5);
        assert_eq!(tried(14_000).unwrap_err().wait, Duration::from_secs(1));
        assert_eq!(tried(15_000), Ok(()));
        // A clock that was put back an hour keeps nobody out for an hour.
        assert!(tried(15_000 - 3_600_000).unwrap_err().wait <= Duration::from_secs(15));
    }

    #[test]
    fn networks_stand_for_addresses() {
        let of = |address: &str| network_of(address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!((of("::ffff:192.0.2.1"), of("::1")), ("192.0.2.1".to_owned(), "::1".to_owned()));
    }
}
