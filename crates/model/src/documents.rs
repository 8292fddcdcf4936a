//! What policies say: the documents of their versions, and those of inline policies.

use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::ImportRunId;

/// Deeper than this, what is inside is not moved to the right any more.
const DEEPEST: usize = 24;

/// The documents of a group or a policy, as far as imports have read them.
///
/// The field names are part of the stable JSON contract.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PolicyDocuments {
    /// The versions of a policy, the newest first; empty for groups, and where no import has read any.
    pub versions: Vec<PolicyVersion>,
    /// The inline policies of a group, by name; empty for policies.
    pub inline: Vec<InlineDocument>,
}

/// A version of a managed policy. What it says never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PolicyVersion {
    /// The `VersionId`, as `v3`.
    pub version_id: String,
    /// Whether it was in force at the moment that was asked for.
    pub is_default: bool,
    /// When it was made; `None` where AWS did not say.
    pub created_at: Option<Timestamp>,
    /// SHA-256 of the document, in hex; `None` where it did not come, could not be decoded, or is longer than AWS
    /// lets one be.
    pub document_sha256: Option<String>,
    /// The document as AWS has it; `None` where its digest is not known.
    pub document: Option<String>,
    /// The import that read it first.
    pub first_seen_run: ImportRunId,
    /// The import that found it gone from AWS; `None` while it is there.
    pub gone_run: Option<ImportRunId>,
}

/// An inline policy with what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InlineDocument {
    /// The policy's name within its user or group.
    pub name: String,
    /// SHA-256 of the document, in hex; `None` where it could not be decoded.
    pub document_sha256: Option<String>,
    /// The document as AWS has it; `None` where no import has kept it.
    pub document: Option<String>,
}

/// A document with a line for each thing in it. Only white space between things becomes another: what is there twice stays
/// twice, in its order, and what is no JSON is shown as well.
#[must_use]
pub fn laid_out(document: &str) -> String {
    let mut written = String::with_capacity(document.len().saturating_mul(2));
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut characters = document.chars().peekable();
    while let Some(character) = characters.next() {
        if quoted {
            match character {
                // No string of JSON has a line break: it would look like one of ours.
                '\n' | '\t' => written.extend(character.escape_unicode()),
                _ => written.push(character),
            }
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' | '\n' | '\t' | '\r' => {}
            '"' => {
                quoted = true;
                written.push(character);
            }
            '{' | '[' => {
                written.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                let end = if character == '{' { '}' } else { ']' };
                if let Some(end) = characters.next_if_eq(&end) {
                    written.push(end);
                } else {
                    depth = depth.saturating_add(1);
                    new_line(&mut written, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut written, depth);
                written.push(character);
            }
            ',' => {
                written.push(character);
                new_line(&mut written, depth);
            }
            ':' => written.push_str(": "),
            _ => written.push(character),
        }
    }
    written
}

fn new_line(written: &mut String, depth: usize) {
    written.push('\n');
    written.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}

/// One text for all documents that AWS takes for the same: the keys of objects in their order, a list of strings as a set,
/// without the list where it has one, and statements in any order. `None` where the document is no JSON, is nested too
/// deeply, has a number that is not whole, or has a key twice, so that nobody knows which of both AWS means.
#[must_use]
pub fn canonical(document: &str) -> Option<String> {
    Some(in_one_form(read_once(document)?, true).to_string())
}

/// As [`canonical`], with statements in the order that they have: for showing what is different.
#[must_use]
pub fn in_one_order(document: &str) -> Option<String> {
    Some(in_one_form(read_once(document)?, false).to_string())
}

fn in_one_form(value: Value, any_order: bool) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                let value = match value {
                    one @ Value::Object(_) if key == "Statement" => Value::Array(vec![one]),
                    other => other,
                };
                (key, in_one_form(value, any_order))
            })
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(|item| in_one_form(item, any_order)).collect();
            let is_set = items.iter().all(Value::is_string);
            if is_set || any_order {
                items.sort_by_cached_key(Value::to_string);
            }
            if is_set {
                items.dedup();
            }
            match (is_set, items.len()) {
                (true, 1) => items.remove(0),
                _ => Value::Array(items),
            }
        }
        other => other,
    }
}

fn read_once(document: &str) -> Option<Value> {
    let mut from = serde_json::Deserializer::from_str(document);
    let value = Once.deserialize(&mut from).ok()?;
    from.end().ok().map(|()| value)
}

/// Reads JSON in which no object has a key twice.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(Once)? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Once)?;
            if read.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is there twice"));
            }
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_that_aws_takes_for_the_same_have_one_text() {
        let one = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:b","s3:a"],"Resource":"*",
            "Condition":{"StringEquals":{"aws:x":["1"]}}}}"#;
        let other = r#"{ "Statement": [{"Resource":["*"], "Action":["s3:a","s3:b","s3:a"],
            "Condition":{"StringEquals":{"aws:x":"1"}}, "Effect":"Allow"}], "Version": "2012-10-17" }"#;
        assert_eq!(canonical(one).unwrap(), canonical(other).unwrap());
        let (a, b) = (r#"{"Effect":"Allow","Action":"a:*"}"#, r#"{"Effect":"Deny","Action":"b:*"}"#);
        let [ab, ba] = [(a, b), (b, a)].map(|(one, two)| format!("{{\"Statement\":[{one},{two}]}}"));
        assert_eq!(canonical(&ab), canonical(&ba));
        assert_ne!(in_one_order(&ab), in_one_order(&ba));
        for different in [
            one.replace("s3:b", "s3:c"),
            one.replace("Allow", "Deny"),
            one.replace("\"*\"", "[]"),
            one.replace("\"Action\"", "\"NotAction\""),
            one.replace("[\"1\"]", "[1]"),
            one.replace("Version", "version"),
        ] {
            assert_ne!(canonical(one), canonical(&different), "{different}");
        }
        let deep = "[".repeat(100_000);
        for unread in ["", "{", "{\"a\":1,\"a\":2}", "{\"Statement\":[{\"a\":1,\"a\":1}]}", "{} {}", &deep] {
            assert_eq!(canonical(unread), None, "{unread:.40}");
        }
    }
}
