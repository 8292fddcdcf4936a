//! What nobody may change.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hidden::{Hidden, check_line};

/// One entry of a system's protect list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Protection {
    /// What it speaks of.
    #[serde(flatten)]
    pub kind: ProtectionKind,
    /// Why.
    pub reason: Option<String>,
    /// Who put it there.
    pub added_by: String,
    /// When.
    pub added_at: Timestamp,
}

/// The kinds of protection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum ProtectionKind {
    /// The account of this name, ignoring case.
    Account(String),
    /// All accounts whose path begins with this.
    Path(String),
    /// All accounts with this tag: `key` or `key=value`.
    Tag(String),
}

impl ProtectionKind {
    /// Whether it protects an account of this name, path and tags. Tags that could not be read protect nothing by
    /// tag; they are then reported as not visible.
    #[must_use]
    pub fn covers(&self, name: &str, path: &str, tags: Option<&BTreeMap<String, String>>) -> bool {
        match self {
            Self::Account(account) => account.eq_ignore_ascii_case(name),
            Self::Path(prefix) => path.starts_with(prefix.as_str()),
            Self::Tag(tag) => {
                let (key, value) = tag.split_once('=').map_or((tag.as_str(), None), |(k, v)| (k, Some(v)));
                tags.is_some_and(|tags| {
                    tags.iter().any(|(held, held_value)| {
                        held.eq_ignore_ascii_case(key) && value.is_none_or(|value| value == held_value)
                    })
                })
            }
        }
    }

    /// As it is put on a list: all of it shows, and there is no space around it that nobody sees.
    ///
    /// # Errors
    /// It has a character that does not show.
    pub fn checked(self) -> Result<Self, Hidden> {
        check_line(self.parts().1)?;
        let trimmed = |value: String| value.trim().to_owned();
        Ok(match self {
            Self::Account(name) => Self::Account(trimmed(name)),
            Self::Path(prefix) => Self::Path(trimmed(prefix)),
            Self::Tag(tag) => Self::Tag(trimmed(tag)),
        })
    }

    /// The word and the value, as they are stored: `account`, `path` or `tag`.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Account(name) => ("account", name),
            Self::Path(prefix) => ("path", prefix),
            Self::Tag(tag) => ("tag", tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_covered_in_any_case_and_tags_by_key_or_pair() {
        let tags = BTreeMap::from([("Keyreeve".to_owned(), "protected".to_owned())]);
        let covers = |kind: ProtectionKind| kind.covers("Ada", "/break-glass/", Some(&tags));
        assert!(covers(ProtectionKind::Account("aDA".into())));
        assert!(covers(ProtectionKind::Path("/break-glass/".into())));
        assert!(covers(ProtectionKind::Tag("keyreeve".into())));
        assert!(covers(ProtectionKind::Tag("keyreeve=protected".into())));
        assert!(!covers(ProtectionKind::Tag("keyreeve=other".into())));
        assert!(!covers(ProtectionKind::Path("/staff/".into())));
        assert!(!ProtectionKind::Tag("keyreeve".into()).covers("ada", "/", None));
    }
}
