//! What a process has in its hands of an AWS account's pace: what it knows, and the calls it may make.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use keyreeve_store::AccountPace;

use super::curve::{self, ECHO, IDLE, Own, SHORTEST, Taken};

/// A call may start so long after the time that it was given is over: machines wake up late.
pub(super) const LATE: Duration = Duration::from_millis(50);

/// When a call may be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Slot {
    /// At once.
    Free,
    /// From the first moment to the second.
    At(Instant, Instant),
    /// More have to be asked for.
    None,
}

#[derive(Debug)]
struct Batch {
    next: Instant,
    gap: Duration,
    end: Instant,
    left: u32,
}

#[derive(Debug, Default)]
pub(super) struct Hand {
    /// The pace as it was last seen, and when that was.
    seen: Option<(AccountPace, Instant, i64)>,
    cap: Option<f64>,
    batches: VecDeque<Batch>,
    /// More may be asked for from this moment on: what was taken is half over.
    pub(super) asks_from: Option<Instant>,
    /// So many calls of what was last taken were made.
    used: u32,
    /// So many calls got through since that was last told.
    passed: u32,
    /// The last decrease that was known when that was.
    told_of: i64,
    counted: u32,
    counted_since: Option<Instant>,
    last_passed: Option<Instant>,
    decreased: Option<Instant>,
}

impl Hand {
    pub(super) fn of(cap: Option<f64>) -> Self {
        Self { cap, ..Self::default() }
    }

    /// When it was last looked how things stand.
    pub(super) fn seen_at(&self) -> Option<Instant> {
        self.seen.as_ref().map(|(_, at, _)| *at)
    }

    /// Takes in how things stood at a moment that the store's clock called `micros`.
    pub(super) fn see(&mut self, pace: AccountPace, cap: Option<f64>, at: Instant, micros: i64) {
        let before = self.seen.as_ref().map_or(0, |(pace, ..)| pace.revision);
        if pace.revision != before {
            self.passed = 0;
        }
        if self.seen.is_none() {
            self.told_of = pace.revision;
        }
        self.cap = cap;
        self.seen = Some((pace, at, micros));
        // What was given at a faster rate is used at the present one.
        let gap = self.limit(at).map(|limit| Duration::from_secs_f64(1.0 / limit));
        for batch in &mut self.batches {
            batch.gap = batch.gap.max(gap.unwrap_or_default());
        }
    }

    /// It could not be looked how things stand: that is tried again later.
    pub(super) fn not_seen(&mut self, now: Instant) {
        let micros = self.micros(now);
        let pace = self.seen.take().map(|(pace, ..)| pace).unwrap_or_default();
        self.seen = Some((pace, now, micros));
    }

    pub(super) fn limit(&self, now: Instant) -> Option<f64> {
        let Some((pace, ..)) = &self.seen else { return self.cap };
        curve::limit(pace, self.micros(now), self.cap)
    }

    /// How many processes ask.
    pub(super) fn processes(&self, asker: &str) -> usize {
        let others = |(pace, ..): &(AccountPace, Instant, i64)| {
            pace.askers.keys().filter(|other| *other != asker).count()
        };
        self.seen.as_ref().map_or(0, others) + 1
    }

    fn micros(&self, now: Instant) -> i64 {
        let Some((_, at, micros)) = &self.seen else { return 0 };
        micros.saturating_add(curve::micros(now.saturating_duration_since(*at)))
    }

    /// Takes in calls that were given at a moment.
    pub(super) fn put(&mut self, taken: Taken, at: Instant) {
        let start = at + taken.starts_in;
        let gap = taken.lasts / taken.calls.max(1);
        self.batches.push_back(Batch { next: start, gap, end: start + taken.lasts, left: taken.calls });
        self.asks_from = Some(start + taken.lasts / 2);
        self.used = 0;
    }

    /// The next call that may be made.
    pub(super) fn slot(&mut self, now: Instant) -> Slot {
        if self.limit(now).is_none() {
            return Slot::Free;
        }
        while let Some(batch) = self.batches.front_mut() {
            let at = batch.next.max(now);
            if batch.left == 0 || at >= batch.end {
                self.batches.pop_front();
                continue;
            }
            batch.next = at + batch.gap;
            batch.left -= 1;
            self.used += 1;
            return Slot::At(at, batch.end);
        }
        Slot::None
    }

    /// Whether there is a call to be made, without taking it.
    pub(super) fn has_slot(&self, now: Instant) -> bool {
        let left = |batch: &Batch| batch.left > 0 && batch.next.max(now) < batch.end;
        self.limit(now).is_none() || self.batches.iter().any(left)
    }

    /// How many calls are asked for: as many as wait, and twice as many as were made of the last ones.
    pub(super) fn wants(&self, waiting: u32) -> u32 {
        waiting.max(self.used.saturating_mul(2)).max(1)
    }

    /// What was seen here, to be told; [`Self::told`] once it was.
    pub(super) fn own(&self, now: Instant) -> Own {
        let over = self.counted_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let rate = f64::from(self.counted) / over.max(SHORTEST).as_secs_f64();
        Own { passed: self.passed, rate, revision: self.told_of }
    }

    pub(super) fn told(&mut self, own: Own) {
        self.passed = self.passed.saturating_sub(own.passed);
        self.told_of = self.seen.as_ref().map_or(0, |(pace, ..)| pace.revision);
    }

    pub(super) fn note_passed(&mut self, now: Instant) {
        let idle = |last: Instant| now.saturating_duration_since(last) > IDLE;
        if self.last_passed.is_none_or(idle) {
            (self.counted, self.counted_since) = (0, Some(now));
        }
        self.last_passed = Some(now);
        self.counted = self.counted.saturating_add(1);
        self.passed = self.passed.saturating_add(1);
    }

    /// Whether a throttling is one of those that led to a decrease already.
    pub(super) fn is_echo(&self, now: Instant) -> bool {
        self.decreased.is_some_and(|at| now.saturating_duration_since(at) < ECHO)
    }

    pub(super) fn note_decrease(&mut self, now: Instant) {
        self.decreased = Some(now);
        (self.counted, self.counted_since) = (0, Some(now));
    }

    /// Slows down by itself, where nobody else can be told.
    pub(super) fn decrease(&mut self, now: Instant) {
        let (micros, own, cap) = (self.micros(now), self.own(now), self.cap);
        let mut pace = self.seen.take().map(|(pace, ..)| pace).unwrap_or_default();
        curve::decrease(&mut pace, micros, cap, own);
        self.see(pace, cap, now, micros);
        self.told(own);
    }
}
