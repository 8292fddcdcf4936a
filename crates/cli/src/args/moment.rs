//! `--as-of`: the moment a reading speaks of.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp, civil::Date, civil::Time, tz::TimeZone};
use keyreeve_model::ImportRunId;
use keyreeve_store::AsOf;

use crate::exit::Refusal;

/// What every reading command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Moment {
    /// Read what was published then: a time (2026-05-01T12:00:00Z), a date (its end, UTC), or run:N.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Instant>,
}

impl Moment {
    /// The moment in the store's terms.
    ///
    /// # Errors
    /// A refusal when it is still to come.
    pub(crate) fn as_of(&self, now: Timestamp) -> Result<AsOf, Refusal> {
        let Some(Instant { as_of, begins }) = &self.as_of else { return Ok(AsOf::Now) };
        match begins {
            Some(begins) if begins.duration_since(now) > CLOCKS_DIFFER => {
                let why = format!("{begins} is in the future (it is {now} now), and nothing is known of it");
                Err(Refusal::new("reading what was published by --as-of", why)
                    .hint("leave --as-of out to read what is known now, or give a time that has passed"))
            }
            _ => Ok(*as_of),
        }
    }
}

/// How far a time may lie ahead: it may have been read from another machine's clock.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, Clone)]
struct Instant {
    as_of: AsOf,
    /// When what is meant begins, if it is a time: a day's reading is of its end, but the day may still last.
    begins: Option<Timestamp>,
}

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(run) = text.strip_prefix("run:") {
            let run = run.parse::<ImportRunId>().map_err(|error| error.to_string())?;
            return Ok(Self { as_of: AsOf::Run(run), begins: None });
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self { as_of: AsOf::Time(time), begins: Some(time) });
        }
        text.parse::<Date>().ok().filter(|_| text.len() == 10).and_then(day).ok_or_else(|| {
            "give a time with its zone (2026-05-01T12:00:00Z), a date (2026-05-01) or run:N".to_owned()
        })
    }
}

fn day(date: Date) -> Option<Instant> {
    let at = |time: Time| TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok();
    let last = Time::new(23, 59, 59, 999_000_000).ok()?;
    Some(Instant { as_of: AsOf::Time(at(last)?), begins: Some(at(Time::midnight())?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_date_or_a_run() {
        let parsed = |text: &str| text.parse::<Instant>().map(|instant| instant.as_of);
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
    fn the_future_is_refused_but_not_today_and_not_a_clock_that_is_a_minute_ahead() {
        let now: Timestamp = "2026-05-01T12:00:00Z".parse().unwrap();
        let read = |text: &str| Moment { as_of: Some(text.parse().unwrap()) }.as_of(now);
        for known in ["2026-05-01T12:01:00Z", "2026-05-01T14:00:30+02:00", "2026-05-01", "run:7"] {
            assert!(read(known).is_ok(), "{known}");
        }
        for to_come in ["2026-05-01T12:01:00.001Z", "2026-05-02", "2999-01-01"] {
            let refusal = read(to_come).unwrap_err();
            assert!(refusal.to_string().contains("in the future"), "{refusal}");
        }
        assert_eq!(Moment::default().as_of(now).unwrap(), AsOf::Now);
    }
}
