//! What was measured, and what was promised.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::serve::figures::{percentile, shown};

/// A page is answered within so many milliseconds, 95 times of 100.
const MOST_MS: f64 = 50.0;
/// And within so many times what it takes with a tenth of the data.
const MOST_RATIO: f64 = 1.5;
/// What is faster than this with all data is not held against a tenth: its time is that of the loopback.
const NOTHING_MS: f64 = 5.0;
/// A first view transfers so many bytes at most.
const MOST_BYTES: usize = 200 << 10;

/// One store.
pub(super) struct Measured {
    accounts: u64,
    assignments: u64,
    /// Bytes of a first view.
    pub(super) first_view: usize,
    /// In the order in which pages were asked for: the times, and the most bytes.
    pages: Vec<&'static str>,
    times: BTreeMap<&'static str, (Vec<u64>, usize)>,
}

impl Measured {
    pub(super) fn new(accounts: u64, assignments: u64) -> Self {
        Self { accounts, assignments, first_view: 0, pages: Vec::new(), times: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, page: &'static str, micros: u64, bytes: usize) {
        let (times, most) = self.times.entry(page).or_insert_with(|| {
            self.pages.push(page);
            (Vec::new(), 0)
        });
        let place = times.partition_point(|other| *other <= micros);
        times.insert(place, micros);
        *most = bytes.max(*most);
    }

    fn of(&self, page: &str, part: usize) -> u64 {
        self.times.get(page).map_or(0, |(times, _)| percentile(times, part))
    }
}

/// Both stores.
pub(super) struct Figures {
    pub(super) tenth: Measured,
    pub(super) all: Measured,
}

impl Figures {
    /// The 95th percentile of a page in milliseconds, how many times that of a tenth it is, and whether both are promised.
    fn judged(&self, page: &str) -> (f64, f64, bool) {
        let milliseconds = |measured: &Measured| measured.of(page, 95) as f64 / 1_000.0;
        let (all, tenth) = (milliseconds(&self.all), milliseconds(&self.tenth));
        let ratio = all / tenth.max(0.001);
        (all, ratio, all <= MOST_MS && (ratio <= MOST_RATIO || all <= NOTHING_MS))
    }

    /// A Markdown table of all pages.
    pub(super) fn table(&self) -> String {
        let mut text = "| page | p50 ms | p95 ms | a tenth: p50 ms | p95 ms | p95 ratio | KiB | |\n\
                        | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
            .to_owned();
        for page in &self.all.pages {
            let [all, tenth] = [&self.all, &self.tenth]
                .map(|measured| [50, 95].map(|part| shown(measured.of(page, part))).join(" | "));
            let (_, ratio, met) = self.judged(page);
            let kib = self.all.times.get(page).map_or(0, |(_, bytes)| *bytes) as f64 / 1_024.0;
            let verdict = if met { "met" } else { "**missed**" };
            text += &format!("| {page} | {all} | {tenth} | {ratio:.2} | {kib:.1} | {verdict} |\n");
        }
        text
    }

    /// How much there was, and how many pages keep what is promised.
    pub(super) fn summary(&self) -> String {
        let met = self.all.pages.iter().filter(|page| self.judged(page).2).count();
        let first = self.all.first_view;
        let verdict = if first <= MOST_BYTES { "met" } else { "**missed**" };
        format!(
            "{} accounts and {} assignments beside {} and {}: {met} of {} pages are answered within {MOST_MS} ms (p95) and, \
             above {NOTHING_MS} ms, within {MOST_RATIO} times what a tenth takes. The first view transfers {:.1} KiB ({verdict}).",
            self.all.accounts,
            self.all.assignments,
            self.tenth.accounts,
            self.tenth.assignments,
            self.all.pages.len(),
            first as f64 / 1_024.0
        )
    }

    /// Everything, for a program to read.
    pub(super) fn json(&self) -> Value {
        let page = |page: &&'static str| {
            let part = |measured: &Measured, part| measured.of(page, part) as f64 / 1_000.0;
            let (_, ratio, met) = self.judged(page);
            json!({
                "page": page, "met": met, "ratio": ratio,
                "p50_ms": part(&self.all, 50), "p95_ms": part(&self.all, 95),
                "tenth_p50_ms": part(&self.tenth, 50), "tenth_p95_ms": part(&self.tenth, 95),
                "requests": self.all.times.get(*page).map_or(0, |(times, _)| times.len()),
                "bytes": self.all.times.get(*page).map_or(0, |(_, bytes)| *bytes),
            })
        };
        json!({
            "accounts": self.all.accounts, "assignments": self.all.assignments,
            "tenth_accounts": self.tenth.accounts, "tenth_assignments": self.tenth.assignments,
            "first_view_bytes": self.all.first_view,
            "pages": self.all.pages.iter().map(page).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_what_is_promised_at_its_limits_and_not_beyond() {
        let measured = |micros| {
            let mut measured = Measured::new(1, 1);
            (0..20).for_each(|_| measured.add("home", micros, 1));
            measured
        };
        let met = |all, tenth| Figures { all: measured(all), tenth: measured(tenth) }.judged("home").2;
        assert!(met(50_000, 40_000) && met(15_000, 10_000) && met(5_000, 100));
        assert!(!met(50_001, 50_000) && !met(15_001, 10_000) && !met(5_001, 100));
        let table = Figures { all: measured(6_000), tenth: measured(1_000) }.table();
        assert!(table.contains("| home | 6.0 | 6.0 | 1.0 | 1.0 | 6.00 | 0.0 | **missed** |"), "{table}");
    }
}
