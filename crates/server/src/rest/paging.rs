//! Pages. A cursor says after which entry a page begins, so nothing is left out or shown twice when entries come and go.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::body::at_most;
use crate::problem::Problem;

/// So many entries, if nobody says how many.
const USUAL: u32 = 100;
/// So many at most.
pub(crate) const MOST: u32 = 1_000;

/// Which page: the cursor of the query, and how many entries at most.
#[derive(Debug)]
pub(crate) struct Paging(pub(crate) Option<String>, pub(crate) Option<u32>);

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pages {
    /// `next` of the page before.
    #[param(max_length = 4096)]
    #[serde(default, deserialize_with = "at_most::<4096, _>")]
    cursor: Option<String>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

impl Pages {
    pub(crate) fn paging(self) -> Paging {
        Paging(self.cursor, self.limit)
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    items: Vec<T>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

impl Paging {
    /// How many entries there may be on the page.
    ///
    /// # Errors
    /// None, or too many.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        match self.1.unwrap_or(USUAL) {
            limit @ 1..=MOST => Ok(limit),
            _ => Err(Problem::bad_request(format!("limit must be 1 to {MOST}"))),
        }
    }

    /// The entry after which the page begins.
    ///
    /// # Errors
    /// The cursor was not given out by this list.
    pub(crate) fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let Some(cursor) = &self.0 else { return Ok(None) };
        let refuse = || {
            Problem::bad_request("the cursor is none of this list: leave it away, or give `next` as it was")
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refuse())?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| refuse())
    }
}

impl<T> Page<T> {
    /// A page of entries that were read one more than fit: the one too many says that there is a next page.
    pub(crate) fn of<K: Serialize>(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let last = items.last().filter(|_| more);
        let next = last.and_then(|last| serde_json::to_vec(&key(last)).ok());
        Self { next: next.map(|key| BASE64_URL_SAFE_NO_PAD.encode(key)), items }
    }

    /// A list that has one page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_the_cursor_of_the_next_unless_it_is_the_last() {
        let page = Page::of(vec![1, 2, 3], 2, |last| ("n", *last));
        assert_eq!(page.items, [1, 2]);
        let after: (String, i32) = Paging(page.next, None).after().unwrap().unwrap();
        assert_eq!(after, ("n".to_owned(), 2));
        assert!(Page::of(vec![1, 2], 2, |last| *last).next.is_none());
        assert!(Page::of(Vec::<i32>::new(), 2, |last| *last).next.is_none());
    }

    #[test]
    fn strange_cursors_and_limits_are_refused() {
        for cursor in ["!", "AAAA", "WzEsMl0", ""] {
            assert!(Paging(Some(cursor.to_owned()), None).after::<(String, String)>().is_err(), "{cursor}");
        }
        assert!(Paging(None, None).after::<String>().unwrap().is_none());
        assert_eq!(Paging(None, None).limit().unwrap(), USUAL);
        for limit in [0, MOST + 1, u32::MAX] {
            assert!(Paging(None, Some(limit)).limit().is_err());
        }
    }
}
