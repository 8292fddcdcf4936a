//! What Rust sources may not hold: unfinished work, ignored tests, prints where data and talk are not told apart.

use super::TextFile;
use crate::source::{code_only, is_identifier};

/// Macros and attributes that are never left in.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!", "#[ignore"];
/// Macros that write to the terminal.
const PRINTS: &[&str] = &["println!", "print!", "eprintln!", "eprint!"];
/// Where the terminal belongs to us.
const MAY_PRINT: &[&str] = &["crates/cli/", "xtask/"];

pub(super) fn problems(file: &TextFile) -> Vec<String> {
    if !file.is_one_of(&["rs"]) {
        return Vec::new();
    }
    let library =
        file.path.contains("/src/") && !MAY_PRINT.iter().any(|folder| file.path.starts_with(folder));
    let mut found = Vec::new();
    for (number, line) in code_only(&file.text).lines().enumerate() {
        let mut forbidden = |words: &[&str], why: &str| {
            let here = words.iter().filter(|word| holds(line, word));
            found.extend(here.map(|word| format!("{}: {word}: {why}", file.place(number))));
        };
        forbidden(UNFINISHED, "finish it or take it out");
        if library {
            forbidden(PRINTS, "only the command line prints; return or trace instead");
        }
    }
    found
}

/// Whether `line` holds `word` with nothing of an identifier before it.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(is_identifier)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::planted, *};

    #[test]
    fn unfinished_work_and_ignored_tests_are_found_with_their_line() {
        for text in ["\nfn f() { todo!() }", "\nlet x = dbg!(y);", "\n#[ignore]", "\n#[ignore = \"slow\"]"] {
            let found = problems(&planted("crates/model/src/a.rs", text));
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].starts_with("crates/model/src/a.rs:2: "), "{found:?}");
        }
    }

    #[test]
    fn words_in_comments_strings_and_other_names_are_fine() {
        let text = "// todo!\nlet a = \"dbg!\"; my_todo!(); let ignore = 1;";
        assert!(problems(&planted("crates/model/src/a.rs", text)).is_empty());
    }

    #[test]
    fn only_the_command_line_prints() {
        let text = "fn f() { println!(\"x\") }";
        assert_eq!(problems(&planted("crates/engine/src/a.rs", text)).len(), 1);
        assert_eq!(problems(&planted("crates/engine/src/a.rs", "eprint!(\"x\")")).len(), 1);
        for path in
            ["crates/cli/src/output.rs", "xtask/src/main.rs", "crates/engine/tests/it/main.rs", "docs/a.md"]
        {
            assert!(problems(&planted(path, text)).is_empty(), "{path}");
        }
    }
}
