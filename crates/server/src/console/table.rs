//! Tables. A list is asked for by its address alone, which says how it is sorted, what is filtered, which page and of what
//! size; nothing of it is kept elsewhere, so it can be sent to somebody, kept as a bookmark, and gone back to.
//!
//! A page declares the [`Shape`] of its list, takes [`Asked`], and gets a [`Listing`] of the two: what to ask the store for.
//! [`Listing::table`] makes the table of what came, [`Listing::file`] the same as CSV.

use std::convert::Infallible;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::request::Parts as Head;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use keyreeve_engine::export::csv::of_rows;
use keyreeve_engine::export::{disposition, file_name};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::asking;
use super::form::Wrong;
use super::page::Said;
use super::parts::{Cell, Empty, Link, drawn};
use crate::problem::Problem;
use crate::rest::{Mark, Page, Paging};

/// Rows of a page, if nobody says how many, and how many else.
const USUAL: u32 = 50;
const SIZES: [u32; 4] = [25, USUAL, 100, 250];
/// A file has so many rows at most.
pub(crate) const MOST_IN_A_FILE: u32 = 10_000;
/// The code of a list that is too long for a file.
pub(super) const TOO_MANY_ROWS: &str = "too_many_rows";
/// A filter may be so long, in characters.
const LONGEST_FILTER: usize = 512;
/// Names that every list knows besides its filters.
const OF_ALL: [&str; 5] = ["cursor", "limit", "sort", "format", Said::NAME];

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// What it is called where it is sorted by; empty when it is not.
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    /// Whether it has numbers.
    pub(crate) number: bool,
    /// Whether it has ways to do something, which are of no use in a file.
    acts: bool,
}

impl Column {
    pub(crate) const fn sorted(key: &'static str, label: &'static str) -> Self {
        Self { key, label, number: false, acts: false }
    }

    pub(crate) const fn plain(label: &'static str) -> Self {
        Self { key: "", label, number: false, acts: false }
    }

    pub(crate) const fn number(label: &'static str) -> Self {
        Self { key: "", label, number: true, acts: false }
    }

    /// Of ways to do something.
    pub(crate) const fn acting(label: &'static str) -> Self {
        Self { key: "", label, number: false, acts: true }
    }
}

/// What a list can be narrowed down by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The values and what they are called; any text when there are none.
    pub(crate) choices: &'static [(&'static str, &'static str)],
}

/// What a list is like.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) columns: &'static [Column],
    pub(crate) filters: &'static [Filter],
    /// How it is sorted if nobody says how: the key of a column, with `-` before it from the last to the first.
    pub(crate) sort: &'static str,
}

/// How a list is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    path: String,
    given: Vec<(String, String)>,
}

impl Asked {
    fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        let given = url::form_urlencoded::parse(query).into_owned().collect();
        Self { path: uri.path().to_owned(), given }
    }

    /// Holds what is asked for against what there is: a wish that is passed over is taken for one that was met.
    ///
    /// # Errors
    /// Names, values and orders that the list does not know.
    pub(crate) fn of_shape(self, shape: &'static Shape) -> Result<Listing, Problem> {
        let refuse = |why: String| Err(Problem::bad_request(format!("the address cannot be read: {why}")));
        for (at, (name, value)) in self.given.iter().enumerate() {
            let filter = shape.filters.iter().find(|filter| filter.name == name);
            if filter.is_none() && !OF_ALL.contains(&name.as_str()) {
                return refuse("it has a name that this list does not know".to_owned());
            }
            if self.given.iter().skip(at + 1).any(|(other, _)| other == name) {
                return refuse(format!("{name} is there twice"));
            }
            let known = filter.is_none_or(|filter| {
                let any = filter.choices.is_empty() && !value.contains('\0');
                value.is_empty()
                    || (any && value.chars().count() <= LONGEST_FILTER)
                    || filter.choices.iter().any(|(choice, _)| choice == value)
            });
            if !known {
                return refuse(format!("{name} cannot be that"));
            }
        }
        let listing = Listing { asked: self, shape };
        let (key, _) = listing.sort();
        if !shape.columns.iter().any(|column| !column.key.is_empty() && column.key == key) {
            return refuse("it is not sorted by that".to_owned());
        }
        if !matches!(listing.given("format"), None | Some("csv")) {
            return refuse("format can be csv".to_owned());
        }
        listing.limit()?;
        Ok(listing)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&head.uri))
    }
}

/// A list as it is asked for.
#[derive(Debug)]
pub(crate) struct Listing {
    asked: Asked,
    shape: &'static Shape,
}

impl Listing {
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

    fn sort(&self) -> (&str, bool) {
        let order = self.order();
        order.strip_prefix('-').map_or((order, false), |key| (key, true))
    }

    /// Whether a file is wanted, rather than a page.
    pub(crate) fn is_file(&self) -> bool {
        self.given("format").is_some()
    }

    /// Whether it is the first page of it.
    pub(crate) fn is_first(&self) -> bool {
        self.given("cursor").is_none()
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

    /// After what the page begins.
    ///
    /// # Errors
    /// The cursor was not given out for this list.
    pub(crate) fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        Paging(self.given("cursor").map(str::to_owned), None).after(&self.mark())
    }

    /// What a cursor is of use for: what is empty, and what was said before, make no other list.
    fn mark(&self) -> Mark {
        let address = self.with(&[]);
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        Mark::of(path, query)
    }

    /// What of a list that was read whole stands on the page, and one more, each with its place in the list.
    ///
    /// # Errors
    /// As [`Listing::limit`] and [`Listing::after`].
    pub(crate) fn cut<T>(&self, items: Vec<T>) -> Result<Vec<(usize, T)>, Problem> {
        let after: usize = self.after()?.unwrap_or_default();
        let fitting = (self.limit()? as usize).saturating_add(1);
        Ok((1..).zip(items).skip(after).take(fitting).collect())
    }

    /// The address with other values, and without the page: `None` takes a name away.
    fn with(&self, changes: &[(&str, Option<&str>)]) -> String {
        let kept = self.asked.given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.filter(|(name, value)| {
            !["cursor", "format", Said::NAME].contains(name)
                && !value.is_empty()
                && !changes.iter().any(|(changed, _)| changed == name)
        });
        let changed = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        asking(&self.asked.path, kept.chain(changed))
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
        let limit = self.limit()?;
        let (items, next) = Page::of(items, limit, &self.mark(), key).taken_apart();
        let filtered = self.shape.filters.iter().any(|filter| self.filter(filter.name).is_some());
        let empty = match filtered {
            true => Empty {
                title: "Nothing fits".to_owned(),
                text: "There is nothing that all filters let through.".to_owned(),
                action: Some(Link::new(self.asked.path.clone(), "Show all")),
            },
            false => empty,
        };
        let shown_limit = limit.to_string();
        let size = |size: &u32| {
            let text = size.to_string();
            let address = (text != shown_limit).then(|| self.with(&[("limit", Some(&text))]));
            Size { text, address }
        };
        Ok(Table {
            caption: caption.to_owned(),
            head: self.shape.columns.iter().map(|column| self.head(column)).collect(),
            rows: items.iter().map(cells).collect(),
            empty,
            controls: (!self.shape.filters.is_empty()).then(|| self.controls()),
            below: Some(Below {
                first: self.given("cursor").map(|_| self.with(&[])),
                next: next.map(|next| self.with(&[("cursor", Some(&next))])),
                sizes: SIZES.iter().map(size).collect(),
                file: self.with(&[("format", Some("csv"))]),
            }),
        })
    }

    /// The table of a list that cannot be shown, with why, and what is wrong beside a filter.
    pub(crate) fn unread(&self, caption: &str, empty: Empty, wrong: Option<&Wrong>) -> Table {
        let mut controls = self.controls();
        for filter in &mut controls.filters {
            let own = wrong.filter(|wrong| wrong.field == Some(filter.name));
            filter.error = own.map(|wrong| wrong.why.clone());
        }
        Table {
            caption: caption.to_owned(),
            head: Vec::new(),
            rows: Vec::new(),
            empty,
            controls: Some(controls),
            below: Some(Below { first: None, next: None, sizes: Vec::new(), file: String::new() }),
        }
    }

    fn head(&self, column: &Column) -> ColumnHead {
        let (key, descends) = self.sort();
        let is_sorted = !column.key.is_empty() && column.key == key;
        let order = match is_sorted && !descends {
            true => format!("-{}", column.key),
            false => column.key.to_owned(),
        };
        ColumnHead {
            label: column.label,
            number: column.number,
            sort: (!column.key.is_empty()).then(|| self.with(&[("sort", Some(&order))])),
            sorted: is_sorted.then_some(if descends { "descending" } else { "ascending" }),
        }
    }

    fn controls(&self) -> Controls {
        let filter = |filter: &Filter| ShownFilter {
            name: filter.name,
            label: filter.label,
            value: self.filter(filter.name).unwrap_or_default().to_owned(),
            choices: filter.choices,
            error: None,
        };
        let kept = |name: &'static str| self.given(name).map(|value| (name, value.to_owned()));
        Controls {
            action: self.asked.path.clone(),
            filters: self.shape.filters.iter().map(filter).collect(),
            kept: ["sort", "limit"].into_iter().filter_map(kept).collect(),
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
            let status = axum::http::StatusCode::CONFLICT;
            let why = "a file of a list has at most 10,000 rows, and there are more. Narrow the list down with its filters, \
                       or have all of it by `keyreeve export` or from /api/v1/systems/ID/exports, which have no limit";
            return Err(Problem::new(status, TOO_MANY_ROWS, why));
        }
        let kept = || self.shape.columns.iter().map(|column| !column.acts);
        let names = self.shape.columns.iter().filter(|column| !column.acts);
        let names = names.map(|column| column.label.to_owned()).collect();
        let rows = items.iter().map(|item| {
            let cells = cells(item);
            cells.iter().zip(kept()).filter(|(_, kept)| *kept).map(|(cell, _)| cell.in_a_file()).collect()
        });
        let text = of_rows(names, rows).map_err(|error| {
            let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "not_written_down", error.to_string())
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
}

impl Listing {
    /// What a file is of, and what it is narrowed down to.
    fn named(&self, what: &str) -> String {
        let narrowed = self.shape.filters.iter().filter_map(|filter| {
            let value = self.filter(filter.name)?;
            Some(format!("-{}-{}", filter.name, value.trim_matches('/')))
        });
        std::iter::once(what.to_owned()).chain(narrowed).collect()
    }
}

/// The head of a column.
#[derive(Debug, Clone)]
pub(crate) struct ColumnHead {
    label: &'static str,
    number: bool,
    /// The address at which it is sorted by this.
    sort: Option<String>,
    /// `ascending` or `descending`, if it is.
    sorted: Option<&'static str>,
}

impl From<Column> for ColumnHead {
    fn from(column: Column) -> Self {
        Self { label: column.label, number: column.number, sort: None, sorted: None }
    }
}

/// The filters above a table.
#[derive(Debug, Clone)]
struct Controls {
    action: String,
    filters: Vec<ShownFilter>,
    kept: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone)]
struct ShownFilter {
    name: &'static str,
    label: &'static str,
    value: String,
    choices: &'static [(&'static str, &'static str)],
    /// What is wrong with it.
    error: Option<String>,
}

/// What stands below a table.
#[derive(Debug, Clone)]
struct Below {
    first: Option<String>,
    next: Option<String>,
    sizes: Vec<Size>,
    file: String,
}

#[derive(Debug, Clone)]
struct Size {
    text: String,
    /// `None` for the one that it has.
    address: Option<String>,
}

/// A table.
#[derive(Debug, Clone, Template)]
#[template(path = "console/part/table.html")]
pub(crate) struct Table {
    /// What it is a table of, for who does not see it.
    caption: String,
    head: Vec<ColumnHead>,
    rows: Vec<Vec<Cell>>,
    /// What stands there when there is no row.
    empty: Empty,
    controls: Option<Controls>,
    below: Option<Below>,
}

impl Table {
    /// A table of a few rows that are all there are.
    pub(crate) fn whole(caption: &str, columns: &[Column], rows: Vec<Vec<Cell>>, empty: Empty) -> Self {
        Self {
            caption: caption.to_owned(),
            head: columns.iter().map(|column| ColumnHead::from(*column)).collect(),
            rows,
            empty,
            controls: None,
            below: None,
        }
    }
}

drawn!(Table);

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        columns: &[Column::sorted("name", "Name"), Column::number("Accounts")],
        filters: &[
            Filter { name: "q", label: "Search", choices: &[] },
            Filter { name: "state", label: "State", choices: &[("active", "Active")] },
        ],
        sort: "name",
    };
    static OF_NAMES: Shape = SHAPE;

    fn listing(address: &str) -> Result<Listing, Problem> {
        Asked::of(&address.parse().unwrap()).of_shape(&OF_NAMES)
    }

    fn table(address: &str, items: Vec<&'static str>) -> Table {
        let empty = Empty { title: "None yet".to_owned(), text: String::new(), action: None };
        let cells = |item: &&str| vec![Cell::text(*item), Cell::Number(1)];
        listing(address).unwrap().table("Names", items, |item| item.len(), cells, empty).unwrap()
    }

    #[test]
    fn what_a_list_does_not_know_is_refused() {
        for good in ["/n", "/n?q=&state=&sort=", "/n?q=a&state=active&sort=-name&limit=25", "/n?said=x"] {
            assert!(listing(good).is_ok(), "{good}");
        }
        for bad in [
            "/n?x=1",
            "/n?q=1&q=2",
            "/n?state=gone",
            "/n?sort=Accounts",
            "/n?sort=--name",
            "/n?limit=0",
            "/n?limit=1001",
            "/n?limit=x",
            "/n?format=xml",
            "/n?q=%00",
            &format!("/n?q={}", "a".repeat(LONGEST_FILTER + 1)),
        ] {
            assert!(listing(bad).is_err(), "{bad}");
        }
        assert!(listing("/n?cursor=x").unwrap().after::<usize>().is_err());
    }

    #[test]
    fn all_of_a_list_stands_in_its_address() {
        let names: Vec<&str> = std::iter::repeat_n("a", 26).collect();
        // As a form sends it, with what is empty.
        let page = table("/n?q=a%26b&state=active&sort=&limit=25&said=x", names);
        assert_eq!((page.rows.len(), page.head[0].sorted), (25, Some("ascending")));
        assert_eq!(page.head[0].sort.as_deref(), Some("/n?q=a%26b&state=active&limit=25&sort=-name"));
        let below = page.below.unwrap();
        assert!(below.first.is_none() && below.file.ends_with("&limit=25&format=csv"));
        let next = below.next.unwrap();
        assert!(next.starts_with("/n?q=a%26b&state=active&limit=25&cursor="), "{next}");
        assert_eq!(listing(&next).unwrap().after::<usize>().unwrap(), Some(1));
        let sizes = below.sizes.iter().map(|size| (size.text.as_str(), size.address.is_some()));
        assert_eq!(sizes.collect::<Vec<_>>(), [("25", false), ("50", true), ("100", true), ("250", true)]);
        let last = table(&next, vec!["a"]).below.unwrap();
        assert_eq!((last.first.as_deref(), last.next), (Some("/n?q=a%26b&state=active&limit=25"), None));
    }

    #[test]
    fn an_empty_list_says_whether_that_is_because_of_a_filter() {
        assert_eq!(table("/n", vec![]).empty.title, "None yet");
        assert_eq!(table("/n?q=x", vec![]).empty.title, "Nothing fits");
    }

    #[tokio::test]
    async fn s23_a_file_holds_no_formula() {
        let cells = |item: &&str| vec![Cell::text(*item), Cell::None];
        let answer =
            listing("/n?format=csv").unwrap().file(("../../etc", "names"), &["=1+1", "a"], cells).unwrap();
        assert!(!answer.headers()[CONTENT_DISPOSITION].to_str().unwrap().contains('/'));
        let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
        assert_eq!(&body[..], b"Name,Accounts\r\n'=1+1,\r\na,\r\n");
    }

    #[test]
    fn a_file_is_whole_or_there_is_none_and_its_name_says_what_it_is_narrowed_to() {
        let most = MOST_IN_A_FILE as usize;
        let file = |address: &str, rows: usize| {
            let items = vec!["a"; rows];
            listing(address)
                .unwrap()
                .file(("prod", "names"), &items, |item| vec![Cell::text(*item), Cell::None])
        };
        assert!(file("/n?format=csv", most).is_ok());
        assert_eq!(file("/n?format=csv", most + 1).unwrap_err().code(), TOO_MANY_ROWS);
        for (address, name) in [
            ("/n?format=csv", "keyreeve-prod-names.csv"),
            ("/n?format=csv&q=a%20b&state=active", "keyreeve-prod-names-q-a_b-state-active.csv"),
        ] {
            let answer = file(address, 1).unwrap();
            let said = answer.headers()[CONTENT_DISPOSITION].to_str().unwrap();
            assert_eq!(said, format!("attachment; filename=\"{name}\""));
        }
    }
}
