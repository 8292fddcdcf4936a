//! The shell of discovery: reads, writes down what was decided, and tries the way into each account.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt as _;
use keyreeve_connector::{Cause, Connector};
use keyreeve_model::{
    AwsAccountId, CredentialKind, Effect, Failure, FailureKind, MemberState, Membership, SystemId,
    SystemName, SystemSettings,
};
use keyreeve_store::{KnownOrganization, NewSystem, Store, StoreError};

use super::plan::{Known, decide, expected, inactive};
use super::read::{read, unreadable};
use super::words::system_name;
use super::{
    Access, Discovered, DiscoveryAction, DiscoveryError, DiscoveryRequest, Step, Survey, external_id,
};
use crate::clock::Clock;
use crate::connections::{Connections, in_words};
use crate::import::reader::{ReadError, Reader};
use crate::import::{Patience, Progress};
use crate::pace::Pacers;
use crate::systems::{Verdict, identify, note_base_or_warn, verify};

/// At most so many calls to Organizations at once: its limits are low, and shared by the whole organization.
const CALLS_AT_ONCE: u32 = 4;

/// Discovers the accounts of organizations. One per process.
#[derive(Clone)]
pub struct Discoverer {
    /// Where systems are kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// How often and how long reads are repeated.
    pub patience: Patience,
    /// The pacers of all AWS accounts this process talks to.
    pub pacers: Arc<Pacers>,
    /// The way into member accounts.
    pub connections: Arc<dyn Connections>,
}

impl Discoverer {
    /// Reads the organization and what is known, and decides. Writes nothing.
    ///
    /// # Errors
    /// When the accounts could not be read whole, or a filter names what is not there.
    pub async fn survey(
        &self,
        connector: &dyn Connector,
        request: &DiscoveryRequest,
    ) -> Result<Survey, DiscoveryError> {
        let source = connector.organization().ok_or(DiscoveryError::NoOrganization)?;
        let inventory = connector.inventory().ok_or(DiscoveryError::NoOrganization)?;
        let identity = identify(connector, self.clock)
            .await
            .map_err(|error| DiscoveryError::Identify(Box::new(error)))?;
        let pacer = self.pacers.of(&identity.account_id, CALLS_AT_ONCE, None);
        let progress = Progress::default();
        let paced = (&*pacer, self.patience);
        let reader =
            Reader::new(inventory, &identity.account_id, CALLS_AT_ONCE, paced, &progress, self.clock);
        let organization = reader.call(None, || source.get_organization()).await;
        let organization = organization.map_err(|error| match error {
            ReadError::Call(error) if error.cause == Cause::Gone => DiscoveryError::Outside(Box::new(error)),
            error => unreadable(&reader, "the organization", &error),
        })?;
        let systems = self.store.list_systems(true).await?;
        let memberships: HashMap<SystemId, Membership> =
            self.store.list_memberships().await?.into_iter().collect();
        let expected = expected(&systems, &memberships, &organization.id);
        let found = read(&reader, source, &organization, &request.filter, &expected).await?;
        request.filter.check(&found.members, &found.units)?;
        let before = self.store.find_organization(&organization.id).await?;
        let known = before.clone().unwrap_or_else(|| KnownOrganization {
            id: organization.id.clone(),
            management_account: organization.management_account.clone(),
            external_id: request.fresh_external_id.clone(),
        });
        let facts = Known {
            organization: &organization,
            external_id: &known.external_id,
            systems: &systems,
            memberships: &memberships,
            missing: &found.missing,
        };
        let accounts = decide(request, &facts, &found.members);
        Ok(Survey { organization, known, first: before.is_none(), accounts, notices: found.notices })
    }

    /// Registers and marks as decided, then tries the way into each account that has a system of this role. `ended`
    /// hears of each account that was tried.
    ///
    /// # Errors
    /// Only the store's; what was written before stays, and doing it again goes on from there.
    pub async fn carry_out(
        &self,
        survey: &mut Survey,
        request: &DiscoveryRequest,
        ended: impl Fn(&Discovered),
    ) -> Result<(), StoreError> {
        if request.refuses_open {
            self.leave_out_open(&mut survey.accounts, request).await;
        }
        survey.known = self.store.note_organization(&survey.known, self.clock.now()).await?;
        for account in &mut survey.accounts {
            self.write(account, &survey.known, request).await?;
        }
        let partition = survey.organization.partition.clone();
        let tried = futures::stream::iter(&mut survey.accounts)
            .filter(|account| {
                let ours =
                    account.role_arn.as_ref() == Some(&request.role.arn(&partition, &account.account_id));
                std::future::ready(ours && is_tried(account))
            })
            .map(|account| {
                let ended = &ended;
                async move {
                    let written = self.enter(account, request).await;
                    ended(account);
                    written
                }
            });
        let written: Vec<Result<(), StoreError>> =
            tried.buffer_unordered(request.at_once.max(1)).collect().await;
        written.into_iter().collect()
    }

    /// Newcomers whose role also lets in who brings another external id are not registered. Whether any other is so cannot
    /// be told before it lets us in.
    async fn leave_out_open(&self, accounts: &mut [Discovered], request: &DiscoveryRequest) {
        let wrong = &uuid::Uuid::new_v4().to_string();
        let newcomers = accounts.iter_mut().filter(|account| matches!(account.step, Step::Register { .. }));
        let looked_at = newcomers.map(|account| async move {
            let role_arn = account.role_arn.clone().unwrap_or_default();
            let Ok(connector) = self.through(&role_arn, Some(wrong.as_str()), request).await else { return };
            if identify(&*connector, self.clock).await.is_ok() {
                let why = "its role lets in whoever brings any external id, so it is not assumed with the machine's own \
                           credentials for who asks from afar: add the condition StringEquals on sts:ExternalId to its \
                           trust policy";
                (account.step, account.action) = (Step::Nothing, DiscoveryAction::Failed);
                account.system_id = None;
                account.open_without_external_id = Some(true);
                account.reason = Some(why.to_owned());
            }
        });
        futures::stream::iter(looked_at).buffer_unordered(request.at_once.max(1)).collect::<Vec<()>>().await;
    }

    /// A connection through a role; nothing is sent yet. Without an external id, none is sent.
    async fn through(
        &self,
        role_arn: &str,
        external_id: Option<&str>,
        request: &DiscoveryRequest,
    ) -> Result<Box<dyn Connector>, String> {
        let region = request.region.as_deref();
        let entered = self.connections.enter(role_arn, external_id, request.base.as_ref(), region).await;
        entered.map_err(|why| in_words(&*why))
    }

    async fn write(
        &self,
        account: &mut Discovered,
        known: &KnownOrganization,
        request: &DiscoveryRequest,
    ) -> Result<(), StoreError> {
        match account.step.clone() {
            Step::Nothing => Ok(()),
            Step::Note { system_id } => self.note(account, known, &system_id, request).await,
            Step::Register { system_id, name, credential } => {
                // Another run may have kept the organization first, and with it what external ids begin with.
                let credential = match credential {
                    CredentialKind::Role { role_arn, base, via, .. } => CredentialKind::Role {
                        role_arn,
                        base,
                        via,
                        external_id: external_id(&known.external_id, account.account_id.as_str()),
                    },
                    other => other,
                };
                if let CredentialKind::Role { external_id, .. } = &credential {
                    account.external_id = Some(external_id.clone());
                }
                let partition = account.role_arn.as_deref().and_then(|arn| arn.split(':').nth(1));
                let new = NewSystem {
                    system_id: system_id.clone(),
                    name,
                    category: request.category.clone(),
                    region: request.region.clone(),
                    credential,
                    secret: None,
                    aws_account_id: Some(account.account_id.clone()),
                    partition: partition.map(str::to_owned),
                    settings: SystemSettings::default(),
                };
                match self.register(new, &account.account_id, &request.actor).await? {
                    Registered::Now => self.note(account, known, &system_id, request).await,
                    Registered::Before => {
                        account.action = DiscoveryAction::Keep;
                        Ok(())
                    }
                    Registered::Not(why) => {
                        account.action = DiscoveryAction::Failed;
                        account.system_id = None;
                        account.reason = Some(why);
                        Ok(())
                    }
                }
            }
        }
    }

    async fn register(
        &self,
        new: NewSystem,
        account: &AwsAccountId,
        actor: &str,
    ) -> Result<Registered, StoreError> {
        let now = self.clock.now();
        let longer = |name: &SystemName| system_name(name.as_str(), account, |other| other == name);
        let mut outcome = self.store.create_system(new.clone(), actor, now).await;
        if let Err(StoreError::NameTaken { name }) = &outcome
            && let Some(name) = longer(name)
        {
            outcome = self.store.create_system(NewSystem { name, ..new.clone() }, actor, now).await;
        }
        match outcome {
            Ok(_) => Ok(Registered::Now),
            Err(error @ StoreError::SystemIdTaken { .. }) => {
                // Another run may have been faster.
                let there = self.store.get_system(&new.system_id).await;
                let same = there.is_ok_and(|system| {
                    system.aws_account_id.as_ref() == Some(account) && system.removed_at.is_none()
                });
                let why = format!("{error}; give a pattern with {{account_id}} in it");
                Ok(if same { Registered::Before } else { Registered::Not(why) })
            }
            Err(error @ StoreError::NameTaken { .. }) => Ok(Registered::Not(error.to_string())),
            Err(error) => Err(error),
        }
    }

    async fn note(
        &self,
        account: &Discovered,
        known: &KnownOrganization,
        system_id: &SystemId,
        request: &DiscoveryRequest,
    ) -> Result<(), StoreError> {
        let membership = Membership {
            organization_id: known.id.clone(),
            name: account.name.clone(),
            unit: account.unit.clone(),
            state: account.account_state,
        };
        let now = self.clock.now();
        let reason = (account.account_state != MemberState::Active).then(|| Failure {
            kind: FailureKind::AccountInactive,
            message: format!("{} (organization {})", inactive(account.account_state), known.id),
            effect: Effect::None,
            at: now,
        });
        match self.store.set_membership(system_id, &membership, reason, &request.actor, now).await {
            // Removed by a person in this moment: then there is nothing to note.
            Ok(_) | Err(StoreError::SystemRemoved { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Assumes the role, looks whose it is, and whether it opens without the external id too.
    async fn enter(&self, account: &mut Discovered, request: &DiscoveryRequest) -> Result<(), StoreError> {
        let (Some(role_arn), Some(system_id)) = (account.role_arn.clone(), account.system_id.clone()) else {
            return Ok(());
        };
        let connected = self.through(&role_arn, account.external_id.as_deref(), request).await;
        let system = self.store.get_system(&system_id).await?;
        let identity = match connected {
            Ok(connector) => {
                note_base_or_warn(&self.store, self.clock, &system, &*connector).await?;
                identify(&*connector, self.clock).await.map_err(|error| error.to_string())
            }
            Err(why) => Err(why),
        };
        let identity = match identity {
            Ok(identity) => identity,
            Err(why) => {
                account.fail(why);
                return Ok(());
            }
        };
        if let Verdict::Quarantined(failure) = verify(&self.store, self.clock, &system, &identity).await? {
            account.fail(format!("{}; the system is quarantined now", failure.message));
            return Ok(());
        }
        account.access = Access::Entered;
        account.open_without_external_id = match self.through(&role_arn, None, request).await {
            Ok(connector) => match identify(&*connector, self.clock).await {
                Ok(_) => Some(true),
                Err(error) if matches!(error.cause, Cause::CredentialBad | Cause::Denied) => Some(false),
                Err(_) => None,
            },
            Err(_) => None,
        };
        Ok(())
    }
}

/// Whether a system was registered.
enum Registered {
    Now,
    Before,
    Not(String),
}

/// Whether the way into an account is tried: it has a system that may be worked with.
fn is_tried(account: &Discovered) -> bool {
    let active = account.account_state == MemberState::Active && account.system_id.is_some();
    active && matches!(account.action, DiscoveryAction::Add | DiscoveryAction::Keep | DiscoveryAction::Resume)
}

impl Discovered {
    fn fail(&mut self, why: String) {
        self.access = Access::Failed;
        self.reason = Some(match self.reason.take() {
            Some(reason) => format!("{reason}; {why}"),
            None => why,
        });
    }
}
