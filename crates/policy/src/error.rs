//! Why a text is no policy document.

/// A policy document cannot be read. Whoever evaluates policies must treat it as unknown, not as empty:
/// [`Policy::unreadable`](crate::Policy::unreadable).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Longer than IAM takes.
    #[error("cannot read a policy document of {characters} characters: IAM takes at most {maximum}")]
    TooLong {
        /// Its length.
        characters: usize,
        /// The most that is read.
        maximum: usize,
    },
    /// A broken percent-escape, or bytes that are no UTF-8 when decoded.
    #[error(
        "cannot read a policy document: its percent-encoding is broken; pass it as the service returned it"
    )]
    Encoding,
    /// Not JSON, or nested too deeply.
    #[error("cannot read a policy document as JSON (line {line}, column {column}): {reason}")]
    Json {
        /// Counted from 1; 0 when the text is empty.
        line: usize,
        /// Counted from 1; 0 when the text is empty.
        column: usize,
        /// What the JSON reader says.
        reason: String,
    },
    /// The text starts with a percent-escape, as IAM returns documents.
    #[error("cannot read a policy document as JSON: it is percent-encoded; decode it first")]
    StillEncoded,
    /// The same key twice in one object, of which readers take either.
    #[error("cannot read a policy document: {place} has {key:?} more than once; keep one of them")]
    DuplicateKey {
        /// Where.
        place: String,
        /// Which.
        key: String,
    },
    /// A word the policy language does not have.
    #[error("cannot read a policy document: {place} has the unknown element {name:?}; mind the capitals")]
    UnknownElement {
        /// Where.
        place: String,
        /// Which.
        name: String,
    },
    /// An element that must be there is not.
    #[error("cannot read a policy document: {place} has no {element}; add it")]
    Missing {
        /// Where.
        place: String,
        /// Which.
        element: &'static str,
    },
    /// Two elements that exclude each other.
    #[error("cannot read a policy document: {place} has both {one} and {other}; keep one of them")]
    Both {
        /// Where.
        place: String,
        /// Which.
        one: &'static str,
        /// And which.
        other: &'static str,
    },
    /// An element that may not stand in a document of this kind.
    #[error("cannot use a policy document here: {place} must not have {element}; remove it")]
    Prohibited {
        /// Where.
        place: String,
        /// Which.
        element: &'static str,
    },
    /// An element whose value cannot be what it is.
    #[error("cannot read a policy document: {place} has a wrong {element}: {expected}")]
    Wrong {
        /// Where.
        place: String,
        /// Which.
        element: String,
        /// What it should be.
        expected: &'static str,
    },
}
