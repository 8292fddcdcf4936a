//! How people sign in.

use std::path::PathBuf;
use std::time::Duration;

use keyreeve_model::{Role, SystemId};
use keyreeve_server::notify::Network;
use keyreeve_store::SessionLife;
use serde::Deserialize;

use crate::exit::Refusal;

/// The `[sign_in]` table. Only the file says this.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SignInSettings {
    /// After so long a session ends, however much it is used.
    session_hours: Option<u32>,
    /// After so long a session ends that is not used.
    session_idle_minutes: Option<u32>,
    /// So many sessions a person has at once.
    sessions_at_once: Option<u32>,
    /// The identity provider that vouches for people, as it names itself.
    pub(crate) oidc_issuer: Option<String>,
    /// What it calls us.
    pub(crate) oidc_client_id: Option<String>,
    /// A file with what only it and we know.
    pub(crate) oidc_client_secret_file: Option<PathBuf>,
    /// The claim that says what somebody may be.
    pub(crate) oidc_roles_claim: Option<String>,
    /// What is asked for besides `openid`.
    pub(crate) oidc_scopes: Option<Vec<String>>,
    /// Networks that may be called besides the internet.
    #[serde(deserialize_with = "super::notifications::networks")]
    pub(crate) oidc_networks: Vec<Network>,
    /// A file of certificates to know it by, instead of the machine's own.
    pub(crate) oidc_authorities: Option<PathBuf>,
    /// What the values of the claim come to; the first that somebody has counts.
    pub(crate) oidc_roles: Vec<OidcRole>,
}

/// What a value of the claim comes to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcRole {
    /// The value.
    pub(crate) value: String,
    /// What somebody who has it may do.
    pub(crate) role: Role,
    /// The systems they are limited to; left out, all.
    #[serde(default)]
    pub(crate) systems: Vec<SystemId>,
}

impl SignInSettings {
    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (name, value, most) in [
            ("session_hours", self.session_hours, 720),
            ("session_idle_minutes", self.session_idle_minutes, 1_440),
            ("sessions_at_once", self.sessions_at_once, 100),
        ] {
            if value.is_some_and(|value| !(1..=most).contains(&value)) {
                let why = format!("{name} in [sign_in] must be from 1 to {most}");
                return Err(Refusal::new("reading the configuration", why));
            }
        }
        Ok(())
    }

    /// How long sessions last.
    pub(crate) fn life(&self) -> SessionLife {
        SessionLife {
            at_most: Duration::from_secs(3_600 * u64::from(self.session_hours.unwrap_or(12))),
            idle: Duration::from_secs(60 * u64::from(self.session_idle_minutes.unwrap_or(30))),
            at_once: self.sessions_at_once.unwrap_or(5),
        }
    }
}
