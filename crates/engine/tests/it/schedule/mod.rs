//! What happens by itself, on a clock that is moved by hand: scheduled imports and chores, with the real connector
//! against the sandbox, over a real store.

mod desk;
mod duties;
mod r17_clocks;
mod r42_schedules;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use keyreeve_connector::Connector;
use keyreeve_engine::check::Check;
use keyreeve_engine::clock::{Clock, Hand};
use keyreeve_engine::connections::Connections;
use keyreeve_engine::import::{Importer, Patience, UnderWay};
use keyreeve_engine::pace::Pacers;
use keyreeve_engine::schedule::{Happened, Scheduler};
use keyreeve_model::{
    CredentialKind, ImportProfile, ImportRun, ImportRunState, LoginProfileSource, PermissionProfile,
    PolicyScope, Secret, System, SystemId, SystemName, SystemSettings,
};
use keyreeve_sandbox::{AccountSeed, Options, Population, Running, Sandbox};
use keyreeve_store::{DatabaseUrl, NewSystem, Store, StoreKey};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::harness::{connect, connector_key, no_thresholds};

/// No event of a test is waited for longer.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) fn at(text: &str) -> Timestamp {
    format!("2031-05-{text}:00Z").parse().unwrap()
}

pub(crate) fn id(number: usize) -> SystemId {
    SystemId::new(format!("s{number}")).unwrap()
}

pub(crate) fn account(number: usize) -> String {
    format!("{:012}", 100_000_000_000_u64 + number as u64)
}

/// The accounts of so many systems, each once.
fn unlike(systems: usize, account: &impl Fn(usize) -> String) -> Vec<String> {
    let mut accounts: Vec<_> = (0..systems).map(account).collect();
    accounts.dedup();
    accounts
}

/// What is done with a system instead of connecting to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// There is no way in.
    Shut,
    /// Whoever tries comes to grief.
    Trapped,
}

/// The way to all systems of an office.
pub(crate) struct Doors {
    endpoint: String,
    keys: HashMap<SystemId, keyreeve_aws::Credential>,
    closed: Mutex<HashMap<SystemId, Door>>,
    clock: Clock,
    /// Who was tried, and when.
    pub(crate) tried: Mutex<Vec<(SystemId, Timestamp)>>,
}

#[async_trait]
impl Connections for Doors {
    async fn connect(
        &self,
        system: &System,
    ) -> Result<Box<dyn Connector>, Box<dyn std::error::Error + Send + Sync>> {
        let id = &system.system_id;
        self.tried.lock().unwrap().push((id.clone(), self.clock.now()));
        let door = self.closed.lock().unwrap().get(id).copied();
        match door {
            Some(Door::Shut) => return Err("the secret of the access key is not in the store".into()),
            Some(Door::Trapped) => panic!("a planted panic"),
            None => {}
        }
        Ok(Box::new(connect(&self.endpoint, self.keys[id].clone()).await))
    }

    async fn connect_with(
        &self,
        _: &CredentialKind,
        _: Option<Secret>,
        _: Option<&str>,
    ) -> Result<Box<dyn Connector>, Box<dyn std::error::Error + Send + Sync>> {
        Err("there are no other doors".into())
    }

    async fn check(&self, _: &System) -> Result<Vec<Check>, Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing is checked here".into())
    }

    fn partition_of_region(&self, _: &str) -> Option<&'static str> {
        None
    }
}

/// Systems of one account each, a store, and a clock that is moved by hand.
pub(crate) struct Office {
    pub(crate) sandbox: Running,
    pub(crate) store: Arc<Store>,
    pub(crate) hand: &'static Hand,
    pub(crate) clock: Clock,
    pub(crate) doors: Arc<Doors>,
    pub(crate) pacers: Arc<Pacers>,
    url: DatabaseUrl,
    key: StoreKey,
    _folder: TempDir,
}

impl Office {
    /// So many systems, at 00:30 on the 10th of May 2031.
    pub(crate) async fn open(systems: usize) -> Self {
        Self::with(systems, account, SystemSettings::default()).await
    }

    pub(crate) async fn with(
        systems: usize,
        account: impl Fn(usize) -> String,
        settings: SystemSettings,
    ) -> Self {
        let population = Population { users: 3, groups: 2, customer_policies: 2, roles: 0 };
        let seed = |account_id| AccountSeed { account_id, population };
        let options = Options {
            accounts: unlike(systems, &account).into_iter().map(seed).collect(),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let key = StoreKey::generate().unwrap();
        let hand = Hand::new();
        let clock = Clock::system().moved_by(hand);
        let store = Store::create(&url, key.clone(), clock.now()).await.unwrap();
        let mut keys = HashMap::new();
        for number in 0..systems {
            let access_key = sandbox.connector_key(&account(number)).unwrap();
            keys.insert(id(number), connector_key(&sandbox, &account(number)));
            let new = NewSystem {
                system_id: id(number),
                name: SystemName::new(format!("System {number}")).unwrap(),
                category: "AWS".to_owned(),
                region: None,
                credential: CredentialKind::AccessKey { access_key_id: access_key.access_key_id },
                secret: Some(Secret::new(access_key.secret_access_key)),
                aws_account_id: Some(account(number).parse().unwrap()),
                partition: Some("aws".to_owned()),
                settings: settings.clone(),
            };
            store.create_system(new, "local:test", clock.now()).await.unwrap();
        }
        let doors = Doors {
            endpoint: sandbox.endpoint_url(),
            keys,
            closed: Mutex::default(),
            clock,
            tried: Mutex::default(),
        };
        let office = Self {
            sandbox,
            store: Arc::new(store),
            hand,
            clock,
            doors: Arc::new(doors),
            pacers: Arc::default(),
            url,
            key,
            _folder: folder,
        };
        office.set_clock(at("10T00:30"));
        office
    }

    pub(crate) fn set_clock(&self, to: Timestamp) {
        let ahead = to.duration_since(self.clock.now());
        self.hand.turn(i64::try_from(ahead.as_millis()).unwrap());
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.hand.turn(i64::try_from(by.as_millis()).unwrap());
    }

    pub(crate) fn shut(&self, system: usize, door: Option<Door>) {
        let mut closed = self.doors.closed.lock().unwrap();
        match door {
            Some(door) => closed.insert(id(system), door),
            None => closed.remove(&id(system)),
        };
    }

    /// When a system was tried.
    pub(crate) fn tried(&self, system: usize) -> Vec<Timestamp> {
        let tried = self.doors.tried.lock().unwrap();
        tried.iter().filter(|(tried, _)| *tried == id(system)).map(|(_, at)| *at).collect()
    }

    /// Has the first system imported once.
    pub(crate) async fn imported(&self) {
        self.schedule(0, "default", "0 1 * * *").await;
        self.set_clock(at("10T01:00"));
        let mut shift = self.run();
        shift.began().await;
        assert_eq!(shift.ended().await.state, ImportRunState::Published);
        shift.stop().await;
    }

    /// The names of a system's users that are no connectors.
    pub(crate) fn users(&self, system: usize) -> Vec<String> {
        let state = self.sandbox.state(&account(system)).unwrap();
        let names = state["users"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap());
        names
            .filter(|name| *name != "administrator" && !name.starts_with("keyreeve-"))
            .map(str::to_owned)
            .collect()
    }

    /// Gives a profile of a system a schedule, in UTC.
    pub(crate) async fn schedule(&self, system: usize, profile: &str, expression: &str) {
        let profile = ImportProfile {
            schedule: Some(expression.parse().unwrap()),
            login_profile_source: LoginProfileSource::PerUser,
            policy_scope: PolicyScope::Customer,
            thresholds: no_thresholds(),
            ..ImportProfile::default_named(profile.parse().unwrap())
        };
        self.store.put_import_profile(&id(system), &profile, "local:test", self.clock.now()).await.unwrap();
    }

    pub(crate) fn importer(&self, store: Arc<Store>) -> Importer {
        Importer {
            store,
            clock: self.clock,
            patience: Patience {
                attempts: 3,
                first_wait: Duration::from_millis(1),
                longest_wait: Duration::from_millis(5),
                throttled_for: Duration::from_millis(300),
                report_wait: Duration::from_secs(2),
            },
            pacers: Arc::clone(&self.pacers),
            under_way: UnderWay::default(),
            lease: Duration::from_secs(60),
        }
    }

    pub(crate) fn scheduler(&self, store: Arc<Store>) -> Scheduler {
        Scheduler {
            importer: self.importer(store),
            connections: Arc::<Doors>::clone(&self.doors),
            at_once: 4,
            look_every: Duration::from_millis(100),
        }
    }

    /// Another process on the same store.
    pub(crate) async fn another_store(&self) -> Arc<Store> {
        Arc::new(Store::open(&self.url, self.key.clone()).await.unwrap())
    }

    pub(crate) fn run(&self) -> Shift {
        Shift::begin(self.scheduler(Arc::clone(&self.store)))
    }

    /// The runs of a system, the oldest first.
    pub(crate) async fn runs(&self, system: usize) -> Vec<ImportRun> {
        let mut runs = self.store.list_import_runs(&id(system), None, 1000).await.unwrap();
        runs.reverse();
        runs
    }
}

/// A scheduler that is running.
pub(crate) struct Shift {
    happened: mpsc::UnboundedReceiver<Happened>,
    stop: watch::Sender<bool>,
    ended: tokio::task::JoinHandle<()>,
}

impl Shift {
    pub(crate) fn begin(scheduler: Scheduler) -> Self {
        let (tell, happened) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        // Whoever listened may have gone.
        let ended = scheduler.start(stopped, move |what| drop(tell.send(what)));
        Self { happened, stop, ended }
    }

    /// The next thing that happens.
    pub(crate) async fn next(&mut self) -> Happened {
        tokio::time::timeout(PATIENCE, self.happened.recv()).await.expect("nothing happens").unwrap()
    }

    /// The next import that begins: which system, which profile, for which time.
    #[track_caller]
    pub(crate) fn began(&mut self) -> impl Future<Output = (SystemId, String, Timestamp)> {
        let place = std::panic::Location::caller();
        async move {
            match self.next().await {
                Happened::Began { system_id, profile, at, .. } => (system_id, profile.to_string(), at),
                other => panic!("{place}: {other:?}"),
            }
        }
    }

    /// The next import that ends.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> impl Future<Output = ImportRun> {
        let place = std::panic::Location::caller();
        async move {
            match self.next().await {
                Happened::Ended(run) => *run,
                other => panic!("{place}: {other:?}"),
            }
        }
    }

    /// The next time that is passed over: which system, for which time, and why.
    #[track_caller]
    pub(crate) fn passed_over(&mut self) -> impl Future<Output = (SystemId, Timestamp, String)> {
        let place = std::panic::Location::caller();
        async move {
            loop {
                match self.next().await {
                    Happened::PassedOver { system_id, at, reason, .. } => return (system_id, at, reason),
                    Happened::Began { .. } => {}
                    other => panic!("{place}: {other:?}"),
                }
            }
        }
    }

    /// Stops, and gives what happened meanwhile.
    pub(crate) async fn stop(mut self) -> Vec<Happened> {
        self.stop.send_replace(true);
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it stops").unwrap();
        let mut rest = Vec::new();
        while let Ok(one) = self.happened.try_recv() {
            rest.push(one);
        }
        rest
    }
}
