//! What a check of a system, or of the installation, found.

use jiff::Timestamp;
use keyreeve_model::{System, digest_hex};
use keyreeve_store::{ConnectionTest, Store, StoreError};
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

/// The last test of a system's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastTest {
    /// When it ended.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// What it found.
    pub checks: Vec<Check>,
    /// Whether the system still signs in as it did then, for the same.
    pub is_of_now: bool,
}

impl LastTest {
    /// The last test of a system; `None` where none is kept.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn of(store: &Store, system: &System) -> Result<Option<Self>, StoreError> {
        let kept = store.connection_test(&system.system_id).await?;
        Ok(kept.and_then(|ConnectionTest { tested_at, tested_by, of_sha256, found }| {
            // What another version has written and this one does not understand is none.
            let checks = serde_json::from_str(&found).ok()?;
            let is_of_now = tested(system).is_some_and(|now| now == of_sha256);
            Some(Self { at: tested_at, by: tested_by, checks, is_of_now })
        }))
    }

    /// Keeps what a test of a system found. That it cannot be kept is logged: who tested is told what was found either way.
    pub async fn keep(store: &Store, system: &System, checks: &[Check], (by, at): (&str, Timestamp)) {
        let (Some(of_sha256), Ok(found)) = (tested(system), serde_json::to_string(checks)) else { return };
        let test = ConnectionTest { tested_at: at, tested_by: by.to_owned(), of_sha256, found };
        if let Err(error) = store.keep_connection_test(&system.system_id, &test).await {
            tracing::warn!(%error, system = %system.system_id, "what the test of a connection found could not be kept");
        }
    }
}

/// What is tested: how a system signs in, where, and what that is to be allowed.
fn tested(system: &System) -> Option<String> {
    let of = (&system.credential, &system.region, system.settings.permission_profile);
    serde_json::to_vec(&of).ok().map(|of| digest_hex(&of))
}
