//! A list as it is asked for: what to ask the store for, and the table or the file of what came.
//!
//! A page is asked for by the entry that it begins after (`cursor`), or by the one that it ends before (`back`): a list that
//! is read from the store is then read the other way round, from that entry on ([`Listing::reading`]), and turned round to be
//! shown. So the page before is as cheap as the page after, and neither leaves anything out when entries come and go.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyreeve_engine::export::csv::of_rows;
use keyreeve_engine::export::{disposition, file_name};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::asked::{Asked, Misread};
use super::shown::{Below, ColumnHead, Controls, ShownFilter, Size, Table};
use super::{AS_OF, BACK, CURSOR, Column, Filter, MOST_IN_A_FILE, SIZES, Shape, TOO_MANY_ROWS, USUAL};
use crate::console::address::asking;
use crate::console::form::Wrong;
use crate::console::numbers::{counted, grouped};
use crate::console::page::Said;
use crate::console::parts::{Cell, Empty, Link};
use crate::problem::Problem;
use crate::rest::{Mark, Page, Paging};

/// A list as it is asked for.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(super) asked: Asked,
    pub(super) shape: &'static Shape,
    /// What was not understood, and is not asked for.
    pub(super) misread: Vec<Misread>,
    /// Filters whose fields stand elsewhere on the page.
    pub(super) apart: &'static [&'static str],
    /// How many fit in all.
    pub(super) total: Option<Total>,
    /// How many there are of each choice of a filter.
    pub(super) counts: BTreeMap<(&'static str, String), u64>,
    /// What is said where nothing fits.
    pub(super) nothing: Option<Empty>,
    /// Filters and where what can be written there is looked up.
    pub(super) proposed: Vec<(&'static str, String)>,
    /// Columns that it cannot be sorted by, though others of its shape can.
    pub(super) unsorted: &'static [&'static str],
}

/// How many entries a list has in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Total {
    Exactly(u64),
    /// They were not counted further than that.
    MoreThan(u64),
}

impl Total {
    /// So far they are counted, and by one more.
    pub(crate) const FAR: usize = 1_000;

    /// Of what was counted as far as by one more than [`Total::FAR`].
    pub(crate) fn of(counted: u64) -> Self {
        match counted > Self::FAR as u64 {
            true => Self::MoreThan(Self::FAR as u64),
            false => Self::Exactly(counted),
        }
    }

    fn said(self) -> String {
        match self {
            Self::Exactly(number) => format!("of {}", grouped(number)),
            Self::MoreThan(number) => format!("of more than {}", grouped(number)),
        }
    }
}

impl Listing {
    /// The same, where the fields of some filters stand elsewhere on the page.
    #[must_use]
    pub(crate) fn with_apart(mut self, apart: &'static [&'static str]) -> Self {
        self.apart = apart;
        self
    }

    /// The same, where it is known how many fit.
    #[must_use]
    pub(crate) fn with_total(mut self, total: Option<Total>) -> Self {
        self.total = total;
        self
    }

    /// The same, with what is said where nothing fits.
    #[must_use]
    pub(crate) fn with_nothing(mut self, nothing: Option<Empty>) -> Self {
        self.nothing = nothing;
        self
    }

    /// The same, with how many there are of each choice, as long as it is narrowed down by nothing.
    #[must_use]
    pub(crate) fn with_counts(mut self, counts: &BTreeMap<(&'static str, String), u64>) -> Self {
        if !self.is_narrowed() {
            self.counts = counts.clone();
        }
        self
    }

    /// The same, where what can be written into these filters is looked up as one types.
    #[must_use]
    pub(crate) fn proposing(mut self, proposed: Vec<(&'static str, String)>) -> Self {
        self.proposed = proposed;
        self
    }

    /// Whether any filter has a value.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.shape.filters.iter().any(|filter| self.filter(filter.name).is_some())
    }

    /// Whether there are pages besides the one that these are of, which were read one more than fit.
    pub(crate) fn goes_on(&self, read: usize) -> bool {
        !self.is_first() || self.limit().is_ok_and(|limit| read > limit as usize)
    }

    pub(super) fn misread(&mut self, misread: Vec<Misread>) {
        self.asked.given.retain(|(name, _)| !misread.iter().any(|one| one.name == *name));
        self.misread.extend(misread);
    }

    /// Says that there is nothing of what a filter asks for, which the shape of the list cannot know.
    ///
    /// # Errors
    /// A file is wanted, which cannot say so.
    pub(crate) fn is_not(&mut self, name: &'static str, why: String) -> Result<(), Problem> {
        if self.is_file() {
            return Err(Problem::bad_request(why));
        }
        self.misread(vec![Misread::new(name, why)]);
        Ok(())
    }

    /// The status of its page.
    pub(crate) fn status(&self) -> StatusCode {
        if self.misread.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST }
    }

    pub(super) fn not_understood(&self) -> String {
        self.misread.iter().map(|one| one.why.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn given(&self, name: &str) -> Option<&str> {
        let found = self.asked.given.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// What it is narrowed down to.
    pub(crate) fn filter(&self, name: &str) -> Option<&str> {
        self.given(name)
    }

    /// The order as one word, with `-` before it from the last to the first.
    pub(crate) fn order(&self) -> &str {
        self.given("sort").unwrap_or(self.shape.sort)
    }

    /// The key of the column that it is sorted by, and whether from the last to the first.
    pub(crate) fn sort(&self) -> (&str, bool) {
        let order = self.order();
        order.strip_prefix('-').map_or((order, false), |key| (key, true))
    }

    /// Whether a file is wanted, rather than a page.
    pub(crate) fn is_file(&self) -> bool {
        self.given("format").is_some()
    }

    /// Whether it is the first page of it.
    pub(crate) fn is_first(&self) -> bool {
        self.given(CURSOR).is_none() && self.given(BACK).is_none()
    }

    /// Whether the page is asked for by what comes after it.
    pub(crate) fn goes_back(&self) -> bool {
        self.given(BACK).is_some()
    }

    /// Why the page that is asked for is none.
    pub(super) fn no_page(&self) -> Option<&'static str> {
        if self.after::<serde_json::Value>().is_err() {
            return Some("the page that is asked for is none of this list: begin with its first page");
        }
        let both = self.given(CURSOR).is_some() && self.given(BACK).is_some();
        both.then_some(
            "the address asks for what comes after one place and before another: give cursor or back alone",
        )
    }

    /// The order that the store is to be read in: on the way back the other way round, from what comes after the page.
    pub(crate) fn reading(&self) -> String {
        let (key, descends) = self.sort();
        format!("{}{key}", if descends != self.goes_back() { "-" } else { "" })
    }

    /// Items that were read whole, in the order of the column that is asked for; as they came, where none is.
    pub(crate) fn arranged<T>(&self, mut items: Vec<T>, cells: impl Fn(&T) -> Vec<Cell>) -> Vec<T> {
        let (key, descends) = self.sort();
        let is_it = |column: &Column| !column.key.is_empty() && column.key == key;
        let Some(at) = self.shape.columns.iter().position(is_it) else { return items };
        let rank = |item: &T| cells(item).get(at).map(Cell::rank);
        match descends {
            false => items.sort_by_cached_key(rank),
            true => items.sort_by_cached_key(|item| Reverse(rank(item))),
        }
        items
    }

    /// The same list, where it is too long to be sorted by some columns: `why` is said to whoever asks for that.
    ///
    /// # Errors
    /// A file is wanted, which cannot say so.
    pub(crate) fn without_sorts(
        &mut self,
        columns: &'static [&'static str],
        why: &str,
    ) -> Result<(), Problem> {
        self.unsorted = columns;
        match columns.contains(&self.sort().0) {
            true => self.is_not("sort", why.to_owned()),
            false => Ok(()),
        }
    }

    /// How many rows there may be. One more is asked for, which says that there is a next page.
    ///
    /// # Errors
    /// None, or too many.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let limit = match self.given("limit") {
            None => Some(USUAL),
            Some(limit) => Some(limit.parse().map_err(|_| Problem::bad_request("limit is no number"))?),
        };
        let limit = Paging(None, limit).limit()?;
        Ok(if self.is_file() { MOST_IN_A_FILE } else { limit })
    }

    /// After what the page begins, or before what it ends: beyond what [`Listing::reading`] goes on.
    ///
    /// # Errors
    /// The cursor was not given out for this list.
    pub(crate) fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let place = self.given(BACK).or_else(|| self.given(CURSOR));
        Paging(place.map(str::to_owned), None).after(&self.mark())
    }

    /// What a cursor is of use for: what is empty, and what was said before, make no other list.
    fn mark(&self) -> Mark {
        let address = self.with(&[]);
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        Mark::of(path, query)
    }

    /// What of a list that was read whole stands on the page, and one more, each with its place in the list; as
    /// [`Listing::table`] takes them, so the last first on the way back.
    ///
    /// # Errors
    /// As [`Listing::limit`] and [`Listing::after`].
    pub(crate) fn cut<T>(&self, items: Vec<T>) -> Result<Vec<(usize, T)>, Problem> {
        let place: usize = self.after()?.unwrap_or_default();
        let fitting = (self.limit()? as usize).saturating_add(1);
        let placed = (1..).zip(items);
        if !self.goes_back() {
            return Ok(placed.skip(place).take(fitting).collect());
        }
        let mut before: Vec<(usize, T)> = placed.take(place.saturating_sub(1)).collect();
        before.reverse();
        before.truncate(fitting);
        Ok(before)
    }

    /// The address with other values, and without the page: `None` takes a name away.
    pub(crate) fn with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let kept = self.asked.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.filter(|(name, value)| {
            ![CURSOR, BACK, "format", Said::NAME].contains(name)
                && !value.is_empty()
                && !changes.iter().any(|(changed, _)| changed == name)
        });
        let changed = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        asking(&self.asked.path, kept.chain(changed))
    }

    /// Its own address, from its first page on.
    pub(crate) fn own(&self) -> String {
        self.with(&[])
    }

    /// The table of items that were read one more than fit, with what to do when there are none at all.
    ///
    /// # Errors
    /// As [`Listing::limit`].
    pub(crate) fn table<T, K: Serialize>(
        &self,
        caption: &str,
        items: Vec<T>,
        key: impl Fn(&T) -> K,
        cells: impl Fn(&T) -> Vec<Cell>,
        empty: Empty,
    ) -> Result<Table, Problem> {
        if !self.misread.is_empty() {
            let empty = Empty {
                title: "Not understood".to_owned(),
                text: self.not_understood(),
                action: Some(Link::new(self.asked.path.clone(), "Show all")),
            };
            return Ok(self.unread(caption, empty, None));
        }
        let (limit, mark) = (self.limit()?, self.mark());
        let (mut items, more) = Page::of(items, limit, &mark, &key).taken_apart();
        let place = |item: Option<&T>| item.and_then(|item| mark.cursor(&key(item)));
        let (previous, next) = match (self.goes_back(), self.is_first()) {
            // It was read from its end on, so what is beyond it lies before it; and it was come to from what comes after it.
            (true, _) => {
                let next = place(items.first());
                items.reverse();
                (more, next)
            }
            (false, true) => (None, more),
            (false, false) => (place(items.first()), more),
        };
        let narrowed =
            |filter: &Filter| !self.apart.contains(&filter.name) && self.filter(filter.name).is_some();
        let filtered = self.shape.filters.iter().any(narrowed);
        let whole = |filter: &Filter| (filter.name, None);
        let all: Vec<(&str, Option<&str>)> = self
            .shape
            .filters
            .iter()
            .filter(|filter| !self.apart.contains(&filter.name))
            .map(whole)
            .collect();
        let empty = match (filtered, &self.nothing) {
            (true, Some(nothing)) => nothing.clone(),
            (true, None) => Empty {
                title: "Nothing fits".to_owned(),
                text: "There is nothing that all filters let through.".to_owned(),
                action: Some(Link::new(self.with(&all), "Show all")),
            },
            (false, _) => empty,
        };
        let shown_limit = limit.to_string();
        let size = |size: &u32| {
            let text = size.to_string();
            let address = (text != shown_limit).then(|| self.with(&[("limit", Some(&text))]));
            Size { text, address }
        };
        let rows = counted(items.len(), "row", "rows");
        let told = match (items.is_empty(), next.is_some(), self.is_first()) {
            (true, ..) => empty.title.clone(),
            (false, true, _) | (false, false, false) if self.total.is_some() => {
                let rows = grouped(items.len() as u64);
                format!("{rows} rows here, {}", self.total.map(Total::said).unwrap_or_default())
            }
            (false, true, _) => format!("{rows} here, and there are more"),
            (false, false, true) => format!("{rows} in all"),
            (false, false, false) => format!("{rows} here, the last of them"),
        };
        Ok(Table {
            caption: caption.to_owned(),
            head: self.shape.columns.iter().map(|column| self.head(column)).collect(),
            rows: items.iter().map(cells).collect(),
            empty,
            controls: (!self.shape.filters.is_empty()).then(|| self.controls()),
            past: self.past(),
            told: format!("{told}."),
            below: Some(Below {
                first: (!self.is_first()).then(|| self.with(&[])),
                previous: previous.map(|place| self.with(&[(BACK, Some(&place))])),
                next: next.map(|place| self.with(&[(CURSOR, Some(&place))])),
                sizes: SIZES.iter().map(size).collect(),
                file: self.with(&[("format", Some("csv"))]),
            }),
        })
    }

    /// The table of a list that cannot be shown, with why, and what is wrong beside a filter.
    pub(crate) fn unread(&self, caption: &str, empty: Empty, wrong: Option<&Wrong>) -> Table {
        let mut controls = self.controls();
        for filter in &mut controls.filters {
            let own = wrong.filter(|wrong| wrong.field == Some(filter.name)).map(|wrong| &wrong.why);
            let misread = self.misread.iter().find(|one| one.name == filter.name).map(|one| &one.why);
            filter.error = own.or(misread).cloned();
        }
        Table {
            caption: caption.to_owned(),
            head: Vec::new(),
            rows: Vec::new(),
            past: None,
            told: format!("{}.", empty.title),
            empty,
            controls: Some(controls),
            below: Some(Below {
                first: None,
                previous: None,
                next: None,
                sizes: Vec::new(),
                file: String::new(),
            }),
        }
    }

    /// As of when it is, if that is said by a field above it, and where it is as of now.
    fn past(&self) -> Option<(String, String)> {
        let is_of_time = |filter: &&Filter| filter.name == AS_OF && !self.apart.contains(&AS_OF);
        self.shape.filters.iter().find(is_of_time)?;
        Some((self.filter(AS_OF)?.to_owned(), self.with(&[(AS_OF, None)])))
    }

    fn head(&self, column: &Column) -> ColumnHead {
        let (key, descends) = self.sort();
        let sorts = !column.key.is_empty() && !self.unsorted.contains(&column.key);
        let is_sorted = sorts && column.key == key;
        let order = match is_sorted && !descends {
            true => format!("-{}", column.key),
            false => column.key.to_owned(),
        };
        ColumnHead {
            label: column.label,
            number: column.number,
            sort: sorts.then(|| self.with(&[("sort", Some(&order))])),
            sorted: is_sorted.then_some(if descends { "descending" } else { "ascending" }),
        }
    }

    fn controls(&self) -> Controls {
        let filter = |filter: &Filter| ShownFilter {
            name: filter.name,
            label: filter.label,
            value: self.filter(filter.name).unwrap_or_default().to_owned(),
            choices: filter.choices,
            counts: {
                let own = self.counts.iter().filter(|((of, _), _)| *of == filter.name);
                own.map(|((_, value), number)| (value.clone(), *number)).collect()
            },
            proposes: self.proposed.iter().find(|(of, _)| *of == filter.name).map(|(_, at)| at.clone()),
            error: None,
        };
        let kept = |name: &&'static str| self.given(name).map(|value| (*name, value.to_owned()));
        let stands_here = |filter: &&Filter| !self.apart.contains(&filter.name);
        Controls {
            action: self.asked.path.clone(),
            filters: self.shape.filters.iter().filter(stands_here).map(filter).collect(),
            kept: ["sort", "limit"].iter().chain(self.apart).filter_map(kept).collect(),
        }
    }

    /// All that the filters let through as CSV: all of it, or nothing.
    ///
    /// # Errors
    /// There are more than [`MOST_IN_A_FILE`] rows; it cannot be written.
    pub(crate) fn file<T>(
        &self,
        (of, what): (&str, &str),
        items: &[T],
        cells: impl Fn(&T) -> Vec<Cell>,
    ) -> Result<Response, Problem> {
        if items.len() > MOST_IN_A_FILE as usize {
            let why = "a file of a list has at most 10,000 rows, and there are more. Narrow the list down with its filters, \
                       or have all of it by `keyreeve export` or from /api/v1/systems/ID/exports, which have no limit";
            return Err(Problem::new(StatusCode::CONFLICT, TOO_MANY_ROWS, why));
        }
        let kept = || self.shape.columns.iter().map(|column| !column.acts);
        let names = self.shape.columns.iter().filter(|column| !column.acts);
        let names = names.map(|column| column.label.to_owned()).collect();
        let rows = items.iter().map(|item| {
            let cells = cells(item);
            cells.iter().zip(kept()).filter(|(_, kept)| *kept).map(|(cell, _)| cell.in_a_file()).collect()
        });
        let text = of_rows(names, rows).map_err(|error| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_written_down", error.to_string())
        })?;
        let mut answer = text.into_response();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
        if let Ok(name) = HeaderValue::from_str(&disposition(&file_name(of, &self.named(what), None, "csv")))
        {
            headers.insert(CONTENT_DISPOSITION, name);
        }
        Ok(answer)
    }

    /// What a file is of, and what it is narrowed down to.
    fn named(&self, what: &str) -> String {
        let narrowed = self.shape.filters.iter().filter_map(|filter| {
            let value = self.filter(filter.name)?;
            Some(format!("-{}-{}", filter.name, value.trim_matches('/')))
        });
        std::iter::once(what.to_owned()).chain(narrowed).collect()
    }
}
