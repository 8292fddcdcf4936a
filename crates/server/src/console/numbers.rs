//! Numbers, as pages say them: with commas between thousands. Names that are numbers (of runs, jobs, tasks and rows) have
//! none, and files have the digits alone.

use std::borrow::Borrow;

/// A number.
pub(crate) fn grouped(number: impl Borrow<u64>) -> String {
    let digits = number.borrow().to_string();
    let mut said = String::with_capacity(digits.len().saturating_mul(4) / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// So many of something: `1 change`, `2 changes`.
pub(crate) fn counted(number: impl TryInto<u64>, one: &str, several: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}

/// How often.
pub(crate) fn times(number: impl TryInto<u64>) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => "once".to_owned(),
        number => format!("{} times", grouped(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_all_else_is_several() {
        let said = [0_u64, 1, 2].map(|number| counted(number, "change", "changes"));
        assert_eq!(said, ["0 changes", "1 change", "2 changes"]);
        assert_eq!([0_u32, 1, 2].map(times), ["0 times", "once", "2 times"]);
        assert_eq!(counted(-1_i64, "change", "changes"), format!("{} changes", grouped(u64::MAX)));
    }

    #[test]
    fn thousands_are_told_apart() {
        let said = [0_u64, 12, 999, 1_000, 12_345, 999_999, 1_000_000].map(grouped);
        assert_eq!(said, ["0", "12", "999", "1,000", "12,345", "999,999", "1,000,000"]);
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1_200_u32, "account", "accounts"), "1,200 accounts");
    }
}
