//! What becomes of systems day by day, drawn from their published import runs.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use keyreeve_store::PublishedRun;

use super::chart::{Bar, Chart};

/// So many days are drawn.
const DAYS: i64 = 30;
/// From so many runs at most, the last ones.
pub(super) const RUNS: u32 = 500;

/// What a published run says of its day.
#[derive(Debug, Clone, Copy)]
struct Told<'a> {
    system: &'a str,
    /// Days since 1970, in UTC.
    day: i64,
    /// How many users it listed.
    users: Option<u64>,
    /// Whether it was the first of its system, to which all is new.
    first: bool,
    /// How much it changed.
    changed: u64,
}

/// How many accounts there were at the end of each day (UTC), and how much imports changed on it, from the day of the first
/// run that is known on: of the days before it nothing is known, which is not that there was nothing. None before anything
/// was published. The runs come with the newest first.
pub(super) fn charts(runs: &[PublishedRun], now: Timestamp) -> Vec<Chart> {
    let told: Vec<Told<'_>> = runs.iter().rev().map(told).collect();
    let Some(first) = told.iter().map(|one| one.day).min() else { return Vec::new() };
    let today = day_of(now);
    let days = || days(first, today);
    let bars = |of: fn(&[Told<'_>], i64) -> u64| -> Vec<Bar> {
        days().map(|day| Bar { label: called(day), number: of(&told, day), leads_to: None }).collect()
    };
    let of_these = (runs.len() >= RUNS as usize).then(|| {
        format!("Of the last {RUNS} published imports: what was published before these is not in it.")
    });
    vec![
        Chart::new("Accounts", "Day (UTC)", "Accounts", bars(accounts)).besides(of_these.clone()),
        Chart::new("Changes that imports found", "Day (UTC)", "Changes", bars(changes)).besides(of_these),
    ]
}

/// The days that are drawn.
fn days(first: i64, today: i64) -> std::ops::RangeInclusive<i64> {
    first.clamp(today - DAYS + 1, today)..=today
}

fn told(run: &PublishedRun) -> Told<'_> {
    let counts = [run.changes.accounts, run.changes.resources, run.changes.assignments];
    Told {
        system: run.system_id.as_str(),
        day: day_of(run.at),
        users: run.users,
        first: run.first,
        changed: counts.iter().map(|one| one.created + one.changed + one.deleted).sum(),
    }
}

fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

fn called(day: i64) -> String {
    let at = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(day.saturating_mul(24)));
    at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// How many accounts all systems had together at the end of a day. Before the first run that is looked at there were as
/// many, unless it was the first of all.
fn accounts(told: &[Told<'_>], day: i64) -> u64 {
    let mut systems: BTreeMap<&str, u64> = BTreeMap::new();
    for one in told {
        let Some(users) = one.users else { continue };
        if one.day <= day {
            systems.insert(one.system, users);
        } else if !one.first {
            systems.entry(one.system).or_insert(users);
        } else {
            systems.entry(one.system).or_default();
        }
    }
    systems.values().sum()
}

/// How much was changed on a day.
fn changes(told: &[Told<'_>], day: i64) -> u64 {
    told.iter().filter(|one| one.day == day && !one.first).map(|one| one.changed).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_what_was_known_at_its_end_and_what_was_found_on_it() {
        let run =
            |system, day, users, first, changed| Told { system, day, users: Some(users), first, changed };
        let told = [
            run("a", 90, 10, true, 10),
            run("a", 95, 12, false, 2),
            Told { users: None, ..run("a", 96, 0, false, 0) },
            run("b", 99, 7, false, 5),
            run("b", 100, 8, false, 1),
        ];
        // b had as many before the first of its runs that is looked at; a had none before its first.
        let of =
            |numbers: fn(&[Told<'_>], i64) -> u64| [71, 89, 90, 96, 99, 100].map(|day| numbers(&told, day));
        assert_eq!(of(accounts), [7, 7, 17, 19, 19, 20]);
        assert_eq!(of(changes), [0, 0, 0, 0, 5, 1]);
        assert!(charts(&[], Timestamp::UNIX_EPOCH).is_empty());
        // Days of which nothing is known are not drawn.
        assert_eq!([days(90, 100), days(20, 100), days(100, 100)], [90..=100, 71..=100, 100..=100]);
        assert_eq!((called(0), day_of(Timestamp::UNIX_EPOCH)), ("1970-01-01".to_owned(), 0));
    }
}
