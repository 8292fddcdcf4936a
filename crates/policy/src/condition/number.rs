//! Decimal numbers of any length, compared exactly.

use std::cmp::Ordering;

/// A decimal number without an exponent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    /// Without leading zeros.
    whole: String,
    /// Without trailing zeros.
    fraction: String,
}

/// `None` when the text is no such number.
pub(super) fn parse(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, "0"),
    };
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = whole.trim_start_matches('0').to_owned();
    let fraction = fraction.trim_end_matches('0').to_owned();
    let zero = whole.is_empty() && fraction.is_empty();
    Some(Number { negative: negative && !zero, whole, fraction })
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        // Fractions of different length compare as text does: the shorter is the one with zeros to come.
        let size = |number: &Self| (number.whole.len(), number.whole.clone(), number.fraction.clone());
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(self).cmp(&size(other)),
            (true, true) => size(other).cmp(&size(self)),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let ordered = ["-10", "-9.5", "-9.25", "0", "0.25", "0.3", "9", "10.0", "9007199254740993"];
        for pair in ordered.windows(2) {
            assert!(parse(pair[0]).unwrap() < parse(pair[1]).unwrap(), "{pair:?}");
        }
        assert!(parse("9007199254740992") < parse("9007199254740993"));
        for (one, other) in [("1", "1.0"), ("-0", "0"), ("007", "7"), ("+5", "5")] {
            assert_eq!(parse(one).unwrap(), parse(other).unwrap());
        }
        for bad in ["", "-", ".5", "5.", "1e3", "0x1", "1 ", "½", "1.2.3", "NaN"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
