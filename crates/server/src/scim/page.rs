//! Which part of a list is asked for: by index (RFC 7644 §3.4.2.4) or by cursor (RFC 9865).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cause, Error, limits, sort::SortKey};

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// From a place on.
    Index {
        /// Counted from 1.
        start: usize,
        /// How many at most; 0 asks for the number of all alone.
        count: usize,
    },
    /// From where the page before ended.
    Cursor {
        /// Empty for the first page.
        cursor: String,
        /// How many at most.
        count: usize,
    },
}

impl Default for Page {
    fn default() -> Self {
        Self::Index { start: 1, count: limits::PAGE_DEFAULT }
    }
}

impl Page {
    /// Reads `startIndex`, `count` and `cursor`. By index, what is below 1 is 1 and what is below 0 is 0; more than the
    /// largest page is the largest page.
    ///
    /// # Errors
    /// `invalidCount` for a count below 1 with a cursor (RFC 9865 §2.1), `invalidValue` for both ways at once.
    pub fn new(start: Option<i64>, count: Option<i64>, cursor: Option<&str>) -> Result<Self, Error> {
        let size = |count: i64| usize::try_from(count).unwrap_or(0).min(limits::PAGE_MAXIMUM);
        let count = match (cursor, count) {
            (Some(_), Some(count)) if count < 1 => {
                return Err(Error::new(Cause::InvalidCount, "with a cursor, count must be 1 or more"));
            }
            (_, count) => count.map_or(limits::PAGE_DEFAULT, size),
        };
        match (cursor, start) {
            (Some(_), Some(_)) => Err(Error::new(
                Cause::InvalidValue,
                "startIndex and cursor exclude each other; send one of them",
            )),
            (Some(cursor), None) => Ok(Self::Cursor { cursor: cursor.to_owned(), count }),
            (None, start) => {
                let start = usize::try_from(start.unwrap_or(1).max(1)).unwrap_or(usize::MAX);
                Ok(Self::Index { start, count })
            }
        }
    }
}

/// Where a page ended. Clients get it as a text of unreserved characters (RFC 9865 §2). It is no secret and gives no
/// right: whoever forges one reads another part of a list that is theirs to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// What the last resource of the page is sorted by.
    pub key: SortKey,
    /// Its id.
    pub id: String,
}

impl Cursor {
    /// The text for clients. `query` stands for the query it belongs to: [`Query::digest`](super::query::Query::digest).
    #[must_use]
    pub fn encode(&self, query: &str, now: Timestamp) -> String {
        URL_SAFE_NO_PAD.encode(json!([1, now.as_second(), query, self.key.to_json(), self.id]).to_string())
    }

    /// Reads a text that came back.
    ///
    /// # Errors
    /// `invalidCursor` for what was not given out for this query, `expiredCursor` after
    /// [`limits::CURSOR_SECONDS`].
    pub fn decode(text: &str, query: &str, now: Timestamp) -> Result<Self, Error> {
        let invalid = || {
            Error::new(Cause::InvalidCursor, "the cursor is not one of this query; begin with an empty one")
        };
        if text.len() > limits::CURSOR_BYTES {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let parts: Vec<Value> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        let [version, made, made_for, key, id] = parts.as_slice() else { return Err(invalid()) };
        let made = made.as_i64().and_then(|made| Timestamp::from_second(made).ok()).ok_or_else(invalid)?;
        if *version != 1 || *made_for != query || made > now {
            return Err(invalid());
        }
        let age = now.duration_since(made).as_secs();
        if u64::try_from(age).unwrap_or(u64::MAX) > limits::CURSOR_SECONDS {
            let detail = format!("the cursor is older than {} seconds", limits::CURSOR_SECONDS);
            return Err(Error::new(Cause::ExpiredCursor, detail));
        }
        let key = SortKey::from_json(key).ok_or_else(invalid)?;
        let id = id.as_str().ok_or_else(invalid)?.to_owned();
        Ok(Self { key, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// RFC 7644 §3.4.2.4, table 6.
    #[test]
    fn odd_numbers_by_index() {
        for (start, count, expected_start, expected_count) in [
            (None, None, 1, limits::PAGE_DEFAULT),
            (Some(0), Some(10), 1, 10),
            (Some(-5), Some(-1), 1, 0),
            (Some(7), Some(0), 7, 0),
            (Some(i64::MAX), Some(i64::MAX), usize::try_from(i64::MAX).unwrap(), limits::PAGE_MAXIMUM),
            (Some(i64::MIN), Some(i64::MIN), 1, 0),
        ] {
            let page = Page::new(start, count, None).unwrap();
            assert_eq!(
                page,
                Page::Index { start: expected_start, count: expected_count },
                "{start:?} {count:?}"
            );
        }
    }

    /// RFC 9865 §2 and §2.1.
    #[test]
    fn odd_numbers_by_cursor() {
        let page = |count| Page::new(None, count, Some(""));
        assert_eq!(page(None).unwrap(), Page::Cursor { cursor: String::new(), count: limits::PAGE_DEFAULT });
        assert_eq!(
            page(Some(9_999)).unwrap(),
            Page::Cursor { cursor: String::new(), count: limits::PAGE_MAXIMUM }
        );
        for count in [0, -1, i64::MIN] {
            assert_eq!(page(Some(count)).unwrap_err().cause, Cause::InvalidCount);
        }
        assert_eq!(Page::new(Some(1), None, Some("")).unwrap_err().cause, Cause::InvalidValue);
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        let moment: Timestamp = "2026-01-01T00:00:00.123456789Z".parse().unwrap();
        for key in [
            SortKey::Text("ä\"".into()),
            SortKey::Boolean(false),
            SortKey::Number(-7),
            SortKey::Moment(moment),
            SortKey::Missing,
        ] {
            let cursor = Cursor { key, id: "AIDA 1".into() };
            let text = cursor.encode("q", at(0));
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
                "{text}"
            );
            assert_eq!(Cursor::decode(&text, "q", at(3_600)).unwrap(), cursor);
        }
    }

    #[test]
    fn cursors_of_elsewhere_and_old_ones_are_refused() {
        let text = Cursor { key: SortKey::Missing, id: "1".into() }.encode("q", at(0));
        let cause = |text: &str, query: &str, now| Cursor::decode(text, query, at(now)).unwrap_err().cause;
        assert_eq!(cause(&text, "other", 0), Cause::InvalidCursor);
        assert_eq!(cause(&text, "q", 3_601), Cause::ExpiredCursor);
        assert_eq!(cause(&text, "q", -1), Cause::InvalidCursor, "from the future");
        let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        for broken in [
            "x".to_owned(),
            "%00".to_owned(),
            format!("{text}="),
            "A".repeat(100_000),
            encode(json!([])),
            encode(json!([2, at(0).as_second(), "q", null, "1"])),
            encode(json!([1, "now", "q", null, "1"])),
            encode(json!([1, i64::MAX, "q", null, "1"])),
            encode(json!([1, at(0).as_second(), "q", {"text": 1}, "1"])),
            encode(json!([1, at(0).as_second(), "q", null, 1])),
        ] {
            assert_eq!(cause(&broken, "q", 0), Cause::InvalidCursor, "{broken}");
        }
    }
}
