//! From a system, or from what is to become one, to a connection with AWS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use keyreeve_aws::{AwsConnector, ConnectOptions, Credential};
use keyreeve_connector::{Connector, Identity};
use keyreeve_engine::check::Check;
use keyreeve_engine::clock::Clock;
use keyreeve_engine::connections::{Connections, NotConnected, PoliciesError};
use keyreeve_engine::own_policy::{PolicyAsked, PolicyFacts, WrittenPolicy};
use keyreeve_engine::systems::secret_of;
use keyreeve_model::{CredentialKind, RoleBase, Secret, System};
use keyreeve_policy::PolicySet;
use keyreeve_store::Store;

use super::Context;
use crate::exit::Refusal;

/// Connects as a system signs in.
pub(crate) async fn of_system(
    context: &Context,
    store: &Store,
    system: &System,
) -> anyhow::Result<AwsConnector> {
    Reach::of(context).to_system(store, context.clock, system).await
}

/// How AWS is reached from this process.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    environment: BTreeMap<String, String>,
    request_timeout: Option<Duration>,
    /// Whether its own credentials are lent to who asks from afar.
    lends: bool,
}

impl Reach {
    /// As it is configured.
    pub(crate) fn of(context: &Context) -> Self {
        Self {
            environment: context.config.aws.additions(&context.environment),
            request_timeout: context.config.aws.request_timeout_seconds.map(Duration::from_secs),
            lends: context.config.aws.lend_own_credentials.unwrap_or(false),
        }
    }

    /// Connects as a system signs in.
    pub(crate) async fn to_system(
        &self,
        store: &Store,
        clock: Clock,
        system: &System,
    ) -> anyhow::Result<AwsConnector> {
        let secret = secret_of(store, clock, system).await?;
        let credential = credential(&system.credential, secret)?;
        self.connect(credential, system.region.as_deref()).await
    }

    pub(super) async fn connect(
        &self,
        credential: Credential,
        region: Option<&str>,
    ) -> anyhow::Result<AwsConnector> {
        let mut options = ConnectOptions::new(credential);
        options.region = region.map(str::to_owned);
        if let Some(timeout) = self.request_timeout {
            options.request_timeout = timeout;
            options.connect_timeout = options.connect_timeout.min(timeout);
        }
        options.environment.clone_from(&self.environment);
        AwsConnector::connect(options).await.context("preparing the connection to AWS")
    }
}

/// The systems of a store, as this process reaches them.
pub(crate) struct Systems {
    pub(super) store: Arc<Store>,
    pub(super) clock: Clock,
    pub(super) reach: Reach,
}

impl Systems {
    /// As it is configured.
    pub(crate) fn of(context: &Context, store: &Arc<Store>) -> Self {
        Self { store: Arc::clone(store), clock: context.clock, reach: Reach::of(context) }
    }

    /// Connects as a system signs in.
    pub(crate) async fn to(&self, system: &System) -> anyhow::Result<AwsConnector> {
        self.reach.to_system(&self.store, self.clock, system).await
    }
}

#[async_trait]
impl Connections for Systems {
    async fn connect(&self, system: &System) -> Result<Box<dyn Connector>, NotConnected> {
        match self.to(system).await {
            Ok(connector) => Ok(Box::new(connector)),
            // A refusal must be found in it again.
            Err(error) => Err(error.reallocate_into_boxed_dyn_error_without_backtrace()),
        }
    }

    async fn connect_with(
        &self,
        kind: &CredentialKind,
        secret: Option<Secret>,
        region: Option<&str>,
    ) -> Result<Box<dyn Connector>, NotConnected> {
        match self.reach.connect(credential(kind, secret)?, region).await {
            Ok(connector) => Ok(Box::new(connector)),
            Err(error) => Err(error.reallocate_into_boxed_dyn_error_without_backtrace()),
        }
    }

    async fn enter(
        &self,
        role_arn: &str,
        external_id: Option<&str>,
        base: Option<&RoleBase>,
        region: Option<&str>,
    ) -> Result<Box<dyn Connector>, NotConnected> {
        let credential = Credential::Role {
            role_arn: role_arn.to_owned(),
            external_id: external_id.map(str::to_owned),
            base: Box::new(behind_role(base, &[], None)?),
        };
        match self.reach.connect(credential, region).await {
            Ok(connector) => Ok(Box::new(connector)),
            Err(error) => Err(error.reallocate_into_boxed_dyn_error_without_backtrace()),
        }
    }

    async fn policies_with(
        &self,
        kind: &CredentialKind,
        secret: Option<Secret>,
        region: Option<&str>,
        identity: &Identity,
    ) -> Result<Option<PolicySet>, PoliciesError> {
        let connected: anyhow::Result<AwsConnector> =
            async { self.reach.connect(credential(kind, secret)?, region).await }.await;
        let connector = connected.map_err(|error| {
            PoliciesError::NotConnected(error.reallocate_into_boxed_dyn_error_without_backtrace())
        })?;
        Ok(connector.own_policies(identity).await?.map(|own| own.policies))
    }

    fn write_policy(&self, facts: &PolicyFacts, asked: &PolicyAsked) -> Result<WrittenPolicy, String> {
        super::policy::written(facts, asked)
    }

    async fn check(&self, system: &System) -> Result<Vec<Check>, NotConnected> {
        let checked = super::system::checked(self, system).await;
        checked.map_err(anyhow::Error::reallocate_into_boxed_dyn_error_without_backtrace)
    }

    fn partition_of_region(&self, region: &str) -> Option<&'static str> {
        keyreeve_aws::partition_of_region(region)
    }

    fn lends(&self) -> bool {
        self.reach.lends
    }
}

/// Connects with some credential. Nothing is sent yet.
pub(crate) async fn connect(
    context: &Context,
    credential: Credential,
    region: Option<&str>,
) -> anyhow::Result<AwsConnector> {
    Reach::of(context).connect(credential, region).await
}

/// A kind of credential with its secret.
pub(crate) fn credential(kind: &CredentialKind, secret: Option<Secret>) -> Result<Credential, Refusal> {
    Ok(match kind {
        CredentialKind::AccessKey { access_key_id } => access_key(access_key_id, secret)?,
        CredentialKind::Profile { name } => Credential::Profile { name: name.clone() },
        CredentialKind::Ambient => Credential::Ambient,
        CredentialKind::Role { role_arn, external_id, base, via } => Credential::Role {
            role_arn: role_arn.clone(),
            external_id: Some(external_id.clone()),
            base: Box::new(behind_role(base.as_ref(), via, secret)?),
        },
    })
}

/// What a role is assumed with. The external id is that of the last role alone: it is the one that belongs to a system.
pub(crate) fn behind_role(
    base: Option<&RoleBase>,
    via: &[String],
    secret: Option<Secret>,
) -> Result<Credential, Refusal> {
    let first = match base {
        None => Credential::Ambient,
        Some(RoleBase::Profile { name }) => Credential::Profile { name: name.clone() },
        Some(RoleBase::AccessKey { access_key_id }) => access_key(access_key_id, secret)?,
    };
    Ok(via.iter().fold(first, |base, role_arn| Credential::Role {
        role_arn: role_arn.clone(),
        external_id: None,
        base: Box::new(base),
    }))
}

fn access_key(access_key_id: &str, secret: Option<Secret>) -> Result<Credential, Refusal> {
    let secret_access_key = secret.ok_or_else(|| {
        Refusal::new("preparing the connection to AWS", "the secret of the access key is not in the store")
            .hint("give it anew: keyreeve system set ID --access-key-id AKIA… --secret-access-key-stdin")
    })?;
    Ok(Credential::AccessKey { access_key_id: access_key_id.to_owned(), secret_access_key })
}
