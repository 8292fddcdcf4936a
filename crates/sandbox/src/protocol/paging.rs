//! Cuts a listing into pages, honestly or as a fault wants it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::error::ApiError;
use super::marker::Cursor;
use super::params::{Kind, Params};
use super::xml::Xml;
use crate::options::PageStyle;
use crate::seeded::{Seeded, digest};

/// One entry of a listing: a key to order and resume by, the name people know it by, and the thing itself.
pub(crate) struct Entry<T> {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) item: T,
}

impl<T> Entry<T> {
    pub(crate) fn new(key: impl Into<String>, name: impl Into<String>, item: T) -> Self {
        Self { key: key.into(), name: name.into(), item }
    }
}

/// What comes out: the entries of one page and how it goes on.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) truncated: bool,
    pub(crate) marker: Option<String>,
}

impl<T> Page<T> {
    /// `IsTruncated` and `Marker`.
    pub(crate) fn write_end(&self, xml: &mut Xml) {
        xml.flag("IsTruncated", self.truncated);
        xml.optional("Marker", self.marker.as_deref());
    }
}

/// Ways in which a page can lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageFault {
    Drop,
    RepeatPage,
    RepeatMarker,
    Cycle,
    Endless,
    ClaimLast,
    NoMarker,
    Empty,
    Shrink,
    Duplicate,
}

/// Where the pages of each listing began, for the faults that go back.
#[derive(Debug, Default)]
pub(crate) struct PageStarts(Mutex<HashMap<u64, Vec<Cursor>>>);

impl PageStarts {
    fn remember(&self, list: u64, cursor: &Cursor) {
        let mut starts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let starts = starts.entry(list).or_default();
        if cursor.page <= 1 {
            starts.clear();
        }
        starts.push(cursor.clone());
    }

    fn before(&self, list: u64, page: u32) -> Option<Cursor> {
        let starts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        starts.get(&list)?.iter().rev().find(|cursor| cursor.page < page).cloned()
    }
}

/// The request's place in its listing and all that decides how the page is cut.
pub(crate) struct Listing<'a> {
    pub(crate) list: u64,
    pub(crate) salt: u64,
    pub(crate) cursor: Cursor,
    pub(crate) max_items: u32,
    pub(crate) style: PageStyle,
    pub(crate) fault: Option<&'a PageFault>,
    pub(crate) omitted: &'a [String],
    pub(crate) starts: &'a PageStarts,
}

/// What tells one listing from another: account, action and every parameter but `Marker` and `MaxItems`.
pub(crate) fn list_id(account: &str, action: &str, params: &Params) -> u64 {
    let mut text = format!("{account}/{action}");
    for (name, value) in params.for_trace().filter(|(name, _)| *name != "Marker" && *name != "MaxItems") {
        text.push('\n');
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    digest(&text)
}

/// The cursor that the request's `Marker` stands for.
pub(crate) fn cursor_of(params: &Params, list: u64, salt: u64) -> Result<Cursor, ApiError> {
    match params.optional("Marker", Kind::Marker)? {
        None => Ok(Cursor::first()),
        Some(marker) => Cursor::decode(marker, list, salt),
    }
}

impl Listing<'_> {
    /// The page of `entries`, which gives all entries after a key, in the order of their keys.
    pub(crate) fn page<T, I>(&self, entries: impl Fn(Option<&str>) -> I) -> Page<T>
    where
        I: Iterator<Item = Entry<T>>,
    {
        self.starts.remember(self.list, &self.cursor);
        let cursor = match self.fault {
            Some(PageFault::RepeatPage) => {
                self.starts.before(self.list, self.cursor.page).unwrap_or_else(|| self.cursor.clone())
            }
            _ => self.cursor.clone(),
        };
        let empty = self.fault == Some(&PageFault::Empty) || self.empties(&cursor);
        let size = if empty { 0 } else { self.size(&cursor) };
        let kept = |entry: &Entry<T>| !self.omitted.iter().any(|name| name.eq_ignore_ascii_case(&entry.name));
        let mut rest = entries(cursor.after.as_deref()).filter(kept);
        let mut page: Vec<Entry<T>> = rest.by_ref().take(size).collect();
        let following = rest.next();
        let more = following.is_some() || self.fault == Some(&PageFault::Endless);
        let next = Cursor {
            page: cursor.page + 1,
            after: page.last().map(|entry| entry.key.clone()).or(cursor.after.clone()),
            after_empty: page.is_empty(),
            nonce: 0,
        };
        if self.fault == Some(&PageFault::Duplicate) {
            page.extend(following);
        }
        if self.fault == Some(&PageFault::Drop) {
            page.clear();
        }
        let marker = more.then(|| self.marker(&cursor, next));
        let items = page.into_iter().map(|entry| entry.item).collect();
        match self.fault {
            Some(PageFault::ClaimLast) => Page { items, truncated: false, marker: None },
            Some(PageFault::NoMarker) => Page { items, truncated: more, marker: None },
            _ => Page { items, truncated: more, marker },
        }
    }

    /// The marker of the next page, true or not.
    fn marker(&self, cursor: &Cursor, next: Cursor) -> String {
        let told = match self.fault {
            Some(PageFault::RepeatMarker) if cursor.page > 1 => cursor.clone(),
            Some(PageFault::Cycle) => {
                let back = self.starts.before(self.list, cursor.page).filter(|start| start.page > 1);
                back.unwrap_or_else(|| Cursor { page: 2, ..Cursor::default() })
            }
            Some(PageFault::Endless) => {
                Cursor { nonce: cursor.nonce + 1, page: cursor.page + 1, ..cursor.clone() }
            }
            _ => next,
        };
        told.encode(self.list, self.salt)
    }

    /// How many entries this page holds at most: the same whenever the same page is asked for.
    fn size(&self, cursor: &Cursor) -> usize {
        let most = usize::try_from(self.max_items).unwrap_or(usize::MAX);
        if self.fault == Some(&PageFault::Shrink) {
            return (most / 10).max(1);
        }
        if !self.style.short {
            return most;
        }
        let mut chance = self.chance(cursor, "size");
        if chance.percent(10) {
            1 + chance.below(most)
        } else {
            (most * (60 + chance.below(41)) / 100).max(1)
        }
    }

    /// Whether this page is empty although more follows. Never two in a row.
    fn empties(&self, cursor: &Cursor) -> bool {
        self.style.empty && !cursor.after_empty && self.chance(cursor, "empty").percent(20)
    }

    fn chance(&self, cursor: &Cursor, what: &str) -> Seeded {
        let after = cursor.after.as_deref().unwrap_or_default();
        Seeded::new(self.salt ^ self.list, &format!("{what}/{after}"))
    }
}
