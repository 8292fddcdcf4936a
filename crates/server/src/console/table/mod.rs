//! Tables. A list is asked for by its address alone, which says how it is sorted, what is filtered, which page and of what
//! size; nothing of it is kept elsewhere, so it can be sent to somebody, kept as a bookmark, and gone back to.
//!
//! A page declares the [`Shape`] of its list, takes [`Asked`], and gets a [`Listing`] of the two: what to ask the store for.
//! [`Listing::table`] makes the table of what came, [`Listing::file`] the same as CSV. What the address has that the list does
//! not know is never passed over: the table says what it is and what there is instead, and shows no row
//! ([`Listing::status`] is the status of such a page).
//!
//! A [`Table::whole`] has no filters and no pages. It is for what is short by its nature, or stands in an order that means
//! something: the steps of a plan or a task, the access keys of an account (two at most), the policies of a group and the
//! versions of a policy (limits of AWS), the passwords of a job (one for a task of it), the parts of a system, the calls and
//! values of a task mapping, the collections of a run, what a test of the connection found, one's own sessions, and the
//! overviews of Home, of the keys kept here and of where people are told.
//!
//! What is read whole is sorted by what its cells say ([`Listing::arranged`]), by each column. What may be long is sorted by
//! the store, by columns that have an index, and by no others: to find the first of 100,000 accounts by another one, all of
//! them would be looked at for each page.

mod asked;
mod listing;
mod shown;
#[cfg(test)]
mod tests;

pub(crate) use asked::Asked;
pub(crate) use listing::{Listing, Total};
pub(crate) use shown::Table;

use super::page::Said;

/// Rows of a page, if nobody says how many, and how many else.
const USUAL: u32 = 50;
const SIZES: [u32; 4] = [25, USUAL, 100, 250];
/// A file has so many rows at most.
pub(crate) const MOST_IN_A_FILE: u32 = 10_000;
/// The code of a list that is too long for a file.
pub(super) const TOO_MANY_ROWS: &str = "too_many_rows";
/// A filter may be so long, in characters.
const LONGEST_FILTER: usize = 512;
/// The filter that says as of when a list is.
const AS_OF: &str = "as_of";
/// What the page that is asked for begins after.
const CURSOR: &str = "cursor";
/// What it ends before.
const BACK: &str = "back";
/// Names that every list knows besides its filters.
const OF_ALL: [&str; 6] = [CURSOR, BACK, "limit", "sort", "format", Said::NAME];

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

    /// Of numbers, and sorted.
    pub(crate) const fn sorted_number(key: &'static str, label: &'static str) -> Self {
        Self { key, label, number: true, acts: false }
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

/// Values as addresses have them, and what they are called.
type Choices = [(&'static str, &'static str)];

/// What a list can be narrowed down by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The values and what they are called; any text when there are none. The empty one is what nothing chosen means, which
    /// is any of them if it is not there.
    pub(crate) choices: &'static Choices,
}

/// What a list is like.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) columns: &'static [Column],
    pub(crate) filters: &'static [Filter],
    /// How it is sorted if nobody says how: the key of a column, with `-` before it from the last to the first.
    pub(crate) sort: &'static str,
}
