//! A token bucket: what a rate lets through.

use std::time::Instant;

/// Holds the calls of one second, and fills in real time.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn full(per_second: u32, now: Instant) -> Self {
        Self { tokens: f64::from(per_second), filled: now }
    }

    /// Takes one call out; false when there is none left.
    pub(super) fn take(&mut self, per_second: u32, now: Instant) -> bool {
        let rate = f64::from(per_second);
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(rate);
        self.filled = now;
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_fills_it_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket::full(3, start);
        let mut granted = |at: Duration| (0..10).filter(|_| bucket.take(3, start + at)).count();
        assert_eq!(granted(Duration::ZERO), 3);
        assert_eq!(granted(Duration::from_millis(400)), 1);
        assert_eq!(granted(Duration::from_secs(60)), 3);
    }
}
