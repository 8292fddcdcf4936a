//! `--as-of`: the moment a reading speaks of.

use std::str::FromStr;

use jiff::{Timestamp, civil::Date, civil::Time, tz::TimeZone};
use keyreeve_model::ImportRunId;
use keyreeve_store::AsOf;

/// What every reading command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Moment {
    /// Read what was published then: a time (2026-05-01T12:00:00Z), a date (its end, UTC), or run:N.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Instant>,
}

impl Moment {
    /// The moment in the store's terms.
    pub(crate) fn as_of(&self) -> AsOf {
        self.as_of.as_ref().map_or(AsOf::Now, |instant| instant.0)
    }
}

#[derive(Debug, Clone)]
struct Instant(AsOf);

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(run) = text.strip_prefix("run:") {
            let run = run.parse::<ImportRunId>().map_err(|error| error.to_string())?;
            return Ok(Self(AsOf::Run(run)));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self(AsOf::Time(time)));
        }
        let end_of_day = text.parse::<Date>().ok().filter(|_| text.len() == 10).and_then(|date| {
            let last = Time::new(23, 59, 59, 999_000_000).ok()?;
            TimeZone::UTC.to_timestamp(date.to_datetime(last)).ok()
        });
        end_of_day.map(|time| Self(AsOf::Time(time))).ok_or_else(|| {
            "give a time with its zone (2026-05-01T12:00:00Z), a date (2026-05-01) or run:N".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_date_or_a_run() {
        let parsed = |text: &str| text.parse::<Instant>().map(|instant| instant.0);
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
}
