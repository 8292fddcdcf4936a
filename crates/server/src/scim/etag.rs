//! Versions of resources (RFC 7644 §3.14, RFC 9110 §13.1).

use sha2::{Digest, Sha256};

use serde_json::{Map, Value};

/// A weak ETag: equal ones stand for resources that mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// That of a version, which may be any text.
    #[must_use]
    pub fn of_version(version: &str) -> Self {
        let safe = |byte: u8| byte == 0x21 || (0x23..=0x7e).contains(&byte);
        if version.bytes().all(safe) && !version.is_empty() {
            return Self(format!("W/\"{version}\""));
        }
        Self::of_digest(Sha256::new().chain_update(version))
    }

    /// That of a resource's content, whatever its `meta` says, which has become otherwise so often: a resource that is as
    /// it was once has another version all the same.
    #[must_use]
    pub fn of_resource(resource: &Map<String, Value>, revision: i64) -> Self {
        let members: std::collections::BTreeMap<_, _> =
            resource.iter().filter(|(name, _)| *name != "meta").collect();
        Self::of_text(&serde_json::to_string(&members).unwrap_or_default(), revision)
    }

    /// That of a resource whose JSON this is: its members in the order of their names, without `meta`.
    #[must_use]
    pub fn of_text(text: &str, revision: i64) -> Self {
        Self::of_digest(Sha256::new().chain_update(text).chain_update(revision.to_be_bytes()))
    }

    /// That of a resource which says its own.
    #[must_use]
    pub fn in_meta(resource: &Map<String, Value>) -> Self {
        let version = resource.get("meta").and_then(|meta| meta.get("version")).and_then(Value::as_str);
        Self(version.unwrap_or_default().to_owned())
    }

    fn of_digest(digest: Sha256) -> Self {
        let short: String = digest.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("W/\"{short}\""))
    }

    /// As it stands in the header `ETag` and in `meta.version`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn opaque(&self) -> &str {
        self.0.strip_prefix("W/").unwrap_or(&self.0)
    }
}

/// What a client says of the version it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// Any: `*`.
    Any,
    /// One of these; ETags without `W/`.
    These(Vec<String>),
}

impl Versions {
    /// Reads the value of `If-Match` or `If-None-Match`, or the `version` of a bulk operation. What is no ETag is left
    /// out, so that it is no version of anything.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let header = header.trim();
        if header == "*" {
            return Self::Any;
        }
        let mut tags = Vec::new();
        let mut rest = header;
        while let Some(start) = rest.find('"') {
            let Some((tag, after)) = rest.get(start + 1..).and_then(|rest| rest.split_once('"')) else {
                break;
            };
            tags.push(format!("\"{tag}\""));
            rest = after;
        }
        Self::These(tags)
    }

    /// Whether a resource of this version is meant. Ours are weak, so they are compared weakly, `If-Match` included:
    /// RFC 7644 §3.14 uses weak ETags there.
    #[must_use]
    pub fn include(&self, version: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|tag| tag == version.opaque()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_compared_weakly() {
        let tag = ETag::of_version("a330bc54f0671c9");
        assert_eq!(tag.as_str(), "W/\"a330bc54f0671c9\"");
        for (header, meant) in [
            ("W/\"a330bc54f0671c9\"", true),
            ("\"a330bc54f0671c9\"", true),
            (" W/\"x\" , W/\"a330bc54f0671c9\"", true),
            ("*", true),
            ("W/\"x,a330bc54f0671c9\"", false),
            ("W/\"A330BC54F0671C9\"", false),
            ("a330bc54f0671c9", false),
            ("\"a330bc54f0671c9", false),
            ("", false),
            ("\"*\"", false),
        ] {
            assert_eq!(Versions::parse(header).include(&tag), meant, "{header}");
        }
    }

    #[test]
    fn any_version_gives_a_well_formed_tag() {
        for version in ["", "a\"b", "a b", "é", "1\r\nX: y"] {
            let tag = ETag::of_version(version);
            assert!(tag.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{tag:?}");
            assert!(Versions::parse(tag.as_str()).include(&tag));
            assert_ne!(tag, ETag::of_version("1"));
        }
    }

    #[test]
    fn a_resources_version_follows_its_content_and_its_revision_alone() {
        let tag = |value: Value| ETag::of_resource(value.as_object().unwrap(), 1);
        let one =
            tag(json!({"id": "1", "userName": "ada", "meta": {"lastModified": "2026-01-01T00:00:00Z"}}));
        assert_eq!(one, tag(json!({"meta": {"version": "x"}, "userName": "ada", "id": "1"})));
        assert_ne!(one, tag(json!({"id": "1", "userName": "adb"})));
        let ada = json!({"id": "1", "userName": "ada"});
        assert_ne!(one, ETag::of_resource(ada.as_object().unwrap(), 2), "it was otherwise in between");
    }
}
