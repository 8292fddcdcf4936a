//! A world for a test: a sandbox, a store, a registered system, and an importer with little patience.

mod door;
mod legal;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keyreeve_aws::{AwsConnector, ConnectOptions, Credential};
use keyreeve_engine::clock::Clock;
use keyreeve_engine::import::{ImportError, ImportRequest, Importer, Patience, Progress, UnderWay};
use keyreeve_model::{
    CollectionName, CollectionRecord, CollectionState, CredentialKind, ImportProfile, ImportRun,
    ImportRunState, Inventory, Limits, LoginProfileSource, PolicyScope, Secret, System, SystemId, SystemName,
    SystemSettings, Thresholds, canonical_json,
};
use keyreeve_sandbox::{
    AccountSeed, Effect, FaultRule, Mutation, Options, PageStyle, Population, ReportStyle, Running, Sandbox,
};
use keyreeve_store::{DatabaseUrl, NewSystem, Store, StoreKey};
use serde_json::Value;
use tempfile::TempDir;

use door::Door;
pub(crate) use legal::assert_legal;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER: &str = "444455556666";

/// The file of the store's key, beside the store.
pub(crate) const KEY_FILE: &str = "store.key";

/// The listings an import cannot do without.
pub(crate) const NEEDED: [&str; 4] =
    ["ListUsers", "GetAccountAuthorizationDetails", "ListGroups", "ListPolicies"];

/// How a world is to be.
pub(crate) struct Setup {
    pub(crate) population: Population,
    /// Entries on a page at most; `None` leaves pages as large as IAM allows.
    pub(crate) page: Option<u32>,
    pub(crate) details_pages: PageStyle,
    pub(crate) settings: SystemSettings,
    pub(crate) login_profiles: LoginProfileSource,
    pub(crate) policy_scope: PolicyScope,
    pub(crate) thresholds: Thresholds,
}

impl Default for Setup {
    /// Two dozen users on small pages; login profiles from the report; thresholds out of the way.
    fn default() -> Self {
        Self {
            population: Population { users: 23, groups: 7, customer_policies: 8, roles: 1 },
            page: Some(7),
            details_pages: PageStyle::default(),
            settings: SystemSettings { max_concurrent_requests: 8, ..SystemSettings::default() },
            login_profiles: LoginProfileSource::CredentialReport,
            policy_scope: PolicyScope::Customer,
            thresholds: no_thresholds(),
        }
    }
}

/// Limits that nothing but "never all of them" exceeds.
pub(crate) fn no_thresholds() -> Thresholds {
    let none = Limits {
        deleted: None,
        deleted_percent: None,
        changed_percent: None,
        changed: None,
        created_percent: None,
        created: None,
    };
    Thresholds { small: none, medium: none, large: none }
}

/// An account with nothing but the connector and what a test adds, thresholds as they are by default.
pub(crate) fn empty() -> Setup {
    Setup {
        population: Population { users: 0, groups: 0, customer_policies: 0, roles: 0 },
        page: None,
        thresholds: Thresholds::default(),
        ..Setup::default()
    }
}

pub(crate) struct World {
    pub(crate) sandbox: Running,
    pub(crate) store: Arc<Store>,
    pub(crate) url: DatabaseUrl,
    pub(crate) key: StoreKey,
    pub(crate) id: SystemId,
    pub(crate) profile: ImportProfile,
    pub(crate) patience: Patience,
    pub(crate) clock: Clock,
    pub(crate) connector: AwsConnector,
    door: Option<Door>,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn start(setup: Setup) -> Self {
        let sandbox = Sandbox::start(Options {
            accounts: vec![
                AccountSeed { account_id: ACCOUNT.to_owned(), population: setup.population },
                AccountSeed {
                    account_id: OTHER.to_owned(),
                    population: Population { users: 9, groups: 3, customer_policies: 9, roles: 0 },
                },
            ],
            verify_signatures: setup.page.is_none(),
            details_pages: setup.details_pages,
            report: ReportStyle { asks_in_progress: 0, quoted: true },
            ..Options::default()
        })
        .await
        .unwrap();
        let door = match setup.page {
            Some(page) => Some(Door::open(&sandbox.endpoint_url(), page).await),
            None => None,
        };
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let key = StoreKey::create_file(&folder.path().join(KEY_FILE)).unwrap();
        let clock = Clock::system();
        let store = Store::create(&url, key.clone(), clock.now()).await.unwrap();
        let id = SystemId::new("prod").unwrap();
        let access_key = sandbox.connector_key(ACCOUNT).unwrap();
        let new = NewSystem {
            system_id: id.clone(),
            name: SystemName::new("Production").unwrap(),
            category: "AWS".to_owned(),
            region: None,
            credential: CredentialKind::AccessKey { access_key_id: access_key.access_key_id },
            secret: Some(Secret::new(access_key.secret_access_key)),
            aws_account_id: Some(ACCOUNT.parse().unwrap()),
            partition: Some("aws".to_owned()),
            settings: setup.settings,
        };
        store.create_system(new, "local:test", clock.now()).await.unwrap();
        let mut profile = ImportProfile::default_named("default".parse().unwrap());
        profile.login_profile_source = setup.login_profiles;
        profile.policy_scope = setup.policy_scope;
        profile.thresholds = setup.thresholds;
        let endpoint = door.as_ref().map_or_else(|| sandbox.endpoint_url(), Door::url);
        let connector = connect(&endpoint, connector_key(&sandbox, ACCOUNT)).await;
        Self {
            store: Arc::new(store),
            url,
            key,
            id,
            profile,
            patience: Patience {
                attempts: 3,
                first_wait: Duration::from_millis(1),
                longest_wait: Duration::from_millis(5),
                throttled_for: Duration::from_millis(300),
                report_wait: Duration::from_secs(2),
            },
            clock,
            connector,
            sandbox,
            door,
            _folder: folder,
        }
    }

    /// A world whose first import is published.
    pub(crate) async fn imported(setup: Setup) -> Self {
        let world = Self::start(setup).await;
        world.published().await;
        world
    }

    /// Signs in with other credentials from now on.
    pub(crate) async fn connect_as(&mut self, credential: Credential) {
        let endpoint = self.door.as_ref().map_or_else(|| self.sandbox.endpoint_url(), Door::url);
        self.connector = connect(&endpoint, credential).await;
    }

    /// Imports with a pacer of its own, so that a throttling is forgotten with its run.
    pub(crate) async fn try_import(
        &self,
        profile: &ImportProfile,
        preview: bool,
    ) -> Result<ImportRun, ImportError> {
        let system = self.store.get_system(&self.id).await.unwrap();
        self.import_of(&system, profile, preview).await
    }

    /// As [`World::try_import`], without a call to the store beside those of the import.
    pub(crate) async fn import_of(
        &self,
        system: &System,
        profile: &ImportProfile,
        preview: bool,
    ) -> Result<ImportRun, ImportError> {
        let importer = self.importer();
        let request = ImportRequest { system, profile, actor: "local:test", preview };
        importer.run(&self.connector, request, &Progress::default()).await
    }

    pub(crate) fn importer(&self) -> Importer {
        Importer {
            store: Arc::clone(&self.store),
            clock: self.clock,
            patience: self.patience,
            pacers: Arc::default(),
            lease: Duration::from_secs(60),
            under_way: UnderWay::default(),
        }
    }

    pub(crate) async fn import(&self) -> ImportRun {
        self.try_import(&self.profile, false).await.unwrap()
    }

    pub(crate) async fn published(&self) -> ImportRun {
        let run = self.import().await;
        assert_eq!(run.state, ImportRunState::Published, "{run:#?}");
        run
    }

    pub(crate) async fn inventory(&self) -> Inventory {
        self.store.current_inventory(&self.id).await.unwrap()
    }

    /// Everything that readers see, as text that is equal only when all of it is.
    pub(crate) async fn dump(&self) -> String {
        canonical_json(&self.inventory().await).unwrap()
    }

    /// What is so, whichever run said so and when.
    pub(crate) async fn facts(&self) -> String {
        facts(&self.inventory().await)
    }

    pub(crate) fn mutate(&self, changes: &[Mutation]) {
        self.sandbox.mutate(ACCOUNT, changes).unwrap();
    }

    /// Rules that must all fire, in the place of those before.
    pub(crate) fn plant(&self, rules: impl IntoIterator<Item = FaultRule>) {
        self.sandbox.clear_faults();
        for rule in rules {
            self.sandbox.add_fault(rule.min_fires(1));
        }
    }

    /// Takes the rules back; all of them must have fired.
    #[track_caller]
    pub(crate) fn all_fired(&self) {
        assert_eq!(self.sandbox.unfired(), [], "a planted fault was not met");
        self.sandbox.clear_faults();
    }

    /// The pages of the needed listings, found by a preview.
    pub(crate) async fn pages(&self) -> Vec<(String, u32)> {
        self.sandbox.clear_trace();
        let run = self.try_import(&self.profile, true).await.unwrap();
        assert_eq!(run.state, ImportRunState::Previewed, "{run:#?}");
        let calls = self.sandbox.trace().into_iter();
        let listed = calls.filter(|call| NEEDED.contains(&call.action.as_str()));
        let pages: BTreeSet<_> = listed.map(|call| (call.action, call.page)).collect();
        pages.into_iter().collect()
    }

    /// Names of users, the connector left out.
    pub(crate) fn users(&self) -> Vec<String> {
        self.names("users").into_iter().filter(|name| name != "keyreeve-connector").collect()
    }

    pub(crate) fn groups(&self) -> Vec<String> {
        self.names("groups")
    }

    pub(crate) fn state(&self) -> Value {
        self.sandbox.state(ACCOUNT).unwrap()
    }

    fn names(&self, kind: &str) -> Vec<String> {
        let state = self.state();
        let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
        state[kind].as_array().unwrap().iter().map(name).collect()
    }
}

pub(crate) async fn connect(endpoint: &str, credential: Credential) -> AwsConnector {
    let mut options = ConnectOptions::new(credential);
    options.environment.insert("AWS_ENDPOINT_URL".to_owned(), endpoint.to_owned());
    options.region = Some("us-east-1".to_owned());
    options.request_timeout = Duration::from_secs(10);
    AwsConnector::connect(options).await.unwrap()
}

pub(crate) fn connector_key(sandbox: &Running, account: &str) -> Credential {
    let key = sandbox.connector_key(account).unwrap();
    Credential::AccessKey {
        access_key_id: key.access_key_id,
        secret_access_key: Secret::new(key.secret_access_key),
    }
}

/// An inventory without the numbers of runs and the ages of readings.
pub(crate) fn facts(inventory: &Inventory) -> String {
    let mut value = serde_json::to_value(inventory).unwrap();
    for list in value.as_object_mut().unwrap().values_mut() {
        for object in list.as_array_mut().unwrap() {
            let object = object.as_object_mut().unwrap();
            object.retain(|field, _| {
                !matches!(field.as_str(), "first_seen_run" | "last_seen_run" | "credentials")
            });
        }
    }
    value.to_string()
}

/// A rule for a page of a listing.
pub(crate) fn on_page(action: &str, page: u32, effect: Effect) -> FaultRule {
    FaultRule::new(action, effect).page(page)
}

pub(crate) fn deleted(run: &ImportRun) -> u64 {
    run.changes.accounts.deleted + run.changes.resources.deleted + run.changes.assignments.deleted
}

pub(crate) fn collection(run: &ImportRun, name: CollectionName) -> &CollectionRecord {
    run.collections.iter().find(|record| record.name == name).unwrap()
}

pub(crate) fn state_of(run: &ImportRun, name: CollectionName) -> CollectionState {
    collection(run, name).state
}

pub(crate) fn warned(run: &ImportRun, code: &str) -> bool {
    run.warnings.iter().any(|warning| warning.code == code)
}

/// A run that failed, deleted nothing, and left readers with what they saw before.
pub(crate) async fn assert_failed(world: &World, run: &ImportRun, before: &str, case: &str) {
    assert_eq!(run.state, ImportRunState::Failed, "{case}: {run:#?}");
    assert!(run.failure.is_some(), "{case}");
    assert_eq!(deleted(run), 0, "{case}");
    assert!(world.dump().await == before, "{case}: readers see something else than before");
}
