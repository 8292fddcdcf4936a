//! Moments: the W3C's profile of ISO 8601 (NOTE-datetime), or seconds since 1970.

/// A moment in UTC: whole seconds since 1970, then nanoseconds.
pub(super) type Moment = (i64, u32);

/// `None` when the text is no moment, or one without a time zone. Digits alone are seconds since 1970, so a year
/// alone is not one of the forms.
pub(super) fn parse(text: &str) -> Option<Moment> {
    let seconds = text.strip_prefix('-').unwrap_or(text);
    if !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some((text.parse().ok()?, 0));
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let days = days_of_date(date)?;
    let (seconds, nanoseconds) = match time {
        None => (0, 0),
        // A time needs a whole date before it.
        Some(time) if date.len() == 10 => seconds_of_time(time)?,
        Some(_) => return None,
    };
    Some((days.checked_mul(86_400)?.checked_add(seconds)?, nanoseconds))
}

/// Days since 1970 of `YYYY-MM` or `YYYY-MM-DD`.
fn days_of_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = parts.next().map_or(Some(1), |day| digits(day, 2))?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1..=last).contains(&day) {
        return None;
    }
    // Years counted from March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year * 365 + year / 4 - year / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Seconds and nanoseconds since midnight UTC of `hh:mm`, `hh:mm:ss` or `hh:mm:ss.f`, with a zone.
fn seconds_of_time(text: &str) -> Option<(i64, u32)> {
    let (clock, offset_seconds) = match text.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => {
            let at = text.rfind(['+', '-'])?;
            let (clock, zone) = text.split_at_checked(at)?;
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3_600 + minutes * 60;
            (clock, if zone.starts_with('-') { -offset } else { offset })
        }
    };
    let mut parts = clock.split(':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (seconds, nanoseconds) = parts.next().map_or(Some((0, 0)), seconds_and_fraction)?;
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some((hours * 3_600 + minutes * 60 + seconds - offset_seconds, nanoseconds))
}

fn seconds_and_fraction(text: &str) -> Option<(i64, u32)> {
    let Some((seconds, fraction)) = text.split_once('.') else { return Some((digits(text, 2)?, 0)) };
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let nanoseconds = digits(&format!("{fraction:0<9}"), 9)?;
    Some((digits(seconds, 2)?, u32::try_from(nanoseconds).ok()?))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_moment() {
        let cases = [
            ("1970-01-01", (0, 0)),
            ("1970-01-01T00:00Z", (0, 0)),
            ("2000-02-29T12:30:45.5Z", (951_827_445, 500_000_000)),
            ("2020-01-01T00:00:01+01:00", (1_577_833_201, 0)),
            ("2020-01", (1_577_836_800, 0)),
            ("1969-12-31T23:59:59Z", (-1, 0)),
            ("0001-01-01", (-62_135_596_800, 0)),
            ("1577836800", (1_577_836_800, 0)),
            ("-5", (-5, 0)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment() {
        for bad in [
            "",
            "-",
            "now",
            "2021-02-29",
            "2020-13-01",
            "2020-1-1",
            "2020-01-01T",
            "2020-01-01T10",
            "2020-01-01T10:00",
            "2020-01-01T24:00Z",
            "2020-01T10:00Z",
            "2020-01-01T10:00:60Z",
            "2020-01-01T10:00:00.Z",
            "2020-01-01T10:00:00+1:00",
            "99999999999999999999",
            "2020-01-01T1é:00Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
