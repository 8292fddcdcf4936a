//! What was measured of two fleets, and what was promised.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Database;
use super::fill::Filled;
use crate::bench::serve::account::Shape;
use crate::bench::times::{MOST_RATIO, NOTHING_MS, Times, flat, shown};

/// An import in which nothing has changed writes so much of a system's rows at most.
const MOST_WRITTEN: f64 = 0.01;

/// The imports of one system of a fleet.
#[derive(Debug, Clone, Default)]
pub(super) struct Imported {
    pub(super) changed_accounts: u64,
    pub(super) changed_seconds: Vec<f64>,
    pub(super) unchanged_seconds: Vec<f64>,
    /// To AWS, of an import.
    pub(super) calls: u64,
    /// Rows that a system has.
    pub(super) rows: u64,
    /// Rows that an import writes in which nothing has changed.
    pub(super) written: u64,
}

/// One fleet.
pub(super) struct Measured {
    pub(super) shape: Shape,
    pub(super) filled: Filled,
    pub(super) imported: Imported,
    /// What was asked, in the order of a turn.
    pub(super) asked: Vec<&'static str>,
    pub(super) times: Times,
    /// What was not answered, and why.
    pub(super) wrong: BTreeMap<&'static str, String>,
    pub(super) peak_mebibytes: f64,
}

/// Two fleets in databases of one kind.
pub(in crate::bench::scale) struct Grown {
    pub(super) database: Database,
    /// Which it is, and how it was set.
    pub(super) server: String,
    /// The smaller one, and the larger one.
    pub(super) fleets: [Measured; 2],
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

impl Imported {
    fn share(&self) -> f64 {
        self.written as f64 / self.rows.max(1) as f64
    }
}

impl Measured {
    fn per(bytes: u64, number: u64) -> String {
        grouped((bytes as f64 / number.max(1) as f64).round() as u64)
    }

    fn gibibytes(&self) -> f64 {
        let [all, ..] = self.filled.bytes;
        all as f64 / f64::from(1 << 30)
    }

    fn seconds_per_thousand(&self) -> f64 {
        self.filled.first_seconds / self.filled.first_users.max(1) as f64 * 1_000.0
    }
}

impl Grown {
    /// What the part of the guide is called that has this table.
    pub(in crate::bench::scale) fn part(&self) -> &'static str {
        self.database.word()
    }

    fn word(met: bool) -> &'static str {
        if met { "met" } else { "**missed**" }
    }

    /// What is asked of both, with the milliseconds of the 95th percentile, and whether that is as flat as is promised.
    fn asked(&self) -> impl Iterator<Item = (&'static str, [f64; 2], (f64, bool))> {
        let [small, large] = &self.fleets;
        let answered =
            |asked: &&&str| large.times.count(asked) > 0 && !self.wrong().any(|wrong| wrong == **asked);
        large.asked.iter().filter(answered).map(move |asked| {
            let [tenth, all] = [small, large].map(|fleet| fleet.times.milliseconds(asked, 95));
            (*asked, [tenth, all], flat(all, tenth))
        })
    }

    /// What one of them did not answer.
    fn wrong(&self) -> impl Iterator<Item = &'static str> {
        let [small, large] = &self.fleets;
        small
            .wrong
            .keys()
            .chain(large.wrong.keys().filter(|asked| !small.wrong.contains_key(*asked)))
            .copied()
    }

    /// The tables, in Markdown, as the guide has them.
    pub(in crate::bench::scale) fn tables(&self) -> String {
        let [small, large] = &self.fleets;
        let Measured { shape, filled, .. } = large;
        let mut text = format!(
            "{}: {} systems with {} users each are {} accounts, {} assignments and {} groups and policies in {:.1} GiB, \
             beside {} such systems. One request at a time, both fleets by turns.\n\n",
            self.server,
            grouped(u64::from(shape.systems)),
            grouped(u64::from(shape.users)),
            grouped(filled.accounts),
            grouped(filled.assignments),
            grouped(filled.resources),
            large.gibibytes(),
            grouped(u64::from(small.shape.systems)),
        );
        text += "| asked | a tenth: p50 ms | p95 ms | all: p50 ms | p95 ms | times, p95 | |\n\
                 |---|---:|---:|---:|---:|---:|---|\n";
        for (asked, _, (ratio, met)) in self.asked() {
            let [tenth, all] = [small, large]
                .map(|fleet| [50, 95].map(|part| shown(fleet.times.of(asked, part))).join(" | "));
            text += &format!("| {asked} | {tenth} | {all} | {ratio:.2} | {} |\n", Self::word(met));
        }
        for asked in self.wrong() {
            text += &format!("| {asked} | - | - | - | - | - | {}: not answered |\n", Self::word(false));
        }
        let fewest = self.asked().map(|(asked, ..)| large.times.count(asked)).min().unwrap_or(0);
        text += &format!(
            "\nEach was asked {fewest} times or more. What takes more than {NOTHING_MS} ms is to take {MOST_RATIO} times \
             what it takes with a tenth at most.\n\n"
        );
        text + &self.imports()
    }

    fn imports(&self) -> String {
        let [small, large] = &self.fleets;
        let mut text = "| | a tenth | all | times | |\n|---|---:|---:|---:|---|\n".to_owned();
        let mut line = |what: &str, cells: [String; 2], ratio: Option<f64>, met: Option<bool>| {
            let [tenth, all] = cells;
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            text += &format!("| {what} | {tenth} | {all} | {ratio} | {} |\n", met.map_or("", Self::word));
        };
        let both = |of: &dyn Fn(&Measured) -> String| [of(small), of(large)];
        for (what, seconds) in self.import_seconds() {
            let [tenth, all] = seconds;
            let (ratio, met) = flat(all * 1_000.0, tenth * 1_000.0);
            line(&what, seconds.map(|seconds| format!("{seconds:.3}")), Some(ratio), Some(met));
        }
        line("calls to AWS of an import", both(&|fleet| fleet.imported.calls.to_string()), None, None);
        let share = |fleet: &Measured| {
            let Imported { written, .. } = &fleet.imported;
            format!("{written} ({:.2} %)", fleet.imported.share() * 100.0)
        };
        let what = format!(
            "rows that an import writes in which nothing has changed, of the {} of its system",
            grouped(large.imported.rows)
        );
        line(&what, both(&share), None, Some(self.writes_little()));
        line(
            "most memory of the server, MiB",
            both(&|fleet| format!("{:.0}", fleet.peak_mebibytes)),
            Some(large.peak_mebibytes / small.peak_mebibytes.max(1.0)),
            None,
        );
        let first = |fleet: &Measured| format!("{:.2}", fleet.seconds_per_thousand());
        line("first import, seconds for 1,000 users, four systems at once", both(&first), None, None);
        for (what, place) in [("an account", 1), ("an assignment", 2)] {
            let per = |fleet: &Measured| {
                let bytes = fleet.filled.bytes.get(place).copied().unwrap_or(0);
                let number = if place == 1 { fleet.filled.accounts } else { fleet.filled.assignments };
                Measured::per(bytes, number)
            };
            line(&format!("bytes of {what}, with its indexes"), both(&per), None, None);
        }
        let per = |fleet: &Measured| {
            let [all, ..] = fleet.filled.bytes;
            Measured::per(all, fleet.filled.accounts)
        };
        line("bytes of the whole database for each account", both(&per), None, None);
        text
    }

    fn import_seconds(&self) -> [(String, [f64; 2]); 2] {
        let [small, large] = &self.fleets;
        let of = |of: fn(&Imported) -> &Vec<f64>| [small, large].map(|fleet| median(of(&fleet.imported)));
        let changed = format!(
            "import of a system in which {} accounts have changed, seconds",
            large.imported.changed_accounts
        );
        [
            (changed, of(|imported| &imported.changed_seconds)),
            (
                "import of a system in which nothing has changed, seconds".to_owned(),
                of(|imported| &imported.unchanged_seconds),
            ),
        ]
    }

    fn writes_little(&self) -> bool {
        self.fleets.iter().all(|fleet| fleet.imported.share() <= MOST_WRITTEN)
    }

    /// How many of all promises are kept.
    pub(in crate::bench::scale) fn summary(&self) -> String {
        let imports = self.import_seconds().map(|(_, [tenth, all])| flat(all * 1_000.0, tenth * 1_000.0).1);
        let kept: Vec<bool> = self
            .asked()
            .map(|(_, _, (_, met))| met)
            .chain(self.wrong().map(|_| false))
            .chain(imports)
            .chain([self.writes_little()])
            .collect();
        let met = kept.iter().filter(|met| **met).count();
        format!("{}: {met} of {} are met.", self.database.word(), kept.len())
    }

    /// Everything, for a program to read.
    pub(in crate::bench::scale) fn json(&self) -> Value {
        let fleet = |fleet: &Measured| {
            let asked = fleet.asked.iter().map(|asked| {
                json!({
                    "asked": asked, "requests": fleet.times.count(asked), "bytes": fleet.times.bytes(asked),
                    "p50_ms": fleet.times.milliseconds(asked, 50), "p95_ms": fleet.times.milliseconds(asked, 95),
                    "slowest_ms": fleet.times.milliseconds(asked, 100),
                })
            });
            let Filled { accounts, assignments, resources, bytes, .. } = &fleet.filled;
            json!({
                "systems": fleet.shape.systems, "users": fleet.shape.users,
                "accounts": accounts, "assignments": assignments, "resources": resources,
                "bytes": bytes, "first_calls": fleet.filled.first_calls,
                "first_seconds": fleet.filled.first_seconds, "first_users": fleet.filled.first_users,
                "changed_seconds": fleet.imported.changed_seconds,
                "unchanged_seconds": fleet.imported.unchanged_seconds,
                "calls": fleet.imported.calls, "rows": fleet.imported.rows, "written": fleet.imported.written,
                "peak_mebibytes": fleet.peak_mebibytes, "wrong": fleet.wrong, "asked": asked.collect::<Vec<_>>(),
            })
        };
        let judged =
            self.asked().map(|(asked, _, (ratio, met))| json!({"asked": asked, "times": ratio, "met": met}));
        let [tenth, all] = self.fleets.each_ref().map(fleet);
        json!({
            "database": self.database.word(), "server": self.server, "tenth": tenth, "all": all,
            "judged": judged.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(systems: u32, micros: u64, imported: (f64, u64)) -> Measured {
        let mut times = Times::default();
        (0..20).for_each(|_| times.add("Home", micros, 1));
        let (seconds, written) = imported;
        let imported = Imported {
            changed_accounts: 10,
            changed_seconds: vec![9.0, seconds, 0.001],
            unchanged_seconds: vec![seconds],
            calls: 11,
            rows: 8_600,
            written,
        };
        let filled = Filled {
            accounts: 1_001_000,
            assignments: 6_000_000,
            bytes: [1 << 31, 1_001_000_000, 3_000_000_000],
            first_users: 2_000,
            first_seconds: 1.0,
            ..Filled::default()
        };
        Measured {
            shape: Shape { systems, users: 1_000 },
            filled,
            imported,
            asked: vec!["Home"],
            times,
            wrong: BTreeMap::new(),
            peak_mebibytes: 100.0,
        }
    }

    fn grown(tenth: (u64, f64), all: (u64, f64), written: u64) -> Grown {
        let server = "SQLite".to_owned();
        let fleets = [measured(100, tenth.0, (tenth.1, 5)), measured(1_000, all.0, (all.1, written))];
        Grown { database: Database::Sqlite, server, fleets }
    }

    #[test]
    fn what_grows_by_half_is_met_and_what_grows_more_is_missed() {
        let met = grown((10_000, 1.0), (15_000, 1.5), 86);
        assert!(met.summary().ends_with("4 of 4 are met."), "{}", met.summary());
        let text = met.tables();
        assert!(text.contains("| Home | 10.0 | 10.0 | 15.0 | 15.0 | 1.50 | met |"), "{text}");
        assert!(text.contains("have changed, seconds | 1.000 | 1.500 | 1.50 | met |"), "{text}");
        assert!(text.contains("of the 8,600 of its system | 5 (0.06 %) | 86 (1.00 %) |  | met |"), "{text}");
        assert!(text.contains("| 0.50 | 0.50 |"), "{text}");
        assert!(text.contains("| bytes of an account, with its indexes | 1,000 | 1,000 |"), "{text}");
        assert!(text.contains("| bytes of an assignment, with its indexes | 500 | 500 |"), "{text}");
        let missed = grown((10_000, 1.0), (15_001, 1.6), 87);
        assert!(missed.summary().ends_with("0 of 4 are met."), "{}", missed.summary());
        assert_eq!(missed.tables().matches("**missed**").count(), 4);
    }

    #[test]
    fn what_is_not_answered_is_missed() {
        let mut grown = grown((10_000, 1.0), (10_000, 1.0), 5);
        let [small, large] = &mut grown.fleets;
        for fleet in [small, large] {
            fleet.wrong.insert("Home", "404".to_owned());
        }
        assert!(grown.summary().ends_with("3 of 4 are met."), "{}", grown.summary());
        let text = grown.tables();
        assert!(text.contains("| Home | - | - | - | - | - | **missed**: not answered |"), "{text}");
        assert_eq!(text.matches("Home").count(), 1, "{text}");
    }

    #[test]
    fn what_is_fast_is_not_held_against_a_tenth() {
        let fast = grown((100, 0.001), (5_000, 0.005), 5);
        assert!(fast.summary().ends_with("4 of 4 are met."), "{}", fast.summary());
    }

    #[test]
    fn the_tables_have_as_many_cells_as_columns() {
        let text = grown((1, 1.0), (1, 1.0), 5).tables();
        for table in text.split("\n\n").filter(|part| part.starts_with('|')) {
            let cells = |line: &str| line.matches('|').count();
            let head = table.lines().next().map(cells);
            assert!(table.lines().all(|line| Some(cells(line)) == head), "{table}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_the_median_is_the_middle_one() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((median(&[3.0, 1.0, 9.0]), median(&[])), (3.0, 0.0));
    }
}
