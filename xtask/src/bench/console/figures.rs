//! What was measured, and what was promised.

use serde_json::{Value, json};

use super::super::times::{MOST_RATIO, NOTHING_MS, Times, flat, shown};

/// A page is answered within so many milliseconds, 95 times of 100.
const MOST_MS: f64 = 50.0;
/// A first view transfers so many bytes at most.
const MOST_BYTES: usize = 200 << 10;

/// One store.
pub(super) struct Measured {
    accounts: u64,
    assignments: u64,
    /// Bytes of a first view.
    pub(super) first_view: usize,
    /// Of each page.
    times: Times,
}

impl Measured {
    pub(super) fn new(accounts: u64, assignments: u64) -> Self {
        Self { accounts, assignments, first_view: 0, times: Times::default() }
    }

    pub(super) fn add(&mut self, page: &'static str, micros: u64, bytes: usize) {
        self.times.add(page, micros, bytes);
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
        let milliseconds = |measured: &Measured| measured.times.milliseconds(page, 95);
        let (all, tenth) = (milliseconds(&self.all), milliseconds(&self.tenth));
        let (ratio, flat) = flat(all, tenth);
        (all, ratio, all <= MOST_MS && flat)
    }

    /// A Markdown table of all pages.
    pub(super) fn table(&self) -> String {
        let mut text = "| page | p50 ms | p95 ms | a tenth: p50 ms | p95 ms | p95 ratio | KiB | |\n\
                        | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
            .to_owned();
        for page in self.all.times.asked() {
            let [all, tenth] = [&self.all, &self.tenth]
                .map(|measured| [50, 95].map(|part| shown(measured.times.of(page, part))).join(" | "));
            let (_, ratio, met) = self.judged(page);
            let kib = self.all.times.bytes(page) as f64 / 1_024.0;
            let verdict = if met { "met" } else { "**missed**" };
            text += &format!("| {page} | {all} | {tenth} | {ratio:.2} | {kib:.1} | {verdict} |\n");
        }
        text
    }

    /// How much there was, and how many pages keep what is promised.
    pub(super) fn summary(&self) -> String {
        let met = self.all.times.asked().iter().filter(|page| self.judged(page).2).count();
        let first = self.all.first_view;
        let verdict = if first <= MOST_BYTES { "met" } else { "**missed**" };
        format!(
            "{} accounts and {} assignments beside {} and {}: {met} of {} pages are answered within {MOST_MS} ms (p95) and, \
             above {NOTHING_MS} ms, within {MOST_RATIO} times what a tenth takes. The first view transfers {:.1} KiB ({verdict}).",
            self.all.accounts,
            self.all.assignments,
            self.tenth.accounts,
            self.tenth.assignments,
            self.all.times.asked().len(),
            first as f64 / 1_024.0
        )
    }

    /// Everything, for a program to read.
    pub(super) fn json(&self) -> Value {
        let page = |page: &&'static str| {
            let part = |measured: &Measured, part| measured.times.milliseconds(page, part);
            let (_, ratio, met) = self.judged(page);
            json!({
                "page": page, "met": met, "ratio": ratio,
                "p50_ms": part(&self.all, 50), "p95_ms": part(&self.all, 95),
                "tenth_p50_ms": part(&self.tenth, 50), "tenth_p95_ms": part(&self.tenth, 95),
                "requests": self.all.times.count(page),
                "bytes": self.all.times.bytes(page),
            })
        };
        json!({
            "accounts": self.all.accounts, "assignments": self.all.assignments,
            "tenth_accounts": self.tenth.accounts, "tenth_assignments": self.tenth.assignments,
            "first_view_bytes": self.all.first_view,
            "pages": self.all.times.asked().iter().map(page).collect::<Vec<_>>(),
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
