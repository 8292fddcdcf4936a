//! How many tests ran, read from what the test runners print.

/// The summary line of nextest, or the sum of the result lines of `cargo test`; `None` if there is neither.
pub(super) fn of(output: &str) -> Option<String> {
    let plain = without_colours(output);
    let summary = plain.lines().rev().find_map(|line| line.trim_start().strip_prefix("Summary ["));
    if let Some((_, counts)) = summary.and_then(|rest| rest.split_once("] ")) {
        return Some(counts.trim().to_owned());
    }
    let results: Vec<&str> =
        plain.lines().filter_map(|line| line.trim().strip_prefix("test result: ")).collect();
    if results.is_empty() {
        return None;
    }
    let sum = |word: &str| -> u64 { results.iter().filter_map(|line| count(line, word)).sum() };
    Some(format!("{} passed, {} failed, {} ignored", sum("passed"), sum("failed"), sum("ignored")))
}

/// The number before `word` in `ok. 3 passed; 0 failed; …`.
fn count(line: &str, word: &str) -> Option<u64> {
    let (before, _) = line.split_once(&format!(" {word}"))?;
    before.rsplit(' ').next()?.parse().ok()
}

/// The text without terminal colours (`ESC [ … m`).
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_nextest_is_found_with_and_without_colours() {
        let plain = "   Summary [   0.123s] 21 tests run: 20 passed, 1 failed, 0 skipped\n   FAIL x\n";
        let coloured =
            "\x1b[32;1m     Summary\x1b[0m [   0.123s] \x1b[1m21\x1b[0m tests run: \x1b[1m21\x1b[0m passed\n";
        assert_eq!(of(plain).unwrap(), "21 tests run: 20 passed, 1 failed, 0 skipped");
        assert_eq!(of(coloured).unwrap(), "21 tests run: 21 passed");
    }

    #[test]
    fn the_results_of_cargo_test_are_summed() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(of(output).unwrap(), "13 passed, 2 failed, 1 ignored");
        assert_eq!(of("error: could not compile"), None);
    }
}
