//! From a system to a connection with it.

use async_trait::async_trait;
use keyreeve_connector::Connector;
use keyreeve_model::System;

/// Why there is no connection.
pub type NotConnected = Box<dyn std::error::Error + Send + Sync>;

/// Makes connections to systems; nothing is sent until one is used.
#[async_trait]
pub trait Connections: Send + Sync {
    /// A connection that signs in as the system does, or why there is none.
    async fn connect(&self, system: &System) -> Result<Box<dyn Connector>, NotConnected>;
}
