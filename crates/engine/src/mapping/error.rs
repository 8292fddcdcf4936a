//! Why no value came out.

use keyreeve_model::{NameError, TargetProperty, TaskMappingError};

/// A task mapping gave no value that can be sent. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The mapping itself cannot be used.
    #[error(transparent)]
    Mapping(#[from] TaskMappingError),
    /// An expression breaks the grammar.
    #[error("the expression for {property} is not understood: {why}")]
    Grammar {
        /// The property.
        property: TargetProperty,
        /// What is wrong with it.
        why: String,
    },
    /// Attributes that a row needs were not given.
    #[error("{property} needs {}, which {} not given", names.join(", "), if names.len() == 1 { "is" } else { "are" })]
    Missing {
        /// The property.
        property: TargetProperty,
        /// The attributes.
        names: Vec<String>,
    },
    /// An expression used a value that is not there, although all attributes are: a letter of an empty text.
    #[error(
        "the expression for {0} uses a value that does not exist, such as a letter of an empty text; default(value, '') \
         stands in for one"
    )]
    Undefined(TargetProperty),
    /// An expression could not be evaluated.
    #[error("the expression for {property} cannot be evaluated: {why}")]
    Failed {
        /// The property.
        property: TargetProperty,
        /// Why.
        why: String,
    },
    /// An expression was stopped.
    #[error("the expression for {0} takes too much work and was stopped; make it simpler")]
    TooMuchWork(TargetProperty),
    /// An expression gives something else than text.
    #[error("the expression for {property} gives {found}, not text; '' ~ value makes text of it")]
    NotText {
        /// The property.
        property: TargetProperty,
        /// What it gives.
        found: String,
    },
    /// A value is longer than any property may be.
    #[error("the value for {0} has more than 1024 characters")]
    TooLong(TargetProperty),
    /// A name, path or tag that came out is not allowed.
    #[error("{property}: {source}")]
    Name {
        /// The property.
        property: TargetProperty,
        /// Why.
        #[source]
        source: NameError,
    },
    /// The tags that came out do not go together.
    #[error("tags: {0}")]
    Tags(#[source] NameError),
    /// Another value that came out is not allowed.
    #[error("{property}: {value:?} cannot be used: {why}")]
    Value {
        /// The property.
        property: TargetProperty,
        /// What came out, shortened.
        value: String,
        /// Why.
        why: &'static str,
    },
    /// The wish has no name, and the mapping no row that makes one.
    #[error(
        "no name was given, and the task mapping AWS - User has no row for user_name; give a name, or map one (`keyreeve \
         mapping set`)"
    )]
    NoName,
    /// All numbers are used up.
    #[error("the name {0:?} is taken, and so is it with every number up to 999; give a name")]
    NoFreeName(String),
}
