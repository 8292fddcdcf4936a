//! Errors as people see them: what was being done, why it failed, what to do. Never a dump, never twice the same.

use std::io::Write;

use keyreeve_engine::plan::GatherError;
use keyreeve_store::StoreError;
use owo_colors::OwoColorize;

use super::escape;
use crate::exit::Refusal;

/// Writes an error and what to do about it to standard error.
pub(crate) fn show(error: &anyhow::Error) {
    let (text, hint) = words(error);
    let mut stderr = anstream::stderr().lock();
    // When standard error is gone too, there is nobody left to tell.
    let _ = writeln!(stderr, "{} {}", "error:".red().bold(), escape::line(&text));
    if let Some(hint) = hint {
        let _ = writeln!(stderr, "{} {}", "hint:".cyan().bold(), escape::line(&hint));
    }
}

/// What to say, and what to advise.
pub(crate) fn words(error: &anyhow::Error) -> (String, Option<String>) {
    let mut parts: Vec<String> = Vec::new();
    let mut hint = None;
    for cause in error.chain() {
        let mut text = cause.to_string();
        // An error that only passes its source on says nothing of its own.
        if cause.source().is_some_and(|source| source.to_string() == text) {
            continue;
        }
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            hint = refusal.advice().map(str::to_owned).or(hint);
        } else if let Some(GatherError::Denied(_) | GatherError::Unreadable { .. }) = cause.downcast_ref() {
            hint = Some(
                "`keyreeve system check ID` names what the connector is not allowed, and what to do"
                    .to_owned(),
            );
        } else if hint.is_none()
            && advises(cause)
            && let Some((what, advice)) = text.rsplit_once("; ")
        {
            hint = Some(advice.to_owned());
            text = what.to_owned();
        }
        // Some errors begin with what was being done, as the part before them does.
        if parts.last().is_some_and(|part| text.starts_with(part.as_str())) {
            parts.pop();
        }
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    (parts.join(": "), hint)
}

/// Whether an error's text ends with what to do, after a semicolon.
fn advises(cause: &(dyn std::error::Error + 'static)) -> bool {
    cause
        .downcast_ref::<StoreError>()
        .is_some_and(|error| !matches!(error, StoreError::Database { .. } | StoreError::CommitUnknown { .. }))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use keyreeve_engine::plan::GatherError;
    use keyreeve_engine::provisioning::WorkError;
    use keyreeve_engine::systems::SystemError;
    use keyreeve_model::SystemId;

    use super::*;

    #[test]
    fn a_cause_is_said_once_and_the_advice_apart() {
        let error = StoreError::SystemNotFound { system_id: SystemId::new("x").unwrap() };
        let wrapped: Result<(), _> = Err(SystemError::Store(error));
        let (text, hint) = words(&wrapped.context("showing the system").unwrap_err());
        assert_eq!(text, "showing the system: there is no system x");
        assert_eq!(hint.as_deref(), Some("`keyreeve system list` shows those there are"));
        let error = StoreError::SystemNotFound { system_id: SystemId::new("x").unwrap() };
        let (text, hint) = words(&WorkError::Guard(GatherError::Store(error)).into());
        assert_eq!((text.as_str(), hint.is_some()), ("there is no system x", true));
    }

    #[test]
    fn a_full_disk_is_said_before_what_the_operating_system_calls_it() {
        let source = std::io::ErrorKind::StorageFull.into();
        let (text, hint) = words(&StoreError::Io { doing: "making the store", source }.into());
        assert_eq!(text, "making the store: the disk is full: no storage space");
        assert_eq!(hint.as_deref(), Some("nothing was written, make room on it and try again"));
    }

    #[test]
    fn a_refusal_brings_its_own_advice() {
        let refusal = Refusal::new("doing this", "it rains").hint("wait");
        assert_eq!(words(&refusal.into()), ("doing this: it rains".to_owned(), Some("wait".to_owned())));
    }
}
