//! What JSON may look like before its fields are read: no key twice in one object, and no list where an object is due.
//! Readers would take the last of two keys, and a list for the fields of an object in their order.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Fields of bodies that are objects. Nothing holds a list of lists.
const OBJECTS: [&str; 8] =
    ["credential", "thresholds", "small", "medium", "large", "mapping", "include", "exclude"];

/// Looks through a body, and keeps nothing of it but the keys of what is open.
///
/// # Errors
/// What is wrong with it, and at which line and column.
pub(crate) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Due { within: "the body", object: true }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// What is due at a place.
#[derive(Clone, Copy)]
struct Due<'a> {
    within: &'a str,
    object: bool,
}

impl<'de> DeserializeSeed<'de> for Due<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Due<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.object {
            return Err(A::Error::custom(format!("{} must be an object, and is a list", self.within)));
        }
        let entry = Due { within: "an entry of a list", object: true };
        while list.next_element_seed(entry)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = object.next_key::<String>()? {
            if keys.contains(&key) {
                let shown: String = key.chars().take(80).collect();
                return Err(A::Error::custom(format!("the key {shown:?} is given twice in one object")));
            }
            let due = Due { within: &key, object: OBJECTS.contains(&key.as_str()) };
            object.next_value_seed(due)?;
            keys.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_given_twice_and_lists_for_objects_are_refused_at_any_depth() {
        for (text, why) in [
            (r#"["a"]"#, "the body must be an object"),
            (r#"{"a": 1, "a": 2}"#, "the key \"a\" is given twice"),
            (r#"{"a": 1, "\u0061": 2}"#, "the key \"a\" is given twice"),
            (r#"{"b": [{"c": {"a": 1, "x": 0, "a": null}}]}"#, "the key \"a\" is given twice"),
            (r#"{"wishes": [["create_account"]]}"#, "an entry of a list must be an object"),
            (r#"{"thresholds": {"small": [1]}}"#, "small must be an object"),
        ] {
            let said = check(text.as_bytes()).unwrap_err().to_string();
            assert!(said.contains(why) && said.contains("at line 1 column "), "{text}: {said}");
        }
        for fine in
            [r#"{"a": {"b": 1}, "c": {"b": 1, "B": 2}, "d": ["x", {"b": 1}, {"b": 2}], "e": 1.5}"#, "{}"]
        {
            assert!(check(fine.as_bytes()).is_ok(), "{fine}");
        }
    }
}
