//! Numbers in sentences.

/// So many of something: `1 change`, `2 changes`.
pub(crate) fn counted(number: impl TryInto<u64>, one: &str, several: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { several })
}

/// How often.
pub(crate) fn times(number: impl TryInto<u64>) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => "once".to_owned(),
        number => format!("{number} times"),
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
        assert_eq!(counted(-1_i64, "change", "changes"), format!("{} changes", u64::MAX));
    }
}
