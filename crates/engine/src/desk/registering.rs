//! Systems that administrators register, and the credentials that they give them, from afar.
//!
//! What signs in with the machine's own credentials is lent, and only where its configuration says so
//! (`docs/decisions/0035-credentials-from-afar.md`).

use keyreeve_connector::{Cause, Error as ConnectorError, Identity};
use keyreeve_model::{Category, CredentialKind, RoleBase, System, SystemId, SystemName, SystemSettings};
use keyreeve_store::{NewSystem, RequestKey, StoreError};

use super::keeping::administers;
use super::{Desk, DeskError};
use crate::rights::{Actor, Right};
use crate::systems::{
    CredentialAsked, Registered, SystemError, Taken, Trust, account_of_role, category, external_id,
    note_base_or_warn, register_once, replace_credentials,
};

/// What systems are filed under when nothing else is said.
const CATEGORY: &str = "AWS";

/// A system that is to be registered.
#[derive(Debug, Clone)]
pub struct SystemAsked {
    /// The System ID.
    pub system_id: SystemId,
    /// The display name.
    pub name: SystemName,
    /// The category; `None` for the usual one.
    pub category: Option<Category>,
    /// The region.
    pub region: Option<String>,
    /// How it signs in.
    pub credential: CredentialAsked,
}

/// A system that was registered, and what is still open about it.
#[derive(Debug)]
pub struct SystemMade {
    /// The system.
    pub system: System,
    /// Whom AWS says the credentials belong to.
    pub identity: Option<Identity>,
    /// Why AWS did not say; the first check or import then pins the account.
    pub unreachable: Option<ConnectorError>,
    /// What the trust policy of its role must say.
    pub trust: Option<Trust>,
    /// Other systems of the same AWS account.
    pub others: Vec<SystemId>,
}

/// What came of other credentials for a system.
#[derive(Debug)]
pub struct CredentialSet {
    /// The system.
    pub system: System,
    /// Whom AWS says the credentials belong to; `None` when nothing was changed yet.
    pub identity: Option<Identity>,
    /// What the trust policy of the role must say before it is given again, with the external id: nothing was changed yet.
    pub trust: Option<Trust>,
    /// Whether the role also lets in who brings another external id.
    pub asks_nobody: bool,
}

impl Desk {
    /// Registers a system. A role cannot be assumed yet, as nobody knew its external id.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::NotLent`], [`DeskError::Invalid`], [`DeskError::Credentials`],
    /// [`DeskError::NotConnected`]; as [`keyreeve_store::Store::create_system`].
    pub async fn register_system(
        &self,
        actor: &Actor,
        asked: SystemAsked,
        request: Option<(&RequestKey, &str)>,
    ) -> Result<SystemMade, DeskError> {
        actor.require(Right::Administer)?;
        actor.require_all_systems()?;
        let SystemAsked { system_id, name, category: filed, region, credential } = asked;
        let name = SystemName::given(name.as_str()).map_err(invalid)?;
        let filed = category(filed.as_deref().unwrap_or(CATEGORY)).map_err(invalid)?;
        let Taken { kind, secret } = credential.taken(None).map_err(invalid)?;
        self.lent(actor, &kind)?;
        self.store.require_free(&system_id, &name).await?;
        let mut partition = match &region {
            Some(region) => Some(self.partition_of(region)?),
            None => None,
        };
        let of_role = match &kind {
            CredentialKind::Role { role_arn, .. } => account_of_role(role_arn),
            _ => None,
        };
        if let Some((_, of_role)) = &of_role {
            partition = Some(one_partition(partition, of_role)?);
        }
        let connector = self.connections.connect_with(&kind, secret.clone(), region.as_deref()).await;
        let connector = connector.map_err(DeskError::NotConnected)?;
        let new = NewSystem {
            system_id,
            name,
            category: filed,
            region,
            credential: kind,
            secret,
            aws_account_id: of_role.map(|(account, _)| account),
            partition,
            settings: SystemSettings::default(),
        };
        let made = if matches!(new.credential, CredentialKind::Role { .. }) {
            let now = self.clock.now();
            let system = self.store.create_system_once(new, actor.name(), now, request).await?;
            note_base_or_warn(&self.store, self.clock, &system, &*connector).await?;
            let base = connector.identify_base().await.ok().flatten();
            let trust = Trust::of(&system.credential, base.as_ref());
            SystemMade { system, identity: None, unreachable: None, trust, others: Vec::new() }
        } else {
            let (store, by) = (&self.store, actor.name());
            let Registered { system, identity, unreachable } =
                register_once(store, self.clock, by, new, &*connector, request).await?;
            SystemMade { system, identity, unreachable, trust: None, others: Vec::new() }
        };
        let others = self.others_of(&made.system).await?;
        Ok(SystemMade { others, ..made })
    }

    /// A system that a request registered before.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Store`].
    pub async fn registered_system(
        &self,
        actor: &Actor,
        system_id: &SystemId,
    ) -> Result<SystemMade, DeskError> {
        administers(actor, system_id)?;
        let system = self.store.get_system(system_id).await?;
        let trust = Trust::of(&system.credential, None);
        let others = self.others_of(&system).await?;
        Ok(SystemMade { system, identity: None, unreachable: None, trust, others })
    }

    /// Gives a system other credentials, if they are of the AWS account that it is pinned to. A role whose external id
    /// nobody knew so far is given twice: the first time only says what its trust policy must be.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::NotLent`], [`DeskError::Invalid`], [`DeskError::Credentials`],
    /// [`DeskError::NotConnected`], [`DeskError::Store`].
    pub async fn set_credential(
        &self,
        actor: &Actor,
        system_id: &SystemId,
        asked: CredentialAsked,
        given: Option<String>,
    ) -> Result<CredentialSet, DeskError> {
        administers(actor, system_id)?;
        let system = self.store.get_system(system_id).await?;
        let known = self.external_id_of(&system, given).await?;
        let is_known = known.is_some();
        let Taken { kind, secret } = asked.taken(known).map_err(invalid)?;
        self.lent(actor, &kind)?;
        let region = system.region.as_deref();
        let connector = self.connections.connect_with(&kind, secret.clone(), region).await;
        let connector = connector.map_err(DeskError::NotConnected)?;
        let mut asks_nobody = false;
        if let CredentialKind::Role { role_arn, .. } = &kind {
            of_the_pinned_account(&system, role_arn)?;
            if !is_known {
                let base = connector.identify_base().await.ok().flatten();
                let trust = Trust::of(&kind, base.as_ref());
                return Ok(CredentialSet { system, identity: None, trust, asks_nobody });
            }
            asks_nobody = self.lets_in_anybody(&kind, secret.clone(), region).await?;
        }
        if asks_nobody && is_lent(&kind) {
            let why = "the role lets in whoever brings any external id, so it is not assumed with the machine's own \
                       credentials: add the condition StringEquals on sts:ExternalId to its trust policy";
            return Err(DeskError::NotLent(why));
        }
        let (store, by) = (&self.store, actor.name());
        let identity = replace_credentials(store, self.clock, by, &system, kind, secret, &*connector).await?;
        let system = self.store.get_system(system_id).await?;
        Ok(CredentialSet { system, identity: Some(identity), trust: None, asks_nobody })
    }

    /// Refuses credentials that are the machine's, unless they are lent.
    fn lent(&self, actor: &Actor, kind: &CredentialKind) -> Result<(), DeskError> {
        if !is_lent(kind) {
            return Ok(());
        }
        actor.require_all_systems()?;
        let named = matches!(
            kind,
            CredentialKind::Profile { .. }
                | CredentialKind::Role { base: Some(RoleBase::Profile { .. }), .. }
        );
        match named {
            true => Err(DeskError::NotLent(
                "profiles of the machine's AWS configuration are named on that machine alone",
            )),
            false if self.connections.lends() => Ok(()),
            false => Err(DeskError::NotLent(
                "the machine's own credentials are not lent to who asks from afar: give an access key, or set \
                 aws.lend_own_credentials in the server's configuration",
            )),
        }
    }

    pub(super) fn partition_of(&self, region: &str) -> Result<String, DeskError> {
        let partition = self.connections.partition_of_region(region);
        partition.map(str::to_owned).ok_or_else(|| DeskError::Invalid(format!("{region:?} is no AWS region")))
    }

    /// The external id that the role of a system must ask for: its own for good, else one that was made for it.
    async fn external_id_of(
        &self,
        system: &System,
        given: Option<String>,
    ) -> Result<Option<String>, DeskError> {
        let given = given.map(|given| external_id(&given)).transpose().map_err(invalid)?;
        if let CredentialKind::Role { external_id, .. } = &system.credential {
            return match given {
                Some(given) if given != *external_id => Err(DeskError::Invalid(
                    "the external id of a system never changes: leave it out".to_owned(),
                )),
                _ => Ok(Some(external_id.clone())),
            };
        }
        let Some(given) = given else { return Ok(None) };
        let has = |other: &System| matches!(&other.credential, CredentialKind::Role { external_id, .. } if *external_id == given);
        if self.store.list_systems(true).await?.iter().any(has) {
            return Err(DeskError::Invalid("that external id belongs to another system".to_owned()));
        }
        Ok(Some(given))
    }

    /// Whether a role lets in who brings another external id than ours; nothing else is done with it.
    async fn lets_in_anybody(
        &self,
        kind: &CredentialKind,
        secret: Option<keyreeve_model::Secret>,
        region: Option<&str>,
    ) -> Result<bool, DeskError> {
        let mut wrong = kind.clone();
        if let CredentialKind::Role { external_id, .. } = &mut wrong {
            *external_id = uuid::Uuid::new_v4().to_string();
        }
        let connector = self.connections.connect_with(&wrong, secret, region).await;
        match connector.map_err(DeskError::NotConnected)?.identify().await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.cause, Cause::CredentialBad | Cause::Denied) => Ok(false),
            Err(error) => Err(SystemError::Unidentified(error).into()),
        }
    }

    async fn others_of(&self, system: &System) -> Result<Vec<SystemId>, StoreError> {
        let Some(account) = &system.aws_account_id else { return Ok(Vec::new()) };
        let all = self.store.list_systems(false).await?;
        let is_other = |other: &System| {
            other.system_id != system.system_id && other.aws_account_id.as_ref() == Some(account)
        };
        Ok(all.into_iter().filter(is_other).map(|other| other.system_id).collect())
    }
}

/// Whether something of the machine is made use of: its own credentials, or a profile of it.
fn is_lent(kind: &CredentialKind) -> bool {
    match kind {
        CredentialKind::AccessKey { .. }
        | CredentialKind::Role { base: Some(RoleBase::AccessKey { .. }), .. } => false,
        CredentialKind::Profile { .. } | CredentialKind::Ambient | CredentialKind::Role { .. } => true,
    }
}

fn one_partition(of_region: Option<String>, of_role: &str) -> Result<String, DeskError> {
    match of_region {
        Some(other) if other != of_role => Err(DeskError::Invalid(format!(
            "the region is of the partition {other}, but the role is in {of_role}"
        ))),
        _ => Ok(of_role.to_owned()),
    }
}

/// A role of another AWS account is refused before anybody gives it a trust policy.
fn of_the_pinned_account(system: &System, role_arn: &str) -> Result<(), DeskError> {
    match (account_of_role(role_arn), &system.aws_account_id) {
        (Some((found, _)), Some(pinned)) if found != *pinned => {
            Err(SystemError::OtherAccount { found, pinned: pinned.clone() }.into())
        }
        _ => Ok(()),
    }
}

fn invalid(error: impl std::fmt::Display) -> DeskError {
    DeskError::Invalid(error.to_string())
}
