//! From a system to a connection with it.

use async_trait::async_trait;
use keyreeve_connector::{Connector, Error, Identity};
use keyreeve_model::{CredentialKind, RoleBase, Secret, System};
use keyreeve_policy::PolicySet;

use crate::check::Check;
use crate::own_policy::{PolicyAsked, PolicyFacts, WrittenPolicy};

/// Why there is no connection.
pub type NotConnected = Box<dyn std::error::Error + Send + Sync>;

/// Why policies could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// There is no connection.
    #[error("{0}")]
    NotConnected(NotConnected),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Error),
}

/// Makes connections to systems; nothing is sent until one is used.
#[async_trait]
pub trait Connections: Send + Sync {
    /// A connection that signs in as the system does, or why there is none.
    async fn connect(&self, system: &System) -> Result<Box<dyn Connector>, NotConnected>;

    /// A connection that signs in with credentials that no system has yet, or why there is none. Where it leads is said by
    /// this process's configuration alone.
    async fn connect_with(
        &self,
        credential: &CredentialKind,
        secret: Option<Secret>,
        region: Option<&str>,
    ) -> Result<Box<dyn Connector>, NotConnected>;

    /// A connection through a role of another AWS account, which is assumed with `base` (without it, with this process's own
    /// credentials), or why there is none. Without an external id, none is sent.
    async fn enter(
        &self,
        _role_arn: &str,
        _external_id: Option<&str>,
        _base: Option<&RoleBase>,
        _region: Option<&str>,
    ) -> Result<Box<dyn Connector>, NotConnected> {
        Err("nobody here assumes roles".into())
    }

    /// The policies of `identity`, who signs in with these credentials. `None` for somebody who has none that can be read,
    /// as it is where nobody knows how to read them.
    async fn policies_with(
        &self,
        _credential: &CredentialKind,
        _secret: Option<Secret>,
        _region: Option<&str>,
        _identity: &Identity,
    ) -> Result<Option<PolicySet>, PoliciesError> {
        Ok(None)
    }

    /// Writes the policy that a connector needs, from what is known of its system and what somebody wants besides; or says
    /// why there can be none.
    ///
    /// # Errors
    /// In words: what cannot be meant so, or that nobody here writes policies.
    fn write_policy(&self, _facts: &PolicyFacts, _asked: &PolicyAsked) -> Result<WrittenPolicy, String> {
        Err("nobody here writes policies".to_owned())
    }

    /// Looks whether a system can be reached, whose its credentials are and what they may do, and says what to do about each.
    /// Its AWS account is pinned where it was not known, and a system of another one is quarantined.
    async fn check(&self, system: &System) -> Result<Vec<Check>, NotConnected>;

    /// The partition that a region lies in; `None` for what is no region.
    fn partition_of_region(&self, region: &str) -> Option<&'static str>;

    /// Whether administrators who ask from afar may have systems sign in with this process's own credentials.
    fn lends(&self) -> bool {
        false
    }
}

/// Why there is no connection, with all that it rests on.
pub(crate) fn in_words(why: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(why), |cause| cause.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
