//! What the address of a list asks for.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts as Head;

use super::listing::Listing;
use super::{BACK, CURSOR, Column, Filter, LONGEST_FILTER, OF_ALL, Shape};
use crate::console::form::sentence;
use crate::problem::Problem;
use crate::rest::{MOST_ITEMS, Paging};

/// So much of what was not understood is said again, in characters.
const REPEATED: usize = 60;

/// How a list is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(super) path: String,
    pub(super) given: Vec<(String, String)>,
}

/// What an address has that its list does not know.
#[derive(Debug, Clone)]
pub(super) struct Misread {
    pub(super) name: String,
    pub(super) why: String,
}

impl Misread {
    pub(super) fn new(name: &str, why: String) -> Self {
        Self { name: name.to_owned(), why: sentence(&why) }
    }
}

impl Asked {
    pub(crate) fn of(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().as_bytes();
        // Around what is copied from elsewhere there are often spaces, and nothing has any around its name.
        let trimmed = |(name, value): (String, String)| (name, value.trim().to_owned());
        let given = url::form_urlencoded::parse(query).into_owned().map(trimmed).collect();
        Self { path: uri.path().to_owned(), given }
    }

    /// A list that is asked for as it stands.
    pub(crate) fn plain(path: String) -> Self {
        Self { path, given: Vec::new() }
    }

    /// Whether a filter has a value.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.given.iter().any(|(given, has)| given == name && has == value)
    }

    /// Holds what is asked for against what there is: a wish that is passed over is taken for one that was met. What is
    /// not understood is left out of what the listing asks for, and said in the place of its rows.
    ///
    /// # Errors
    /// A file is wanted, which cannot say what was not understood.
    pub(crate) fn of_shape(self, shape: &'static Shape) -> Result<Listing, Problem> {
        let mut misread: Vec<Misread> = Vec::new();
        for (at, (name, value)) in self.given.iter().enumerate() {
            let again = self.given.iter().skip(at.saturating_add(1)).any(|(other, _)| other == name);
            if again {
                misread.push(Misread::new(
                    name,
                    format!("{} is in the address twice; give it once", quoted(name)),
                ));
            } else if let Some(why) = shape.misunderstands(name, value) {
                misread.push(Misread::new(name, why));
            }
        }
        let mut listing = Listing {
            asked: self,
            shape,
            misread: Vec::new(),
            apart: &[],
            total: None,
            counts: BTreeMap::new(),
            nothing: None,
            proposed: Vec::new(),
            unsorted: &[],
        };
        listing.misread(misread);
        if listing.misread.is_empty()
            && let Some(why) = listing.no_page()
        {
            listing.misread(vec![Misread::new(CURSOR, why.to_owned())]);
            listing.asked.given.retain(|(name, _)| name != BACK);
        }
        match listing.is_file() && !listing.misread.is_empty() {
            true => Err(Problem::bad_request(listing.not_understood())),
            false => Ok(listing),
        }
    }
}

impl Shape {
    /// Why something of an address is not understood; `None` where it is.
    fn misunderstands(&self, name: &str, value: &str) -> Option<String> {
        let filter = self.filters.iter().find(|filter| filter.name == name);
        match (filter, name) {
            (Some(filter), _) => filter.misunderstands(value),
            (None, other) if !OF_ALL.contains(&other) => {
                let known: Vec<&str> = self.filters.iter().map(|filter| filter.name).collect();
                let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
                Some(format!("the list cannot be narrowed down by {}; it can be by: {known}", quoted(name)))
            }
            (None, _) if value.is_empty() => None,
            (None, "sort") => self.does_not_sort_by(value),
            (None, "limit") => {
                let fits = value.parse().is_ok_and(|limit| Paging(None, Some(limit)).limit().is_ok());
                (!fits).then(|| format!("{} is no number of rows from 1 to {MOST_ITEMS}", quoted(value)))
            }
            (None, "format") => {
                (value != "csv").then(|| format!("no file is made as {}; csv is", quoted(value)))
            }
            (None, _) => None,
        }
    }

    fn does_not_sort_by(&self, value: &str) -> Option<String> {
        let key = value.strip_prefix('-').unwrap_or(value);
        let sorts: Vec<&Column> = self.columns.iter().filter(|column| !column.key.is_empty()).collect();
        if sorts.iter().any(|column| column.key == key) {
            return None;
        }
        let known: Vec<&str> = sorts.iter().map(|column| column.key).collect();
        let known = known.join(", ");
        Some(format!(
            "the list is not sorted by {}; it is by: {known}, with - before it from the last to the first",
            quoted(value)
        ))
    }
}

impl Filter {
    fn misunderstands(&self, value: &str) -> Option<String> {
        let label = self.label;
        let is_text = !value.contains('\0') && value.chars().count() <= LONGEST_FILTER;
        if value.is_empty() || self.choices.iter().any(|(choice, _)| *choice == value) {
            return None;
        }
        match self.choices {
            [] if is_text => None,
            [] => Some(format!(
                "{label} is longer than {LONGEST_FILTER} characters, or has one that is no text"
            )),
            choices => {
                let known: Vec<String> = choices
                    .iter()
                    .filter(|(choice, _)| !choice.is_empty())
                    .map(|(choice, called)| match choice.eq_ignore_ascii_case(called) {
                        true => (*choice).to_owned(),
                        false => format!("{choice} ({called})"),
                    })
                    .collect();
                Some(format!("{label} is never {}; there is: {}", quoted(value), known.join(", ")))
            }
        }
    }
}

/// What was not understood, as far as it is of use.
fn quoted(text: &str) -> String {
    let mut cut: String = text.chars().take(REPEATED).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("“{cut}”")
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Head, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&head.uri))
    }
}
