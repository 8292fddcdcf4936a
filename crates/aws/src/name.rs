//! Names and paths, checked before they are sent.
//!
//! `UserName` is *optional* in several IAM operations, and leaving it out makes them act on the caller itself. So
//! no operation takes bare text: an empty name cannot be made.

/// The name of an existing user, safe to send.
///
/// AWS allows `[A-Za-z0-9_+=,.@-]` and up to 128 characters for operations on existing users. Only emptiness,
/// length and control characters are checked here, so that a name which AWS itself returned can always be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserName(String);

impl UserName {
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            Err("the user name is empty; without a name AWS would act on the caller itself")
        } else if text.chars().count() > 128 {
            Err("the user name has more than 128 characters")
        } else if text.chars().any(char::is_control) {
            Err("the user name holds a control character")
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What else a call names: a group, a policy's ARN, a credential's id, a device. It is there, is no longer than the
/// longest of these, an ARN (`arnType` of the IAM service model, 2,048), and holds no control character.
pub(crate) fn given<'a>(what: &str, text: &'a str) -> Result<&'a str, String> {
    if text.is_empty() {
        Err(format!("the {what} is empty"))
    } else if text.chars().count() > 2048 {
        Err(format!("the {what} has more than 2048 characters"))
    } else if text.chars().any(char::is_control) {
        Err(format!("the {what} holds a control character"))
    } else {
        Ok(text)
    }
}

/// A path prefix for listings: begins with `/`, printable ASCII, at most 512 characters (`pathPrefixType` of the
/// IAM service model).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPrefix(String);

impl PathPrefix {
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        if !text.starts_with('/') {
            Err("the path prefix does not begin with /")
        } else if text.len() > 512 {
            Err("the path prefix has more than 512 characters")
        } else if !text.bytes().all(|byte| (0x21..=0x7f).contains(&byte)) {
            Err("the path prefix holds a space or a character outside ASCII")
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it leaves nothing out.
    pub(crate) fn is_everything(&self) -> bool {
        self.0 == "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_empty_and_hostile_names_stay_readable() {
        for bad in ["", "a\nb", "\u{0}", &"a".repeat(129)] {
            assert!(UserName::new(bad).is_err(), "{bad:?}");
        }
        for good in ["ana", "=cmd", "-dash", "a,b", "jürgen", " ", &"a".repeat(128)] {
            assert_eq!(UserName::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn what_a_call_names_is_never_empty() {
        for bad in ["", "a\nb", &"a".repeat(2049)] {
            assert!(given("group name", bad).unwrap_err().starts_with("the group name "), "{bad:?}");
        }
        assert_eq!(given("policy ARN", "arn:aws:iam::aws:policy/a"), Ok("arn:aws:iam::aws:policy/a"));
    }

    #[test]
    fn a_path_prefix_begins_with_a_slash() {
        for bad in ["", "staff/", "/a b/", "/ü/", &format!("/{}", "a".repeat(512))] {
            assert!(PathPrefix::new(bad).is_err(), "{bad:?}");
        }
        assert!(PathPrefix::new("/").unwrap().is_everything());
        assert!(!PathPrefix::new("/sta").unwrap().is_everything());
        assert!(PathPrefix::new("/\"><script>/").is_ok());
    }
}
