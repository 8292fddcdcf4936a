//! What decides which policy the connector of a system needs for itself. Writing it is the connector's matter.

use keyreeve_model::{
    AwsAccountId, CredentialKind, FirstSignIn, PermissionProfile, Protection, ProtectionKind, System,
};
use keyreeve_store::{AsOf, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::connections::Connections;

/// What is known of a system that its connector's policy follows from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PolicyFacts {
    /// The permission profile of its settings.
    pub permission_profile: PermissionProfile,
    /// The partition, once it is known.
    pub partition: Option<String>,
    /// The AWS account that it is pinned to, once it is.
    pub aws_account_id: Option<AwsAccountId>,
    /// Whether the policy that allows a user to change the own password is attached to new users.
    pub change_password: bool,
    /// The policy that a deactivation attaches.
    pub deny_all_policy: Option<String>,
    /// What is protected, with names in the case in which the last import read them: ARNs in policies go by case.
    pub protected: Vec<ProtectionKind>,
    /// Whom the connector signs in as: the ARN of a user or role; null where that could not be found out, or is
    /// said by who asks.
    pub connector: Option<String>,
}

/// What somebody wants of a policy besides; what is left out is the system's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PolicyAsked {
    /// Which permissions it grants.
    pub profile: Option<PermissionProfile>,
    /// The partition.
    pub partition: Option<String>,
    /// The AWS account.
    pub account_id: Option<String>,
    /// What it is limited to.
    #[serde(flatten)]
    pub limits: PolicyLimits,
}

/// What a policy is limited to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PolicyLimits {
    /// The users who are governed, by path; without any, all.
    #[serde(default)]
    pub path: Vec<String>,
    /// The groups they may be put into and taken out of: by name, ARN or path; without any, all.
    #[serde(default)]
    pub groups: Vec<String>,
    /// ARNs of the policies that may be attached and detached, with wildcards; without any, all.
    #[serde(default)]
    pub policies: Vec<String>,
    /// The permissions boundary that every user must have.
    pub boundary: Option<String>,
    /// Accounts that must not be changed: names, ARNs and paths.
    #[serde(default)]
    pub break_glass: Vec<String>,
    /// The connector itself, which must not be changed: names and ARNs.
    #[serde(default)]
    pub connector: Vec<String>,
    /// Whether the connector may replace its own access key.
    #[serde(default)]
    pub rotate_own_key: bool,
}

/// A policy that was written, in as many documents as it takes, and what whoever approves it should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WrittenPolicy {
    /// The documents; all of them must be attached.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Object>))]
    pub documents: Vec<serde_json::Value>,
    /// The ways in which whoever holds them can become an administrator.
    pub becomes_administrator_by: Vec<WayUp>,
}

/// A way to become an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WayUp {
    /// The action, as policies name it; `*` for all of them.
    pub action: String,
    /// On what it is granted, and what that gives.
    pub what: String,
}

impl PolicyFacts {
    /// Of a system. Who its connector is, unless it is a role or somebody says it, is asked of AWS, which needs no
    /// permission; where AWS does not say it, it stays unknown.
    ///
    /// # Errors
    /// The store's.
    pub async fn of(
        store: &Store,
        connections: &dyn Connections,
        system: &System,
        asked: &PolicyAsked,
    ) -> Result<Self, StoreError> {
        let settings = &system.settings;
        let connector = match asked.limits.connector.is_empty() {
            true => connector(connections, system).await,
            false => None,
        };
        Ok(Self {
            permission_profile: settings.permission_profile,
            partition: system.partition.clone(),
            aws_account_id: system.aws_account_id.clone(),
            change_password: settings.first_sign_in == FirstSignIn::Attach,
            deny_all_policy: settings.deny_all_policy.clone(),
            protected: protected(store, system).await?,
            connector,
        })
    }
}

/// The protect list, with names in the case in which the last import read them.
async fn protected(store: &Store, system: &System) -> Result<Vec<ProtectionKind>, StoreError> {
    let protections = store.protections_in_force(&system.system_id).await?;
    let named = protections.iter().any(|one| matches!(one.kind, ProtectionKind::Account(_)));
    let known = named && store.latest_published(&system.system_id).await?.is_some();
    let mut as_read = Vec::with_capacity(protections.len());
    for Protection { kind, .. } in protections {
        as_read.push(match kind {
            ProtectionKind::Account(name) if known => {
                let found = store.account_called(&system.system_id, AsOf::Now, &name).await?;
                ProtectionKind::Account(found.map_or(name, |account| account.name))
            }
            other => other,
        });
    }
    Ok(as_read)
}

/// A role by its ARN, anybody else by asking AWS.
async fn connector(connections: &dyn Connections, system: &System) -> Option<String> {
    if let CredentialKind::Role { role_arn, .. } = &system.credential {
        return Some(role_arn.clone());
    }
    let identity = connections.connect(system).await.ok()?.identify().await.ok()?;
    let own = system.aws_account_id.as_ref().is_none_or(|pinned| *pinned == identity.account_id);
    let named = [":user/", ":assumed-role/"].iter().any(|kind| identity.arn.contains(kind));
    (own && named).then_some(identity.arn)
}
