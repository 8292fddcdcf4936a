//! The moment a reading speaks of: a time, the end of a day, or what a run said.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, civil::Date, civil::Time, tz::TimeZone};
use keyreeve_model::ImportRunId;
use keyreeve_store::AsOf;

/// How far a time may lie ahead: it may have been read from another machine's clock.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

/// A moment as people write it.
#[derive(Debug, Clone)]
pub struct Moment {
    as_of: AsOf,
    /// When what is meant begins, if it is a time: a day's reading is of its end, but the day may still last.
    begins: Option<Timestamp>,
    written: String,
}

/// Nothing is known of what is to come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{written} is in the future (it is {now} now), and nothing is known of it")]
pub struct ToCome {
    written: String,
    now: Timestamp,
}

impl Moment {
    /// The moment in the store's terms.
    ///
    /// # Errors
    /// [`ToCome`].
    pub fn as_of(&self, now: Timestamp) -> Result<AsOf, ToCome> {
        match self.begins {
            Some(begins) if begins.duration_since(now) > CLOCKS_DIFFER => {
                Err(ToCome { written: self.written.clone(), now })
            }
            _ => Ok(self.as_of),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let written = text.to_owned();
        if let Some(run) = text.strip_prefix("run:") {
            let run = run.parse::<ImportRunId>().map_err(|error| error.to_string())?;
            return Ok(Self { as_of: AsOf::Run(run), begins: None, written });
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self { as_of: AsOf::Time(time), begins: Some(time), written });
        }
        whole_day(text).and_then(|date| day(date, written)).ok_or_else(|| {
            "give a time with its zone (2026-05-01T12:00:00Z), a date (2026-05-01) or run:N".to_owned()
        })
    }
}

/// When what people write begins: a time, or a day (UTC).
///
/// # Errors
/// It is neither.
pub fn beginning(text: &str) -> Result<Timestamp, String> {
    let of_day = |date: Date| TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok();
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| whole_day(text).and_then(of_day))
        .ok_or_else(|| "give a time with its zone (2026-05-01T12:00:00Z), or a date (2026-05-01)".to_owned())
}

/// A date; one with a time that has no zone is none.
fn whole_day(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == 10)
}

fn day(date: Date, written: String) -> Option<Moment> {
    let at = |time: Time| TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok();
    let last = Time::new(23, 59, 59, 999_000_000).ok()?;
    Some(Moment { as_of: AsOf::Time(at(last)?), begins: Some(at(Time::midnight())?), written })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_date_or_a_run() {
        let parsed = |text: &str| text.parse::<Moment>().map(|moment| moment.as_of);
        assert_eq!(parsed("run:7"), Ok(AsOf::Run(ImportRunId(7))));
        assert_eq!(
            parsed("2026-05-01T12:00:00+02:00"),
            Ok(AsOf::Time("2026-05-01T10:00:00Z".parse().unwrap()))
        );
        assert_eq!(parsed("2026-05-01"), Ok(AsOf::Time("2026-05-01T23:59:59.999Z".parse().unwrap())));
        for bad in ["", "now", "run:", "run:0", "run:x", "2026-05-01T12:00:00", "2026-13-01", "20260501"] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_beginning_is_a_time_or_the_first_moment_of_a_day() {
        let day: Timestamp = "2026-05-01T00:00:00Z".parse().unwrap();
        assert_eq!(beginning("2026-05-01"), Ok(day));
        assert_eq!(beginning("2026-05-01T02:00:00+02:00"), Ok(day));
        for bad in ["", "run:1", "2026-05-01T12:00:00", "2026-13-01", "20260501"] {
            assert!(beginning(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_future_is_refused_but_not_today_and_not_a_clock_that_is_a_minute_ahead() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        let read = |text: &str| text.parse::<Moment>().unwrap().as_of(now);
        for known in ["2026-05-01T12:01:00Z", "2026-05-01T14:00:30+02:00", "2026-05-01", "run:7"] {
            assert!(read(known).is_ok(), "{known}");
        }
        for to_come in ["2026-05-01T12:01:00.001Z", "2026-05-02", "2999-01-01"] {
            let refused = read(to_come).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("{to_come} is in the future")), "{refused}");
        }
    }
}
