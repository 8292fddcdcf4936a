//! Where what is shown comes from: the store of this machine, or a server that is asked for it. Commands that only show
//! ask this, and do not know which it is.

mod changing;
mod commands;
mod pages;
mod server;

use keyreeve_engine::desk::Standing;
use keyreeve_engine::drift::DriftedChange;
use keyreeve_engine::schedule::ScheduleTimes;
use keyreeve_engine::unseen::{KnownAccount, Unseen};
use keyreeve_model::{
    Account, Assignment, ChangeSet, ImportProfile, ImportRun, ImportRunId, JobId, MappingName, Person,
    PolicyDocuments, ProfileName, Protection, ProtectionKind, ProvisioningJob, Resource, System, SystemId,
    TaskMapping, Token, TokenId,
};
use keyreeve_store::{
    AccountFilter, AsOf, AssignmentFilter, AuditFilter, AuditHead, AuditRow, ClaimId, HeldFilter, HeldPlace,
    HeldSlice, ResourceFilter, Store, StoreError, StoredMapping,
};

use crate::command::Context;
use crate::exit::Refusal;

pub(crate) use changing::{ASKED_EVERY, AskedJob, Came, PlannedAgain};
pub(crate) use commands::require_remote;
pub(crate) use server::{ExportedPieces, Server};

/// So many holders of something in all systems are read at once.
const HELD_AT_ONCE: u32 = 5_000;

/// Where what is shown comes from.
pub(crate) enum Source {
    /// The store of this machine.
    Store(Box<Store>),
    /// A server.
    Server(Server),
}

impl Source {
    /// The server that was named, else the store of this machine.
    pub(crate) async fn of(context: &Context) -> anyhow::Result<Self> {
        match &context.config.server {
            Some(server) => Ok(Self::Server(Server::of(server, &context.environment)?)),
            None => Ok(Self::Store(Box::new(context.store().await?))),
        }
    }

    /// The same, to verify the audit log: the store of this machine also when that was altered.
    pub(crate) async fn to_verify(context: &Context) -> anyhow::Result<Self> {
        match &context.config.server {
            Some(_) => Self::of(context).await,
            None => Ok(Self::Store(Box::new(context.store_to_verify().await?))),
        }
    }

    /// The server, if one was named.
    pub(crate) fn server(context: &Context) -> Result<Option<Server>, Refusal> {
        context.config.server.as_ref().map(|server| Server::of(server, &context.environment)).transpose()
    }

    /// The store, where remarks are made that a server does not know of.
    pub(crate) fn store(&self) -> Option<&Store> {
        match self {
            Self::Store(store) => Some(store),
            Self::Server(_) => None,
        }
    }

    pub(crate) async fn systems(&self, removed: bool) -> anyhow::Result<Vec<System>> {
        match self {
            Self::Store(store) => Ok(store.list_systems(removed).await?),
            Self::Server(server) => server.systems(removed).await,
        }
    }

    pub(crate) async fn system(&self, id: &SystemId) -> anyhow::Result<System> {
        match self {
            Self::Store(store) => Ok(store.get_system(id).await?),
            Self::Server(server) => server.one(&["systems", id.as_str()], &[]).await,
        }
    }

    pub(crate) async fn accounts(
        &self,
        system: &SystemId,
        as_of: AsOf,
        filter: &AccountFilter,
    ) -> anyhow::Result<Vec<KnownAccount>> {
        match self {
            Self::Store(store) => {
                let unseen = Unseen::load(store, system, as_of).await?;
                let accounts = store.list_accounts(system, as_of, filter).await?;
                Ok(accounts.into_iter().map(|account: Account| unseen.known(account)).collect())
            }
            Self::Server(server) => server.accounts(system, as_of, filter).await,
        }
    }

    pub(crate) async fn account(
        &self,
        system: &SystemId,
        as_of: AsOf,
        name: &str,
    ) -> anyhow::Result<KnownAccount> {
        match self {
            Self::Store(store) => {
                let unseen = Unseen::load(store, system, as_of).await?;
                Ok(unseen.known(store.account_asked_for(system, as_of, name).await?))
            }
            Self::Server(server) => server.account(system, as_of, name).await,
        }
    }

    pub(crate) async fn resources(
        &self,
        system: &SystemId,
        as_of: AsOf,
        filter: &ResourceFilter,
    ) -> anyhow::Result<Vec<Resource>> {
        match self {
            Self::Store(store) => Ok(store.list_resources(system, as_of, filter).await?),
            Self::Server(server) => server.resources(system, as_of, filter).await,
        }
    }

    /// What a group or policy says.
    pub(crate) async fn resource_documents(
        &self,
        resource: &Resource,
        as_of: AsOf,
    ) -> anyhow::Result<PolicyDocuments> {
        match self {
            Self::Store(store) => Ok(store.resource_documents(resource, as_of).await?),
            Self::Server(server) => server.resource_documents(resource, as_of).await,
        }
    }

    pub(crate) async fn assignments(
        &self,
        system: &SystemId,
        as_of: AsOf,
        filter: &AssignmentFilter,
    ) -> anyhow::Result<Vec<Assignment>> {
        match self {
            Self::Store(store) => Ok(store.list_assignments(system, as_of, filter).await?),
            Self::Server(server) => server.assignments(system, as_of, filter).await,
        }
    }

    /// Who holds something, in all systems or in some.
    pub(crate) async fn held(
        &self,
        systems: Option<&[SystemId]>,
        filter: &HeldFilter,
    ) -> anyhow::Result<Vec<Assignment>> {
        let store = match self {
            Self::Store(store) => store,
            Self::Server(server) => return server.held(filter).await,
        };
        let mut found: Vec<Assignment> = Vec::new();
        loop {
            let after = found.last().map(HeldPlace::of);
            let slice = HeldSlice { descending: false, after, limit: HELD_AT_ONCE };
            let part = store.held_everywhere(systems, filter, &slice).await?;
            let whole = part.len() < HELD_AT_ONCE as usize;
            found.extend(part);
            if whole {
                return Ok(found);
            }
        }
    }

    pub(crate) async fn runs(&self, system: &SystemId, limit: u32) -> anyhow::Result<Vec<ImportRun>> {
        match self {
            Self::Store(store) => Ok(store.list_import_runs(system, None, limit).await?),
            Self::Server(server) => server.some(&["systems", system.as_str(), "import-runs"], limit).await,
        }
    }

    pub(crate) async fn run(&self, id: ImportRunId) -> anyhow::Result<ImportRun> {
        match self {
            Self::Store(store) => Ok(store.get_import_run(id).await?),
            Self::Server(server) => server.import_run(id).await,
        }
    }

    pub(crate) async fn changes(&self, id: ImportRunId) -> anyhow::Result<ChangeSet> {
        match self {
            Self::Store(store) => Ok(store.import_changes(id).await?),
            Self::Server(server) => server.one(&["import-runs", &id.to_string(), "changes"], &[]).await,
        }
    }

    /// What is different between two published runs.
    pub(crate) async fn difference(
        &self,
        earlier: ImportRunId,
        later: ImportRunId,
    ) -> anyhow::Result<ChangeSet> {
        match self {
            Self::Store(store) => Ok(store.difference_between(earlier, later).await?),
            Self::Server(server) => server.difference(earlier, later).await,
        }
    }

    pub(crate) async fn import_profiles(&self, system: &SystemId) -> anyhow::Result<Vec<ImportProfile>> {
        match self {
            Self::Store(store) => Ok(store.list_import_profiles(system).await?),
            Self::Server(server) => server.import_profiles(system).await,
        }
    }

    pub(crate) async fn import_profile(
        &self,
        system: &SystemId,
        name: &ProfileName,
    ) -> anyhow::Result<ImportProfile> {
        match self {
            Self::Store(store) => Ok(store.get_import_profile(system, name).await?),
            Self::Server(server) => {
                server.one(&["systems", system.as_str(), "import-profiles", name.as_str()], &[]).await
            }
        }
    }

    /// An import profile with its version, where what is kept has versions; `None` when there is none of that name.
    pub(crate) async fn import_profile_as_it_is(
        &self,
        system: &SystemId,
        name: &ProfileName,
    ) -> anyhow::Result<Option<(ImportProfile, Option<String>)>> {
        match self {
            Self::Store(store) => match store.get_import_profile(system, name).await {
                Ok(profile) => Ok(Some((profile, None))),
                Err(StoreError::ProfileNotFound { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Self::Server(server) => server.import_profile_as_it_is(system, name).await,
        }
    }

    /// Sets an import profile; `seen` is the version of the one there is, and `None` where there is none yet.
    pub(crate) async fn set_import_profile(
        &self,
        context: &Context,
        system: &SystemId,
        profile: &ImportProfile,
        seen: Option<Option<&str>>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Store(store) => {
                let (actor, now) = (context.actor.name(), context.clock.now());
                Ok(store.put_import_profile(system, profile, actor, now).await?)
            }
            Self::Server(server) => Ok(server.set_import_profile(system, profile, seen).await?),
        }
    }

    /// Takes an import profile away, as it was seen, which is this version of it.
    pub(crate) async fn remove_import_profile(
        &self,
        context: &Context,
        system: &SystemId,
        (profile, version): (&ImportProfile, Option<&str>),
        reason: Option<&str>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Store(store) => {
                let (by, now) = ((context.actor.name(), reason), context.clock.now());
                let is_seen = |there: &ImportProfile| there == profile;
                Ok(store.remove_import_profile(system, &profile.name, is_seen, by, now).await?)
            }
            Self::Server(server) => {
                Ok(server.remove_import_profile(system, (&profile.name, version), reason).await?)
            }
        }
    }

    /// What the schedules of a system will do, and did last.
    pub(crate) async fn schedule_times(
        &self,
        context: &Context,
        system: &SystemId,
    ) -> anyhow::Result<Vec<ScheduleTimes>> {
        match self {
            Self::Store(store) => Ok(ScheduleTimes::of_system(store, system, context.clock.now()).await?),
            Self::Server(server) => {
                server.some(&["systems", system.as_str(), "import-schedules"], u32::MAX).await
            }
        }
    }

    pub(crate) async fn jobs(&self, system: &SystemId, limit: u32) -> anyhow::Result<Vec<ProvisioningJob>> {
        match self {
            Self::Store(store) => Ok(store.jobs(system, None, limit).await?),
            Self::Server(server) => server.some(&["systems", system.as_str(), "jobs"], limit).await,
        }
    }

    pub(crate) async fn job(&self, id: JobId) -> anyhow::Result<ProvisioningJob> {
        match self {
            Self::Store(store) => Ok(store.job(id).await?),
            Self::Server(server) => server.job(id).await,
        }
    }

    /// Publishes a suspended run.
    pub(crate) async fn accept_run(
        &self,
        context: &Context,
        run: ImportRunId,
        reason: &str,
    ) -> anyhow::Result<ImportRun> {
        match self {
            Self::Store(store) => {
                Ok(store.accept_import_run(run, context.actor.name(), reason, context.clock.now()).await?)
            }
            Self::Server(server) => Ok(server.accept_run(run, reason).await?),
        }
    }

    /// Discards a suspended run.
    pub(crate) async fn reject_run(
        &self,
        context: &Context,
        run: ImportRunId,
        reason: &str,
    ) -> anyhow::Result<ImportRun> {
        match self {
            Self::Store(store) => {
                Ok(store.reject_import_run(run, context.actor.name(), reason, context.clock.now()).await?)
            }
            Self::Server(server) => Ok(server.reject_run(run, reason).await?),
        }
    }

    /// What was changed here and is not so in AWS.
    pub(crate) async fn drift(&self, system: &SystemId) -> anyhow::Result<Vec<DriftedChange>> {
        match self {
            Self::Store(store) => Ok(DriftedChange::of_system(store, system, u32::MAX).await?),
            Self::Server(server) => server.some(&["systems", system.as_str(), "drift"], u32::MAX).await,
        }
    }

    /// Accepts what AWS has in the place of it, and tells how much of it had not ended.
    pub(crate) async fn accept_drift(
        &self,
        context: &Context,
        system: &SystemId,
        claims: &[i64],
        reason: Option<&str>,
    ) -> anyhow::Result<u64> {
        match self {
            Self::Store(store) => {
                let claims: Vec<ClaimId> = claims.iter().copied().map(ClaimId).collect();
                let by = (context.actor.name(), reason);
                Ok(DriftedChange::accept(store, system, &claims, by, context.clock.now()).await?)
            }
            Self::Server(server) => Ok(server.accept_drift(system, claims, reason).await?),
        }
    }

    /// Puts something on the protect list.
    pub(crate) async fn protect(&self, system: &SystemId, protection: &Protection) -> anyhow::Result<()> {
        match self {
            Self::Store(store) => Ok(store.add_protection(system, protection).await?),
            Self::Server(server) => Ok(server.protect(system, protection).await?),
        }
    }

    /// Takes something off the protect list.
    pub(crate) async fn end_protection(
        &self,
        context: &Context,
        system: &SystemId,
        kind: &ProtectionKind,
        reason: Option<&str>,
    ) -> anyhow::Result<()> {
        let (actor, now) = (context.actor.name(), context.clock.now());
        match self {
            Self::Store(store) => Ok(store.remove_protection(system, kind, actor, reason, now).await?),
            Self::Server(server) => Ok(server.end_protection(system, kind, reason).await?),
        }
    }

    pub(crate) async fn task_mappings(&self, system: &SystemId) -> anyhow::Result<Vec<StoredMapping>> {
        match self {
            Self::Store(store) => Ok(store.task_mappings(system).await?),
            Self::Server(server) => server.task_mappings(system).await,
        }
    }

    pub(crate) async fn task_mapping(
        &self,
        system: &SystemId,
        name: MappingName,
    ) -> anyhow::Result<TaskMapping> {
        match self {
            Self::Store(store) => Ok(store.task_mapping(system, name).await?.mapping),
            Self::Server(server) => {
                server.one(&["systems", system.as_str(), "mappings", &name.to_string()], &[]).await
            }
        }
    }

    /// The version of a task mapping, where what is kept has versions.
    pub(crate) async fn version_of_task_mapping(
        &self,
        system: &SystemId,
        name: MappingName,
    ) -> anyhow::Result<Option<String>> {
        match self {
            Self::Store(_) => Ok(None),
            Self::Server(server) => Ok(server.task_mapping_as_it_is(system, name).await?.1),
        }
    }

    /// Sets a task mapping, or goes back to its default, as it was seen.
    pub(crate) async fn set_task_mapping(
        &self,
        context: &Context,
        (system, name): (&SystemId, MappingName),
        new: Option<&TaskMapping>,
        (seen, reason): (Option<&str>, Option<&str>),
    ) -> anyhow::Result<()> {
        let (by, now) = ((context.actor.name(), reason), context.clock.now());
        match (self, new) {
            (Self::Store(store), Some(new)) => Ok(store.set_task_mapping(system, new, by, now).await?),
            (Self::Store(store), None) => Ok(store.reset_task_mapping(system, name, by, now).await?),
            (Self::Server(server), new) => {
                Ok(server.set_task_mapping(system, name, new, (seen, reason)).await?)
            }
        }
    }

    /// Takes a token back.
    pub(crate) async fn revoke_token(
        &self,
        context: &Context,
        id: &TokenId,
        reason: Option<&str>,
    ) -> anyhow::Result<Token> {
        match self {
            Self::Store(store) => {
                Ok(store.revoke_token(id, context.actor.name(), reason, context.clock.now()).await?)
            }
            Self::Server(server) => Ok(server.revoke_token(id, reason).await?),
        }
    }

    /// What keeps a job from its end.
    pub(crate) async fn standing(
        &self,
        context: &Context,
        job: &ProvisioningJob,
    ) -> anyhow::Result<Option<Standing>> {
        match self {
            Self::Store(store) => Ok(Standing::of(store, job, context.clock.now()).await?),
            Self::Server(server) => server.standing(job.id).await,
        }
    }

    pub(crate) async fn protections(&self, system: &SystemId) -> anyhow::Result<Vec<Protection>> {
        match self {
            Self::Store(store) => Ok(store.protections(system).await?),
            Self::Server(server) => server.some(&["systems", system.as_str(), "protections"], u32::MAX).await,
        }
    }

    pub(crate) async fn tokens(&self) -> anyhow::Result<Vec<Token>> {
        match self {
            Self::Store(store) => Ok(store.tokens().await?),
            Self::Server(server) => server.some(&["tokens"], u32::MAX).await,
        }
    }

    pub(crate) async fn people(&self) -> anyhow::Result<Vec<Person>> {
        match self {
            Self::Store(store) => Ok(store.people().await?),
            Self::Server(server) => server.some(&["people"], u32::MAX).await,
        }
    }

    /// Rows of the audit log, the newest first.
    pub(crate) async fn audit(&self, filter: &AuditFilter, limit: u32) -> anyhow::Result<Vec<AuditRow>> {
        match self {
            Self::Store(store) => Ok(store.audit(filter, limit).await?),
            Self::Server(server) => server.audit(filter, limit).await,
        }
    }

    /// The end of the audit log, when all of it is as it was written, and whether it holds what was noted of it.
    pub(crate) async fn verify_audit(&self, noted: Option<&AuditHead>) -> anyhow::Result<(AuditHead, bool)> {
        match self {
            Self::Store(store) => {
                let head = store.verify_audit().await?;
                let holds = match noted {
                    Some(noted) => store.audit_holds(noted).await?,
                    None => true,
                };
                Ok((head, holds))
            }
            Self::Server(server) => server.verify_audit(noted).await,
        }
    }
}
