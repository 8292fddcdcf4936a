//! Times as the databases keep them: whole milliseconds since 1970, in a `BIGINT`.

use jiff::Timestamp;

use crate::StoreError;

/// A time on its way in. This is the one place where finer parts than milliseconds are cut off.
pub(crate) fn to_millis(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// A time as it will read back.
pub(crate) fn truncated(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(to_millis(time)).unwrap_or(time)
}

/// A time on its way out.
pub(crate) fn from_millis(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis)
        .map_err(|_| StoreError::Data { what: format!("the time {millis} ms lies outside the calendar") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_back_as_it_was_written_and_never_from_the_future() {
        for text in ["2024-01-02T03:04:05.678Z", "1969-12-31T23:59:59.999Z", "2024-01-02T03:04:05Z"] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(from_millis(to_millis(time)).unwrap(), time);
        }
        let fine: Timestamp = "2024-01-02T03:04:05.678901234Z".parse().unwrap();
        assert_eq!(truncated(fine), "2024-01-02T03:04:05.678Z".parse().unwrap());
        assert!(from_millis(i64::MAX).is_err());
    }
}
