//! Filters (RFC 7644 §3.4.2.2): read, held against the model, and evaluated on resources.
//!
//! Three readings of the RFC, each of which it leaves open:
//!
//! - `ne` is exactly `not (… eq …)`, so it holds where there is no value, and for a list only if no element is equal.
//! - `eq null` holds where there is no value, and `ne null` is `pr`.
//! - `co ""`, `sw ""` and `ew ""` are refused: they hold for every text and serve only to list what exists.

pub(crate) mod evaluate;
mod narrow;
pub(crate) mod resolve;
pub(crate) mod syntax;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use narrow::Condition;
pub use syntax::SyntaxError;

use super::{Cause, Error, path::Place, schema::ResourceType};

/// A filter whose every attribute exists and may be asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// There is a value.
    Present(Place),
    /// One of the values compares so.
    Compare(Place, Test),
    /// One element of the list meets all of this at once.
    Element(Place, Box<Filter>),
    /// It is not so.
    Not(Box<Filter>),
    /// All of these hold.
    All(Vec<Filter>),
    /// One of these holds.
    Any(Vec<Filter>),
}

/// What one value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// With a text; ignoring case if it says so.
    Text {
        /// How.
        operator: TextOperator,
        /// As the client wrote it.
        value: String,
        /// Whether case makes a difference.
        case_exact: bool,
    },
    /// Equal to this.
    Boolean(bool),
    /// With a number.
    Number(Order, f64),
    /// With a moment.
    Moment(Order, Timestamp),
}

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOperator {
    /// By their order; equality, too.
    Order(Order),
    /// The value contains it.
    Contains,
    /// The value begins with it.
    StartsWith,
    /// The value ends with it.
    EndsWith,
}

/// How ordered values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The same.
    Equal,
    /// After it.
    Greater,
    /// Not before it.
    GreaterOrEqual,
    /// Before it.
    Less,
    /// Not after it.
    LessOrEqual,
}

impl Filter {
    /// Reads a filter on resources of this type.
    ///
    /// # Errors
    /// `invalidFilter` when it cannot be read, names what the type does not have or nobody may ask for (both in the
    /// same words), or compares what cannot be compared.
    pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Self, Error> {
        Self::parse_beside(resource_type, &[], text)
    }

    /// The same for a query on `others`, too: what only they have has no value in this type.
    ///
    /// # Errors
    /// As [`Filter::parse`]; what neither has is unknown.
    pub fn parse_beside(
        resource_type: &ResourceType,
        others: &[&ResourceType],
        text: &str,
    ) -> Result<Self, Error> {
        let expression = syntax::filter(text).map_err(|error| {
            Error::new(
                Cause::InvalidFilter,
                format!("the filter cannot be read at byte {}: {}", error.at, error.what),
            )
        })?;
        resolve::whole(resource_type, others, &expression)
    }

    /// Whether it is plain that it holds of no resource at all.
    #[must_use]
    pub fn holds_of_nothing(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::holds_of_nothing),
            Self::Any(parts) => parts.iter().all(Self::holds_of_nothing),
            _ => false,
        }
    }

    /// Whether it asks for one of these attributes.
    #[must_use]
    pub fn asks_for(&self, attributes: &[&str]) -> bool {
        match self {
            Self::Present(place) | Self::Compare(place, _) | Self::Element(place, _) => {
                attributes.contains(&place.attribute)
            }
            Self::Not(inner) => inner.asks_for(attributes),
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.asks_for(attributes)),
        }
    }

    /// Whether nothing but these attributes, which no extension has, decides what it means.
    #[must_use]
    pub fn asks_for_nothing_but(&self, attributes: &[&str]) -> bool {
        match self {
            Self::Present(place) | Self::Compare(place, _) | Self::Element(place, _) => {
                place.extension.is_none() && attributes.contains(&place.attribute)
            }
            Self::Not(inner) => inner.asks_for_nothing_but(attributes),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().all(|part| part.asks_for_nothing_but(attributes))
            }
        }
    }
}

/// A moment as XML Schema writes it; without an offset, UTC.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    if !text.contains('T') {
        return None;
    }
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}
