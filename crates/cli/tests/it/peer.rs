//! Accounts of look-alikes of AWS that run apart, and what boto3 says about them.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A program that listens on 127.0.0.1; killed when dropped.
pub(crate) struct Emulator {
    process: Child,
    pub(crate) endpoint: String,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A program of the Python environment of the peers.
///
/// Without one the tests that need it pass without looking, except in CI.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let Some(peers) = std::env::var_os("KEYREEVE_TEST_PEERS") else {
        assert!(std::env::var_os("CI").is_none(), "{name} is needed; run the tests through cargo xtask test");
        return None;
    };
    Some(PathBuf::from(peers).join("bin").join(name))
}

/// moto (PyPI `moto[server]`), with the policies of AWS.
pub(crate) fn moto() -> Option<Emulator> {
    start("moto_server", |command, port| {
        command.args(["-H", "127.0.0.1", "-p", port]).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
    })
}

/// moto without the policies of AWS, which it would load for each of many accounts.
pub(crate) fn moto_without_policies() -> Option<Emulator> {
    start("moto_server", |command, port| {
        command.args(["-H", "127.0.0.1", "-p", port]);
    })
}

/// ministack (PyPI); a key of twelve digits is the root of that account.
pub(crate) fn ministack() -> Option<Emulator> {
    start("ministack", |command, port| {
        command.env("AUTH", "true").env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port);
    })
}

fn start(name: &str, prepare: impl FnOnce(&mut Command, &str)) -> Option<Emulator> {
    let mut command = Command::new(program(name)?);
    let port = keyreeve_sandbox::free_port().unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    prepare(&mut command, &port.to_string());
    let mut emulator =
        Emulator { process: command.spawn().unwrap(), endpoint: format!("http://127.0.0.1:{port}") };
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(emulator.process.try_wait().unwrap().is_none(), "{name} ended at once");
        assert!(started.elapsed() < Duration::from_secs(60), "{name} does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(emulator)
}

/// boto3 with a key, at an endpoint.
pub(crate) struct Boto {
    pub(crate) endpoint: String,
    pub(crate) key: (String, String),
}

impl Boto {
    /// Runs `life_cycle.py VERB ENDPOINT …`.
    fn run(&self, verb: &str, more: &[&str]) -> Output {
        let mut command = Command::new(program("python").unwrap());
        command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/life_cycle.py"));
        command.env_clear().args([verb, &self.endpoint]).args(more).stdin(Stdio::null());
        command.env("AWS_ACCESS_KEY_ID", &self.key.0).env("AWS_SECRET_ACCESS_KEY", &self.key.1);
        command.env("AWS_EC2_METADATA_DISABLED", "true").output().unwrap()
    }

    #[track_caller]
    fn succeeds(&self, verb: &str, more: &[&str]) -> String {
        let output = self.run(verb, more);
        let (said, failed) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{verb} {more:?}:\n{said}{failed}");
        said
    }

    /// Makes a group, a policy and a connector, which may do what the policy in the file says, or everything; gives
    /// the connector's key and the policy's ARN.
    #[track_caller]
    pub(crate) fn seed(&self, file: Option<&str>) -> (Boto, String) {
        let made: Value = serde_json::from_str(&self.succeeds("seed", file.as_slice())).unwrap();
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        (Boto { endpoint: self.endpoint.clone(), key: (text("id"), text("secret")) }, text("policy"))
    }

    #[track_caller]
    pub(crate) fn add_key(&self, user: &str) {
        self.succeeds("add_key", &[user]);
    }

    #[track_caller]
    pub(crate) fn check(&self, user: &str, state: &str, peer: &str) {
        self.succeeds("check", &[user, state, peer]);
    }
}
