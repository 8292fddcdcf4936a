//! How long answers took, with much and with a tenth of it.

use std::collections::BTreeMap;

/// With all there is, something is to take so many times at most what it takes with a tenth.
pub(super) const MOST_RATIO: f64 = 1.5;
/// What is faster than this with all data is not held against a tenth: its time is that of the loopback.
pub(super) const NOTHING_MS: f64 = 5.0;

/// The time within which so many hundredths of all were answered; the slowest of them (no middle between two).
pub(super) fn percentile(sorted: &[u64], hundredths: usize) -> u64 {
    let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

pub(super) fn shown(micros: u64) -> String {
    format!("{:.1}", micros as f64 / 1_000.0)
}

/// How many times a tenth's milliseconds, and whether that is as flat as is promised.
pub(super) fn flat(all: f64, tenth: f64) -> (f64, bool) {
    let ratio = all / tenth.max(0.001);
    (ratio, ratio <= MOST_RATIO || all <= NOTHING_MS)
}

/// What was asked for, and how long each answer took.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    /// In the order in which they were asked for first.
    asked: Vec<&'static str>,
    /// The times in their order, and the most bytes of an answer.
    taken: BTreeMap<&'static str, (Vec<u64>, usize)>,
}

impl Times {
    /// Counts an answer.
    pub(super) fn add(&mut self, asked: &'static str, micros: u64, bytes: usize) {
        let (times, most) = self.taken.entry(asked).or_insert_with(|| {
            self.asked.push(asked);
            (Vec::new(), 0)
        });
        let place = times.partition_point(|other| *other <= micros);
        times.insert(place, micros);
        *most = bytes.max(*most);
    }

    /// All that was asked for.
    pub(super) fn asked(&self) -> &[&'static str] {
        &self.asked
    }

    /// The microseconds within which so many hundredths were answered.
    pub(super) fn of(&self, asked: &str, hundredths: usize) -> u64 {
        self.taken.get(asked).map_or(0, |(times, _)| percentile(times, hundredths))
    }

    /// As [`Times::of`], in milliseconds.
    pub(super) fn milliseconds(&self, asked: &str, hundredths: usize) -> f64 {
        self.of(asked, hundredths) as f64 / 1_000.0
    }

    /// How many answers there were.
    pub(super) fn count(&self, asked: &str) -> usize {
        self.taken.get(asked).map_or(0, |(times, _)| times.len())
    }

    /// The most bytes of an answer.
    pub(super) fn bytes(&self, asked: &str) -> usize {
        self.taken.get(asked).map_or(0, |(_, bytes)| *bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<u64> = (1..=200).collect();
        assert_eq!([50, 95, 99, 100].map(|part| percentile(&times, part)), [100, 190, 198, 200]);
        assert_eq!((percentile(&[7], 50), percentile(&[], 99)), (7, 0));
    }

    #[test]
    fn what_is_fast_is_flat_and_the_rest_up_to_half_as_much_again() {
        assert!(flat(5.0, 0.1).1 && flat(15.0, 10.0).1);
        assert!(!flat(5.001, 0.1).1 && !flat(15.001, 10.0).1);
        assert!(flat(1.0, 0.0).1);
    }
}
