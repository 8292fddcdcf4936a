//! A sandbox, a data folder of its own, and the binary in a cleared environment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use keyreeve_sandbox::{AccountSeed, ConnectorKey, Mutation, Options, Population, Running, Sandbox};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const OTHER_ACCOUNT: &str = "210987654321";
pub(crate) const SYSTEM: &str = "example";

/// Where a test works.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    /// A schema of its own on the PostgreSQL for tests, and the address of it; without it a file.
    pub(crate) schema: Option<(String, String)>,
    pub(crate) sandbox: Running,
    /// Last, so that it outlives what runs on it.
    runtime: Runtime,
}

/// What a command left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same, having ended with this code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, expected, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Place {
    /// Two accounts, the first with this many made-up users.
    pub(crate) fn with_users(users: u32) -> Self {
        let population = Population { users, groups: 3, customer_policies: 4, roles: 0 };
        let options = Options {
            accounts: vec![
                AccountSeed { account_id: ACCOUNT.to_owned(), population },
                AccountSeed::empty(OTHER_ACCOUNT),
            ],
            seed: 7,
            ..Options::default()
        };
        Self::with_options(options)
    }

    /// A sandbox of one's own making.
    pub(crate) fn with_options(options: Options) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), schema: None, sandbox, runtime }
    }

    /// The same with its store on PostgreSQL, in a schema of its own.
    pub(crate) fn on_postgres(self) -> Self {
        let server = std::env::var("KEYREEVE_TEST_POSTGRES").expect(
            "KEYREEVE_TEST_POSTGRES is not set: it names the PostgreSQL server for tests; `cargo xtask test` starts one",
        );
        self.on_server(&server)
    }

    /// The same on a server of one's own.
    pub(crate) fn on_server(mut self, server: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let schema = format!("c{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        psql(server, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"));
        let separator = if server.contains('?') { '&' } else { '?' };
        let address = format!("{server}{separator}options=-csearch_path%3D{schema}");
        self.schema = Some((schema, address));
        self
    }

    /// What PostgreSQL answers to a query of ours: one value.
    #[track_caller]
    pub(crate) fn answer(&self, query: &str) -> String {
        let (_, address) = self.schema.as_ref().expect("a store on PostgreSQL");
        psql(address, query).trim().to_owned()
    }

    /// The same with a store and the first account registered; policies of AWS are left out of imports.
    pub(crate) fn registered(users: u32) -> Self {
        let place = Self::with_users(users);
        place.run(&["init"]).code(0);
        place.add(SYSTEM, ACCOUNT).code(0);
        place.run(&["import", "profile", "set", SYSTEM, "default", "policy_scope=customer"]).code(0);
        place
    }

    /// The same, imported once.
    pub(crate) fn imported(users: u32) -> Self {
        let place = Self::registered(users);
        place.run(&["import", "run", SYSTEM]).code(0);
        place
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn key(&self, account: &str) -> ConnectorKey {
        self.sandbox.connector_key(account).unwrap()
    }

    /// The binary with nothing in its environment but what it needs.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(arguments, self.folder.path());
        command.env("KEYREEVE_DATA_DIR", self.data());
        command.env("AWS_ENDPOINT_URL", self.sandbox.endpoint_url());
        if let Some((_, address)) = &self.schema {
            command.env("KEYREEVE_DATABASE", address);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// The same, done by the owner of a token.
    pub(crate) fn run_as(&self, token: &str, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).env("KEYREEVE_TOKEN", token).output().unwrap())
    }

    /// A new token; the arguments follow its owner and role.
    #[track_caller]
    pub(crate) fn token(&self, owner: &str, role: &str, more: &[&str]) -> String {
        let create = ["token", "create", "--owner", owner, "--role", role, "--output", "json"];
        self.run(&[&create, more].concat()).code(0).json()["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = piped(self.command(arguments));
        // A command that refuses early does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Registers an account of the sandbox.
    pub(crate) fn add(&self, system_id: &str, account: &str) -> Ran {
        let key = self.key(account);
        let name = format!("System {system_id}");
        self.run_with_input(
            &[
                "system",
                "add",
                "--name",
                &name,
                "--system-id",
                system_id,
                "--access-key-id",
                &key.access_key_id,
                "--secret-access-key-stdin",
            ],
            &format!("{}\n", key.secret_access_key),
        )
    }

    /// Gives a system the key of an account.
    pub(crate) fn set_key(&self, system_id: &str, account: &str) -> Ran {
        let key = self.key(account);
        let id = key.access_key_id.as_str();
        let set = ["system", "set", system_id, "--access-key-id", id, "--secret-access-key-stdin"];
        self.run_with_input(&set, &format!("{}\n", key.secret_access_key))
    }

    /// Changes the database behind the store's back. SQL is told to Python, because only the store may know a driver.
    #[track_caller]
    pub(crate) fn sql(&self, statements: &str) {
        const RUN: &str =
            "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.executescript(sys.argv[2])";
        let mut command = Command::new(python());
        command.args(["-c", RUN]).arg(self.data().join("keyreeve.db")).arg(statements);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The secret of a system's access key, opened as the auditor does: with no code of ours.
    #[track_caller]
    pub(crate) fn stored_secret(&self, system: &str) -> String {
        const OPEN: &str = "import base64, sqlite3, sys; sys.path.insert(0, sys.argv[1]); import envelope; \
            d = sqlite3.connect(sys.argv[2]); k = base64.b64decode(open(sys.argv[3]).read().split()[1]); i = sys.argv[4]; \
            v, n, c, r = d.execute('SELECT s.key_version, s.nonce, s.ciphertext, y.secret_revision FROM secrets s JOIN systems y \
            ON y.system_id = s.owner_row WHERE s.owner_row = ? AND s.owner_column = ?', (i, 'credential')).fetchone(); \
            print(envelope.open_sealed(envelope.data_key(d, k, 'system:' + i, v), n, c, \
            f'keyreeve\\0systems\\0{i}\\0credential\\0{v}\\0{r}'.encode()).decode(), end='')";
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit");
        let files = [scripts, self.data().join("keyreeve.db"), self.data().join("keyreeve.key")];
        let output =
            Command::new(python()).args(["-B", "-c", OPEN]).args(files).arg(system).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is in the database, as JSON lists, read behind the store's back.
    #[track_caller]
    pub(crate) fn rows(&self, query: &str) -> Value {
        self.rows_of(&self.data().join("keyreeve.db"), query)
    }

    /// The same in another file.
    #[track_caller]
    pub(crate) fn rows_of(&self, database: &Path, query: &str) -> Value {
        const RUN: &str = "import json, sqlite3, sys; d = sqlite3.connect(sys.argv[1]); \
                           print(json.dumps([[c.hex() if isinstance(c, bytes) else c for c in r] for r in \
                           d.execute(sys.argv[2])]))";
        let mut command = Command::new(python());
        command.args(["-c", RUN]).arg(database).arg(query);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a reading command says in JSON.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--output", "json"]].concat()).code(0).json()
    }

    #[track_caller]
    pub(crate) fn mutate(&self, changes: &[Mutation]) {
        self.sandbox.mutate(ACCOUNT, changes).unwrap();
    }

    /// Names of the accounts that were made up.
    #[track_caller]
    pub(crate) fn names(&self) -> Vec<String> {
        let accounts = self.json(&["account", "list", SYSTEM]);
        let names = accounts.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
        names.filter(|name| name != "keyreeve-connector").collect()
    }

    /// Has the auditor (`tests/audit/audit_job.py`) hold the sandbox's trace and the database against the invariants.
    #[track_caller]
    pub(crate) fn audit(&self) {
        let secret = self.key(ACCOUNT).secret_access_key;
        self.hold_against_trace("audit_job.py", &[&secret]);
    }

    /// Runs a script of `tests/audit` on the sandbox's trace, the database and the key; gives what it says.
    #[track_caller]
    pub(crate) fn hold_against_trace(&self, script: &str, more: &[&str]) -> String {
        let trace = self.folder.path().join("trace.json");
        std::fs::write(&trace, serde_json::to_string(&self.sandbox.trace()).unwrap()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit").join(script);
        let files = [script, trace, self.data().join("keyreeve.db"), self.data().join("keyreeve.key")];
        let output = Command::new(python()).arg("-B").args(files).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
}

/// The Python of the peers' environment, else the machine's own: the auditor needs nothing besides. Without any the test
/// fails; it is never left out.
pub(crate) fn python() -> PathBuf {
    let peers = std::env::var_os("KEYREEVE_TEST_PEERS");
    peers.map_or_else(|| PathBuf::from("python3"), |peers| PathBuf::from(peers).join("bin/python"))
}

/// Has PostgreSQL do something; its own client does, because only the store may know a driver.
#[track_caller]
pub(crate) fn psql(address: &str, statements: &str) -> String {
    let mut command = Command::new("psql");
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", address, "-c", statements]);
    let output = command.output().expect("psql is installed with PostgreSQL");
    assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a user of that name, and nothing besides.
pub(crate) fn user(name: &str) -> Mutation {
    Mutation::CreateUser { name: name.to_owned(), path: "/".to_owned(), tags: Vec::new(), boundary: None }
}

/// The binary in a cleared environment: the one that was built with the tests or, where `KEYREEVE_TEST_BINARY` names one, another
/// build of it, such as a release.
pub(crate) fn bare(arguments: &[&str], folder: &Path) -> Command {
    let built = || env!("CARGO_BIN_EXE_keyreeve").into();
    let mut command = Command::new(std::env::var_os("KEYREEVE_TEST_BINARY").unwrap_or_else(built));
    command.env_clear().args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "us-east-1");
    command
}

pub(crate) fn piped(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for something, at most ten seconds.
#[track_caller]
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(10, what, look)
}

/// Waits for something, at most so many seconds.
#[track_caller]
pub(crate) fn until_within<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed().as_secs() < seconds, "waited in vain for {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Asks a process of ours to stop, as a service manager does.
pub(crate) fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// JSON without the times of this run and the name of whoever runs it.
pub(crate) fn timeless(mut value: Value) -> Value {
    const NOW: [&str; 8] = [
        "as_of",
        "started_at",
        "finished_at",
        "published_at",
        "credential_report_at",
        "updated_at",
        "registered_at",
        "lease_until",
    ];
    fn walk(value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(walk),
            Value::Object(fields) => {
                for (name, value) in fields {
                    if name == "actor" {
                        *value = Value::from("[whoever runs this]");
                    } else if NOW.contains(&name.as_str()) && value.is_string() {
                        *value = Value::from("[now]");
                    } else {
                        walk(value);
                    }
                }
            }
            _ => {}
        }
    }
    walk(&mut value);
    value
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((schema, address)) = &self.schema
            && !std::thread::panicking()
        {
            psql(address, &format!("DROP SCHEMA {schema} CASCADE"));
        }
        // The sandbox's tasks run on this runtime; entering it lets them be aborted in order.
        let _entered = self.runtime.enter();
    }
}
