//! How a generated password reaches its owner.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The way a password goes. In text form: `link`, `operator`, or `recipient:` and a public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Delivery {
    /// A one-time secret, given once to whoever asked; it opens the sealed password once.
    Link,
    /// Encrypted to an age or SSH public key.
    Recipient(String),
    /// Shown to the operator; only where the system's setting allows it.
    Operator,
}

/// A delivery was not understood. What was given is not repeated: it may be a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the way to deliver a password is not understood: use link, operator, or recipient: and an age or SSH public key, \
     like recipient:age1… or 'recipient:ssh-ed25519 AAAA…'; nothing was changed"
)]
pub struct DeliveryError;

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("link"),
            Self::Recipient(key) => write!(f, "recipient:{key}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

impl FromStr for Delivery {
    type Err = DeliveryError;

    fn from_str(text: &str) -> Result<Self, DeliveryError> {
        match (text, text.strip_prefix("recipient:")) {
            ("link", _) => Ok(Self::Link),
            ("operator", _) => Ok(Self::Operator),
            (_, Some(key)) if !key.trim().is_empty() => Ok(Self::Recipient(key.trim().to_owned())),
            _ => Err(DeliveryError),
        }
    }
}

impl TryFrom<String> for Delivery {
    type Error = DeliveryError;

    fn try_from(text: String) -> Result<Self, DeliveryError> {
        text.parse()
    }
}

impl From<Delivery> for String {
    fn from(delivery: Delivery) -> Self {
        delivery.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_are_told_apart() {
        for text in ["link", "operator", "recipient:age1abc"] {
            assert_eq!(text.parse::<Delivery>().unwrap().to_string(), text);
        }
        for bad in ["", "mail", "recipient:", "recipient: ", "LINK"] {
            assert!(bad.parse::<Delivery>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_private_key_given_as_a_way_is_not_repeated() {
        let error = "AGE-SECRET-KEY-1CANARY".parse::<Delivery>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"));
    }
}
