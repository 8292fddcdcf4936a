//! What is said of arguments that were refused, without the secrets that were typed by mistake.

use std::io::Write;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use crate::args::Arguments;
use crate::output::escape;

/// What clap says of arguments that would steer a terminal, as it says it of the same ones escaped; `None` when there are
/// none. Its own text cannot be escaped: what is left of an escape sequence in it looks like any other text.
pub(crate) fn escaped() -> Option<clap::Error> {
    let given: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let escaped: Vec<String> = given.iter().map(|argument| escape::line(argument).into_owned()).collect();
    if escaped == given {
        return None;
    }
    let refused = Arguments::try_parse_from(&escaped).err();
    Some(refused.unwrap_or_else(|| steering(&given, &escaped)))
}

/// What is said where nothing but such signs is wrong with the arguments.
fn steering(given: &[String], escaped: &[String]) -> clap::Error {
    let both = given.iter().zip(escaped);
    let shown: Vec<String> =
        both.filter(|(given, escaped)| given != escaped).map(|(_, escaped)| format!("'{escaped}'")).collect();
    let what = "an argument has control characters, or others that are not seen, where none may be";
    Arguments::command().error(ErrorKind::InvalidValue, format!("{what}: {}", shown.join(", ")))
}

/// Shows what was refused. An argument that may be a secret is not repeated.
pub(crate) fn print(refused: &clap::Error) -> std::io::Result<()> {
    // Arguments need not be text; clap refuses such, and shows them in the same lossy form.
    let secrets: Vec<String> = std::env::args_os()
        .skip(1)
        .flat_map(|argument| possible_secrets(argument.to_string_lossy().into_owned()))
        .collect();
    let text = refused.render().to_string();
    if !secrets.iter().any(|secret| text.contains(secret)) {
        return refused.print();
    }
    let shown = secrets.iter().fold(text, |text, secret| text.replace(secret, "[withheld]"));
    write!(std::io::stderr().lock(), "{shown}")
}

/// The argument and what follows its `=`, as far as they may be secrets.
fn possible_secrets(argument: String) -> Vec<String> {
    let value = argument.split_once('=').map(|(_, value)| value.to_owned());
    [Some(argument), value].into_iter().flatten().filter(|text| may_be_secret(text)).collect()
}

/// A one-time secret or a token of ours by its beginning, a secret access key by its length and letters, an address by the
/// password in it.
fn may_be_secret(text: &str) -> bool {
    let ours = ["krs_", "keyreeve_pat_", "AGE-SECRET-KEY-", "keyreeve-key-"]
        .iter()
        .any(|start| text.starts_with(start));
    let key = text.len() == 40
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'='));
    ours || key || keyreeve_store::DatabaseUrl::names_password(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_steer_a_terminal_are_named_where_nothing_else_is_wrong() {
        let (given, escaped) = (["a".to_owned(), "b\r".to_owned()], ["a".to_owned(), "b\\u{d}".to_owned()]);
        let said = steering(&given, &escaped).render().to_string();
        assert!(said.contains("'b\\u{d}'") && !said.contains('\r') && !said.contains("'a'"), "{said}");
    }

    #[test]
    fn secrets_are_told_from_names() {
        let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert_eq!(possible_secrets(format!("--access-key-id={key}")), [key]);
        assert!(may_be_secret("krs_x") && may_be_secret(key));
        assert!(may_be_secret("postgres://me:canary@db/x") && !may_be_secret("postgres://me@db/x"));
        assert!(!may_be_secret("AKIAIOSFODNN7EXAMPLE") && !may_be_secret("--access-key-id"));
    }
}
