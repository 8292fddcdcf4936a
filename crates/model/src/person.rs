//! People who sign in, and their sessions.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{IdError, Role, SystemId};

/// What the names of people begin with whom an identity provider vouches for. Nobody else's name begins so.
pub const OIDC_PREFIX: &str = "oidc:";
const LONGEST_NAME: usize = 100;

/// The name of a person that an administrator chose. It has small letters only, so that no two look alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonName(String);

impl PersonName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let valid = text.len() <= LONGEST_NAME
            && text.starts_with(first)
            && text.chars().all(|c| first(c) || "._@+-".contains(c));
        if valid {
            return Ok(Self(text.to_owned()));
        }
        let rule =
            "1 to 100 small letters, digits, '.', '_', '@', '+' or '-', beginning with a letter or a digit";
        Err(crate::id::refuse("name of a person", rule, text))
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Person {
    /// The actor of everything they do. Of somebody whom an identity provider vouches for: `oidc:`, who they are over
    /// there, `@` and the provider.
    pub name: String,
    /// The identity provider that vouches for them; null of somebody with a password here.
    pub issuer: Option<String>,
    /// Who they are there; it never changes and is never given to anybody else.
    pub subject: Option<String>,
    /// What the provider calls them; anybody may be called so.
    pub shown_as: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The systems they are limited to; empty for all.
    pub systems: Vec<SystemId>,
    /// When they were added, or first signed in.
    pub created_at: Timestamp,
    /// When their password was set.
    pub password_changed_at: Option<Timestamp>,
    /// When they last signed in.
    pub signed_in_at: Option<Timestamp>,
    /// Since when they may not sign in.
    pub disabled_at: Option<Timestamp>,
}

impl Person {
    /// Whether a provider vouches for them, rather than a password that is kept here.
    #[must_use]
    pub fn is_of_provider(&self) -> bool {
        self.issuer.is_some()
    }
}

/// The name of a session. It lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SessionId(pub String);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A session as it is listed: everything but what a browser keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose it is.
    pub person: String,
    /// From which address they signed in; of a proxy, if one is in between.
    pub address: String,
    /// When they signed in.
    pub signed_in_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends, however much it is used.
    pub ends_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_cannot_be_taken_for_others() {
        for good in ["ada", "ada.king", "a", "0x", "ada@example.org", &"a".repeat(100)] {
            assert_eq!(good.parse::<PersonName>().unwrap().as_str(), good);
        }
        for bad in ["", "Ada", "local:ada", "oidc:1", " ada", "ada ", "-a", "аda", "a/b", &"a".repeat(101)] {
            assert!(bad.parse::<PersonName>().is_err(), "{bad}");
        }
    }
}
