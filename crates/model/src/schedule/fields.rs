//! The five fields of a cron expression, read into the values they stand for.

use jiff::civil::{Date, DateTime, Time};

use super::ScheduleError;

/// The next time is looked for over so many days: 29 February can be more than eight years away (1896 to 1904).
const DAYS: u32 = 9 * 366;
/// Times follow each other by this many minutes at least.
pub(super) const FEWEST_MINUTES: u32 = 5;

/// One field: what it is called, its values, and names for them.
struct Field {
    name: &'static str,
    lowest: u32,
    highest: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", lowest: 0, highest: 59, names: &[] };
const HOUR: Field = Field { name: "hour", lowest: 0, highest: 23, names: &[] };
const DAY: Field = Field { name: "day of the month", lowest: 1, highest: 31, names: &[] };
const MONTH: Field = Field {
    name: "month",
    lowest: 1,
    highest: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
/// Sunday is 0 and also 7.
const WEEKDAY: Field = Field {
    name: "day of the week",
    lowest: 0,
    highest: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// What stands for a whole expression.
const SHORT: [(&str, &str); 5] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];

/// The values of each field, one bit for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// The hours are counted from the last one, not read off the clock: the field begins with `*`.
    pub(super) every_hour: bool,
    any_day: bool,
    any_weekday: bool,
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let lower = text.trim().to_ascii_lowercase();
        let long = SHORT.iter().find(|(short, _)| *short == lower).map_or(lower.as_str(), |(_, long)| long);
        let parts: Vec<&str> = long.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(ScheduleError::Fields { found: parts.len() });
        };
        let weekdays = values(&WEEKDAY, weekday)?;
        let sunday = weekdays >> 7 & 1;
        let fields = Self {
            minutes: values(&MINUTE, minute)?,
            hours: values(&HOUR, hour)?,
            days: values(&DAY, day)?,
            months: values(&MONTH, month)?,
            weekdays: weekdays & 0x7f | sunday,
            every_hour: hour.starts_with('*'),
            any_day: *day == "*",
            any_weekday: *weekday == "*",
        };
        if fields.next_from(DateTime::constant(2000, 1, 1, 0, 0, 0, 0)).is_none() {
            return Err(ScheduleError::Never);
        }
        if fields.closest_minutes() < FEWEST_MINUTES { Err(ScheduleError::TooOften) } else { Ok(fields) }
    }

    /// The first time from this one on, itself included, as a clock on the wall shows it.
    pub(super) fn next_from(&self, from: DateTime) -> Option<DateTime> {
        let (mut date, time) = (from.date(), from.time());
        let is_whole = time.second() == 0 && time.subsec_nanosecond() == 0;
        let mut minute = u32::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).ok()?
            + u32::from(!is_whole);
        for _ in 0..DAYS {
            if self.has_day(date)
                && let Some(time) = self.first_of_day(minute)
            {
                return Some(date.to_datetime(time));
            }
            date = date.tomorrow().ok()?;
            minute = 0;
        }
        None
    }

    /// The first time of a day from this minute of it on.
    fn first_of_day(&self, from: u32) -> Option<Time> {
        (from / 60..24).filter(|hour| has(self.hours, *hour)).find_map(|hour| {
            let lowest = if hour == from / 60 { from % 60 } else { 0 };
            let minute = (lowest..60).find(|minute| has(self.minutes, *minute))?;
            Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
        })
    }

    /// Where both kinds of days are given, either is enough, as in every cron.
    fn has_day(&self, date: Date) -> bool {
        let number = |value: i8| u32::try_from(value).unwrap_or(0);
        let day = has(self.days, number(date.day()));
        let weekday = has(self.weekdays, number(date.weekday().to_sunday_zero_offset()));
        has(self.months, number(date.month()))
            && match (self.any_day, self.any_weekday) {
                (false, false) => day || weekday,
                _ => day && weekday,
            }
    }

    /// The fewest minutes from one time to the next, whichever days these are of.
    fn closest_minutes(&self) -> u32 {
        let minutes: Vec<u32> = (0..60).filter(|minute| has(self.minutes, *minute)).collect();
        let within = minutes.iter().zip(minutes.iter().skip(1)).map(|(one, next)| next - one).min();
        let hour_follows = (0..24).any(|hour| has(self.hours, hour) && has(self.hours, (hour + 1) % 24));
        let across = match (hour_follows, minutes.first(), minutes.last()) {
            (true, Some(first), Some(last)) => Some(first + 60 - last),
            _ => None,
        };
        within.into_iter().chain(across).min().unwrap_or(u32::MAX)
    }
}

fn has(bits: u64, value: u32) -> bool {
    bits.checked_shr(value).is_some_and(|bits| bits & 1 == 1)
}

/// The values of a field such as `*`, `*/15`, `1-5`, `8-18/2` or `mon,thu`.
fn values(field: &Field, text: &str) -> Result<u64, ScheduleError> {
    let refuse = || ScheduleError::Field { field: field.name, rule: rule(field), found: shortened(text) };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| (1..=60).contains(step)))),
            None => (part, None),
        };
        let (first, last) = match (range, range.split_once('-')) {
            // The day of the week ends with 6 here, or Sunday would come twice.
            ("*", _) => (field.lowest, if field.highest == 7 { 6 } else { field.highest }),
            (_, Some((first, last))) => {
                (value(field, first).ok_or_else(refuse)?, value(field, last).ok_or_else(refuse)?)
            }
            // A step needs to know where it ends.
            (one, None) if step.is_none() => {
                let one = value(field, one).ok_or_else(refuse)?;
                (one, one)
            }
            _ => return Err(refuse()),
        };
        let step = match step {
            Some(step) => step.ok_or_else(refuse)?,
            None => 1,
        };
        if first > last {
            return Err(refuse());
        }
        for value in (first..=last).step_by(usize::try_from(step).unwrap_or(1)) {
            bits |= 1 << value;
        }
    }
    Ok(bits)
}

fn value(field: &Field, text: &str) -> Option<u32> {
    let named = || {
        let place = field.names.iter().position(|name| *name == text)?;
        u32::try_from(place).ok().map(|place| place + field.lowest)
    };
    number(text).filter(|number| (field.lowest..=field.highest).contains(number)).or_else(named)
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u32> {
    let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn rule(field: &Field) -> String {
    let names = match (field.names.first(), field.names.last()) {
        (Some(first), Some(last)) => format!(" or {first} to {last}"),
        _ => String::new(),
    };
    format!(
        "values from {} to {}{names}, as *, a list (1,15), a range (1-5), or a range or * with a step (*/15)",
        field.lowest, field.highest
    )
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
