//! From the SDK's time to ours.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// `None` for a moment that cannot be told, and for 1970-01-01T00:00:00Z, which the SDK puts where the answer
/// held no date at all.
pub(crate) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok().filter(|moment| *moment != Timestamp::UNIX_EPOCH)
}

/// The moment in an HTTP `Date` header (RFC 9110, section 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let time = DateTime::from_str(text, aws_smithy_types::date_time::Format::HttpDate).ok()?;
    timestamp(&time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_date_is_not_1970() {
        assert_eq!(timestamp(&DateTime::from_secs(0)), None);
        assert_eq!(timestamp(&DateTime::from_secs(i64::MAX)), None);
        let moment = timestamp(&DateTime::from_secs_and_nanos(1_700_000_000, 250_000_000)).unwrap();
        assert_eq!(moment.to_string(), "2023-11-14T22:13:20.25Z");
    }

    #[test]
    fn the_date_header_is_read() {
        let moment = http_date("Tue, 14 Nov 2023 22:13:20 GMT").unwrap();
        assert_eq!(moment.to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(http_date("yesterday"), None);
    }
}
