//! Where the key of the store is kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the key of the store is kept: `file:PATH`, `env:NAME`, `systemd:NAME` or `kms:ARN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// A file for its owner alone.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A credential that systemd hands to its service.
    Systemd(String),
    /// Sealed by a key of AWS KMS; the sealed form is in the store.
    Kms(String),
}

impl KeyPlace {
    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
            Self::Kms(arn) => write!(f, "kms:{arn}"),
        }
    }
}

/// What was given is not repeated: it may be a key itself.
const FORMS: &str =
    "write it as file:/whole/path, env:NAME, systemd:NAME or kms:ARN; the key itself stands in none of them";

impl FromStr for KeyPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = text.split_once(':').ok_or(FORMS)?;
        match kind {
            "file" if Path::new(rest).is_absolute() => Ok(Self::File(PathBuf::from(rest))),
            "file" => Err("the path of a key file must be a whole one, from the root"),
            "env" if is_variable(rest) => Ok(Self::Environment(rest.to_owned())),
            "env" => Err("the name of a variable has letters, digits and underscores, and no digit first"),
            "systemd" if is_credential(rest) => Ok(Self::Systemd(rest.to_owned())),
            "systemd" => Err("the name of a credential is that of a file, without its folder"),
            "kms" if keyreeve_aws::kms_region(rest).is_some() => Ok(Self::Kms(rest.to_owned())),
            "kms" => Err(
                "the ARN of a KMS key looks like arn:aws:kms:REGION:123456789012:key/ID, or ends in alias/NAME",
            ),
            _ => Err(FORMS),
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_credential(name: &str) -> bool {
    !name.is_empty()
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        let arn = "kms:arn:aws:kms:eu-west-1:123456789012:alias/keyreeve";
        for good in ["file:/srv/keyreeve.key", "env:KEYREEVE_STORE_KEY", "systemd:keyreeve.key", arn] {
            assert_eq!(good.parse::<KeyPlace>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_and_not_repeated() {
        let key = "keyreeve-key-1 QE2V21BMZP3NO+T5JdVtceyaxEtFAMHt8p3QNh/BMrY=";
        for bad in [
            key,
            &format!("env:{key}"),
            "file:relative",
            "env:1",
            "systemd:a/b",
            "systemd:..",
            "kms:alias/x",
            "vault:x",
            "",
        ] {
            let refused = bad.parse::<KeyPlace>().unwrap_err();
            assert!(!refused.contains("QE2V"), "{refused}");
        }
    }
}
