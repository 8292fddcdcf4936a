//! Questions to a person, and secrets from one.

use std::io::{IsTerminal, Read};

use inquire::{Confirm, InquireError, Password, PasswordDisplayMode};
use keyreeve_model::Secret;

use crate::args::Consent;
use crate::exit::Refusal;
use crate::output::{note, paragraph};

/// Longer than any secret access key; what does not fit is no secret.
const LONGEST_SECRET: u64 = 4096;

/// Whether somebody can be asked.
fn is_present() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether to go on with a change. `what` says what will happen, in full sentences; of several lines each is escaped
/// already.
pub(crate) fn agrees(consent: Consent, doing: &str, what: &str) -> Result<bool, Refusal> {
    if consent.plan {
        paragraph(what);
        note("Nothing was done, because of --plan.");
        return Ok(false);
    }
    if consent.yes {
        return Ok(true);
    }
    if !is_present() {
        return Err(Refusal::new(doing, "this must be confirmed, and there is no terminal to ask on")
            .hint("look at it with --plan, then give --yes"));
    }
    paragraph(what);
    match Confirm::new("Go on?").with_default(false).prompt() {
        Ok(true) => Ok(true),
        Ok(false) | Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
            Err(Refusal::failed(doing, "it was not confirmed, and nothing was done"))
        }
        Err(error) => Err(Refusal::new(doing, format!("the question could not be asked: {error}"))),
    }
}

/// The secret half of an access key: one line of standard input, or typed without being shown.
pub(crate) fn secret_access_key(from_stdin: bool) -> Result<Secret, Refusal> {
    let doing = "reading the secret access key";
    if from_stdin {
        return line_of_stdin(doing);
    }
    if !is_present() {
        return Err(Refusal::new(doing, "there is no terminal to ask on")
            .hint("give --secret-access-key-stdin and write the secret to standard input"));
    }
    typed_unseen("Secret access key:", doing)
}

/// A one-time secret: typed without being shown, or else one line of standard input.
pub(crate) fn one_time_secret() -> Result<Secret, Refusal> {
    let doing = "reading the one-time secret";
    if is_present() { typed_unseen("One-time secret:", doing) } else { line_of_stdin(doing) }
}

/// An address that may have a password in it: typed without being shown, or else one line of standard input.
pub(crate) fn database_address() -> Result<Secret, Refusal> {
    let doing = "reading the address of the database";
    if is_present() { typed_unseen("Address of the database:", doing) } else { line_of_stdin(doing) }
}

/// A password that somebody is to have: one line of standard input, or typed twice without being shown.
pub(crate) fn new_password(name: &str, from_stdin: bool) -> Result<Secret, Refusal> {
    let doing = "reading the password";
    if from_stdin {
        return line_of_stdin(doing);
    }
    if !is_present() {
        return Err(Refusal::new(doing, "there is no terminal to ask on")
            .hint("give --password-stdin and write the password to standard input"));
    }
    let typed = Password::new(&format!("Password of {name}:"))
        .with_display_mode(PasswordDisplayMode::Hidden)
        .with_custom_confirmation_message("Once more:")
        .prompt();
    typed.map(Secret::new).map_err(|error| Refusal::new(doing, error.to_string()))
}

fn typed_unseen(question: &str, doing: &str) -> Result<Secret, Refusal> {
    let typed = Password::new(question)
        .with_display_mode(PasswordDisplayMode::Hidden)
        .without_confirmation()
        .prompt();
    match typed {
        Ok(text) if text.trim().is_empty() => Err(Refusal::new(doing, "nothing was typed")),
        Ok(text) => Ok(Secret::new(text.trim().to_owned())),
        Err(error) => Err(Refusal::new(doing, error.to_string())),
    }
}

fn line_of_stdin(doing: &str) -> Result<Secret, Refusal> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST_SECRET).read_to_string(&mut text);
    // Wrapped at once, so that it is wiped whatever happens next.
    let text = Secret::new(text);
    let refuse =
        |why: String| Err(Refusal::new(doing, why).hint("write the secret to standard input, in one line"));
    if let Err(error) = read {
        return Err(Refusal::new(doing, format!("standard input could not be read: {error}")));
    }
    let mut lines = text.expose().lines().filter(|line| !line.is_empty());
    match (lines.next(), lines.next()) {
        (None, _) => refuse("standard input was empty".to_owned()),
        (Some(_), Some(_)) => refuse("standard input holds more than one line".to_owned()),
        (Some(line), None) => Ok(Secret::new(line.trim_end_matches('\r').to_owned())),
    }
}
