//! From a system to a connection with it.

use async_trait::async_trait;
use keyreeve_connector::Connector;
use keyreeve_model::{CredentialKind, Secret, System};

use crate::check::Check;

/// Why there is no connection.
pub type NotConnected = Box<dyn std::error::Error + Send + Sync>;

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
