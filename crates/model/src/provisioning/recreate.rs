//! What is kept of an account before it is switched off or deleted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::AccountCredential;
use crate::ExternalId;

/// What a deactivation switched off, and nothing else: what a reactivation gives back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Manifest {
    /// Whether there was a console password, now deleted.
    pub login_profile: bool,
    /// Credentials that were active, each once however often it was switched off.
    pub credentials: BTreeSet<AccountCredential>,
    /// The deny-all policy that was attached.
    pub deny_all_policy: Option<String>,
    /// Whether credentials beside the console password could be seen at all.
    pub credentials_visible: bool,
}

/// What is needed to make a deleted account again (its credentials and its id are gone for good).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecreatePackage {
    /// Its name.
    pub name: String,
    /// The id it had.
    pub external_id: ExternalId,
    /// Its path.
    pub path: String,
    /// Its tags; `None` when they could not be read.
    pub tags: Option<BTreeMap<String, String>>,
    /// Its permissions boundary.
    pub permissions_boundary: Option<String>,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// ARNs of its attached policies.
    pub policies: Vec<String>,
    /// Its inline policies by name; a document is `None` when it could not be read.
    pub inline_policies: BTreeMap<String, Option<String>>,
    /// Whether it had a console password.
    pub login_profile: bool,
}
