//! The connection itself.

use aws_smithy_runtime::client::retries::RetryPartition;
use keyreeve_connector::{Connector, Error, Identity, Inventory, Organization, Provisioning};

use crate::config::configure;
use crate::identity;
use crate::options::{ConnectError, ConnectOptions};

/// A connection to the IAM of one AWS account. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct AwsConnector {
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    /// With the credentials that a role is assumed with.
    base: Option<aws_sdk_sts::Client>,
    pub(crate) organizations: aws_sdk_organizations::Client,
}

impl AwsConnector {
    /// Prepares a connection. No request is sent to IAM or STS: [`Connector::identify`] is the first one.
    ///
    /// # Errors
    /// When the options cannot be right; nothing was sent then.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        let configured = configure(&options).await?;
        // The SDK's own retry budget is shared by all clients of the process unless each has a partition of its
        // own: one throttled AWS account must not slow another down.
        let iam = configured.iam.retry_partition(RetryPartition::custom("keyreeve-iam").build());
        let sts = configured.sts.retry_partition(RetryPartition::custom("keyreeve-sts").build());
        let base = configured.base.map(|sts| {
            let sts = sts.retry_partition(RetryPartition::custom("keyreeve-sts-base").build());
            aws_sdk_sts::Client::from_conf(sts.build())
        });
        let partition = RetryPartition::custom("keyreeve-organizations").build();
        let organizations = configured.organizations.retry_partition(partition);
        Ok(Self {
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            base,
            organizations: aws_sdk_organizations::Client::from_conf(organizations.build()),
        })
    }
}

#[async_trait::async_trait]
impl Connector for AwsConnector {
    async fn identify(&self) -> Result<Identity, Error> {
        identity::identify(&self.sts).await
    }

    async fn identify_base(&self) -> Result<Option<Identity>, Error> {
        match &self.base {
            Some(sts) => identity::identify(sts).await.map(Some),
            None => Ok(None),
        }
    }

    fn inventory(&self) -> Option<&dyn Inventory> {
        Some(self)
    }

    fn provisioning(&self) -> Option<&dyn Provisioning> {
        Some(self)
    }

    fn organization(&self) -> Option<&dyn Organization> {
        Some(self)
    }
}
