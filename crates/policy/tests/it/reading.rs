//! Texts of all kinds: whatever they are, they are read or refused, and never more.

use keyreeve_policy::{Document, Policy, PolicySet, evaluate};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{generate, laws::cases};

const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"Statement\"",
    "\"Effect\"",
    "\"Allow\"",
    "\"Deny\"",
    "\"Action\"",
    "\"Resource\"",
    "\"Principal\"",
    "\"Condition\"",
    "\"StringLike\"",
    "\"*\"",
    "\"iam:*\"",
    "\"arn:aws:iam\"",
    "\"${aws:username}\"",
    "\"${\"",
    "null",
    "true",
    "1e999",
    "-0",
    "\"\\ud800\"",
    "\u{feff}",
    "%7B",
    "%",
    "\\",
    " ",
];

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) }
}

fn read(text: &str) {
    if let Ok(document) = Document::parse(text) {
        assert!(!document.statements().is_empty());
    }
    let _ = Document::parse_encoded(text);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        read(&String::from_utf8_lossy(&bytes));
        read(&bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>());
    }

    #[test]
    fn any_words_of_the_language(words in vec(select(WORDS), 0..40)) {
        read(&words.concat());
    }

    #[test]
    fn a_document_with_something_cut_or_put_in(
        text in generate::identity_document(),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..20,
        put in select(WORDS),
        request in generate::request(generate::any_target()),
    ) {
        let characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len() + 1);
        let after = characters.iter().skip(at + cut);
        let damaged: String =
            characters.iter().take(at).copied().chain(put.chars()).chain(after.copied()).collect();
        read(&damaged);
        if let Ok(document) = Document::parse(&damaged) {
            let identity = vec![Policy::new("damaged", document)];
            let _ = evaluate(&PolicySet { identity, ..PolicySet::default() }, &request);
        }
    }

    #[test]
    fn percent_encoding_changes_nothing(text in generate::identity_document()) {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        prop_assert_eq!(Document::parse_encoded(&encoded).unwrap(), Document::parse(&text).unwrap());
    }
}
