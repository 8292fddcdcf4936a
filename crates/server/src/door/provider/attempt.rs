//! One attempt to sign in: what a browser keeps while it is elsewhere. State, nonce and verifier are made from that alone
//! and a key of this process, so nothing is kept here until somebody comes back, and what comes back with another
//! browser, twice, or late is refused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use keyreeve_model::Secret;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::Refused;

/// An attempt lasts so long.
pub(crate) const LASTS: SignedDuration = SignedDuration::from_mins(10);
/// So many that came back are remembered; each lasts no longer than an attempt.
const MOST_USED: usize = 100_000;
const RANDOM_BYTES: usize = 32;

/// Attempts of this process.
pub(crate) struct Attempts {
    key: [u8; 32],
    /// Those that came back, and when they began, in seconds.
    used: Mutex<HashMap<[u8; RANDOM_BYTES], i64>>,
}

/// An attempt.
pub(crate) struct Attempt {
    /// What the browser keeps.
    pub(crate) cookie: Secret,
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

impl Attempts {
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0_u8; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key, used: Mutex::default() })
    }

    pub(crate) fn begin(&self, now: Timestamp) -> Result<Attempt, Refused> {
        let mut value = [0_u8; RANDOM_BYTES];
        getrandom::fill(&mut value).map_err(|error| Refused::Unreachable(error.to_string()))?;
        Ok(self.made_from(&value, now.as_second()))
    }

    /// The attempt that a browser comes back from, which it does once.
    pub(crate) fn take_up(
        &self,
        cookie: Option<&Secret>,
        state: Option<&str>,
        now: Timestamp,
    ) -> Result<Attempt, Refused> {
        let (value, begun) = cookie.and_then(read).ok_or(Refused::NoAttempt)?;
        let attempt = self.made_from(&value, begun);
        // The cookie's own code is its last part: nobody else has made it, and the time in it is right.
        let genuine = cookie.is_some_and(|cookie| same(cookie.expose(), attempt.cookie.expose()));
        let state_fits = state.is_some_and(|state| same(state, &attempt.state));
        if !genuine || !state_fits {
            return Err(Refused::NoAttempt);
        }
        let since = now.as_second() - LASTS.as_secs();
        if begun <= since {
            return Err(Refused::Late);
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MOST_USED {
            used.retain(|_, begun| *begun > since);
        }
        if used.len() >= MOST_USED || used.insert(value, begun).is_some() {
            return Err(Refused::Twice);
        }
        Ok(attempt)
    }

    fn made_from(&self, value: &[u8; RANDOM_BYTES], begun: i64) -> Attempt {
        let text = format!("{}.{begun}", BASE64_URL_SAFE_NO_PAD.encode(value));
        let derive = |what: &str| {
            // A key of any length is taken.
            let mac = Hmac::<Sha256>::new_from_slice(&self.key).map(|mut mac| {
                mac.update(format!("{what}\0{text}").as_bytes());
                BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
            });
            mac.unwrap_or_default()
        };
        Attempt {
            cookie: Secret::new(format!("{text}.{}", derive("cookie"))),
            state: derive("state"),
            nonce: derive("nonce"),
            verifier: derive("verifier"),
        }
    }
}

fn read(cookie: &Secret) -> Option<([u8; RANDOM_BYTES], i64)> {
    let (value, rest) = cookie.expose().split_once('.')?;
    let value = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()?;
    Some((value, rest.split_once('.')?.0.parse().ok()?))
}

/// Whether two codes are the same, in a time that does not tell how much of them is.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn s42_an_attempt_comes_back_once_in_time_with_its_own_browser_and_state() {
        let attempts = Attempts::new().unwrap();
        let (mine, other) = (attempts.begin(at(0)).unwrap(), attempts.begin(at(0)).unwrap());
        assert!(mine.state != other.state && mine.nonce != mine.state && mine.verifier.len() >= 43);
        let back =
            |cookie: Option<&Secret>, state: &str, second| attempts.take_up(cookie, Some(state), at(second));
        for (cookie, state) in [
            (None, mine.state.as_str()),
            (Some(&other.cookie), mine.state.as_str()),
            (Some(&mine.cookie), other.state.as_str()),
            (Some(&mine.cookie), ""),
        ] {
            assert!(matches!(back(cookie, state, 1), Err(Refused::NoAttempt)));
        }
        assert!(attempts.take_up(Some(&mine.cookie), None, at(1)).is_err());
        assert!(matches!(back(Some(&mine.cookie), &mine.state, 600), Err(Refused::Late)));
        let later = Secret::new(mine.cookie.expose().replace("1700000000", "1700000500"));
        assert!(matches!(back(Some(&later), &mine.state, 700), Err(Refused::NoAttempt)));
        let came = back(Some(&mine.cookie), &mine.state, 599).unwrap();
        assert_eq!((came.nonce, came.verifier), (mine.nonce, mine.verifier));
        assert!(matches!(back(Some(&mine.cookie), &mine.state, 599), Err(Refused::Twice)));
        // Of another process: its key is another one.
        let elsewhere = Attempts::new().unwrap();
        assert!(elsewhere.take_up(Some(&other.cookie), Some(&other.state), at(1)).is_err());
    }
}
