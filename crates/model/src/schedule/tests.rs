use std::cmp::Ordering;

use croner::{CivilDateTime, Cron, CronDateTime, Resolution, Weekday, errors::CronError};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::*;

fn schedule(expression: &str, zone: &str) -> Schedule {
    Schedule::new(&CronExpression::new(expression).unwrap(), zone).unwrap()
}

/// The next times after a moment, in UTC.
fn times(expression: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let after: Timestamp = after.parse().unwrap();
    schedule(expression, zone).times_after(after).take(count).map(|time| time.to_string()).collect()
}

#[test]
fn expressions_mean_what_they_mean_in_every_cron() {
    let cases = [
        ("30 2 * * *", ["2026-01-01T02:30:00Z", "2026-01-02T02:30:00Z"]),
        ("*/20 8-9 * * *", ["2026-01-01T08:00:00Z", "2026-01-01T08:20:00Z"]),
        ("0 0 * * mon-FRI", ["2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z"]),
        ("0 6 * * 7", ["2026-01-04T06:00:00Z", "2026-01-11T06:00:00Z"]),
        ("0 6 * * 0", ["2026-01-04T06:00:00Z", "2026-01-11T06:00:00Z"]),
        ("0 6 * * 5-7", ["2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z"]),
        ("0 12 31 * *", ["2026-01-31T12:00:00Z", "2026-03-31T12:00:00Z"]),
        ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 0 1 jan,Jul *", ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
        // Where both kinds of days are given, either is enough.
        ("0 0 3 * sat", ["2026-01-03T00:00:00Z", "2026-01-10T00:00:00Z"]),
        ("0 0 5 1 sat", ["2026-01-03T00:00:00Z", "2026-01-05T00:00:00Z"]),
        (" 0\t*/6 * * * ", ["2026-01-01T06:00:00Z", "2026-01-01T12:00:00Z"]),
        ("@daily", ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]),
        ("@Hourly", ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]),
    ];
    for (expression, expected) in cases {
        assert_eq!(times(expression, "UTC", "2026-01-01T00:00:00Z", 2), expected, "{expression}");
    }
}

#[test]
fn what_is_no_schedule_is_refused_with_a_reason() {
    for (expression, reason) in [
        ("", "five fields"),
        ("0 0 * *", "four"),
        ("0 0 0 * * *", "five fields"),
        ("@reboot", "five fields"),
        ("60 0 * * *", "its minute cannot be \"60\""),
        ("-1 0 * * *", "its minute"),
        ("+1 0 * * *", "its minute"),
        ("001 0 * * *", "its minute"),
        ("0 24 * * *", "its hour"),
        ("0 0 0 * *", "its day of the month"),
        ("0 0 32 * *", "its day of the month"),
        ("0 0 * 13 *", "its month"),
        ("0 0 * foo *", "its month"),
        ("0 0 * * 8", "its day of the week"),
        ("0 0 * * fri-mon", "its day of the week"),
        ("0 0 L * *", "its day of the month"),
        ("0 0 * * mon#2", "its day of the week"),
        ("0 10-5 * * *", "its hour"),
        ("0 0/5 * * *", "its hour"),
        ("*/0 0 * * *", "its minute"),
        ("*/61 0 * * *", "its minute"),
        ("0, 0 * * *", "its minute"),
        ("0 0 30 2 *", "no such day"),
        ("0 0 31 4,6,9,11 *", "no such day"),
        ("* * * * *", "5 minutes"),
        ("*/4 * * * *", "5 minutes"),
        ("0,3 0 1 1 *", "5 minutes"),
        ("*/7 * * * *", "5 minutes"),
        ("0,57 3,4 * * *", "5 minutes"),
        ("0,58 0,23 * * *", "5 minutes"),
    ] {
        let refused = CronExpression::new(expression).unwrap_err().to_string();
        let reason = if reason == "four" { "4 were given" } else { reason };
        assert!(refused.contains(reason), "{expression:?}: {refused}");
    }
    for fine in ["*/5 * * * *", "0,57 3,5 * * *", "55 * * * *", "0,58 1,23 * * *", "0 0 29 2 *"] {
        CronExpression::new(fine).unwrap();
    }
    assert_eq!(CronExpression::new(&"1,".repeat(200)), Err(ScheduleError::Long));
    let half = "ü".repeat(99);
    assert!(CronExpression::new(&half).is_err());
    for zone in
        ["", "Europe/Nowhere", "Etc/Unknown", "CET-1CEST,M3.5.0,M10.5.0/3", "../../etc/passwd", "+01:00"]
    {
        let refused = Schedule::new(&CronExpression::new("@daily").unwrap(), zone).unwrap_err();
        assert!(refused.to_string().contains("no time zone"), "{zone}: {refused}");
    }
}

/// On 29 March 2026 in Berlin 2:00 is followed by 3:00, at 01:00 UTC.
#[test]
fn a_time_that_the_clock_skips_comes_when_it_jumps() {
    let after = "2026-03-28T12:00:00Z";
    let berlin = |expression, count| times(expression, "Europe/Berlin", after, count);
    assert_eq!(berlin("30 2 * * *", 2), ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    assert_eq!(
        berlin("0 2,14 * * *", 3),
        ["2026-03-28T13:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T12:00:00Z"]
    );
    // However many were skipped, they come once.
    assert_eq!(berlin("*/15 2 * * *", 2), ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    assert_eq!(berlin("0,30 2-3 * * *", 2), ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]);
    // By the hour nothing is to be made up for.
    let hourly = times("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
    assert_eq!(hourly, ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"]);
}

/// On 25 October 2026 in Berlin the hour from 2:00 to 3:00 comes twice: from 00:00 and from 01:00 UTC.
#[test]
fn a_time_that_the_clock_shows_twice_comes_once() {
    let after = "2026-10-24T22:00:00Z";
    let berlin = |expression, count| times(expression, "Europe/Berlin", after, count);
    assert_eq!(berlin("30 2 * * *", 2), ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    assert_eq!(
        berlin("0,30 2-3 * * *", 4),
        ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z"]
    );
    // Asked in the second of the two hours.
    let second = times("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1);
    assert_eq!(second, ["2026-10-26T01:30:00Z"]);
    // By the hour both come.
    let hourly = times("30 */1 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3);
    assert_eq!(hourly, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]);
}

#[test]
fn other_clocks_jump_at_other_times() {
    // New York: 2:00 to 3:00 on 8 March 2026, at 07:00 UTC.
    let york = times("15 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", 2);
    assert_eq!(york, ["2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"]);
    // Lord Howe: by half an hour, 2:00 to 2:30 on 4 October 2026, at 15:30 UTC the day before.
    let howe = times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2);
    assert_eq!(howe, ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]);
    // Apia: 30 December 2011 did not take place.
    let apia = times("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3);
    assert_eq!(apia, ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"]);
}

#[test]
fn the_last_time_up_to_a_moment_is_found_however_long_ago_it_was() {
    let last = |expression: &str, after: &str, until: &str| {
        let (after, until) = (after.parse().unwrap(), until.parse().unwrap());
        schedule(expression, "Europe/Berlin").last_between(after, until).map(|time| time.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        last("*/5 * * * *", "2020-01-01T00:00:00Z", "2026-01-01T00:04:59Z"),
        some("2026-01-01T00:00:00Z")
    );
    assert_eq!(
        last("30 2 * * *", "2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        some("2025-12-31T01:30:00Z")
    );
    assert_eq!(last("30 2 * * *", "2026-01-01T01:30:00Z", "2026-01-02T01:29:59Z"), None);
    assert_eq!(
        last("30 2 * * *", "2026-01-01T01:30:00Z", "2026-01-02T01:30:00Z"),
        some("2026-01-02T01:30:00Z")
    );
    assert_eq!(
        last("0 0 29 2 *", "2020-03-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        some("2024-02-28T23:00:00Z")
    );
    // A clock that went back.
    assert_eq!(last("30 2 * * *", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), None);
    assert_eq!(schedule("@yearly", "UTC").next_after(Timestamp::MAX), None);
}

/// A moment in a zone, as the crate that we are held against wants it.
#[derive(Debug, Clone)]
struct There {
    at: Timestamp,
    zone: TimeZone,
}

impl There {
    fn then(&self, at: Timestamp) -> Self {
        Self { at, ..self.clone() }
    }
}

impl CronDateTime for There {
    fn to_civil(&self) -> CivilDateTime {
        let time = self.zone.to_datetime(self.at);
        let [month, day, hour, minute, second] =
            [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(|part| part as u32);
        CivilDateTime::from_ymd_hms(i32::from(time.year()), month, day, hour, minute, second).unwrap()
    }

    fn civil_weekday(&self) -> Weekday {
        let weekday = self.zone.to_datetime(self.at).weekday();
        Weekday::from_days_from_sunday(weekday.to_sunday_zero_offset() as u32)
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let [month, day, hour, minute, second] =
            [civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second()].map(|part| part as i8);
        let time = DateTime::new(civil.year() as i16, month, day, hour, minute, second, 0).unwrap();
        let then = |offset: Offset| self.then(offset.to_timestamp(time).unwrap());
        Ok(match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => Resolution::Single(then(offset)),
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
            AmbiguousOffset::Fold { before, after } => Resolution::Ambiguous(then(before), then(after)),
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.at.checked_add(SignedDuration::from_secs(seconds)).ok().map(|at| self.then(at))
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

/// Made-up expressions, always the same.
fn made_up(count: usize, hours: &[&str]) -> Vec<String> {
    let mut state = 7_u64;
    let mut pick = |from: &[&str]| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from[(state >> 33) as usize % from.len()].to_owned()
    };
    let any = "*";
    let make = |_| {
        [
            pick(&["0", "30", "59", "7", "15"]),
            pick(hours),
            pick(&[any, any, "1", "31", "29", "1-7", "*/10", "5,15,25"]),
            pick(&[any, any, "2", "3", "10", "jan-mar", "*/5", "4,12"]),
            pick(&[any, any, "0", "7", "mon-fri", "6", "sun,wed", "5-7"]),
        ]
        .join(" ")
    };
    (0..count).map(make).collect()
}

/// `croner` is another reading of the same language, by others.
#[test]
fn another_cron_finds_the_same_times() {
    // Where it reads clocks otherwise (several fixed times a day count as passing time there) no clock jumps.
    let cases = [
        ("UTC", &["*", "0", "23", "*/7", "8-18/3", "1,2,13", "20-23"][..]),
        ("Europe/Berlin", &["*", "*/2", "1", "2", "3"][..]),
        ("America/New_York", &["*", "1", "2", "*/3"][..]),
    ];
    let mut compared = 0;
    for (zone, hours) in cases {
        for expression in made_up(120, hours) {
            let Ok(ours) = CronExpression::new(&expression) else { continue };
            let ours = Schedule::new(&ours, zone).unwrap();
            let theirs: Cron = expression.parse().unwrap();
            for start in [
                "2026-01-31T23:59:30Z",
                "2026-03-08T05:00:00Z",
                "2026-03-28T20:00:00Z",
                "2026-10-24T21:00:00Z",
            ] {
                let start: Timestamp = start.parse().unwrap();
                let (mut mine, mut other) = (start, There { at: start, zone: ours.zone.clone() });
                for _ in 0..6 {
                    mine = ours.next_after(mine).unwrap();
                    other = theirs.find_next_occurrence(&other, false).unwrap();
                    assert_eq!(mine, other.at, "{expression} in {zone} from {start}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 5_000, "{compared}");
}

/// Why it is not what we run by: two fixed hours are no fixed time there, and the one that the clock skips is lost.
#[test]
fn another_cron_loses_what_the_clock_skips() {
    let start: Timestamp = "2026-03-28T20:00:00Z".parse().unwrap();
    let ours = schedule("0 2,14 * * *", "Europe/Berlin");
    let there = There { at: start, zone: ours.zone.clone() };
    let theirs = "0 2,14 * * *".parse::<Cron>().unwrap().find_next_occurrence(&there, false).unwrap();
    assert_eq!(theirs.at.to_string(), "2026-03-29T12:00:00Z");
    assert_eq!(ours.next_after(start).unwrap().to_string(), "2026-03-29T01:00:00Z");
}
