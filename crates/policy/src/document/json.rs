//! JSON that keeps what a policy's reader must see: keys that come twice, and how deep it is.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::ParseError;

/// The deepest nesting that is read. A policy needs six: document, `Statement`, statement, `Condition`, operator,
/// values.
const MAXIMUM_DEPTH: u8 = 10;

/// A JSON value. Numbers and truth values are the text a policy could have put in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    /// A number or a truth value.
    Bare(String),
    Text(String),
    Array(Vec<Json>),
    /// In the order they came, repeated keys too.
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn read(text: &str) -> Result<Self, ParseError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Value { depth: MAXIMUM_DEPTH }.deserialize(&mut reader);
        value.and_then(|value| reader.end().map(|()| value)).map_err(|error| ParseError::Json {
            line: error.line(),
            column: error.column(),
            reason: reason(&error),
        })
    }
}

/// What serde_json says, without the place, which is a field of its own.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[derive(Clone, Copy)]
struct Value {
    depth: u8,
}

impl Value {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(E::custom(format_args!("it is nested deeper than {MAXIMUM_DEPTH} levels"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bare(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Bare(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Bare(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Bare(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(inside)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            entries.push((key, map.next_value_seed(inside)?));
        }
        Ok(Json::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_keys_are_kept_and_depth_is_bounded() {
        let Json::Object(entries) = Json::read(r#"{"a":1,"a":true}"#).unwrap() else { panic!() };
        assert_eq!(entries.len(), 2);
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::read(&deep(10)).is_ok());
        let error = Json::read(&deep(11)).unwrap_err();
        assert!(error.to_string().contains("nested deeper than 10 levels"), "{error}");
        assert!(Json::read(&deep(100_000)).is_err());
        assert!(Json::read("{} x").is_err());
    }
}
