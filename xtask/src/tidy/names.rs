//! Names that say nothing about what is inside.

use super::TextFile;
use crate::source::{code_only, is_identifier};

/// Words no file, module or type is named with.
const EMPTY_WORDS: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "manager", "impl", "prelude"];

/// A file or folder with an empty name.
pub(super) fn of_path(path: &str) -> Option<String> {
    let parts = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let word = parts.filter(|part| !part.is_empty()).find_map(empty_word)?;
    Some(format!("{path}: `{word}` says nothing about what is inside"))
}

/// Modules and types with an empty name.
pub(super) fn of_items(file: &TextFile) -> Vec<String> {
    if !file.is_one_of(&["rs"]) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in code_only(&file.text).lines().enumerate() {
        let mut keyword = false;
        for word in line.split(|character| !is_identifier(character)).filter(|word| !word.is_empty()) {
            if keyword
                && let Some(empty) = empty_word(word).or(word.ends_with("V2").then_some("V2".to_owned()))
            {
                found
                    .push(format!("{}: {word}: `{empty}` says nothing about what it is", file.place(number)));
            }
            keyword = matches!(word, "mod" | "struct" | "enum" | "trait" | "type" | "union");
        }
    }
    found
}

/// The first empty word of a `snake_case`, `kebab-case` or `CamelCase` name.
fn empty_word(name: &str) -> Option<String> {
    let mut words = vec![String::new()];
    for character in name.chars() {
        if !character.is_alphanumeric() || character.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_alphanumeric()) {
            word.extend(character.to_lowercase());
        }
    }
    words.into_iter().find(|word| EMPTY_WORDS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{super::planted, *};

    #[test]
    fn empty_file_names_are_found_and_full_ones_pass() {
        for path in [
            "crates/a/src/utils.rs",
            "crates/a/tests/common/main.rs",
            "src/task_manager.rs",
            "src/HelperView.rs",
        ] {
            assert!(of_path(path).is_some(), "{path}");
        }
        for path in [
            "crates/a/src/import_run.rs",
            "crates/model/src/uncommon.rs",
            ".cargo/config.toml",
            "src/managed.rs",
        ] {
            assert_eq!(of_path(path), None);
        }
    }

    #[test]
    fn empty_item_names_are_found_and_other_words_pass() {
        for text in [
            "mod helpers;",
            "pub struct StoreManager;",
            "trait ConnectorImpl {}",
            "enum PlanV2 {}",
            "mod prelude {}",
        ] {
            assert_eq!(of_items(&planted("a.rs", text)).len(), 1, "{text}");
        }
        for text in [
            "impl Store {}",
            "fn most_common() {}",
            "struct Managed;",
            "// mod utils",
            "type Address = IpV4;",
        ] {
            assert!(of_items(&planted("a.rs", text)).is_empty(), "{text}");
        }
    }
}
