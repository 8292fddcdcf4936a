//! As of when a page is: asked for in words, which may be none, or of a moment of which nothing is known.

use axum::http::StatusCode;
use jiff::Timestamp;
use keyreeve_model::SystemId;
use keyreeve_store::{AsOf, StoreError};

use super::form::Wrong;
use super::parts::{Empty, Link};
use super::systems;
use super::table::{Filter, Listing, Table};
use crate::problem::Problem;
use crate::rest::as_of;

/// The field of it.
pub(crate) const AS_OF: Filter =
    Filter { name: "as_of", label: "As of a date, a time or run:N", choices: &[] };

/// The moment that is asked for.
///
/// # Errors
/// It is none, or is still to come.
pub(crate) fn moment_of(asked: Option<&str>, now: Timestamp) -> Result<AsOf, Wrong> {
    moment_in(AS_OF.name, asked, now)
}

/// The moment that a field asks for.
///
/// # Errors
/// As [`moment_of`].
pub(crate) fn moment_in(field: &'static str, asked: Option<&str>, now: Timestamp) -> Result<AsOf, Wrong> {
    asked.map_or(Ok(AsOf::Now), |text| as_of(text.trim(), now)).map_err(|why| Wrong::with(field, why))
}

/// What is wrong with a moment that could not be read of.
///
/// # Errors
/// That it could not has another reason.
pub(crate) fn unknown_then(error: StoreError, moment: AsOf) -> Result<Wrong, StoreError> {
    match error {
        StoreError::RunNotFound { .. }
        | StoreError::RunNotPublished { .. }
        | StoreError::NothingThen { .. }
        | StoreError::HistoryNotKept { .. } => Ok(Wrong::with(AS_OF.name, error)),
        StoreError::NotImported { .. } if moment != AsOf::Now => {
            Ok(Wrong::with(AS_OF.name, "nothing of the system was published by then"))
        }
        other => Err(other),
    }
}

/// Why a list of a system cannot be shown.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The moment that is asked for.
    Moment(Wrong),
    /// Nothing was imported yet.
    NotImported(StoreError),
    Failed(Problem),
}

impl From<Problem> for Unread {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Unread {
    /// That a moment could not be read of.
    pub(crate) fn of(error: StoreError, moment: AsOf) -> Self {
        match unknown_then(error, moment) {
            Ok(wrong) => Self::Moment(wrong),
            Err(error @ StoreError::NotImported { .. }) => Self::NotImported(error),
            Err(error) => Self::Failed(error.into()),
        }
    }

    /// The table that says so, and the status of its page.
    ///
    /// # Errors
    /// A file is wanted, which cannot say it; it has another reason.
    pub(crate) fn table(
        self,
        listing: &Listing,
        caption: &str,
        system_id: &SystemId,
    ) -> Result<(StatusCode, Table), Problem> {
        match self {
            Self::Moment(wrong) if listing.is_file() => Err(Problem::bad_request(wrong.why)),
            Self::NotImported(error) if listing.is_file() => Err(error.into()),
            Self::Failed(problem) => Err(problem),
            Self::Moment(wrong) => {
                let empty = Empty {
                    title: "Nothing is known as of that".to_owned(),
                    text: wrong.why.clone(),
                    action: None,
                };
                Ok((StatusCode::BAD_REQUEST, listing.unread(caption, empty, Some(&wrong))))
            }
            Self::NotImported(StoreError::NotImported { removed: true, .. }) => {
                let empty = Empty {
                    title: "Nothing was ever imported".to_owned(),
                    text: "The system was removed before that, so nothing is known of it.".to_owned(),
                    action: None,
                };
                Ok((StatusCode::OK, listing.unread(caption, empty, None)))
            }
            Self::NotImported(_) => {
                let empty = Empty {
                    title: "Nothing was imported yet".to_owned(),
                    text: "What the system has is known once an import of it was published.".to_owned(),
                    action: Some(Link::new(systems::of(system_id), "Go to the system")),
                };
                Ok((StatusCode::OK, listing.unread(caption, empty, None)))
            }
        }
    }
}
