//! What a check of a system, or of the installation, found.

use serde::{Deserialize, Serialize};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Check {
    /// A stable word for programs.
    pub name: String,
    /// How it is.
    pub state: CheckState,
    /// Whether nothing works without it; else it is optional, and the command ends well without it.
    pub needed: bool,
    /// What was found.
    pub message: String,
    /// What to do about it; `None` when nothing is to be done.
    pub advice: Option<String>,
    /// Of a check of rights: what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<Rights>,
    /// Of a check of rights: the actions that are missing, not known, or too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

/// How what is granted compares with what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rights {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
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
    #[must_use]
    pub fn ok(name: &str, message: impl Into<String>) -> Self {
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
    #[must_use]
    pub fn new(name: &str, state: CheckState, message: impl Into<String>, advice: impl Into<String>) -> Self {
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
    #[must_use]
    pub fn optional(self) -> Self {
        Self { needed: false, ..self }
    }

    /// The same as a check of rights on these actions.
    #[must_use]
    pub fn about(self, rights: Rights, actions: Vec<String>) -> Self {
        Self { rights: Some(rights), actions, ..self }
    }

    /// Whether something that is needed does not work, or could not be found out.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.needed && matches!(self.state, CheckState::Error | CheckState::Unknown)
    }
}
