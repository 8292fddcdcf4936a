//! What is answered when something cannot be done (RFC 7644 §3.12, RFC 9865 §2.1).

use serde_json::{Map, Value, json};

use super::urn;

/// Why a request was refused. The list is closed; each cause has one status, and those that the RFCs name a
/// `scimType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The filter cannot be read, or compares what cannot be compared.
    InvalidFilter,
    /// The answer would be larger than the server gives.
    TooMany,
    /// Another resource has that value.
    Uniqueness,
    /// What was to be changed cannot be.
    Mutability,
    /// The body is not built as it must be.
    InvalidSyntax,
    /// The path of a change cannot be read, or leads nowhere.
    InvalidPath,
    /// The path of a change leads to no value.
    NoTarget,
    /// A value is missing, or cannot be the attribute's.
    InvalidValue,
    /// A version of the protocol that is not spoken.
    InvalidVersion,
    /// What was asked for must not stand in a URL.
    Sensitive,
    /// A cursor that was not given out for this query.
    InvalidCursor,
    /// A cursor that is too old.
    ExpiredCursor,
    /// With cursors, a count out of range.
    InvalidCount,
    /// Nobody is known to have sent this.
    Unauthorized,
    /// Whoever sent this may not do it.
    Forbidden,
    /// There is no such resource.
    NotFound,
    /// Not to be done with this resource.
    MethodNotAllowed,
    /// It cannot be done as things are.
    Conflict,
    /// The resource has changed since (RFC 7644 §3.14).
    PreconditionFailed,
    /// More than the server takes at once.
    TooLarge,
    /// Too many requests.
    TooManyRequests,
    /// Something broke.
    Internal,
    /// Nobody offers that here.
    NotImplemented,
    /// Not now.
    Unavailable,
}

impl Cause {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidFilter
            | Self::TooMany
            | Self::Mutability
            | Self::InvalidSyntax
            | Self::InvalidPath
            | Self::NoTarget
            | Self::InvalidValue
            | Self::InvalidVersion
            | Self::InvalidCursor
            | Self::ExpiredCursor
            | Self::InvalidCount => 400,
            Self::Unauthorized => 401,
            Self::Sensitive | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Uniqueness | Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::NotImplemented => 501,
            Self::Unavailable => 503,
        }
    }

    /// The word of the RFCs, where they have one.
    #[must_use]
    pub fn scim_type(self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVersion => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
            _ => return None,
        })
    }
}

/// A refusal, in words for whoever writes the client. The words hold no value that was sent, since values may be secret;
/// only names, paths and tags that IAM would not take are repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// Why.
    pub cause: Cause,
    /// In words, with what to do.
    pub detail: String,
}

impl Error {
    /// Joins cause and words.
    #[must_use]
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }

    /// The body of the answer. The status is text there (RFC 7644 §3.12).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("schemas".into(), json!([urn::ERROR]));
        out.insert("status".into(), json!(self.cause.status().to_string()));
        if let Some(scim_type) = self.cause.scim_type() {
            out.insert("scimType".into(), json!(scim_type));
        }
        out.insert("detail".into(), json!(self.detail));
        Value::Object(out)
    }
}

/// A name that a client sent, fit for a sentence: short, and with nothing that steers a terminal or hides.
#[must_use]
pub fn quoted(name: &str) -> String {
    let mut short: String = name.chars().take(80).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7644 §3.12, tables 8 and 9; RFC 9865 §2.1.
    #[test]
    fn causes_have_the_status_and_the_word_of_the_rfcs() {
        for (cause, status, scim_type) in [
            (Cause::InvalidFilter, 400, Some("invalidFilter")),
            (Cause::TooMany, 400, Some("tooMany")),
            (Cause::Uniqueness, 409, Some("uniqueness")),
            (Cause::Mutability, 400, Some("mutability")),
            (Cause::InvalidSyntax, 400, Some("invalidSyntax")),
            (Cause::InvalidPath, 400, Some("invalidPath")),
            (Cause::NoTarget, 400, Some("noTarget")),
            (Cause::InvalidValue, 400, Some("invalidValue")),
            (Cause::InvalidVersion, 400, Some("invalidVers")),
            (Cause::Sensitive, 403, Some("sensitive")),
            (Cause::InvalidCursor, 400, Some("invalidCursor")),
            (Cause::ExpiredCursor, 400, Some("expiredCursor")),
            (Cause::InvalidCount, 400, Some("invalidCount")),
            (Cause::Unauthorized, 401, None),
            (Cause::Forbidden, 403, None),
            (Cause::NotFound, 404, None),
            (Cause::MethodNotAllowed, 405, None),
            (Cause::Conflict, 409, None),
            (Cause::PreconditionFailed, 412, None),
            (Cause::TooLarge, 413, None),
            (Cause::TooManyRequests, 429, None),
            (Cause::Internal, 500, None),
            (Cause::NotImplemented, 501, None),
            (Cause::Unavailable, 503, None),
        ] {
            let body = Error::new(cause, "why").to_json();
            assert_eq!(body["schemas"], json!([urn::ERROR]));
            assert_eq!(body["status"], json!(status.to_string()), "{cause:?}: the status is text");
            assert_eq!(body.get("scimType").and_then(Value::as_str), scim_type, "{cause:?}");
            assert_eq!(body["detail"], "why");
        }
    }

    #[test]
    fn names_in_sentences_are_short_and_escaped() {
        assert_eq!(quoted("a\u{1b}[2J\n\u{202e}"), "\"a\\u{1b}[2J\\n\\u{202e}\"");
        assert_eq!(quoted(&"x".repeat(1_000)).chars().count(), 83);
    }
}
