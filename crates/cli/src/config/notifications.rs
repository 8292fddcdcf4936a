//! Where people are told what they must know.

use std::path::PathBuf;

use keyreeve_server::notify::{MailEncryption, Network};
use serde::Deserialize;

/// The `[notifications]` table. Only the file says this: neither a request nor a system's data names an address that we
/// call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Notifications {
    /// Where a webhook is called.
    pub(crate) webhook_url: Option<String>,
    /// A file with the secret that it is signed with.
    pub(crate) webhook_secret_file: Option<PathBuf>,
    /// Networks that may be called besides the internet.
    #[serde(deserialize_with = "networks")]
    pub(crate) webhook_networks: Vec<Network>,
    /// A file of certificates to know the other end by, instead of the machine's own.
    pub(crate) webhook_authorities: Option<PathBuf>,
    /// The mail server, with its port.
    pub(crate) mail_server: Option<String>,
    /// How what is said to it is protected.
    pub(crate) mail_encryption: Option<MailEncryption>,
    /// Who signs in there.
    pub(crate) mail_user: Option<String>,
    /// A file with the password.
    pub(crate) mail_password_file: Option<PathBuf>,
    /// Whom mail is from.
    pub(crate) mail_from: Option<String>,
    /// Whom it is to.
    pub(crate) mail_to: Vec<String>,
}

pub(super) fn networks<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}
