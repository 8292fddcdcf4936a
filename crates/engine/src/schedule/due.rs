//! Whether the turn of a schedule has come.

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::{FailureKind, Schedule};
use keyreeve_store::{ImportSchedule, TurnOutcome};

/// Clocks of processes that share a store may differ by this much. What was seen to further ahead of now than that was
/// seen to by a clock that was wrong.
pub const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_hours(1);

/// So long until a failed import is tried again, by how many failed in a row; the last one holds for all others.
const PATIENCE: [SignedDuration; 4] = [
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(4),
];

/// How far a schedule has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// The last of its times that was seen to; at first, when it was set.
    pub taken_for: Timestamp,
    /// What came of it.
    pub ended: Ended,
}

/// What came of a time of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is to be made good: published, suspended, passed over, or new.
    Well,
    /// Not yet.
    UnderWay,
    /// It failed then, as the last of so many in a row.
    Badly {
        /// When.
        at: Timestamp,
        /// How many.
        failures: u32,
        /// It was only stopped half-way.
        interrupted: bool,
    },
}

impl Last {
    /// What the store says of a schedule.
    #[must_use]
    pub fn of(schedule: &ImportSchedule, now: Timestamp) -> Self {
        let failures = schedule.failures;
        let ended = match &schedule.outcome {
            TurnOutcome::Run(run) if run.went_wrong(now) => Ended::Badly {
                at: run.finished_at.unwrap_or(run.lease_until),
                failures,
                // A run whose process ended without a word says nothing of why.
                interrupted: run.failure.is_none_or(|kind| kind == FailureKind::Interrupted),
            },
            TurnOutcome::Run(run) if run.finished_at.is_none() => Ended::UnderWay,
            TurnOutcome::Refused { at, .. } if failures > 0 => {
                Ended::Badly { at: *at, failures, interrupted: false }
            }
            TurnOutcome::Run(_) | TurnOutcome::Refused { .. } | TurnOutcome::New => Ended::Well,
        };
        Self { taken_for: schedule.taken_for, ended }
    }
}

/// What is to be done about a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Its turn has come, for this time: the last one that came, however many were missed.
    Now(Timestamp),
    /// Not before then.
    At(Timestamp),
    /// The import of its last time is under way.
    UnderWay,
    /// What was seen to last lies ahead: the clock was put back, and the schedule begins anew.
    ClockWentBack,
    /// At the end of the calendar.
    Never,
}

/// What is to be done about a schedule, given how far it has come. Whether its system may be imported now is not asked
/// here.
#[must_use]
pub fn due(times: &Schedule, last: Last, now: Timestamp) -> Due {
    let Last { taken_for, ended } = last;
    let latest = match ended {
        Ended::Badly { at, .. } => at.max(taken_for),
        Ended::Well | Ended::UnderWay => taken_for,
    };
    if latest.duration_since(now) > CLOCKS_DIFFER_BY {
        return Due::ClockWentBack;
    }
    let newest = times.last_between(taken_for, now);
    match ended {
        Ended::UnderWay => Due::UnderWay,
        Ended::Well => match (newest, times.next_after(taken_for.max(now))) {
            (Some(newest), _) => Due::Now(newest),
            (None, Some(next)) => Due::At(next),
            (None, None) => Due::Never,
        },
        Ended::Badly { at, failures, interrupted } => {
            // What was merely stopped is begun again at once, unless what was before it ended badly, too.
            let at_once = interrupted && failures <= 1;
            let patience = if at_once { SignedDuration::ZERO } else { patience_after(failures) };
            let again_at = at.checked_add(patience).unwrap_or(Timestamp::MAX);
            if again_at <= now { Due::Now(newest.unwrap_or(taken_for)) } else { Due::At(again_at) }
        }
    }
}

/// So long until it is tried again after so many failures in a row.
#[must_use]
pub fn patience_after(failures: u32) -> SignedDuration {
    let place = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    PATIENCE.get(place).or(PATIENCE.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-{text}Z").parse().unwrap()
    }

    fn says(expression: &str, last: Last, now: &str) -> Due {
        due(&Schedule::new(&expression.parse().unwrap(), "Europe/Berlin").unwrap(), last, at(now))
    }

    fn well(taken_for: &str) -> Last {
        Last { taken_for: at(taken_for), ended: Ended::Well }
    }

    fn badly(taken_for: &str, ended_at: &str, failures: u32, interrupted: bool) -> Last {
        let ended = Ended::Badly { at: at(ended_at), failures, interrupted };
        Last { taken_for: at(taken_for), ended }
    }

    #[test]
    fn a_time_that_has_come_is_due_once() {
        let noon = "0 12 * * *";
        assert_eq!(says(noon, well("01-10T08:00:00"), "01-10T10:59:59.999"), Due::At(at("01-10T11:00:00")));
        assert_eq!(says(noon, well("01-10T08:00:00"), "01-10T11:00:00"), Due::Now(at("01-10T11:00:00")));
        assert_eq!(says(noon, well("01-10T11:00:00"), "01-10T11:00:00"), Due::At(at("01-11T11:00:00")));
        assert_eq!(says(noon, well("01-10T11:00:00"), "01-11T10:00:00"), Due::At(at("01-11T11:00:00")));
    }

    #[test]
    fn r42_many_missed_times_are_due_once_and_the_last_of_them() {
        assert_eq!(
            says("0 * * * *", well("01-10T02:00:00"), "01-10T08:20:00"),
            Due::Now(at("01-10T08:00:00"))
        );
        assert_eq!(
            says("0 12 * * *", well("01-01T11:00:00"), "11-28T10:00:00"),
            Due::Now(at("11-27T11:00:00"))
        );
    }

    #[test]
    fn what_failed_is_tried_again_with_growing_patience() {
        let day = "0 12 * * *";
        let cases = [(1, "11:15:00"), (2, "11:25:00"), (3, "12:10:00"), (4, "15:10:00"), (99, "15:10:00")];
        for (failures, again) in cases {
            let last = badly("01-10T11:00:00", "01-10T11:10:00", failures, false);
            let again = format!("01-10T{again}");
            assert_eq!(says(day, last, "01-10T11:11:00"), Due::At(at(&again)), "{failures}");
            assert_eq!(says(day, last, &again), Due::Now(at("01-10T11:00:00")), "{failures}");
        }
        // Times that come sooner are left out; the last one of them is what it is then tried for.
        let last = badly("01-10T11:00:00", "01-10T11:01:00", 3, false);
        assert_eq!(says("*/5 * * * *", last, "01-10T11:59:00"), Due::At(at("01-10T12:01:00")));
        assert_eq!(says("*/5 * * * *", last, "01-10T12:01:00"), Due::Now(at("01-10T12:00:00")));
    }

    #[test]
    fn what_was_stopped_is_begun_again_at_once_but_not_in_a_circle() {
        let first = badly("01-10T11:00:00", "01-10T11:01:00", 1, true);
        assert_eq!(says("0 12 * * *", first, "01-10T11:01:00"), Due::Now(at("01-10T11:00:00")));
        let second = badly("01-10T11:00:00", "01-10T11:01:00", 2, true);
        assert_eq!(says("0 12 * * *", second, "01-10T11:01:00"), Due::At(at("01-10T11:16:00")));
        let under_way = Last { ended: Ended::UnderWay, ..well("01-10T11:00:00") };
        assert_eq!(says("0 * * * *", under_way, "01-10T13:00:00"), Due::UnderWay);
    }

    #[test]
    fn r17_a_clock_that_goes_back_a_little_doubles_nothing_and_one_that_goes_back_far_is_believed() {
        let hourly = "0 * * * *";
        // The time that was seen to comes once more, and is left alone.
        assert_eq!(says(hourly, well("01-10T11:00:00"), "01-10T10:40:00"), Due::At(at("01-10T12:00:00")));
        assert_eq!(says(hourly, well("01-10T11:00:00"), "01-10T11:00:00"), Due::At(at("01-10T12:00:00")));
        assert_eq!(says(hourly, well("01-10T11:00:00"), "01-10T10:00:00"), Due::At(at("01-10T12:00:00")));
        assert_eq!(says(hourly, well("01-10T11:00:00"), "01-10T09:59:59"), Due::ClockWentBack);
        let fourteen_years_ahead =
            Last { taken_for: "2040-01-01T00:00:00Z".parse().unwrap(), ended: Ended::Well };
        assert_eq!(says(hourly, fourteen_years_ahead, "01-10T11:00:00"), Due::ClockWentBack);
        let failed_ahead = badly("01-10T11:00:00", "01-12T11:00:00", 2, false);
        assert_eq!(says(hourly, failed_ahead, "01-10T11:30:00"), Due::ClockWentBack);
    }

    #[test]
    fn r17_days_on_which_clocks_change_lose_and_double_nothing() {
        // 29 March: 2:00 to 3:00 does not exist. 25 October: it exists twice.
        assert_eq!(
            says("30 2 * * *", well("03-28T01:30:00"), "03-29T12:00:00"),
            Due::Now(at("03-29T01:00:00"))
        );
        assert_eq!(
            says("30 2 * * *", well("03-29T01:00:00"), "03-29T12:00:00"),
            Due::At(at("03-30T00:30:00"))
        );
        assert_eq!(
            says("30 2 * * *", well("10-25T00:30:00"), "10-25T01:30:00"),
            Due::At(at("10-26T01:30:00"))
        );
    }
}
