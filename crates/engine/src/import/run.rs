//! The shell of an import: makes the calls, asks the pure parts what they mean, and writes the outcome.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_connector::{Connector, Identity, Inventory as InventoryReader};
use keyreeve_model::{
    AwsAccountId, ChangeSet, Claim, ClaimState, CollectionName, CollectionState, Effect, Failure,
    FailureKind, ImportObject, ImportProfile, ImportRun, ImportScope, Inventory, PermissionProfile,
    ResourceType, Suspicion, System, SystemState, Warning, difference,
};
use keyreeve_store::{
    ClaimId, ClaimsSeen, ImportLease, Outcome, RunRecord, SignerPart, Store, StoreError, Turn,
};

use super::assemble::{Assembly, assemble};
use super::claimed::{Claimed, TOLD, drift};
use super::collect::{Reading, read_details, read_groups, read_policies, read_users};
use super::confirm::confirm;
use super::credentials::{CredentialsRead, read_credentials};
use super::documents::{Documents, keep_what_says_the_same};
use super::error::ImportError;
use super::holdings::Holdings;
use super::observed::{Missing, Observed};
use super::population::population_in_scope;
use super::progress::{Progress, UnderWay};
use super::reader::{Patience, ReadError, Reader};
use super::record::Findings;
use crate::clock::Clock;
use crate::measures::{IMPORT_SECONDS, Timed};
use crate::pace::Pacers;
use crate::systems::{identify, note_base_or_warn, note_signer};

/// Runs imports. One per process; systems are told apart by the request.
#[derive(Clone)]
pub struct Importer {
    /// Where results are kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// How often and how long calls are repeated.
    pub patience: Patience,
    /// The pacers of all AWS accounts this process talks to.
    pub pacers: Arc<Pacers>,
    /// How long a run owns its system without a sign of life.
    pub lease: Duration,
    /// What it runs, for who wants to watch.
    pub under_way: UnderWay,
}

/// What is to be imported.
#[derive(Debug, Clone, Copy)]
pub struct ImportRequest<'a> {
    /// The system.
    pub system: &'a System,
    /// The profile to run through.
    pub profile: &'a ImportProfile,
    /// Who asks.
    pub actor: &'a str,
    /// Only compare; publish nothing.
    pub preview: bool,
}

/// How the reading ended: with an inventory to compare, or not.
enum Read {
    Complete(Box<Complete>),
    Failed(Failure, Findings),
}

struct Complete {
    observed: Observed,
    kept: super::assemble::Kept,
    findings: Findings,
}

impl Importer {
    /// Imports a system. Gives the run as it ended: published, suspended, previewed or failed.
    ///
    /// # Errors
    /// When it could not be run at all: quarantined or removed system, another import of it under way, no store.
    pub async fn run(
        &self,
        connector: &dyn Connector,
        request: ImportRequest<'_>,
        progress: &Progress,
    ) -> Result<ImportRun, ImportError> {
        self.run_until(connector, request, progress, std::future::pending()).await
    }

    /// As [`Importer::run`], but stops when `cancelled` resolves: no new call is made then, and the run is closed
    /// as failed with [`FailureKind::Interrupted`].
    ///
    /// # Errors
    /// As [`Importer::run`].
    pub async fn run_until(
        &self,
        connector: &dyn Connector,
        request: ImportRequest<'_>,
        progress: &Progress,
        cancelled: impl Future<Output = ()>,
    ) -> Result<ImportRun, ImportError> {
        Box::pin(self.run_for(connector, request, None, progress, cancelled)).await
    }

    /// As [`Importer::run_until`], for a time of the profile's schedule, which is taken when the run begins.
    ///
    /// # Errors
    /// As [`Importer::run`]; [`StoreError::TurnTaken`] when somebody else saw to it.
    pub async fn run_turn(
        &self,
        connector: &dyn Connector,
        request: ImportRequest<'_>,
        turn: &Turn,
        progress: &Progress,
        cancelled: impl Future<Output = ()>,
    ) -> Result<ImportRun, ImportError> {
        Box::pin(self.run_for(connector, request, Some(turn), progress, cancelled)).await
    }

    async fn run_for(
        &self,
        connector: &dyn Connector,
        request: ImportRequest<'_>,
        turn: Option<&Turn>,
        progress: &Progress,
        cancelled: impl Future<Output = ()>,
    ) -> Result<ImportRun, ImportError> {
        let system = request.system;
        let name = system.system_id.to_string();
        match system.state {
            SystemState::Active => {}
            SystemState::Removed => return Err(ImportError::Removed(name)),
            SystemState::Suspended => {
                let reason =
                    system.state_reason.as_ref().map_or("no reason is known", |failure| &failure.message);
                return Err(ImportError::Suspended { system: name, reason: reason.to_owned() });
            }
            SystemState::Quarantined => {
                let reason =
                    system.state_reason.as_ref().map_or("no reason is known", |failure| &failure.message);
                return Err(ImportError::Quarantined { system: name, reason: reason.to_owned() });
            }
        }
        let inventory = connector.inventory().ok_or(ImportError::NoInventory(name))?;
        let account_id = self.pinned_account(connector, system).await?;
        note_base_or_warn(&self.store, self.clock, system, connector).await?;
        let since_last = match self.store.latest_published(&system.system_id).await? {
            Some(last) => self.store.claimed_since(&system.system_id, last.started_at).await?,
            None => Vec::new(),
        };
        let claimed = Claimed::new(
            self.store.open_claims(&system.system_id).await?,
            self.store.drifted_claims(&system.system_id).await?,
            since_last,
            self.store.last_attempts(&system.system_id).await?,
        );
        let (store, now, ImportRequest { profile, actor, .. }) = (&self.store, self.clock.now(), request);
        let lease = match turn {
            None => store.begin_import_run(&system.system_id, profile, actor, now, self.lease).await?,
            Some(turn) => {
                let lease = store.begin_scheduled_import_run(turn, profile, actor, now, self.lease).await?;
                // Of all who look at the schedule only who has taken its turn says so.
                tracing::info!(system.id = %system.system_id, profile = %profile.name, import_run.id = %lease.run,
                    "a scheduled import begins");
                lease
            }
        };
        progress.begin(lease.run);
        let _listed = self.under_way.list(lease.run, progress);
        let timed = Timed::new(IMPORT_SECONDS);
        let session = Session {
            importer: self,
            connector,
            inventory,
            request,
            progress,
            lease: &lease,
            claimed,
            documents: (!request.preview).then(|| Documents::new(store, &system.system_id, lease.run)),
            identity: OnceLock::new(),
        };
        let ended = tokio::select! {
            ended = Box::pin(session.run(&account_id)) => ended,
            lost = self.keep_lease(&lease) => Err(lost.into()),
            () = cancelled => return session.interrupt().await,
        };
        match &ended {
            Err(ImportError::Store(error)) if !is_lease_lost(error) => session.abandon(error).await,
            _ => {}
        }
        timed.ends(ended.as_ref().map_or("not_recorded", |run| run.state.as_str()));
        ended
    }

    /// The AWS account the system is pinned to; the first import pins it.
    async fn pinned_account(
        &self,
        connector: &dyn Connector,
        system: &System,
    ) -> Result<AwsAccountId, ImportError> {
        if let Some(account_id) = &system.aws_account_id {
            return Ok(account_id.clone());
        }
        let identity = identify(connector, self.clock)
            .await
            .map_err(|source| ImportError::Identify { system: system.system_id.to_string(), source })?;
        let now = self.clock.now();
        self.store
            .pin_system(&system.system_id, identity.account_id.clone(), &identity.partition, now)
            .await?;
        note_signer(&self.store, self.clock, system, SignerPart::System, &identity).await?;
        Ok(identity.account_id)
    }

    /// Renews the lease until that fails; only its failure ends this.
    async fn keep_lease(&self, lease: &ImportLease) -> StoreError {
        loop {
            self.clock.wait(self.lease / 3).await;
            if let Err(error) = self.store.renew_import_lease(lease, self.clock.now(), self.lease).await
                && is_lease_lost(&error)
            {
                return error;
            }
        }
    }
}

/// One run under way.
struct Session<'a> {
    importer: &'a Importer,
    connector: &'a dyn Connector,
    inventory: &'a dyn InventoryReader,
    request: ImportRequest<'a>,
    progress: &'a Progress,
    lease: &'a ImportLease,
    claimed: Claimed,
    /// Where what policies say is kept; a preview keeps nothing.
    documents: Option<Documents<'a>>,
    /// Who the connector is, once it was asked.
    identity: OnceLock<Identity>,
}

impl Session<'_> {
    async fn run(&self, account_id: &AwsAccountId) -> Result<ImportRun, ImportError> {
        let started_at = self.importer.clock.now();
        let settings = &self.request.system.settings;
        let concurrency = settings.max_concurrent_requests;
        let pacer = self.importer.pacers.of(account_id, concurrency, settings.max_requests_per_second);
        let paced = (&*pacer, self.importer.patience);
        let reader =
            Reader::new(self.inventory, account_id, concurrency, paced, self.progress, self.importer.clock);
        let scope = self.request.profile.scope();
        let (known, read) = tokio::join!(self.load_known(), Box::pin(self.read_collections(&reader, &scope)));
        let known = known?;
        if let Some(identity) = self.identity.get().filter(|_| !reader.halt.is_halted()) {
            let Importer { store, clock, .. } = self.importer;
            note_signer(store, *clock, self.request.system, SignerPart::System, identity).await?;
        }
        let mut ended = match read {
            Ok((observed, findings)) => self.prove(&reader, &scope, &known, observed, findings).await,
            Err((failure, findings)) => Read::Failed(failure, findings),
        };
        if let (Read::Complete(complete), Some(documents)) = (&mut ended, &self.documents) {
            documents.read_versions(&reader, &scope, &complete.observed.policies).await;
            complete.findings.warnings.extend(documents.ended()?);
        }
        if matches!(ended, Read::Failed(..)) && !reader.halt.is_halted() {
            // Another AWS account refuses our markers and names: ask whose answers these were. Where that cannot
            // be found out either, the failure at hand says enough.
            let _ = self.identify(&reader).await;
        }
        match (reader.halt.reason(), ended) {
            // Whatever was read before the halt proves nothing.
            (Some(failure), Read::Complete(complete)) => self.fail(failure, complete.findings).await,
            (Some(failure), Read::Failed(_, findings)) => self.fail(failure, findings).await,
            (None, Read::Failed(failure, findings)) => self.fail(failure, findings).await,
            (None, Read::Complete(complete)) => self.settle(*complete, known, started_at).await,
        }
    }

    /// What is known so far; it is loaded while AWS answers.
    async fn load_known(&self) -> Result<Inventory, StoreError> {
        let known = self.importer.store.current_inventory(&self.request.system.system_id).await?;
        expect(self.progress, &known);
        Ok(known)
    }

    /// Marks the run failed after the store refused, so that the next import need not wait for the lease. If
    /// that is refused too, the lease runs out by itself.
    async fn abandon(&self, error: &StoreError) {
        if let Err(error) = self.close(FailureKind::Store, error.to_string()).await {
            tracing::warn!(import_run.id = %self.lease.run, %error, "the failed run could not be closed");
        }
    }

    /// Closes the run after its reading was cancelled.
    async fn interrupt(&self) -> Result<ImportRun, ImportError> {
        let message = "the import was stopped before it had read everything; nothing was published";
        Ok(self.close(FailureKind::Interrupted, message.to_owned()).await?)
    }

    async fn close(&self, kind: FailureKind, message: String) -> Result<ImportRun, StoreError> {
        let now = self.importer.clock.now();
        let mut record = self.record(Findings::default());
        record.failure = Some(Failure { kind, message, effect: Effect::None, at: now });
        self.importer.store.finish_import_run(self.lease, record, Outcome::Failed, now).await
    }

    async fn fail(&self, failure: Failure, findings: Findings) -> Result<ImportRun, ImportError> {
        let store = &self.importer.store;
        let now = self.importer.clock.now();
        if failure.kind == FailureKind::AccountMismatch {
            store.quarantine_system(&self.request.system.system_id, failure.clone(), now).await?;
        }
        tracing::info!(system.id = %self.request.system.system_id, import_run.id = %self.lease.run,
            reason = %failure.message, "import failed");
        let mut record = self.record(findings);
        record.failure = Some(failure);
        Ok(store.finish_import_run(self.lease, record, Outcome::Failed, now).await?)
    }

    /// Compares, judges, and publishes, suspends or previews.
    async fn settle(
        &self,
        complete: Complete,
        mut known: Inventory,
        started_at: Timestamp,
    ) -> Result<ImportRun, ImportError> {
        let store = &self.importer.store;
        let profile = self.request.profile;
        let scope = profile.scope();
        let Complete { observed, kept, mut findings } = complete;
        let assembly = Assembly {
            system_id: &self.request.system.system_id,
            run: self.lease.run,
            started_at,
            scope: &scope,
            known: &known,
            kept: &kept,
        };
        let by_itself = observed.credentials.held.clone();
        let (mut after, warnings) = assemble(&assembly, observed);
        findings.warnings.extend(warnings);
        let settled = self.claimed.judge((&known, &after), &by_itself, &scope, started_at);
        findings.warnings.extend(self.drift(&settled).await?);
        let claims = ClaimsSeen {
            settled: settled.iter().map(|(id, _, state)| (*id, *state)).collect(),
            restored: self.claimed.restored((&known, &after), &by_itself, &scope),
        };
        keep_what_says_the_same(store, &known, &mut after).await?;
        let first = self.lease.baseline_run.is_none();
        let population = population_in_scope(&known, &scope);
        let changes = difference(std::mem::take(&mut known), after);
        if !first {
            findings
                .suspicions
                .extend(profile.thresholds.judge(&population, &self.claimed.unexpected(&changes)));
        }
        let suspicious = !findings.suspicions.is_empty();
        let record = RunRecord { claims, ..self.record(findings) };
        let now = self.importer.clock.now();
        if self.request.preview {
            return Ok(store.finish_import_run(self.lease, record, Outcome::Previewed(changes), now).await?);
        }
        if suspicious {
            return Ok(store.finish_import_run(self.lease, record, Outcome::Suspended(changes), now).await?);
        }
        self.publish(record, &changes, now).await
    }

    /// What we did and somebody has undone.
    async fn drift(&self, settled: &[(ClaimId, &Claim, ClaimState)]) -> Result<Option<Warning>, StoreError> {
        let contradicted: Vec<&Claim> = settled
            .iter()
            .filter(|(_, _, state)| *state == ClaimState::Contradicted)
            .map(|(_, claim, _)| *claim)
            .collect();
        let mut told = Vec::new();
        for claim in contradicted.iter().take(TOLD) {
            told.push((self.importer.store.job_of_task(claim.task).await?, *claim));
        }
        Ok(drift(&told, contradicted.len()))
    }

    async fn publish(
        &self,
        record: RunRecord,
        changes: &ChangeSet,
        now: Timestamp,
    ) -> Result<ImportRun, ImportError> {
        let run = self.importer.store.publish_import_run(self.lease, record, changes, now).await?;
        tracing::info!(system.id = %run.system_id, import_run.id = %run.id, calls = run.aws_calls, "import published");
        Ok(run)
    }

    fn record(&self, findings: Findings) -> RunRecord {
        RunRecord {
            scope: self.request.profile.scope(),
            collections: findings.completeness.records(self.progress),
            aws_calls: self.progress.calls(),
            credential_report_at: findings.credential_report_at,
            suspicions: findings.suspicions,
            warnings: findings.warnings,
            failure: None,
            claims: ClaimsSeen::default(),
        }
    }

    /// Holds the listings against each other, reads them again where they disagree, and looks once more for
    /// everything that is missing.
    async fn prove(
        &self,
        reader: &Reader<'_>,
        scope: &ImportScope,
        known: &Inventory,
        mut observed: Observed,
        mut findings: Findings,
    ) -> Read {
        let mut suspicions = self.cross_check(reader, scope, &observed).await;
        let unsettled = !suspicions.is_empty() || observed.changed_meanwhile(known, scope);
        if unsettled && !reader.halt.is_halted() {
            tracing::info!(import_run.id = %self.lease.run, "listings disagree; they are read once more");
            if let Err(failure) = self.read_again(reader, scope, &mut observed, &mut findings).await {
                return Read::Failed(failure, findings);
            }
            suspicions = self.cross_check(reader, scope, &observed).await;
        }
        findings.suspicions = suspicions;
        let missing = observed.missing(known, scope);
        let mut confirmation = confirm(reader, scope, &missing).await;
        confirmation.keep_held(&observed.held(known, &missing.policies));
        findings.warnings.extend(confirmation.warnings);
        let unnamed = !observed.credentials.login_profiles.is_empty() || missing != Missing::default();
        if unnamed && !reader.halt.is_halted() {
            // Answers about a single user, and empty ones, name no AWS account: ask whose answers these were.
            if let Err(failure) = self.identify(reader).await {
                return Read::Failed(failure, findings);
            }
        }
        Read::Complete(Box::new(Complete { observed, kept: confirmation.kept, findings }))
    }

    /// All collections side by side; every page of users starts the reads of their login profiles at once.
    async fn read_collections(
        &self,
        reader: &Reader<'_>,
        scope: &ImportScope,
    ) -> Result<(Observed, Findings), (Failure, Findings)> {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let source = self.request.profile.login_profile_source;
        let wants_credentials = scope.objects.contains(&ImportObject::LoginProfiles);
        let credentials = async {
            if wants_credentials {
                read_credentials(reader, self.holdings(), source, receiver, self.claimed.ours().clone()).await
            } else {
                drop(receiver);
                CredentialsRead::default()
            }
        };
        let sender = wants_credentials.then_some(sender);
        let (identified, users, details, groups, policies, credentials) = tokio::join!(
            self.identify(reader),
            read_users(reader, scope, sender),
            read_details(reader, scope, self.documents.as_ref()),
            read_groups(reader, scope),
            read_policies(reader, scope, scope.policy_scope),
            credentials,
        );
        let mut findings = Findings::default();
        let completeness = &mut findings.completeness;
        completeness.note(CollectionName::Users, &users);
        completeness.note(CollectionName::AuthorizationDetails, &details);
        completeness.note(CollectionName::Groups, &groups);
        completeness.note(CollectionName::Policies, &policies);
        completeness.note_credentials(&credentials);
        findings.warnings.extend(credentials.warnings.iter().cloned());
        findings.credential_report_at = credentials.report.as_ref().map(|report| report.generated_at);
        if let Err(failure) = identified {
            return Err((failure, findings));
        }
        if let Some(failure) = findings.completeness.shortfall(self.importer.clock.now()) {
            return Err((failure, findings));
        }
        let mut observed = Observed {
            users: users.items,
            groups: groups.items,
            policies: policies.items,
            credentials,
            ..Observed::default()
        };
        observed.set_details(details.split());
        Ok((observed, findings))
    }

    /// What may be read of users by themselves.
    fn holdings(&self) -> Holdings<'_> {
        Holdings::new(self.connector.provisioning(), self.request.system.settings.permission_profile)
    }

    /// Who the answers come from. Any other account than the pinned one halts the run.
    async fn identify(&self, reader: &Reader<'_>) -> Result<(), Failure> {
        match reader.call(None, || self.connector.identify()).await {
            Ok(identity) => {
                reader.check_account([&identity.account_id]);
                let _ = self.identity.set(identity);
                Ok(())
            }
            Err(ReadError::Halted) => Ok(()),
            Err(error) => {
                let message = format!("whose answers these are could not be established: {error}");
                Err(reader.failure(FailureKind::Unknown, &message))
            }
        }
    }

    /// Compares the listings with the details, and with the account's own count where that may be read.
    async fn cross_check(
        &self,
        reader: &Reader<'_>,
        scope: &ImportScope,
        observed: &Observed,
    ) -> Vec<Suspicion> {
        let may_count = self.request.system.settings.permission_profile != PermissionProfile::Reference
            && scope.objects.contains(&ImportObject::Accounts);
        let counted = if may_count {
            // Not permitted or not to be had: there is nothing to compare with, and that is no contradiction.
            reader.call(None, || self.inventory.count_accounts()).await.ok()
        } else {
            None
        };
        observed.disagreements(scope, counted)
    }

    /// Reads users, groups and details once more, and the login profiles of users not seen before.
    async fn read_again(
        &self,
        reader: &Reader<'_>,
        scope: &ImportScope,
        observed: &mut Observed,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let (users, details, groups): (Reading<_>, Reading<_>, Reading<_>) = tokio::join!(
            read_users(reader, scope, None),
            read_details(reader, scope, self.documents.as_ref()),
            read_groups(reader, scope)
        );
        findings.completeness.note(CollectionName::Users, &users);
        findings.completeness.note(CollectionName::AuthorizationDetails, &details);
        findings.completeness.note(CollectionName::Groups, &groups);
        if let Some(failure) = findings.completeness.shortfall(self.importer.clock.now()) {
            return Err(failure);
        }
        observed.forget_renamed(&users.items);
        let newcomers: Vec<_> =
            users.items.iter().filter(|user| !observed.credentials.knows(user)).cloned().collect();
        observed.users = users.items;
        observed.groups = groups.items;
        observed.set_details(details.split());
        if scope.objects.contains(&ImportObject::LoginProfiles)
            && observed
                .credentials
                .login_profiles_state
                .as_ref()
                .is_some_and(|(state, _)| *state != CollectionState::Denied)
        {
            observed.credentials.read_more(reader, self.holdings(), newcomers).await;
            findings.completeness.note_credentials(&observed.credentials);
        }
        Ok(())
    }
}

fn is_lease_lost(error: &StoreError) -> bool {
    matches!(error, StoreError::LeaseLost { .. })
}

/// Tells the progress how much there was the last time.
fn expect(progress: &Progress, known: &Inventory) {
    let of = |kind| known.resources.iter().filter(|resource| resource.kind == kind).count() as u64;
    let users = known.accounts.len() as u64;
    progress.expect(CollectionName::Users, users);
    progress.expect(CollectionName::AuthorizationDetails, users + of(ResourceType::Group));
    progress.expect(CollectionName::Groups, of(ResourceType::Group));
    progress.expect(CollectionName::Policies, of(ResourceType::Policy));
    progress.expect(CollectionName::LoginProfiles, users);
}
