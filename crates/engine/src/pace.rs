//! How fast one AWS account may be asked: one [`Pacer`] per account, shared by all that calls it.
//!
//! AWS publishes no request rates for IAM, and shares them with every person and program of the account. So a
//! pacer starts without a limit. Throttlings tell it what there is: at each of them what AWS grants is used up, so
//! what got through between two of them is what AWS grants in that time. From there it goes a little below, climbs
//! back, and probes further only slowly. A cap set by an operator is never exceeded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keyreeve_model::AwsAccountId;
use tokio::sync::{Semaphore, SemaphorePermit};

/// After a throttling the rate falls to this share of what was getting through.
const DECREASE: f64 = 0.9;
/// What got through between two throttlings says at most so much less than was thought to.
const DOUBT: f64 = 0.2;
/// Throttlings within this time of a decrease are echoes of the same excess.
const ECHO: Duration = Duration::from_millis(400);
/// How steeply the rate leaves what is granted, per cubed second: it climbs back fast, lingers there, and then probes
/// ever faster (the curve TCP CUBIC uses, RFC 9438). With [`DECREASE`], it is back after ten seconds, and what is
/// saved until then is used up after ten more: one throttling in twenty seconds.
const STEEPNESS: f64 = 0.0001;
/// Never slower than this, in requests a second.
const SLOWEST: f64 = 1.0;
/// The least that the first throttling is taken to have been too much, in requests a second.
const FIRST_GUESS: f64 = 10.0;
/// What got through before the first throttling is counted over this long at least.
const SHORTEST: Duration = Duration::from_millis(500);

/// With a limit, so many may go on at least, each making one call after the other.
const FEWEST: u32 = 4;
/// All that is admitted at once, in parts: the more are, the fewer of these each takes.
const PARTS: u32 = 1_000;

/// Paces the calls to one AWS account.
#[derive(Debug)]
pub struct Pacer {
    slots: Semaphore,
    parts: Semaphore,
    rate: Mutex<Rate>,
}

/// The permission to make one call now; give it back by dropping it.
#[derive(Debug)]
pub struct Turn<'a> {
    _slot: SemaphorePermit<'a>,
}

/// The permission to go on with many calls, one after the other; give it back by dropping it.
#[derive(Debug)]
pub struct Admission<'a> {
    _parts: SemaphorePermit<'a>,
}

#[derive(Debug)]
struct Rate {
    /// Requests a second; `None` while nothing was throttled and no cap is set.
    limit: Option<f64>,
    /// What is thought to be granted, in requests a second: the cap at first, or anything.
    granted: f64,
    cap: Option<f64>,
    /// When the next request may start.
    next: Instant,
    decreased: Option<Instant>,
    /// Since when [`Rate::passed`] counts: the first call that got through, then the last decrease.
    counted_since: Option<Instant>,
    passed: u32,
}

impl Pacer {
    /// A pacer that lets at most `concurrency` calls run at once and at most `cap` start per second.
    #[must_use]
    pub fn new(concurrency: u32, cap: Option<f64>) -> Self {
        let now = Instant::now();
        Self {
            slots: Semaphore::new(concurrency.max(1) as usize),
            parts: Semaphore::new(PARTS as usize),
            rate: Mutex::new(Rate {
                limit: cap,
                granted: cap.unwrap_or(f64::INFINITY),
                cap,
                next: now,
                decreased: None,
                counted_since: None,
                passed: 0,
            }),
        }
    }

    /// Waits for a free slot and for the moment the rate allows.
    pub async fn turn(&self) -> Option<Turn<'_>> {
        let slot = self.slots.acquire().await.ok()?;
        let wait = self.rate().reserve(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Some(Turn { _slot: slot })
    }

    /// The turn of one who has something to write down before the call. `None` while nothing limits the rate: then
    /// only the slots are scarce, and the turn is better taken after the writing.
    pub async fn turn_if_limited(&self) -> Option<Turn<'_>> {
        self.limit()?;
        self.turn().await
    }

    /// How many may go on at once, each making one call after the other: with a limit only so many that each gets a
    /// turn within about half a second, so that few need a second look at whose an account is before they have ended.
    /// `None` while nothing limits the rate.
    #[must_use]
    pub fn at_once(&self) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
        self.limit().map(|limit| (limit / 2.0) as u32).map(|at_once| at_once.max(FEWEST))
    }

    /// Waits to be one of those that go on; `None` while nothing limits the rate.
    pub async fn admission(&self) -> Option<Admission<'_>> {
        let share = (PARTS / self.at_once()?).max(1);
        self.parts.acquire_many(share).await.ok().map(|parts| Admission { _parts: parts })
    }

    /// About how long a turn of those that go on can take.
    #[must_use]
    pub fn longest_turn(&self) -> Duration {
        match (self.at_once(), self.limit()) {
            (Some(at_once), Some(limit)) => Duration::from_secs_f64(f64::from(at_once) / limit * 1.25),
            _ => Duration::ZERO,
        }
    }

    /// A call got through.
    pub fn passed(&self) {
        self.rate().note_passed(Instant::now());
    }

    /// A call was throttled.
    pub fn throttled(&self) {
        self.rate().decrease(Instant::now());
    }

    /// The present limit in requests a second; `None` while there is none.
    #[must_use]
    pub fn limit(&self) -> Option<f64> {
        self.rate().limit
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rate {
    /// Takes the next moment at which a request may start, and says how far off it is.
    fn reserve(&mut self, now: Instant) -> Duration {
        self.grow(now);
        let Some(limit) = self.limit else { return Duration::ZERO };
        let start = self.next.max(now);
        self.next = start + Duration::from_secs_f64(1.0 / limit);
        start - now
    }

    /// Climbs back towards what is granted, then probes beyond it.
    fn grow(&mut self, now: Instant) {
        let Some(decreased) = self.decreased else { return };
        let back_after = ((1.0 - DECREASE) / STEEPNESS).cbrt();
        let seconds = now.duration_since(decreased).as_secs_f64();
        let share = 1.0 + STEEPNESS * (seconds - back_after).powi(3);
        let limit = (self.granted * share).max(SLOWEST);
        self.limit = Some(self.cap.map_or(limit, |cap| limit.min(cap)));
    }

    fn note_passed(&mut self, now: Instant) {
        self.counted_since.get_or_insert(now);
        self.passed = self.passed.saturating_add(1);
    }

    fn decrease(&mut self, now: Instant) {
        if self.decreased.is_some_and(|at| now.duration_since(at) < ECHO) {
            return;
        }
        self.grow(now);
        let counted_over = self.counted_since.map_or(Duration::ZERO, |since| now.duration_since(since));
        // One more: a part of a grant was left over.
        let measured = f64::from(self.passed + 1) / counted_over.as_secs_f64();
        self.granted = match self.limit {
            // The first throttling says little when not much was asked yet.
            None => (f64::from(self.passed) / counted_over.max(SHORTEST).as_secs_f64()).max(FIRST_GUESS),
            // Calls that were given their moment before the last decrease still start at the rate of then.
            Some(limit) => measured.clamp(limit * DOUBT, limit.max(self.granted)),
        }
        .max(SLOWEST);
        self.decreased = Some(now);
        self.counted_since = Some(now);
        self.passed = 0;
        self.grow(now);
        self.next = self.next.max(now);
    }
}

/// All pacers of this process, one per AWS account.
#[derive(Debug, Default)]
pub struct Pacers {
    by_account: Mutex<HashMap<AwsAccountId, Arc<Pacer>>>,
}

impl Pacers {
    /// The pacer of an AWS account, made at its first use.
    pub fn of(&self, account: &AwsAccountId, concurrency: u32, cap: Option<f64>) -> Arc<Pacer> {
        let mut pacers = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pacers.entry(account.clone()).or_insert_with(|| Arc::new(Pacer::new(concurrency, cap))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(cap: Option<f64>) -> (Rate, Instant) {
        let pacer = Pacer::new(1, cap);
        let rate = pacer.rate.into_inner().unwrap();
        let now = rate.next;
        (rate, now)
    }

    /// Runs a pacer against a token bucket in virtual time; gives (granted, refused).
    fn against_bucket(seconds: u64, bucket_rate: f64, burst: f64, slots: usize) -> (u64, u64) {
        let (mut rate, start) = rate(None);
        let (mut tokens, mut filled) = (burst, start);
        let (mut granted, mut refused) = (0, 0);
        let round_trip = Duration::from_millis(20);
        let mut free_at = vec![start; slots];
        loop {
            let slot = free_at.iter().enumerate().min_by_key(|(_, at)| **at).unwrap().0;
            let now = free_at[slot];
            if now - start > Duration::from_secs(seconds) {
                return (granted, refused);
            }
            let at = now + rate.reserve(now);
            tokens = (tokens + at.duration_since(filled).as_secs_f64() * bucket_rate).min(burst);
            filled = filled.max(at);
            if tokens >= 1.0 {
                tokens -= 1.0;
                granted += 1;
                rate.note_passed(at + round_trip);
            } else {
                refused += 1;
                rate.decrease(at + round_trip);
            }
            free_at[slot] = at + round_trip;
        }
    }

    #[test]
    fn an_open_pacer_never_waits() {
        let (mut rate, now) = rate(None);
        for _ in 0..1000 {
            assert!(rate.reserve(now).is_zero());
        }
    }

    #[test]
    fn a_cap_is_kept_from_the_first_request() {
        let (mut rate, now) = rate(Some(10.0));
        let last = (0..21).map(|_| rate.reserve(now)).last().unwrap();
        assert!((last.as_secs_f64() - 2.0).abs() < 1e-6, "{last:?}");
        rate.decrease(now);
        assert!(rate.limit.unwrap() <= 10.0);
        rate.grow(now + Duration::from_secs(3600));
        assert!(rate.limit.unwrap() <= 10.0);
    }

    #[test]
    fn it_finds_the_rate_of_an_unknown_bucket() {
        for (bucket_rate, burst) in [(20.0, 20.0), (20.0, 100.0), (5.0, 5.0), (100.0, 100.0)] {
            let (granted, refused) = against_bucket(60, bucket_rate, burst, 50);
            let possible = bucket_rate * 60.0 + burst;
            assert!(granted as f64 >= possible * 0.95, "{granted} of {possible} at {bucket_rate}/s");
            assert!((refused as f64) < possible * 0.01 + burst, "{refused} refused at {bucket_rate}/s");
        }
    }
}
