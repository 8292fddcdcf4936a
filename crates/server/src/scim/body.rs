//! Bodies of requests: JSON without tricks.

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{Cause, Error, error::quoted, limits};

/// Reads a body.
///
/// # Errors
/// `TooLarge` beyond [`limits::BODY_BYTES`]; `invalidSyntax` for what is no JSON, is nested too deeply, or has a name
/// twice in one object, also in different case: names are compared ignoring case (RFC 7643 §2.1), and readers would
/// take either.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    if bytes.len() > limits::BODY_BYTES {
        return Err(Error::new(
            Cause::TooLarge,
            format!("the body is larger than {} bytes", limits::BODY_BYTES),
        ));
    }
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|error| {
        Error::new(Cause::InvalidSyntax, format!("the body cannot be read as JSON: {error}"))
    })
}

/// The members of a message, by their names in lower case.
pub(crate) struct Message<'a> {
    members: Vec<(String, &'a Value)>,
}

impl<'a> Message<'a> {
    /// Takes an object that is a message of this schema and has no members but these (in lower case) and `schemas`.
    pub(crate) fn of(body: &'a Value, schema: &str, names: &[&str]) -> Result<Self, Error> {
        let message = Self::part(body, names)?;
        let schemas = message.get("schemas").and_then(Value::as_array);
        let named = schemas.is_some_and(|schemas| {
            schemas.iter().any(|name| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(schema)))
        });
        if named {
            Ok(message)
        } else {
            Err(Error::new(Cause::InvalidSyntax, format!("the body must name {schema} in schemas")))
        }
    }

    /// Takes an object that has no members but these (in lower case) and `schemas`.
    pub(crate) fn part(body: &'a Value, names: &[&str]) -> Result<Self, Error> {
        let object = body
            .as_object()
            .ok_or_else(|| Error::new(Cause::InvalidSyntax, "an object of JSON is expected"))?;
        let members: Vec<_> = object.iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        match members.iter().find(|(name, _)| name != "schemas" && !names.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(Error::new(Cause::InvalidSyntax, format!("{} is not known here", quoted(name))))
            }
            None => Ok(Self { members }),
        }
    }

    /// A member; `null` is none.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members
            .iter()
            .find(|(member, value)| member == name && !value.is_null())
            .map(|(_, value)| *value)
    }

    /// A member that is a text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Error> {
        self.get(name)
            .map(|value| {
                value.as_str().ok_or_else(|| {
                    Error::new(Cause::InvalidSyntax, format!("{} must be a text", quoted(name)))
                })
            })
            .transpose()
    }
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
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

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            out.push(value);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let mut names = std::collections::BTreeSet::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom(format!("{} stands there twice", quoted(&name))));
            }
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_without_tricks() {
        for good in ["{}", "[1, -1, 1.5, true, null, \"a\\u0000\"]", r#"{"a": {"b": 1}, "c": {"b": 2}}"#] {
            assert_eq!(parse(good.as_bytes()).unwrap(), serde_json::from_str::<Value>(good).unwrap());
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for bad in [
            "",
            "{",
            "{}x",
            "{\"a\":1,\"a\":2}",
            "{\"userName\":1,\"USERNAME\":2}",
            "{\"x\":[{\"A\":1,\"a\":2}]}",
            "\"\\ud800\"",
            "nul",
            "{'a':1}",
            &deep,
        ] {
            let cause = parse(bad.as_bytes()).expect_err(bad).cause;
            assert_eq!(cause, Cause::InvalidSyntax);
        }
        assert_eq!(parse(b"\"\xff\"").unwrap_err().cause, Cause::InvalidSyntax);
        let large = format!("\"{}\"", "x".repeat(limits::BODY_BYTES - 2));
        assert!(parse(large.as_bytes()).is_ok());
        assert_eq!(parse(format!("{large} ").as_bytes()).unwrap_err().cause, Cause::TooLarge);
    }
}
