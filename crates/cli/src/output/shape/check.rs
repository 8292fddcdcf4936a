//! What a check of a system, or of the installation, found.

use serde::Serialize;

use super::Shape;
use crate::output::Narrow;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// A stable word for programs.
    pub(crate) name: String,
    /// How it is.
    pub(crate) state: CheckState,
    /// Whether nothing works without it; else it is optional, and the command ends well without it.
    pub(crate) needed: bool,
    /// What was found.
    pub(crate) message: String,
    /// What to do about it; `None` when nothing is to be done.
    pub(crate) advice: Option<String>,
    /// Of a check of rights: what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rights: Option<Rights>,
    /// Of a check of rights: the actions that are missing, not known, or too many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<String>,
}

/// How what is granted compares with what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rights {
    /// All that is needed is granted.
    Allowed,
    /// What is needed is granted, but for what such policies leave out on purpose.
    Withheld,
    /// Something that is needed is certainly not granted.
    Denied,
    /// It could not be found out.
    Unknown,
    /// More is granted than is needed.
    Wider,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckState {
    /// As it should be.
    Ok,
    /// It works, but should be mended.
    Warning,
    /// It does not work.
    Error,
    /// It could not be found out.
    Unknown,
}

impl Check {
    /// As it should be.
    pub(crate) fn ok(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            state: CheckState::Ok,
            needed: true,
            message: message.into(),
            advice: None,
            rights: None,
            actions: Vec::new(),
        }
    }

    /// Anything else, with what to do.
    pub(crate) fn new(
        name: &str,
        state: CheckState,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            state,
            needed: true,
            message: message.into(),
            advice: Some(advice.into()),
            rights: None,
            actions: Vec::new(),
        }
    }

    /// The same for something that one can do without.
    pub(crate) fn optional(self) -> Self {
        Self { needed: false, ..self }
    }

    /// The same as a check of rights on these actions.
    pub(crate) fn about(self, rights: Rights, actions: Vec<String>) -> Self {
        Self { rights: Some(rights), actions, ..self }
    }

    /// Whether something that is needed does not work, or could not be found out.
    pub(crate) fn is_bad(&self) -> bool {
        self.needed && matches!(self.state, CheckState::Error | CheckState::Unknown)
    }
}

/// A list of checks.
pub(crate) const CHECKS: Shape<Check> = Shape {
    table: &[
        (
            "check",
            |check| if check.needed { check.name.clone() } else { format!("{} (optional)", check.name) },
        ),
        ("state", |check| super::word(&check.state)),
        ("found", |check| check.message.clone()),
        ("what_to_do", |check| check.advice.clone().unwrap_or_default()),
    ],
    narrow: Narrow::WrapEverywhere { sentences: 2 },
    csv: &[
        ("name", |check| check.name.clone()),
        ("state", |check| super::word(&check.state)),
        ("needed", |check| check.needed.to_string()),
        ("message", |check| check.message.clone()),
        ("advice", |check| check.advice.clone().unwrap_or_default()),
    ],
};
