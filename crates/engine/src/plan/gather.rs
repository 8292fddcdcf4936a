//! Gathers the facts of a plan: from the last import what rarely changes, from the connected system what the plan is
//! about. Reads only.

mod administrators;
mod join;
mod points;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use keyreeve_connector::{
    Cause, Connector, Error, Identity, Inventory as InventoryReader, Marker, Page, PointRead, PolicyDocument,
    Provisioning, RoleDetail,
};
use keyreeve_model::{
    AwsAccountId, ClaimFact, CollectionName, ExternalId, Failure, FailureKind, Hint, ImportObject, ImportRun,
    ImportScope, Inventory, PolicyScope, ResourceName, ResourceType, System, SystemId, SystemState, TaskKind,
    Wish,
};
use keyreeve_policy::PolicySet;
use keyreeve_store::{AsOf, LastKnown, Store, StoreError, SwitchedOff};

use self::join::{Groups, groups_of, join_accounts, names_left, names_passed_on, note_made, policies_of};
use super::everything::Texts;
use super::facts::{AccountFact, ConnectorFact, Facts, Seen, Unreadable};
use super::lately::{Lately, SETTLES_WITHIN};
use super::needs::{needs_documents, present_names, takes_password};
use super::own_rights::Holder;
use super::{LATELY, meant, protect};
use crate::clock::Clock;
use crate::import::collect::{Reading, read_details, read_users};
use crate::import::reader::{ReadError, Reader};
use crate::import::{Patience, Progress};
use crate::pace::{Pacer, Pacers};
use crate::systems::{BaseError, Verdict, note_base, verify};
use crate::unseen::Unseen;

/// So often everything is read anew when an account is gone that was listed a moment before.
const LOOKS: u32 = 3;

/// Gathers facts. One per process.
#[derive(Clone)]
pub struct Gatherer {
    /// Where imports and jobs are kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// How often and how long reads are repeated.
    pub patience: Patience,
    /// The pacers of all AWS accounts this process talks to.
    pub pacers: Arc<Pacers>,
}

/// The facts could not be gathered; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The system is quarantined or removed.
    #[error("system {system} cannot be changed: {why}")]
    NotActive {
        /// Its System ID.
        system: String,
        /// Why, and what to do.
        why: String,
    },
    /// Nothing is known of the system yet.
    #[error("system {0} has not been imported yet; import it first: `keyreeve import run {0}`")]
    NotImported(String),
    /// The connector cannot change anything.
    #[error("the connector of system {0} cannot change accounts")]
    NoProvisioning(String),
    /// Who the connector is could not be found out.
    #[error("whose credentials system {system} has could not be found out, so nothing is planned: {source}")]
    Identify {
        /// Its System ID.
        system: String,
        /// Why.
        source: Box<Error>,
    },
    /// Who would be sawing off the branch could not be found out.
    #[error(
        "whose credentials the role of system {system} is assumed with could not be found out, and that account must not \
         be changed, so nothing is planned: {source}"
    )]
    UnknownBase {
        /// Its System ID.
        system: String,
        /// Why.
        source: Box<Error>,
    },
    /// The credentials belong to another AWS account.
    #[error("{}; the system is quarantined and nothing is planned", .0.message)]
    OtherAccount(Failure),
    /// Something the plan needs could not be read.
    #[error("{what} could not be read, so nothing is planned: {why}")]
    Unreadable {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// What was listed was gone when it was looked at, each time.
    #[error(
        "{what} could not be read: it was listed and gone a moment later, so nothing is planned; somebody is changing it, \
         so ask again when that is done"
    )]
    GoneMeanwhile {
        /// What.
        what: String,
    },
    /// The connector may not read what the plan needs.
    #[error("{}, so nothing is planned: {}", .0.message, .0.why)]
    Denied(Unreadable),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Gatherer {
    /// Gathers what planning these wishes needs.
    ///
    /// # Errors
    /// See [`GatherError`].
    pub fn gather<'a>(
        &'a self,
        connector: &'a dyn Connector,
        system: &'a System,
        wishes: &'a [Wish],
    ) -> BoxFuture<'a, Result<Facts, GatherError>> {
        // Boxed here: it is large, and many wait for it deep in their stacks.
        self.gather_now(connector, system, wishes).boxed()
    }

    async fn gather_now(
        &self,
        connector: &dyn Connector,
        system: &System,
        wishes: &[Wish],
    ) -> Result<Facts, GatherError> {
        let system_id = system.system_id.to_string();
        let run = self.store.latest_published(&system.system_id).await?;
        let run = run.ok_or_else(|| GatherError::NotImported(system_id.clone()))?;
        let provisioning = connector.provisioning().ok_or(GatherError::NoProvisioning(system_id.clone()))?;
        let inventory = connector.inventory().ok_or(GatherError::NoProvisioning(system_id))?;
        let identity = self.guard(connector, system).await?;
        let (pacer, progress) = (self.pacer(&identity.account_id, system), Progress::default());
        let reader = self.reader(inventory, &identity.account_id, system, &pacer, &progress);
        let gathering = Gathering { reader: &reader, provisioning, system, identity: &identity };
        let mut looks = 1;
        let facts = loop {
            match gathering.facts(self, &run, wishes).await {
                // Deleted between being listed and being looked at: who is there is seen anew.
                Err(GatherError::GoneMeanwhile { .. }) if looks < LOOKS => looks += 1,
                facts => break facts?,
            }
        };
        match reader.halt.reason() {
            Some(failure) => Err(GatherError::OtherAccount(failure)),
            None => Ok(facts),
        }
    }

    /// The guard before everything: the system may be changed, and its credentials belong to its AWS account.
    ///
    /// # Errors
    /// [`GatherError::NotActive`], [`GatherError::Identify`], [`GatherError::OtherAccount`]; the last also quarantines
    /// the system.
    pub async fn guard(&self, connector: &dyn Connector, system: &System) -> Result<Identity, GatherError> {
        require_active(system)?;
        let identity = self.identify(connector, system).await.map_err(|source| GatherError::Identify {
            system: system.system_id.to_string(),
            source: Box::new(source),
        })?;
        match verify(&self.store, self.clock, system, &identity).await? {
            Verdict::Pinned => {
                note_base(&self.store, self.clock, system, connector).await.map_err(|error| match error {
                    BaseError::Store(error) => GatherError::Store(error),
                    BaseError::Unidentified(source) => GatherError::UnknownBase {
                        system: system.system_id.to_string(),
                        source: Box::new(source),
                    },
                })?;
                Ok(identity)
            }
            Verdict::Quarantined(failure) => Err(GatherError::OtherAccount(failure)),
        }
    }

    /// Who the connector is, with the patience of every read where the account is known whose pace it counts for.
    async fn identify(&self, connector: &dyn Connector, system: &System) -> Result<Identity, Error> {
        let (Some(account_id), Some(inventory)) = (&system.aws_account_id, connector.inventory()) else {
            return connector.identify().await;
        };
        let (pacer, progress) = (self.pacer(account_id, system), Progress::default());
        let reader = self.reader(inventory, account_id, system, &pacer, &progress);
        let answer = reader.call(None, || async {
            match connector.identify().await {
                // These would halt the reading, and what they say would be lost.
                Err(error) if matches!(error.cause, Cause::CredentialBad | Cause::NoCredentials) => {
                    Ok(Err(error))
                }
                other => other.map(Ok),
            }
        });
        match answer.await {
            Ok(answer) => answer,
            Err(ReadError::Call(error)) => Err(error),
            Err(ReadError::Broken(_) | ReadError::Halted) => connector.identify().await,
        }
    }

    fn pacer(&self, account_id: &AwsAccountId, system: &System) -> Arc<Pacer> {
        let settings = &system.settings;
        self.pacers.of(account_id, settings.max_concurrent_requests, settings.max_requests_per_second)
    }

    fn reader<'a>(
        &self,
        inventory: &'a dyn InventoryReader,
        account_id: &'a AwsAccountId,
        system: &System,
        pacer: &'a Pacer,
        progress: &'a Progress,
    ) -> Reader<'a> {
        let concurrency = system.settings.max_concurrent_requests;
        Reader::new(inventory, account_id, concurrency, (pacer, self.patience), progress, self.clock)
    }
}

fn require_active(system: &System) -> Result<(), GatherError> {
    let why = match system.state {
        SystemState::Active => return Ok(()),
        SystemState::Removed => "it was removed".to_owned(),
        SystemState::Suspended => {
            let reason =
                system.state_reason.as_ref().map_or("no reason is known", |failure| &failure.message);
            format!("it is suspended: {reason}")
        }
        SystemState::Quarantined => {
            let reason =
                system.state_reason.as_ref().map_or("no reason is known", |failure| &failure.message);
            let id = &system.system_id;
            let other = system.state_reason.as_ref().map(|failure| failure.kind)
                == Some(FailureKind::AccountMismatch);
            let mend = match other {
                true => {
                    format!("Give it credentials of its own account ({})", Hint::SetCredential(id.clone()))
                }
                false => "Mend the cause".to_owned(),
            };
            format!("it is quarantined: {reason}. {mend}, then use {}", Hint::Release(id.clone()))
        }
    };
    Err(GatherError::NotActive { system: system.system_id.to_string(), why })
}

/// What was done to accounts of a system's AWS account a short time before a moment.
pub(crate) async fn lately(store: &Store, system: &SystemId, now: Timestamp) -> Result<Lately, StoreError> {
    let since = now.checked_sub(SETTLES_WITHIN).unwrap_or(Timestamp::MIN);
    store.claimed_since(system, since).await.map(Lately::new)
}

/// So many groups that there are not are looked for among names of the past: more are no slip.
const MOST_UNKNOWN: usize = 100;

/// What groups are called now that are wished by a name of an earlier import.
async fn once_called(
    of: &Gatherer,
    facts: &Facts,
    wishes: &[Wish],
) -> Result<BTreeMap<String, String>, GatherError> {
    let is_known = |group: &&str| facts.group(group).is_some() || facts.new_groups.contains_key(*group);
    let unknown: BTreeMap<String, &str> = wishes
        .iter()
        .flat_map(groups_in)
        .filter(|group| !is_known(group))
        .map(|group| (group.to_ascii_lowercase(), group))
        .collect();
    let mut once = BTreeMap::new();
    for (key, group) in unknown.into_iter().take(MOST_UNKNOWN) {
        let ever = of.store.resources_ever_called(&facts.system_id, group).await?;
        // What is mistyped in case alone is no name of before.
        let now = ever.into_iter().find(|(_, LastKnown { object, gone })| {
            gone.is_none() && object.kind == ResourceType::Group && !object.name.eq_ignore_ascii_case(group)
        });
        once.extend(now.map(|(_, one)| (key, one.object.name)));
    }
    Ok(once)
}

fn groups_in(wish: &Wish) -> Vec<&str> {
    match wish {
        Wish::CreateAccount { groups, .. } => groups.iter().map(String::as_str).collect(),
        Wish::AddAssignment { resource: ResourceName::Group(group), .. }
        | Wish::RemoveAssignment { resource: ResourceName::Group(group), .. } => vec![group],
        _ => Vec::new(),
    }
}

struct Gathering<'a> {
    reader: &'a Reader<'a>,
    provisioning: &'a dyn Provisioning,
    system: &'a System,
    identity: &'a Identity,
}

impl Gathering<'_> {
    async fn facts(&self, of: &Gatherer, run: &ImportRun, wishes: &[Wish]) -> Result<Facts, GatherError> {
        let system_id = &self.system.system_id;
        let read_at = of.clock.now();
        let everything = ImportScope {
            objects: [ImportObject::Accounts, ImportObject::Groups].into(),
            path_prefix: "/".to_owned(),
            policy_scope: PolicyScope::All,
        };
        let (inventory, users, details) = tokio::join!(
            of.store.current_inventory(system_id),
            read_users(self.reader, &everything, None),
            read_details(self.reader, &everything, None),
        );
        let inventory = inventory?;
        let users = whole(CollectionName::Users, users)?;
        let details = whole(CollectionName::AuthorizationDetails, details)?;
        let details =
            Reading { items: details, state: keyreeve_model::CollectionState::Whole, reason: None }.split();
        let mut accounts = join_accounts(users, details.accounts, &inventory);
        note_made(&mut accounts, &Unseen::load(&of.store, system_id, AsOf::Now).await?);
        let Groups { known: groups, passed_on: groups_passed_on, renamed: groups_renamed, new: new_groups } =
            groups_of(&inventory, &details.groups);
        let hour_ago = read_at.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
        let recent = async |kind| of.store.recent_tasks(system_id, &[kind], hour_ago).await;
        let mut facts = Facts {
            system_id: system_id.clone(),
            system: self.system.clone(),
            mappings: of
                .store
                .task_mappings(system_id)
                .await?
                .into_iter()
                .map(|stored| stored.mapping)
                .collect(),
            settings: self.system.settings.clone(),
            account_id: self.identity.account_id.clone(),
            partition: self.identity.partition.clone(),
            run: run.id,
            left: names_left(&inventory, &accounts),
            passed_on: self.passed_on(of, &inventory, &accounts).await?,
            groups_passed_on,
            accounts,
            groups_renamed,
            groups_once: BTreeMap::new(),
            new_groups,
            groups,
            policies: policies_of(&inventory),
            policies_seen: inventory.assignments.iter().filter_map(|one| one.resource_arn.clone()).collect(),
            connector: ConnectorFact {
                arn: self.identity.arn.clone(),
                external_id: self.identity.external_id.clone(),
                policies: None,
            },
            signers: of.store.signers_in(&self.identity.account_id).await?,
            protections: of.store.protections_in_force(system_id).await?,
            password_policy: Seen::NotRead,
            documents: Seen::NotRead,
            texts: Texts::default(),
            recent_deletes: recent(TaskKind::DeleteAccount).await?,
            recent_deactivations: recent(TaskKind::DeactivateAccount).await?,
            lately: lately(&of.store, system_id, read_at).await?,
            read_at,
        };
        let wishes = &meant::named_where_certain(&facts, wishes)[..];
        facts.groups_once = once_called(of, &facts, wishes).await?;
        facts.texts = Texts::read(&of.store, system_id, &facts, (wishes, &inventory.resources)).await?;
        self.read_manifests(of, &mut facts, wishes).await?;
        self.read_ways_in(&mut facts, wishes).await;
        self.read_points(&mut facts, wishes).await?;
        self.read_passwords(&mut facts, wishes).await?;
        let own = self.own_holder(&facts).await;
        let reads = own.as_ref().and_then(|own| own.reads(&facts));
        if present_names(wishes).into_iter().any(|(name, wish)| needs_documents(&facts, name, wish)) {
            facts.documents = Seen::Read(self.documents(reads.unwrap_or(PolicyScope::Customer)).await?);
        }
        if let (Some(own), Some(scope)) = (own, reads) {
            facts.connector.policies = self.own_policies(&facts, &own, scope).await;
        }
        Ok(facts)
    }

    /// Names that have passed from one account to another since the last import, but not by what was done from here.
    async fn passed_on(
        &self,
        of: &Gatherer,
        inventory: &Inventory,
        accounts: &BTreeMap<String, AccountFact>,
    ) -> Result<BTreeMap<String, ExternalId>, GatherError> {
        let mut passed_on = names_passed_on(inventory, accounts);
        if passed_on.is_empty() {
            return Ok(passed_on);
        }
        // However long ago: a run may have left out where the account is, and no id is ever another's.
        let since = Timestamp::MIN;
        let ours: HashSet<(ExternalId, ClaimFact)> =
            of.store.claimed_since(&self.system.system_id, since).await?.into_iter().collect();
        passed_on.retain(|key, _| {
            let now = accounts.get(key).and_then(|now| Some((now.external_id.clone()?, now.name.clone())));
            now.is_some_and(|(id, name)| {
                !ours.contains(&(id.clone(), ClaimFact::AccountExists))
                    && !ours.contains(&(id, ClaimFact::Named { name }))
            })
        });
        Ok(passed_on)
    }

    /// What we switched off: of the accounts that are to be switched off or on, and of all administrators where one of
    /// them may be the last.
    async fn read_manifests(
        &self,
        of: &Gatherer,
        facts: &mut Facts,
        wishes: &[Wish],
    ) -> Result<(), GatherError> {
        use TaskKind::{DeactivateAccount, ReactivateAccount};
        let names = present_names(wishes);
        let switched =
            names.iter().filter(|(_, wish)| matches!(wish.kind(), DeactivateAccount | ReactivateAccount));
        let mut wanted: BTreeSet<String> = switched.map(|(name, _)| name.to_ascii_lowercase()).collect();
        // Custom actions may take it with any task.
        let may_take = |(name, _): &(&str, &Wish)| {
            facts.account(name).is_some_and(|account| protect::is_administrator(facts, account))
        };
        if facts.settings.keep_last_administrator && names.iter().any(may_take) {
            let administrators =
                facts.accounts.iter().filter(|(_, account)| protect::is_administrator(facts, account));
            wanted.extend(administrators.map(|(key, _)| key.clone()));
        }
        let ids = wanted.iter().filter_map(|key| facts.accounts.get(key)?.external_id.clone());
        let ids: Vec<ExternalId> = ids.collect();
        let mut found = of.store.switched_off(&facts.system_id, &ids).await?;
        for key in wanted {
            if let Some(account) = facts.accounts.get_mut(&key)
                && let Some(id) = &account.external_id
            {
                let SwitchedOff { manifest, unfinished, elsewhere } = found.remove(id).unwrap_or_default();
                account.switched_off_elsewhere = elsewhere;
                account.unfinished_deactivation = if manifest.is_none() { unfinished } else { None };
                account.manifest = manifest;
            }
        }
        Ok(())
    }

    /// The user or role that the connector acts as.
    async fn own_holder(&self, facts: &Facts) -> Option<Holder> {
        if facts.connector.arn.contains(":assumed-role/") {
            return self.own_role(&facts.connector.external_id).await.map(Holder::Role);
        }
        let ours = |account: &&AccountFact| {
            account.external_id.as_ref().is_some_and(|id| id.as_str() == facts.connector.external_id)
        };
        facts.accounts.values().find(ours).map(|account| Holder::Account(Box::new(account.clone())))
    }

    /// Its policies. What cannot be read says nothing about what it may do.
    async fn own_policies(&self, facts: &Facts, own: &Holder, scope: PolicyScope) -> Option<PolicySet> {
        let read_with = self.provisioning.read_needs(PointRead::PolicyDocuments);
        let documents = match facts.documents.read() {
            Some(documents) => Cow::Borrowed(documents),
            None => Cow::Owned(self.documents(scope).await.ok()?),
        };
        own.policies(facts, &documents, read_with)
    }

    /// The role behind a session, whose id begins with the role's.
    async fn own_role(&self, session: &str) -> Option<RoleDetail> {
        let id = session.split(':').next()?;
        let roles = self
            .pages("roles", "", |marker| async move { self.provisioning.list_roles(marker.as_ref()).await });
        roles.await.ok()?.into_iter().find(|role| role.external_id == id)
    }

    async fn documents(&self, scope: PolicyScope) -> Result<Vec<PolicyDocument>, GatherError> {
        self.pages("policy documents", "", |marker| async move {
            self.provisioning.list_policy_documents(scope, marker.as_ref()).await
        })
        .await
    }

    /// The permissions that are missing for these reads; `None` when they are all granted.
    fn visible(&self, reads: &[PointRead]) -> Option<Vec<&'static str>> {
        let needs: Vec<&'static str> = reads.iter().map(|read| self.provisioning.read_needs(*read)).collect();
        let missing = self.provisioning.lacks(self.system.settings.permission_profile, &needs);
        (!missing.is_empty()).then_some(missing)
    }

    /// What a password must look like.
    async fn read_passwords(&self, facts: &mut Facts, wishes: &[Wish]) -> Result<(), GatherError> {
        if !wishes.iter().any(takes_password) {
            return Ok(());
        }
        facts.password_policy = match self.visible(&[PointRead::PasswordPolicy]) {
            Some(missing) => Seen::NotVisible(missing),
            None => {
                match self.reader.call(None, || self.provisioning.get_password_policy()).await {
                    // A password for the strictest default fits as well.
                    Err(error) if error.is_denied() => {
                        Seen::NotVisible(vec![self.provisioning.read_needs(PointRead::PasswordPolicy)])
                    }
                    answer => Seen::Read(readable("the password policy", "", answer)?),
                }
            }
        };
        Ok(())
    }

    /// Reads a listing to its proved end.
    async fn pages<T, F, Fut>(&self, what: &str, name: &str, fetch: F) -> Result<Vec<T>, GatherError>
    where
        F: Fn(Option<Marker>) -> Fut,
        Fut: Future<Output = Result<Page<T>, Error>>,
    {
        readable(what, name, self.reader.pages(fetch).await)
    }
}

fn whole<T>(name: CollectionName, reading: Reading<T>) -> Result<Vec<T>, GatherError> {
    if reading.is_whole() {
        return Ok(reading.items);
    }
    let why = reading.reason.unwrap_or_else(|| "it was not read to its end".to_owned());
    Err(GatherError::Unreadable { what: name.as_str().replace('_', " "), why })
}

fn readable<T>(what: &str, name: &str, answer: Result<T, ReadError>) -> Result<T, GatherError> {
    answer.map_err(|error| {
        let of = if name.is_empty() { String::new() } else { format!(" of {}", name.escape_debug()) };
        let what = format!("{}{of}", what.replace('_', " "));
        match error {
            ReadError::Call(error) if error.cause == Cause::Denied => GatherError::Denied(Unreadable {
                message: format!("{what} could not be read"),
                operation: error.operation,
                why: error.to_string(),
            }),
            ReadError::Call(error) if error.cause == Cause::Gone && !name.is_empty() => {
                GatherError::GoneMeanwhile { what }
            }
            error => GatherError::Unreadable { what, why: error.to_string() },
        }
    })
}
