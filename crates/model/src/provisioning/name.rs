//! What names, paths and tags must look like: the rules of the IAM service model, checked before anything is sent.

use std::collections::BTreeMap;

/// A name, path or tag was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {value:?} cannot be used: {rule}")]
pub struct NameError {
    what: &'static str,
    value: String,
    rule: &'static str,
}

fn refuse(what: &'static str, value: &str, rule: &'static str) -> NameError {
    NameError { what, value: value.chars().take(80).collect(), rule }
}

/// The name of an account to be made: `userNameType`, 1 to 64 of `[A-Za-z0-9_+=,.@-]` (the `\w` of AWS is ASCII).
///
/// # Errors
/// Any other name.
pub fn check_account_name(name: &str) -> Result<(), NameError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(refuse("account name", name, "it must be 1 to 64 letters, digits and _+=,.@- of ASCII"))
    }
}

/// The path of an account: `pathType`, `/` or printable ASCII between two slashes, at most 512 characters.
///
/// # Errors
/// Any other path; the reserved `/aws-service-role/` and `/aws-reserved/`.
pub fn check_path(path: &str) -> Result<(), NameError> {
    let shaped = path == "/"
        || (path.len() >= 3
            && path.starts_with('/')
            && path.ends_with('/')
            && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
    if !shaped || path.len() > 512 {
        let rule =
            "it must be / or printable ASCII without spaces between two slashes, at most 512 characters";
        return Err(refuse("path", path, rule));
    }
    if path.starts_with("/aws-service-role/") || path.starts_with("/aws-reserved/") {
        return Err(refuse("path", path, "it is reserved to AWS"));
    }
    Ok(())
}

/// Whether a tag's key is one of those that Keyreeve itself sets, which nobody else gives.
#[must_use]
pub fn is_own_tag(key: &str) -> bool {
    key.to_lowercase().starts_with("keyreeve:")
}

/// The tags of an account: at most 50, keys of 1 to 128 and values of up to 256 characters of letters, digits, spaces
/// and `_.:/=+-@`, keys unique ignoring case, none that begins with `aws:` (IAM User Guide, "Tags for IAM resources").
///
/// # Errors
/// Tags that break one of these.
pub fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), NameError> {
    let allowed =
        |c: char| c.is_alphanumeric() || c.is_whitespace() && !c.is_control() || "_.:/=+-@".contains(c);
    if tags.len() > 50 {
        let first = tags.keys().next().map_or("", String::as_str);
        return Err(refuse("tag", first, "there are more than 50 tags"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (key, value) in tags {
        if !(1..=128).contains(&key.chars().count()) || !key.chars().all(allowed) {
            let rule = "a key must be 1 to 128 letters, digits, spaces and _.:/=+-@";
            return Err(refuse("tag key", key, rule));
        }
        if key.len() >= 4 && key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(refuse("tag key", key, "keys that begin with aws: are reserved to AWS"));
        }
        if !seen.insert(key.to_lowercase()) {
            return Err(refuse("tag key", key, "another key differs from it only in case"));
        }
        if value.chars().count() > 256 || !value.chars().all(allowed) {
            let rule = "a value must be up to 256 letters, digits, spaces and _.:/=+-@";
            return Err(refuse("tag value", value, rule));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_paths_and_tags_are_held_to_the_service_model() {
        for good in ["ada", "=1+1", "a,b", "x@y.z", &"a".repeat(64)] {
            assert!(check_account_name(good).is_ok(), "{good:?}");
        }
        for bad in ["", "a b", "jürgen", "a/b", "a\n", "*", &"a".repeat(65)] {
            assert!(check_account_name(bad).is_err(), "{bad:?}");
        }
        for good in ["/", "/staff/", "/a//b/", "/\"><script>/"] {
            assert!(check_path(good).is_ok(), "{good:?}");
        }
        for bad in ["", "staff/", "/staff", "//", "/a b/", "/ü/", "/aws-reserved/x/", "/aws-service-role/"] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
        assert!(check_path(&format!("/{}/", "a".repeat(510))).is_ok());
        assert!(check_path(&format!("/{}/", "a".repeat(511))).is_err());
    }

    #[test]
    fn tags_are_counted_and_their_keys_compared_ignoring_case() {
        let tags = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>()
        };
        assert!(check_tags(&tags(&[("Straße", "Köln"), ("cost center", "")])).is_ok());
        for bad in [
            tags(&[("aws:x", "y")]),
            tags(&[("AWS:x", "y")]),
            tags(&[("a", "1"), ("A", "2")]),
            tags(&[("", "x")]),
            tags(&[("a", "<b>")]),
            tags(&[("a\n", "b")]),
        ] {
            assert!(check_tags(&bad).is_err(), "{bad:?}");
        }
        let many: BTreeMap<_, _> = (0..51).map(|n| (format!("k{n}"), String::new())).collect();
        assert!(check_tags(&many).is_err());
    }
}
