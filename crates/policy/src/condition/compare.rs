//! One value of the request against one of the policy.

use crate::{
    Context, Truth,
    condition::{
        binary, date, ip, number,
        operator::{Comparison, Order},
    },
    text::{Text, Wildcards},
};

/// Whether `actual` matches `value`, before any negation. Values that cannot be read as what the operator compares
/// give `Unknown`: what AWS does then is not documented.
pub(super) fn compare(comparison: Comparison, value: &Text, actual: &str, context: &Context) -> Truth {
    match comparison {
        Comparison::String { wildcards, ignore_case } => {
            string(value, actual, context, wildcards, ignore_case)
        }
        Comparison::Arn => arn(value, actual, context),
        // Variables work with the string and ARN operators only (IAM User Guide, "Variables and tags"); for Bool
        // the page on operators says otherwise.
        _ if value.has_variables() => Truth::Unknown,
        Comparison::Number(order) => ordered(order, number::parse(actual), number::parse(&value.raw)),
        Comparison::Date(order) => ordered(order, date::parse(actual), date::parse(&value.raw)),
        Comparison::Bool => {
            both(truth_value(actual), truth_value(&value.raw), |actual, value| actual == value)
        }
        Comparison::Binary => {
            both(binary::decode(actual), binary::decode(&value.raw), |actual, value| actual == value)
        }
        Comparison::IpAddress => {
            both(ip::address(actual), ip::Network::parse(&value.raw), |actual, value| value.contains(actual))
        }
        Comparison::Null => Truth::Unknown,
    }
}

fn string(value: &Text, actual: &str, context: &Context, wildcards: bool, ignore_case: bool) -> Truth {
    let wildcards = if wildcards { Wildcards::Free } else { Wildcards::Literal };
    // A variable without a value is equal to nothing and like nothing.
    let Some(pattern) = value.pattern(context, wildcards) else { return Truth::False };
    let certain = pattern.certain;
    let matches = if ignore_case {
        pattern.lower().matches(&actual.chars().flat_map(char::to_lowercase).collect::<String>())
    } else {
        pattern.matches(actual)
    };
    if certain { matches.into() } else { Truth::from(matches) & Truth::Unknown }
}

/// "Each of the six colon-delimited components of the ARN is checked separately" (IAM User Guide, "Condition
/// operators"); the last one is all that follows the fifth colon.
fn arn(value: &Text, actual: &str, context: &Context) -> Truth {
    let Some(pattern) = value.pattern(context, Wildcards::Fields) else { return Truth::False };
    if value.colons() < 5 || actual.split(':').count() < 6 {
        return Truth::Unknown;
    }
    let matches = Truth::from(pattern.matches(actual));
    if pattern.certain { matches } else { matches & Truth::Unknown }
}

fn ordered<T: Ord>(order: Order, actual: Option<T>, value: Option<T>) -> Truth {
    both(actual, value, |actual, value| order.holds(actual.cmp(value)))
}

fn both<A, B>(actual: Option<A>, value: Option<B>, holds: impl Fn(&A, &B) -> bool) -> Truth {
    match (actual, value) {
        (Some(actual), Some(value)) => holds(&actual, &value).into(),
        _ => Truth::Unknown,
    }
}

fn truth_value(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
