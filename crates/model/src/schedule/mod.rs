//! When imports run by themselves: a cron expression, read in a time zone.
//!
//! The clocks of most zones are put forward and back once a year. A time that is skipped then comes at the moment at
//! which the clock jumps, once, however many were skipped; a time that a clock shows twice comes the first time only.
//! Where the hour begins with `*`, it is not the clock on the wall that counts but the time that passes: what is skipped
//! is not made up for, and what the clock shows twice comes twice.

mod fields;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::fields::{FEWEST_MINUTES, Fields};

/// A schedule was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Too long to be one.
    #[error("a schedule has at most {MOST_BYTES} characters")]
    Long,
    /// Not five fields.
    #[error(
        "a schedule has five fields with spaces between: minute, hour, day of the month, month, day of the week (such \
         as \"30 2 * * *\", every day at 2:30); {found} were given"
    )]
    Fields {
        /// How many there are.
        found: usize,
    },
    /// A field that says nothing.
    #[error("its {field} cannot be {found:?}: give {rule}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it must look like.
        rule: String,
        /// What was given (shortened).
        found: String,
    },
    /// A day that does not exist.
    #[error("no such day ever comes, so nothing would ever run")]
    Never,
    /// One import has not ended when the next one begins.
    #[error(
        "two of its times would be less than {FEWEST_MINUTES} minutes apart, and imports run no more often than that"
    )]
    TooOften,
    /// A zone that nobody knows.
    #[error("there is no time zone {0:?}: give a name of the IANA database, such as Europe/Berlin or UTC")]
    TimeZone(String),
}

/// An expression is no longer than this.
const MOST_BYTES: usize = 200;

/// When something runs: minute, hour, day of the month, month and day of the week, as in every cron.
#[derive(Debug, Clone)]
pub struct CronExpression {
    text: Arc<str>,
    fields: Fields,
}

impl CronExpression {
    /// Reads an expression.
    ///
    /// # Errors
    /// See [`ScheduleError`]: what cannot be read, what never comes, and what comes more often than every five minutes.
    pub fn new(text: &str) -> Result<Self, ScheduleError> {
        if text.len() > MOST_BYTES {
            return Err(ScheduleError::Long);
        }
        Ok(Self { text: text.trim().into(), fields: Fields::parse(text)? })
    }

    /// The expression as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// As it was written: another text is another schedule, even if it means the same.
impl PartialEq for CronExpression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronExpression {}

impl FromStr for CronExpression {
    type Err = ScheduleError;
    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        Self::new(text)
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for CronExpression {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for CronExpression {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Times at which something runs.
#[derive(Debug, Clone)]
pub struct Schedule {
    fields: Fields,
    zone: TimeZone,
}

impl Schedule {
    /// An expression, read in the time zone of this name.
    ///
    /// # Errors
    /// [`ScheduleError::TimeZone`] where neither this machine nor the program knows the zone.
    pub fn new(expression: &CronExpression, zone: &str) -> Result<Self, ScheduleError> {
        Ok(Self { fields: expression.fields.clone(), zone: find_zone(zone)? })
    }

    /// The first time after this one; `None` at the end of the calendar.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        if self.fields.every_hour { self.next_as_time_passes(after) } else { self.next_on_the_clock(after) }
    }

    /// The first times after this one.
    pub fn times_after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |time| self.next_after(*time))
    }

    /// The last time after one moment and up to another, that one included.
    #[must_use]
    pub fn last_between(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        // Most likely it is a short while ago; the way from `after` may be long.
        const HOURS: [i64; 4] = [1, 25, 32 * 24, 9 * 366 * 24];
        HOURS.into_iter().find_map(|hours| {
            let far = until.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN);
            self.times_after(after.max(far)).take_while(|time| *time <= until).last()
        })
    }

    /// Goes from one change of the clock to the next: between two of them, wall and time agree.
    fn next_as_time_passes(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = after.checked_add(SignedDuration::from_nanos(1)).ok()?;
        loop {
            let offset = self.zone.to_offset(from);
            let found = self.fields.next_from(offset.to_datetime(from))?;
            let found = offset.to_timestamp(found).ok()?;
            match self.zone.following(from).next().map(|change| change.timestamp()) {
                Some(change) if change <= found => from = change,
                _ => return Some(found),
            }
        }
    }

    /// Goes through what the clock on the wall shows, each time once.
    fn next_on_the_clock(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = self.zone.to_datetime(after);
        loop {
            let shown = self.fields.next_from(from)?;
            let ambiguous = self.zone.to_ambiguous_timestamp(shown);
            let time = match ambiguous.offset() {
                AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(shown).ok()?,
                AmbiguousOffset::Fold { before, .. } => before.to_timestamp(shown).ok()?,
                AmbiguousOffset::Gap { after, .. } => {
                    let just_before = after.to_timestamp(shown).ok()?;
                    self.zone.following(just_before).next()?.timestamp()
                }
            };
            if time > after {
                return Some(time);
            }
            from = shown.checked_add(SignedDuration::from_mins(1)).ok()?;
        }
    }
}

/// A zone of the IANA database.
pub(crate) fn find_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    TimeZone::get(name)
        .ok()
        .filter(|zone| !zone.is_unknown())
        .ok_or_else(|| ScheduleError::TimeZone(name.chars().take(80).collect()))
}
