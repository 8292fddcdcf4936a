//! Conditions of a statement.

use crate::{Context, ContextValue, Truth, text::Text};

mod binary;
mod compare;
mod date;
mod ip;
mod number;
mod operator;

use operator::{Comparison, Operator, SetOperator};

/// One key under one operator: `"StringEquals": {"aws:username": ["a", "b"]}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    operator: Operator,
    pub(crate) key: String,
    values: Vec<Text>,
}

impl Condition {
    /// `None` when there is no such operator.
    pub(crate) fn new(operator: &str, key: String, values: Vec<Text>) -> Option<Self> {
        Some(Self { operator: Operator::parse(operator)?, key, values })
    }

    /// The keys whose values it needs: its own, and those of its variables.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.key.as_str()).chain(self.values.iter().flat_map(Text::keys))
    }

    /// Whether it holds (IAM User Guide, "Condition operators" and "Multivalued context keys").
    pub(crate) fn holds(&self, context: &Context) -> Truth {
        let known = match context.get(&self.key) {
            ContextValue::Unknown => return Truth::Unknown,
            ContextValue::Absent => return self.holds_without_the_key(),
            ContextValue::Known(values) => values,
        };
        let nothing = known.iter().all(String::is_empty);
        match (self.operator.comparison, self.operator.set) {
            // An empty string is a "null data set" to the set operators; whether it is one to `Null` is not said.
            (Comparison::Null, _) if nothing => Truth::Unknown,
            (Comparison::Null, _) => self.null_is("false"),
            (_, Some(SetOperator::ForAllValues)) if nothing => Truth::True,
            (_, Some(SetOperator::ForAnyValue)) if nothing => Truth::False,
            (_, Some(SetOperator::ForAllValues)) => {
                Truth::all(known.iter().map(|value| self.matches(value, context)))
            }
            (_, Some(SetOperator::ForAnyValue)) => {
                Truth::any(known.iter().map(|value| self.matches(value, context)))
            }
            // Several values need a set operator; what happens without one is not documented.
            (_, None) => match known.as_slice() {
                [value] => self.matches(value, context),
                _ => Truth::Unknown,
            },
        }
    }

    fn holds_without_the_key(&self) -> Truth {
        match (self.operator.comparison, self.operator.set) {
            (Comparison::Null, _) => self.null_is("true"),
            (_, Some(SetOperator::ForAllValues)) => Truth::True,
            // "Evaluate the condition element as true", says IfExists; others measured that it has no effect here.
            (_, Some(SetOperator::ForAnyValue)) if self.operator.if_exists => Truth::Unknown,
            (_, Some(SetOperator::ForAnyValue)) => Truth::False,
            (_, None) => (self.operator.if_exists || self.operator.negated).into(),
        }
    }

    /// Whether `Null` asks for the key to be absent (`true`) or present (`false`).
    fn null_is(&self, actual: &str) -> Truth {
        Truth::any(self.values.iter().map(|value| {
            let asked = value.raw.to_ascii_lowercase();
            if asked == "true" || asked == "false" { (asked == actual).into() } else { Truth::Unknown }
        }))
    }

    /// One value of the request against all of the policy: any of them, or none of them under a negated operator.
    fn matches(&self, actual: &str, context: &Context) -> Truth {
        if self.values.is_empty() {
            return Truth::Unknown;
        }
        let comparison = self.operator.comparison;
        let any =
            Truth::any(self.values.iter().map(|value| compare::compare(comparison, value, actual, context)));
        if self.operator.negated { !any } else { any }
    }
}
