//! Where people are told what they must know.

use std::path::PathBuf;

use keyreeve_server::notify::Network;
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
}

fn networks<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Network>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}
