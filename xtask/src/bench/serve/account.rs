//! The accounts on our sandbox: who is in them, and what changes from one import to the next.

use std::{
    fmt,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use super::{super::http, place};
use crate::{companion::Companion, scratch::Scratch};

/// Groups and customer policies of an account: AWS's quotas are 300 and 1,500.
const GROUPS: u32 = 300;
const POLICIES: u32 = 900;
/// Policies that are attached to each user, besides the groups that the sandbox puts them into. AWS lets 10 be.
const ATTACHED: usize = 7;
/// Users that are different in each import.
const CHANGED: usize = 400;
/// Of so many users at most one, or the import would be suspended.
const LEAST_STEP: usize = 12;
/// The sandbox stands for AWS, whose work is not done on the server's machine: it takes what the others leave.
const LOWEST: &str = "19";
/// Changes sent at once.
const CHUNK: usize = 5_000;

/// Groups and customer policies of each account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) struct Inhabitants {
    pub(in crate::bench) groups: u32,
    pub(in crate::bench) policies: u32,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) struct Shape {
    pub(in crate::bench) systems: u32,
    pub(in crate::bench) users: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.systems, self.users)
    }
}

/// The id of a system.
pub(in crate::bench) fn system(number: u32) -> String {
    format!("bench-{number:02}")
}

fn account_id(number: u32) -> String {
    format!("{:012}", 100_000_000_001_u64 + u64::from(number))
}

/// What is different in the first account from import to import.
#[derive(Debug, Default)]
pub(in crate::bench) struct Changing {
    users: Vec<String>,
    policy: String,
}

impl Changing {
    /// These users, and the policy that some of them get and lose.
    pub(in crate::bench) fn of(users: Vec<String>, policy: String) -> Self {
        Self { users, policy }
    }
}

/// The sandbox, with so many accounts.
pub(in crate::bench) struct Sandbox {
    /// The number of its first account.
    first: u32,
    shape: Shape,
    ready: Value,
    url: String,
    admin_url: String,
    _server: (Companion, Scratch),
}

impl Sandbox {
    pub(in crate::bench) fn start(binary: &Path, shape: Shape) -> Result<Self> {
        Self::start_with(binary, 0, shape, Inhabitants { groups: GROUPS, policies: POLICIES })
    }

    /// With the accounts from this number on. An account has the same inhabitants and keys whichever are beside it.
    pub(in crate::bench) fn start_with(
        binary: &Path,
        first: u32,
        shape: Shape,
        Inhabitants { groups, policies }: Inhabitants,
    ) -> Result<Self> {
        let folder = Scratch::new("bench-sandbox")?;
        let mut command = place::command(Path::new("nice"), folder.path());
        command.args(["-n", LOWEST]).arg(binary).args([
            "--output",
            "json",
            "sandbox",
            "--port",
            "0",
            "--admin-port",
            "0",
            "--seed",
            "7",
        ]);
        for number in first..first + shape.systems {
            command.args(["--account", &account_id(number)]);
        }
        command.args(["--users", &shape.users.to_string()]);
        command.args(["--groups", &groups.to_string(), "--policies", &policies.to_string()]);
        let mut server = Companion::start(&command, "TERM", folder.path(), Stdio::piped(), Stdio::inherit())?;
        let mut line = String::new();
        BufReader::new(server.stdout()?).read_line(&mut line).context("waiting for the sandbox")?;
        let ready: Value = serde_json::from_str(&line).context("reading the sandbox's first line")?;
        let (url, admin_url) = (text(&ready, "/endpoint_url")?, text(&ready, "/admin_url")?);
        Ok(Self { first, shape, ready, url, admin_url, _server: (server, folder) })
    }

    pub(in crate::bench) fn url(&self) -> &str {
        &self.url
    }

    /// The connector's access key in an account.
    pub(in crate::bench) fn key(&self, number: u32) -> Result<(String, String)> {
        let place = number.saturating_sub(self.first);
        let of = |what: &str| text(&self.ready, &format!("/accounts/{place}/{what}"));
        Ok((of("access_key_id")?, of("secret_access_key")?))
    }

    /// Attaches policies to everybody, the same in each run. Gives whose turn it is to change in the first account.
    pub(in crate::bench) fn populate(&self) -> Result<Changing> {
        let mut changing = Changing::default();
        for number in 0..self.shape.systems {
            let (users, policies) = self.inhabitants(number)?;
            if number == 0 {
                let step = (users.len() / CHANGED).max(LEAST_STEP);
                changing.users = users.iter().step_by(step).cloned().collect();
                changing.policy = policies.last().cloned().unwrap_or_default();
            }
            let wanted = users.iter().enumerate().flat_map(|(place, user)| {
                let policies = &policies;
                (0..ATTACHED).filter_map(move |turn| {
                    let arn = policies.get((place * 13 + turn * 101) % policies.len().max(1))?;
                    Some(json!({"op": "attach_user_policy", "user": user, "arn": arn}))
                })
            });
            self.mutate(number, &wanted.collect::<Vec<_>>())?;
        }
        Ok(changing)
    }

    /// Other tags, and for some one policy more or less, in the first account; nobody goes.
    pub(in crate::bench) fn change(&self, changing: &Changing, turn: usize) -> Result<()> {
        let arn = &changing.policy;
        let op = if turn.is_multiple_of(2) { "attach_user_policy" } else { "detach_user_policy" };
        let changed = changing.users.iter().enumerate().flat_map(|(place, user)| {
            let tag = json!({"op": "tag_user", "name": user, "key": "turn", "value": turn.to_string()});
            // Of 100 that go an import is suspended.
            let policy = place.is_multiple_of(5).then(|| json!({"op": op, "user": user, "arn": arn}));
            [Some(tag), policy].into_iter().flatten()
        });
        self.mutate(0, &changed.collect::<Vec<_>>())
    }

    /// From now on the sandbox answers after so long.
    pub(in crate::bench) fn slow_down(&self, milliseconds: u32) -> Result<()> {
        if milliseconds == 0 {
            return Ok(());
        }
        let rules = json!([{"effect": {"kind": "latency", "ms": milliseconds}}]);
        http::ask(&self.admin_url, "POST", "/faults", &rules.to_string()).map(drop)
    }

    /// From now on it answers as fast as it can.
    pub(in crate::bench) fn answer_at_once(&self) -> Result<()> {
        http::ask(&self.admin_url, "DELETE", "/faults", "").map(drop)
    }

    /// The calls that arrived.
    pub(in crate::bench) fn trace(&self) -> Result<Value> {
        http::get(&self.admin_url, "/trace")
    }

    /// From now on calls are counted anew.
    pub(in crate::bench) fn forget_calls(&self) -> Result<()> {
        http::ask(&self.admin_url, "DELETE", "/trace", "").map(drop)
    }

    /// Names of the users, but for the connector, and ARNs of the policies.
    pub(in crate::bench) fn inhabitants(&self, number: u32) -> Result<(Vec<String>, Vec<String>)> {
        let state = http::get(&self.admin_url, &format!("/accounts/{}/state", account_id(number)))?;
        let of = |what: &str, field: &str| -> Vec<String> {
            let all = state.get(what).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let theirs = |one: &&Value| one.get("path").is_some_and(|path| path != "/keyreeve/");
            all.iter().filter(theirs).filter_map(|one| Some(one.get(field)?.as_str()?.to_owned())).collect()
        };
        Ok((of("users", "name"), of("policies", "arn")))
    }

    /// Changes an account behind IAM's back.
    pub(in crate::bench) fn mutate(&self, number: u32, changes: &[Value]) -> Result<()> {
        for some in changes.chunks(CHUNK) {
            let path = format!("/accounts/{}/mutate", account_id(number));
            http::ask(&self.admin_url, "POST", &path, &json!(some).to_string())?;
        }
        Ok(())
    }
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| anyhow!("the sandbox's first line has no {pointer}"))
}
