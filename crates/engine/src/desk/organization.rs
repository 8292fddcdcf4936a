//! Organizations that administrators have looked through, so that each account in use has a system.
//!
//! Member accounts are entered with the machine's own credentials, so from afar this is done only where they are lent
//! (`docs/decisions/0035-credentials-from-afar.md`).

use keyreeve_connector::Connector;
use keyreeve_model::{Category, CredentialKind, RoleBase, SystemId, SystemState};

use super::keeping::fits;
use super::{Desk, DeskError};
use crate::import::Patience;
use crate::organization::{
    Access, Discovered, Discoverer, DiscoveryReport, DiscoveryRequest, Filter, RoleName, Survey,
    SystemIdPattern,
};
use crate::rights::{Actor, Right};

/// Whose credentials ask the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedBy {
    /// A system that is connected already.
    System(SystemId),
    /// The machine's own, by the ordinary credential chain.
    Ambient,
    /// Those of a profile of the machine's AWS configuration, with which member accounts are entered too.
    Profile(String),
}

/// A discovery that is asked for.
#[derive(Debug, Clone)]
pub struct DiscoveryAsked {
    /// Whose credentials ask.
    pub by: AskedBy,
    /// The role in each member account.
    pub role: RoleName,
    /// Which accounts.
    pub filter: Filter,
    /// What System IDs look like.
    pub system_id: SystemIdPattern,
    /// What new systems are filed under.
    pub category: Category,
    /// The region of new systems, if one is given.
    pub region: Option<String>,
    /// How many accounts are tried at once.
    pub at_once: usize,
    /// Why.
    pub reason: Option<String>,
}

/// An organization that was read, and is about to be gone through.
pub struct Discovery {
    discoverer: Discoverer,
    request: DiscoveryRequest,
    reason: Option<String>,
    /// What was read of it, and what is to become of each account.
    pub survey: Survey,
}

impl Desk {
    /// Reads an organization and decides what becomes of its accounts. Writes nothing.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Invalid`], [`DeskError::NotConnected`], [`DeskError::Discovery`],
    /// [`DeskError::Store`].
    pub async fn survey_organization(
        &self,
        actor: &Actor,
        asked: DiscoveryAsked,
    ) -> Result<Discovery, DeskError> {
        self.survey(actor, asked, false).await
    }

    /// The same for who asks from afar, and unless it is a `preview` carried out to its end: newcomers whose role lets in
    /// anybody are left out.
    ///
    /// # Errors
    /// As [`Desk::survey_organization`]; [`DeskError::NotLent`].
    pub async fn discover_from_afar(
        &self,
        actor: &Actor,
        asked: DiscoveryAsked,
        preview: bool,
    ) -> Result<DiscoveryReport, DeskError> {
        actor.require(Right::Administer)?;
        actor.require_all_systems()?;
        match &asked.by {
            AskedBy::Profile(_) => {
                return Err(DeskError::NotLent(
                    "profiles of the machine's AWS configuration are named on that machine alone",
                ));
            }
            // What a system reads with is its own.
            AskedBy::System(_) if preview => {}
            AskedBy::System(_) | AskedBy::Ambient if self.connections.lends() => {}
            AskedBy::System(_) | AskedBy::Ambient => {
                return Err(DeskError::NotLent(
                    "member accounts are entered with the machine's own credentials, and these are not lent to who asks \
                     from afar: set aws.lend_own_credentials in the server's configuration",
                ));
            }
        }
        let mut discovery = self.survey(actor, asked, true).await?;
        if !preview {
            discovery.carry_out(|_| {}).await?;
        }
        Ok(discovery.survey.report())
    }

    async fn survey(
        &self,
        actor: &Actor,
        asked: DiscoveryAsked,
        refuses_open: bool,
    ) -> Result<Discovery, DeskError> {
        actor.require(Right::Administer)?;
        actor.require_all_systems()?;
        fits(asked.reason.as_deref())?;
        if let Some(region) = &asked.region {
            self.partition_of(region)?;
        }
        let connector = self.asking(&asked).await?;
        let base = match asked.by {
            AskedBy::Profile(name) => Some(RoleBase::Profile { name }),
            AskedBy::System(_) | AskedBy::Ambient => None,
        };
        let request = DiscoveryRequest {
            role: asked.role,
            base,
            filter: asked.filter,
            system_id: asked.system_id,
            category: asked.category,
            region: asked.region,
            fresh_external_id: uuid::Uuid::new_v4().to_string(),
            actor: actor.name().to_owned(),
            at_once: asked.at_once,
            refuses_open,
        };
        let discoverer = Discoverer {
            store: self.store.clone(),
            clock: self.clock,
            patience: Patience::default(),
            pacers: self.pacers.clone(),
            connections: self.connections.clone(),
        };
        let survey = discoverer.survey(&*connector, &request).await?;
        Ok(Discovery { discoverer, request, reason: asked.reason, survey })
    }

    /// The connection that asks the organization.
    async fn asking(&self, asked: &DiscoveryAsked) -> Result<Box<dyn Connector>, DeskError> {
        let kind = match &asked.by {
            AskedBy::System(id) => {
                let system = self.store.get_system(id).await?;
                if system.state != SystemState::Active {
                    let state = system.state.as_str();
                    return Err(DeskError::Invalid(format!("system {id}, which is to ask, is {state}")));
                }
                return self.connected(&system).await;
            }
            AskedBy::Ambient => CredentialKind::Ambient,
            AskedBy::Profile(name) => CredentialKind::Profile { name: name.clone() },
        };
        let connected = self.connections.connect_with(&kind, None, asked.region.as_deref()).await;
        connected.map_err(DeskError::NotConnected)
    }
}

impl Discovery {
    /// Registers and marks as decided, tries the way into each account, and writes down what came of it. `ended` hears of
    /// each account that was tried.
    ///
    /// # Errors
    /// Only the store's; what was written before stays, and doing it again goes on from there.
    pub async fn carry_out(&mut self, ended: impl Fn(&Discovered)) -> Result<(), DeskError> {
        let Self { discoverer, request, reason, survey } = self;
        discoverer.carry_out(survey, request, ended).await?;
        let counts: serde_json::Map<String, serde_json::Value> = survey
            .counts()
            .into_iter()
            .map(|(action, count)| (action.as_str().to_owned(), count.into()))
            .collect();
        let failed = survey.accounts.iter().filter(|account| account.access == Access::Failed).count();
        let subject = serde_json::json!({
            "organization": survey.organization.id, "accounts": counts, "not_entered": failed, "reason": reason,
        });
        let now = discoverer.clock.now();
        // One row for the whole, besides those of each system.
        Ok(discoverer.store.record_discovery(&subject, &request.actor, now).await?)
    }
}
