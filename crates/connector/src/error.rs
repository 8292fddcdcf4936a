//! Why a call failed, in the words the engine acts on.

use std::time::Duration;

use keyreeve_model::{Effect, FailureKind};

/// A call to the connected system failed.
///
/// Its `Display` says what was being done, on what, and why it failed; it holds no secret.
#[derive(Debug, thiserror::Error)]
#[error("{operation}{} failed: {message}{}", on(.subject), code_text(.code, .request_id))]
pub struct Error {
    /// The class that decides what may be done next.
    pub cause: Cause,
    /// The call, as the connected system names it: `ListUsers`.
    pub operation: &'static str,
    /// What it was about: a user name, a policy ARN.
    pub subject: Option<String>,
    /// The error code of the connected system.
    pub code: Option<String>,
    /// Why it failed, in a sentence.
    pub message: String,
    /// The connected system's id of the request.
    pub request_id: Option<String>,
    /// Whether the call was one that changes something.
    pub write: bool,
    /// What caused it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

fn on(subject: &Option<String>) -> String {
    subject.as_ref().map(|subject| format!(" ({})", subject.escape_debug())).unwrap_or_default()
}

fn code_text(code: &Option<String>, request_id: &Option<String>) -> String {
    match (code, request_id) {
        (Some(code), Some(id)) => format!(" [{code}, request {id}]"),
        (Some(code), None) => format!(" [{code}]"),
        (None, Some(id)) => format!(" [request {id}]"),
        (None, None) => String::new(),
    }
}

/// The closed list of causes. An error that fits none of them is [`Cause::Unknown`] when an answer was lost or
/// not understood, and [`Cause::Permanent`] when the connected system refused for a reason not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No byte of the request left.
    NotSent,
    /// There are no credentials to sign with, so no call was made.
    NoCredentials,
    /// Too many requests; the wait it asked for, if it named one.
    Throttled(Option<Duration>),
    /// The object is being changed by somebody else.
    Busy,
    /// The answer was lost, came too late, or could not be understood.
    Unknown,
    /// The credentials are expired, unknown, wrong, or the clock is off.
    CredentialBad,
    /// Good credentials that are not allowed to do this.
    Denied,
    /// It exists already.
    AlreadyThere,
    /// It does not exist.
    Gone,
    /// Something that depends on it must go first.
    Dependants,
    /// The password policy refused the password.
    PasswordRefused,
    /// Trying again will not help.
    Permanent,
}

/// Whether a call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not by itself.
    Never,
    /// After at least this long (zero: as the caller's own pacing has it).
    After(Duration),
}

impl Error {
    /// Did anything happen? A write whose answer was lost may have happened; everything else did not.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self.cause {
            Cause::Unknown if self.write => Effect::Unknown,
            _ => Effect::None,
        }
    }

    /// May I try again? A write with an unknown outcome must be looked into first, so never by itself.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self.cause {
            Cause::NotSent | Cause::Throttled(None) => Retry::After(Duration::ZERO),
            Cause::Throttled(Some(wait)) => Retry::After(wait),
            Cause::Busy => Retry::After(Duration::from_secs(5)),
            Cause::Unknown if !self.write => Retry::After(Duration::ZERO),
            _ => Retry::Never,
        }
    }

    /// The class under which the failure is stored.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self.cause {
            Cause::NotSent => FailureKind::NotSent,
            Cause::Throttled(_) => FailureKind::Throttled,
            Cause::Busy => FailureKind::Busy,
            Cause::Unknown => FailureKind::Unknown,
            Cause::CredentialBad | Cause::NoCredentials => FailureKind::CredentialBad,
            Cause::Denied => FailureKind::Denied,
            Cause::AlreadyThere => FailureKind::AlreadyThere,
            Cause::Gone => FailureKind::Gone,
            Cause::Dependants => FailureKind::Dependants,
            Cause::PasswordRefused => FailureKind::PasswordRefused,
            Cause::Permanent => FailureKind::Permanent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(cause: Cause, write: bool) -> Error {
        Error {
            cause,
            operation: "DeleteUser",
            subject: Some("an\u{1b}na".into()),
            code: Some("X".into()),
            message: "it was lost".into(),
            request_id: None,
            write,
            source: None,
        }
    }

    #[test]
    fn a_lost_answer_is_repeated_only_when_nothing_can_have_happened() {
        assert_eq!(error(Cause::Unknown, false).effect(), Effect::None);
        assert_eq!(error(Cause::Unknown, false).retry(), Retry::After(Duration::ZERO));
        assert_eq!(error(Cause::Unknown, true).effect(), Effect::Unknown);
        assert_eq!(error(Cause::Unknown, true).retry(), Retry::Never);
    }

    #[test]
    fn without_credentials_nothing_happened_and_nothing_is_tried_again() {
        let error = error(Cause::NoCredentials, true);
        assert_eq!((error.effect(), error.retry()), (Effect::None, Retry::Never));
        assert_eq!(error.kind(), FailureKind::CredentialBad);
    }

    #[test]
    fn the_text_names_the_call_and_shows_no_control_character() {
        assert_eq!(error(Cause::Gone, true).to_string(), r"DeleteUser (an\u{1b}na) failed: it was lost [X]");
    }
}
