//! What is known of a request's context.

use std::collections::BTreeMap;

/// What is known of one key of a request's context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextValue {
    /// The key is in the request with these values; more than one for a multivalued key. No values at all count as
    /// `Absent`. Numbers, dates, truth values and base64 are given as text, the way a policy writes them.
    Known(Vec<String>),
    /// The key is certainly not in the request.
    Absent,
    /// Whether the key is in the request, or with which values, is not known.
    Unknown,
}

/// The context of a request. Names of keys are compared without regard to case, as AWS does (IAM User Guide,
/// "Condition"; this includes the tag's name in keys like `aws:PrincipalTag/team`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, ContextValue>,
    others: ContextValue,
}

/// What a policy variable becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Substitute<'a> {
    Text(&'a str),
    /// The key is not in the request.
    None,
    Unknown,
}

impl Context {
    /// A context that holds exactly the keys that are added: for a request that lies before us.
    #[must_use]
    pub fn closed() -> Self {
        Self { keys: BTreeMap::new(), others: ContextValue::Absent }
    }

    /// A context of which only the added keys are known: for requests that are yet to come.
    #[must_use]
    pub fn open() -> Self {
        Self { keys: BTreeMap::new(), others: ContextValue::Unknown }
    }

    /// Adds a key with one value, or replaces it.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<String>) -> Self {
        self.with_value(key, ContextValue::Known(vec![value.into()]))
    }

    /// Adds a key with whatever is known of it, or replaces it.
    #[must_use]
    pub fn with_value(mut self, key: &str, value: ContextValue) -> Self {
        self.keys.insert(key.to_lowercase(), value);
        self
    }

    /// What is known of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> &ContextValue {
        match self.keys.get(&key.to_lowercase()) {
            Some(ContextValue::Known(values)) if values.is_empty() => &ContextValue::Absent,
            Some(value) => value,
            None => &self.others,
        }
    }

    /// The text for the variable `${key}`. Not known when the key has several values, which AWS does not support,
    /// or an empty one, of which AWS does not say whether it is a value.
    pub(crate) fn substitute(&self, key: &str) -> Substitute<'_> {
        match self.get(key) {
            ContextValue::Absent => Substitute::None,
            ContextValue::Unknown => Substitute::Unknown,
            ContextValue::Known(values) => match values.as_slice() {
                [value] if !value.is_empty() => Substitute::Text(value),
                _ => Substitute::Unknown,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_without_values_is_absent_and_names_ignore_case() {
        let context =
            Context::open().with("AWS:UserName", "bob").with_value("a:b", ContextValue::Known(vec![]));
        assert_eq!(context.get("aws:username"), &ContextValue::Known(vec!["bob".into()]));
        assert_eq!(context.get("A:B"), &ContextValue::Absent);
        assert_eq!(context.get("x:y"), &ContextValue::Unknown);
    }
}
