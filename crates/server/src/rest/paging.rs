//! Pages. A cursor says after which entry a page begins, so nothing is left out or shown twice when entries come and go.

use std::borrow::Cow;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts as Head;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyreeve_model::digest_hex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::problem::Problem;

/// So many entries, if nobody says how many.
const USUAL: u32 = 100;
/// So many at most.
pub(crate) const MOST: u32 = 1_000;

/// Which page: the cursor of the query, and how many entries at most.
#[derive(Debug)]
pub(crate) struct Paging(pub(crate) Option<String>, pub(crate) Option<u32>);

/// What a query asks for, apart from the page: a cursor is of use for its query alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark(String);

/// Names of a query that do not say which entries there are, nor in which order.
const OF_THE_PAGE: [&str; 3] = ["cursor", "limit", "fields"];
/// So much of a digest tells queries apart.
const MARK_CHARACTERS: usize = 16;

impl Mark {
    /// Of an address, by its path and its query.
    pub(crate) fn of(path: &str, query: &str) -> Self {
        let query = query.as_bytes();
        let mut asked: Vec<(Cow<'_, str>, Cow<'_, str>)> =
            url::form_urlencoded::parse(query).filter(|(name, _)| !OF_THE_PAGE.contains(&&**name)).collect();
        asked.sort();
        let text = format!("{path} {asked:?}");
        Self(digest_hex(text.as_bytes()).chars().take(MARK_CHARACTERS).collect())
    }

    /// The cursor of a place in the list.
    pub(crate) fn cursor(&self, key: &impl Serialize) -> Option<String> {
        serde_json::to_vec(&(&self.0, key)).ok().map(|place| BASE64_URL_SAFE_NO_PAD.encode(place))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Mark {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(head.uri.path(), head.uri.query().unwrap_or_default()))
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
    /// The cursor was not given out for this query.
    pub(crate) fn after<K: DeserializeOwned>(&self, mark: &Mark) -> Result<Option<K>, Problem> {
        let Some(cursor) = &self.0 else { return Ok(None) };
        let refuse = || {
            Problem::bad_request(
                "the cursor is none of this list: leave it away, or give `next` as it was, and all else of the query too",
            )
        };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refuse())?;
        let (of, key): (String, K) = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
        if of == mark.0 { Ok(Some(key)) } else { Err(refuse()) }
    }
}

impl<T> Page<T> {
    /// A page of entries that were read one more than fit: the one too many says that there is a next page.
    pub(crate) fn of<K: Serialize>(
        mut items: Vec<T>,
        limit: u32,
        mark: &Mark,
        key: impl Fn(&T) -> K,
    ) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let last = items.last().filter(|_| more);
        let next = last.and_then(|last| mark.cursor(&key(last)));
        Self { next, items }
    }

    /// The same page of something made of its entries.
    pub(super) fn each<U>(self, of: impl Fn(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(of).collect(), next: self.next }
    }

    /// The entries, and the cursor of the next page.
    pub(crate) fn taken_apart(self) -> (Vec<T>, Option<String>) {
        (self.items, self.next)
    }

    /// A list that has one page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(address: &str) -> Mark {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Mark::of(path, query)
    }

    #[test]
    fn a_page_ends_with_the_cursor_of_the_next_unless_it_is_the_last() {
        let mark = mark("/n");
        let page = Page::of(vec![1, 2, 3], 2, &mark, |last| ("n", *last));
        assert_eq!(page.items, [1, 2]);
        let after: (String, i32) = Paging(page.next, None).after(&mark).unwrap().unwrap();
        assert_eq!(after, ("n".to_owned(), 2));
        assert!(Page::of(vec![1, 2], 2, &mark, |last| *last).next.is_none());
        assert!(Page::of(Vec::<i32>::new(), 2, &mark, |last| *last).next.is_none());
    }

    #[test]
    fn strange_cursors_and_limits_are_refused() {
        for cursor in ["!", "AAAA", "WzEsMl0", ""] {
            let paging = Paging(Some(cursor.to_owned()), None);
            assert!(paging.after::<(String, String)>(&mark("/n")).is_err(), "{cursor}");
        }
        assert!(Paging(None, None).after::<String>(&mark("/n")).unwrap().is_none());
        assert_eq!(Paging(None, None).limit().unwrap(), USUAL);
        for limit in [0, MOST + 1, u32::MAX] {
            assert!(Paging(None, Some(limit)).limit().is_err());
        }
    }

    #[test]
    fn a_cursor_is_of_use_for_its_query_alone() {
        let cursor = Page::of(vec![1, 2], 1, &mark("/n?a=1&b=2&limit=1"), |last| *last).next;
        let after = |address: &str| Paging(cursor.clone(), None).after::<i32>(&mark(address));
        for same in ["/n?b=2&a=1", "/n?b=%32&a=1&limit=7&fields=x&cursor=y"] {
            assert_eq!(after(same).unwrap(), Some(1), "{same}");
        }
        for other in [
            "/n",
            "/m?a=1&b=2",
            "/n?a=1",
            "/n?a=1&b=3",
            "/n?a=1&b=2&b=2",
            "/n?a=1&b=2&sort=x",
            "/n?a=1%26b=2",
        ] {
            assert!(after(other).is_err(), "{other}");
        }
    }
}
