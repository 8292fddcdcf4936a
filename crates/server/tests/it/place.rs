//! A place for a test: a sandbox, a store with two imported systems, and a server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyreeve_aws::{AwsConnector, ConnectOptions, Credential, PolicyScope};
use keyreeve_connector::Connector;
use keyreeve_engine::check::Check;
use keyreeve_engine::clock::Clock;
use keyreeve_engine::connections::{Connections, NotConnected};
use keyreeve_engine::desk::{Bell, Desk};
use keyreeve_engine::import::{ImportRequest, Importer, Patience, Progress, UnderWay};
use keyreeve_engine::own_policy::{PolicyAsked, PolicyFacts, WrittenPolicy};
use keyreeve_engine::pace::Pacers;
use keyreeve_engine::people::{Passwords, SignIn};
use keyreeve_engine::provisioning::{Rules, Worker};
use keyreeve_engine::schedule::Duties;
use keyreeve_engine::systems::secret_of;
use keyreeve_engine::threads::Threads;
use keyreeve_engine::tokens::MadeToken;
use keyreeve_model::{
    CredentialKind, ImportProfile, ImportRunState, PermissionProfile, Role, RoleBase, Secret, System,
    SystemId, SystemName, SystemSettings,
};
use keyreeve_sandbox::{AccountSeed, Options, Population, Running, Sandbox};
use keyreeve_server::{Discoveries, Door, Parts, Server, Site};
use keyreeve_store::{DatabaseUrl, NewPerson, NewSystem, NewToken, SessionLife, Store, StoreKey};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// The AWS accounts of the two systems.
const ACCOUNTS: [(&str, &str); 2] = [("prod", PROD_ACCOUNT), ("test", "444455556666")];
/// The AWS account of the system `prod`.
pub(crate) const PROD_ACCOUNT: &str = "111122223333";
/// The password of everybody who is added.
pub(crate) const PASSWORD: &str = "a sentence of some words";
/// Users in each.
pub(crate) const USERS: u32 = 40;

pub(crate) struct Place {
    pub(crate) store: Arc<Store>,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    client: reqwest::Client,
    admin: String,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    pub(crate) sandbox: Running,
    by_itself: JoinHandle<()>,
    told: watch::Sender<bool>,
    folder: TempDir,
}

pub(crate) fn system(id: &str) -> SystemId {
    SystemId::new(id).unwrap()
}

fn usual() -> SystemSettings {
    SystemSettings {
        permission_profile: PermissionProfile::Full,
        max_deletes: 1,
        ..SystemSettings::default()
    }
}

impl Place {
    pub(crate) async fn start() -> Self {
        Self::with(usual()).await
    }

    /// A place whose systems have these settings.
    pub(crate) async fn with(settings: SystemSettings) -> Self {
        Self::shaped(settings, |server, _| server).await
    }

    /// With a server that is set up otherwise.
    pub(crate) async fn start_as(shape: impl FnOnce(Server, Parts) -> Server) -> Self {
        Self::shaped(usual(), shape).await
    }

    /// Where people come in otherwise.
    pub(crate) async fn with_door(door: impl FnOnce(&str, SignIn, Clock) -> Door) -> Self {
        Self::made(usual(), door, |server, _| server).await
    }

    async fn shaped(settings: SystemSettings, shape: impl FnOnce(Server, Parts) -> Server) -> Self {
        let site = Site::new(None, false, true);
        Self::made(settings, |_, sign_in, _| Door { sign_in, site, provider: None }, shape).await
    }

    async fn made(
        settings: SystemSettings,
        door: impl FnOnce(&str, SignIn, Clock) -> Door,
        shape: impl FnOnce(Server, Parts) -> Server,
    ) -> Self {
        let population = Population { users: USERS, groups: 6, customer_policies: 8, roles: 0 };
        let seed =
            |(_, account): &(&str, &str)| AccountSeed { account_id: (*account).to_owned(), population };
        let options = Options { accounts: ACCOUNTS.iter().map(seed).collect(), ..Options::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let store = Store::create(&url, StoreKey::generate().unwrap(), clock.now()).await.unwrap();
        let store = Arc::new(store);
        for (id, account) in ACCOUNTS {
            import(&store, &sandbox, clock, &settings, (id, account)).await;
        }
        sandbox.clear_trace();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, asked) = oneshot::channel();
        let connections: Arc<dyn Connections> =
            Arc::new(Ways { store: Arc::clone(&store), clock, endpoint: sandbox.endpoint_url() });
        let pacers = Arc::<Pacers>::default();
        let desk = Desk {
            store: Arc::clone(&store),
            clock,
            pacers: Arc::clone(&pacers),
            connections: Arc::clone(&connections),
            bell: Bell::default(),
        };
        let worker = Worker {
            store: Arc::clone(&store),
            clock,
            patience: Patience::default(),
            rules: Rules { first_wait: Duration::from_millis(5), ..Rules::default() },
            pacers,
            places: Arc::default(),
            elsewhere: keyreeve_engine::provisioning::Elsewhere::Leave,
            lease: Duration::from_secs(60),
            name: "test:1".to_owned(),
        };
        let duties = Duties {
            worker,
            connections,
            bell: desk.bell.clone(),
            // What is done at once is done because the bell rings.
            leave: Duration::from_secs(600),
            every: Duration::from_secs(600),
            quiet: Duration::from_secs(600),
            at_once: 4,
            history_days: None,
        };
        let (told, tell) = watch::channel(false);
        let by_itself = duties.start(tell.clone(), |_| {});
        let parts = Parts {
            store: Arc::clone(&store),
            clock,
            desk,
            importer: importer(&store, clock),
            planning: Threads::new(4),
            importing: Threads::new(2),
            discoveries: Discoveries::default(),
            door: door(&url, sign_in(&store), clock),
            stop: tell,
        };
        let server = shape(Server::new(parts.clone()), parts);
        let server = tokio::spawn(server.run(listener, async move {
            let _ = asked.await;
        }));
        let client = reqwest::Client::new();
        let admin = String::new();
        let mut place = Self {
            store,
            url,
            clock,
            client,
            admin,
            stop: Some(stop),
            server,
            sandbox,
            by_itself,
            told,
            folder,
        };
        place.admin = place.token(Role::Admin, &[]).await;
        place
    }

    /// Makes a token.
    pub(crate) async fn token(&self, role: Role, systems: &[&str]) -> String {
        self.token_until(role, systems, None).await
    }

    pub(crate) async fn token_until(
        &self,
        role: Role,
        systems: &[&str],
        expires_at: Option<jiff::Timestamp>,
    ) -> String {
        let owner = format!("{}-{}", role.as_str(), systems.join("+"));
        self.minted(&owner, role, systems, expires_at).await
    }

    /// A token of somebody.
    pub(crate) async fn token_of(&self, owner: &str, role: Role, systems: &[&str]) -> String {
        self.minted(owner, role, systems, None).await
    }

    async fn minted(
        &self,
        owner: &str,
        role: Role,
        systems: &[&str],
        expires_at: Option<jiff::Timestamp>,
    ) -> String {
        let made = MadeToken::generate().unwrap();
        let new = NewToken {
            id: made.id.clone(),
            secret_sha256: made.secret_sha256,
            owner: owner.to_owned(),
            role,
            systems: systems.iter().map(|id| system(id)).collect(),
            expires_at,
        };
        self.store.create_token(&new, "local:test", self.clock.now()).await.unwrap();
        made.text.expose().to_owned()
    }

    /// Adds somebody whose password is [`PASSWORD`].
    pub(crate) async fn person(&self, name: &str, role: Role, systems: &[&str]) {
        let password_hash = Passwords::hash(&Secret::new(PASSWORD.to_owned())).unwrap();
        let systems = systems.iter().map(|id| system(id)).collect();
        let new = NewPerson { name: name.parse().unwrap(), role, systems, password_hash };
        self.store.add_person(&new, "local:test", self.clock.now()).await.unwrap();
    }

    /// Signs somebody in: what their browser sends from then on.
    pub(crate) async fn cookie(&self, name: &str) -> String {
        let body = serde_json::json!({"name": name, "password": PASSWORD});
        let request = self.request(Method::POST, "/api/v1/session", None).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let set = answer.headers()[reqwest::header::SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    /// A request with a token, or without.
    pub(crate) fn request(&self, method: Method, address: &str, token: Option<&str>) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{address}", self.url));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// What an admin gets.
    pub(crate) async fn get(&self, address: &str) -> Value {
        let (status, body) = self.ask(address, Some(&self.admin)).await;
        assert_eq!(status, StatusCode::OK, "{address}: {body}");
        body
    }

    /// The status and the body.
    pub(crate) async fn ask(&self, address: &str, token: Option<&str>) -> (StatusCode, Value) {
        let answer = self.request(Method::GET, address, token).send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// All entries of a list, page by page.
    pub(crate) async fn all(&self, address: &str, limit: u32) -> Vec<Value> {
        let sign = if address.contains('?') { '&' } else { '?' };
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{address}{sign}limit={limit}{cursor}")).await;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit as usize);
            found.extend(items.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    }

    /// The names of some people of the system `prod`.
    pub(crate) async fn people(&self) -> Vec<String> {
        let accounts = self.all("/api/v1/systems/prod/accounts", 100).await;
        let names = accounts.iter().map(|account| account["name"].as_str().unwrap());
        names.filter(|name| name.contains('.')).map(str::to_owned).collect()
    }

    /// Tells the server to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        self.told.send_replace(true);
        let _ = self.stop.take().unwrap().send(());
        self.by_itself.await.unwrap();
        self.server.await.unwrap();
    }
}

async fn import(
    store: &Arc<Store>,
    sandbox: &Running,
    clock: Clock,
    settings: &SystemSettings,
    which: (&str, &str),
) {
    let system = register(store, sandbox, clock, settings, which).await;
    run_import(store, sandbox, clock, &system).await;
}

async fn register(
    store: &Arc<Store>,
    sandbox: &Running,
    clock: Clock,
    settings: &SystemSettings,
    (id, account): (&str, &str),
) -> System {
    let key = sandbox.connector_key(account).unwrap();
    let secret = Secret::new(key.secret_access_key);
    let new = NewSystem {
        system_id: system(id),
        name: SystemName::new(format!("System {id}")).unwrap(),
        category: "AWS".to_owned(),
        region: None,
        credential: CredentialKind::AccessKey { access_key_id: key.access_key_id.clone() },
        secret: Some(secret),
        aws_account_id: Some(account.parse().unwrap()),
        partition: Some("aws".to_owned()),
        settings: settings.clone(),
    };
    store.create_system(new, "local:test", clock.now()).await.unwrap()
}

async fn run_import(store: &Arc<Store>, sandbox: &Running, clock: Clock, system: &System) {
    let ways = Ways { store: Arc::clone(store), clock, endpoint: sandbox.endpoint_url() };
    let connector = ways.connect(system).await.unwrap();
    let importer = importer(store, clock);
    let profile = ImportProfile::default_named("default".parse().unwrap());
    let request = ImportRequest { system, profile: &profile, actor: "local:test", preview: false };
    let run = importer.run(&*connector, request, &Progress::default()).await.unwrap();
    assert_eq!(run.state, ImportRunState::Published);
}

fn sign_in(store: &Arc<Store>) -> SignIn {
    let life =
        SessionLife { at_most: Duration::from_secs(3_600), idle: Duration::from_secs(600), at_once: 3 };
    SignIn::new(Arc::clone(store), life).unwrap()
}

fn importer(store: &Arc<Store>, clock: Clock) -> Importer {
    Importer {
        store: Arc::clone(store),
        clock,
        patience: Patience::default(),
        pacers: Arc::default(),
        lease: Duration::from_secs(60),
        under_way: UnderWay::default(),
    }
}

/// The way to the systems, as they sign in.
struct Ways {
    store: Arc<Store>,
    clock: Clock,
    endpoint: String,
}

#[async_trait]
impl Connections for Ways {
    async fn connect(&self, system: &System) -> Result<Box<dyn Connector>, NotConnected> {
        let secret = secret_of(&self.store, self.clock, system).await?;
        self.connect_with(&system.credential, secret, Some("us-east-1")).await
    }

    async fn connect_with(
        &self,
        credential: &CredentialKind,
        secret: Option<Secret>,
        region: Option<&str>,
    ) -> Result<Box<dyn Connector>, NotConnected> {
        let key = |access_key_id: &String, secret: Option<Secret>| {
            let secret_access_key = secret.ok_or("no secret")?;
            Ok::<_, NotConnected>(Credential::AccessKey {
                access_key_id: access_key_id.clone(),
                secret_access_key,
            })
        };
        let credential = match credential {
            CredentialKind::AccessKey { access_key_id } => key(access_key_id, secret)?,
            CredentialKind::Role {
                role_arn,
                external_id,
                base: Some(RoleBase::AccessKey { access_key_id }),
                ..
            } => Credential::Role {
                role_arn: role_arn.clone(),
                external_id: Some(external_id.clone()),
                base: Box::new(key(access_key_id, secret)?),
            },
            _ => return Err("no access key".into()),
        };
        let mut options = ConnectOptions::new(credential);
        options.region = Some(region.unwrap_or("us-east-1").to_owned());
        options.environment.insert("AWS_ENDPOINT_URL".to_owned(), self.endpoint.clone());
        Ok(Box::new(AwsConnector::connect(options).await?))
    }

    fn write_policy(&self, facts: &PolicyFacts, asked: &PolicyAsked) -> Result<WrittenPolicy, String> {
        let partition = asked.partition.as_deref().or(facts.partition.as_deref()).unwrap_or("aws");
        let mut scope = PolicyScope::new(asked.profile.unwrap_or(facts.permission_profile), partition);
        scope.paths.clone_from(&asked.limits.path);
        let documents = scope.documents().map_err(|error| error.to_string())?;
        let documents = documents.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        Ok(WrittenPolicy { documents, becomes_administrator_by: Vec::new() })
    }

    async fn check(&self, system: &System) -> Result<Vec<Check>, NotConnected> {
        let identity = self.connect(system).await?.identify().await?;
        Ok(vec![Check::ok("identity", identity.arn)])
    }

    fn partition_of_region(&self, region: &str) -> Option<&'static str> {
        keyreeve_aws::partition_of_region(region)
    }
}

impl Place {
    /// What an admin sends: the status and the body.
    pub(crate) async fn post(&self, address: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Method::POST, address, self.admin(), body).await
    }

    /// The status and the body.
    pub(crate) async fn send(
        &self,
        method: Method,
        address: &str,
        token: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let answer = self.request(method, address, Some(token)).json(body).send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Waits until a thing has come to its end, and gives it.
    pub(crate) async fn ended(&self, address: &str) -> Value {
        for _ in 0..2_000 {
            let thing = self.get(address).await;
            if !thing["finished_at"].is_null() {
                return thing;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{address} does not end: {}", self.get(address).await);
    }

    /// As [`Place::ended`], also for a run that waits for a person.
    pub(crate) async fn ended_or_suspended(&self, address: &str) -> Value {
        for _ in 0..2_000 {
            let thing = self.get(address).await;
            if thing["state"] != "running" {
                return thing;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{address} does not end: {}", self.get(address).await);
    }

    /// Imports a system once more.
    pub(crate) async fn import(&self, id: &str) {
        let system = self.store.get_system(&system(id)).await.unwrap();
        run_import(&self.store, &self.sandbox, self.clock, &system).await;
    }

    /// Registers the AWS account of `prod` as one more system, which is not imported.
    pub(crate) async fn not_imported(&self, id: &str) {
        let settings = usual();
        register(&self.store, &self.sandbox, self.clock, &settings, (id, ACCOUNTS[0].1)).await;
    }

    /// A user of the system `prod` as AWS has it, by name.
    pub(crate) fn in_aws(&self, name: &str) -> Option<Value> {
        let state = self.sandbox.state(ACCOUNTS[0].1).unwrap();
        state["users"].as_array().unwrap().iter().find(|user| user["name"] == name).cloned()
    }

    /// So many files of the store have this text in them.
    pub(crate) fn files_with(&self, text: &str) -> usize {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let has = |path: &std::path::PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(text.len()).any(|some| some.eq_ignore_ascii_case(text.as_bytes()))
        };
        files.filter(has).count()
    }

    /// So many calls of one kind were made.
    pub(crate) fn calls(&self, action: &str) -> usize {
        self.sandbox.trace().iter().filter(|call| call.action == action).count()
    }

    /// The calls of the sandbox that change something, by the name of the action.
    pub(crate) fn writes(&self) -> Vec<String> {
        const READS: [&str; 3] = ["Get", "List", "Simulate"];
        let trace = self.sandbox.trace().into_iter().map(|call| call.action);
        trace.filter(|action| !READS.iter().any(|read| action.starts_with(read))).collect()
    }
}
