//! Typed identifiers: ids that cannot be mixed up, checked where they are made.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hidden::{Hidden, check_line};

/// An identifier was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("the {what} is empty: {rule}")]
    Empty {
        /// Which identifier.
        what: &'static str,
        /// What it must look like.
        rule: &'static str,
    },
    /// Something was given that does not fit the rule.
    #[error("the {what} {value:?} is not valid: {rule}")]
    Invalid {
        /// Which identifier.
        what: &'static str,
        /// What was given (shortened).
        value: String,
        /// What it must look like.
        rule: &'static str,
    },
    /// Something does not show in what was given.
    #[error("the {what} {value:?} is not valid: {hidden}")]
    Hidden {
        /// Which identifier.
        what: &'static str,
        /// What was given (shortened).
        value: String,
        /// What does not show.
        hidden: Hidden,
    },
}

pub(crate) fn refuse(what: &'static str, rule: &'static str, value: &str) -> IdError {
    if value.is_empty() {
        IdError::Empty { what, rule }
    } else if let Err(hidden) = check_line(value) {
        IdError::Hidden { what, hidden, value: value.chars().take(80).collect() }
    } else {
        IdError::Invalid { what, rule, value: value.chars().take(80).collect() }
    }
}

/// A checked text. Its copies share it: an account's id stands in each of its assignments.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and keeps the text.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                let valid: fn(&str) -> bool = $check;
                if valid(&text) { Ok(Self(text.into())) } else { Err(refuse($what, $rule, &text)) }
            }

            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for Arc<str> {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// The System ID an operator chose for a connected AWS account; unique and never changed.
    ///
    /// It is part of URLs and command lines, so it is kept to `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`.
    SystemId,
    "System ID",
    "1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or a digit",
    |text| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    }
);

text_id!(
    /// The display name of a system; unique ignoring case.
    SystemName,
    "system name",
    "1 to 200 characters, none of them a control character, no space at either end",
    |text| {
        !text.is_empty()
            && text.chars().count() <= 200
            && text.trim() == text
            && !text.chars().any(char::is_control)
    }
);

impl SystemName {
    /// A name that somebody gives: all of it shows. What was given under an older rule is still read.
    ///
    /// # Errors
    /// [`IdError::Hidden`], and those of [`Self::new`].
    pub fn given(text: &str) -> Result<Self, IdError> {
        let name = Self::new(text)?;
        check_line(text).map_err(|hidden| IdError::Hidden {
            what: "system name",
            value: text.chars().take(80).collect(),
            hidden,
        })?;
        Ok(name)
    }
}

text_id!(
    /// The name of an import profile, unique within its system.
    ProfileName,
    "import profile name",
    "1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or a digit",
    |text| {
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    }
);

text_id!(
    /// An AWS account id: twelve digits.
    AwsAccountId,
    "AWS account id",
    "exactly twelve digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

text_id!(
    /// What the connected system itself calls an object, and never uses twice: for AWS the `UserId`, `GroupId`
    /// or `PolicyId`. It stays the same when the object is renamed or moved.
    ExternalId,
    "external id",
    "1 to 256 characters without control characters",
    |text| !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)
);

/// A number that names something; the last text says where a person finds it.
macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::IdError;

            fn from_str(text: &str) -> Result<Self, $crate::IdError> {
                $crate::id::positive(text, $what, $rule).map(Self)
            }
        }
    };
}
pub(crate) use number_id;

number_id! {
    /// The number of an import run. A later run has a greater number.
    ImportRunId, "import run", "a whole number, as `keyreeve import list` shows it"
}

/// A number that names something, from its text.
pub(crate) fn positive(text: &str, what: &'static str, rule: &'static str) -> Result<i64, IdError> {
    match text.parse::<i64>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(refuse(what, rule, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_say_what_they_must_look_like() {
        assert_eq!(SystemId::new("aws-prod.1").unwrap().as_str(), "aws-prod.1");
        for bad in ["", "-a", "a b", "a/b", "../x", "ü", &"a".repeat(65)] {
            assert!(SystemId::new(bad).is_err(), "{bad:?}");
        }
        assert!(AwsAccountId::new("12345678901").is_err());
        assert!(AwsAccountId::new("١٢٣٤٥٦٧٨٩٠١٢").is_err());
        assert!(SystemName::new("Production (EU)").is_ok());
        assert!(SystemName::new(" x").is_err());
        for (bad, point) in [("Prod\u{202e}", "U+202E"), ("Pr\u{ad}od", "U+00AD"), ("\u{200b}", "U+200B")] {
            let said = SystemName::given(bad).unwrap_err().to_string();
            assert!(said.contains(point), "{said}");
            assert!(SystemName::new(bad).is_ok(), "a store may have it");
        }
        assert!("0".parse::<ImportRunId>().is_err());
        assert!(serde_json::from_str::<SystemId>("\"a b\"").is_err());
    }
}
