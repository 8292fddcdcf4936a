//! Making a name unique.

use super::{MappingError, limits};

/// The most characters of an account's name: `userNameType` of the IAM service model.
const NAME_CHARACTERS: usize = 64;

/// The name itself if it is free, else with 2, 3, … at its end; the end of a long name gives way. Also gives the names
/// that were taken.
pub(super) fn unique(
    name: &str,
    taken: &dyn Fn(&str) -> bool,
) -> Result<(String, Vec<String>), MappingError> {
    let mut tried = Vec::new();
    let mut candidate = name.to_owned();
    for number in 2..=limits::LAST_NAME_NUMBER + 1 {
        if !taken(&candidate) {
            return Ok((candidate, tried));
        }
        tried.push(candidate);
        let number = number.to_string();
        let kept = NAME_CHARACTERS.saturating_sub(number.len());
        candidate = name.chars().take(kept).chain(number.chars()).collect();
    }
    Err(MappingError::NoFreeName(name.to_owned()))
}
