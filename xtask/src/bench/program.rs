//! The programs that do the same import: ours, the floor of the kit, and boto3.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::{
    endpoint::{Counted, Endpoint, Kit, Truth},
    figures::Measured,
    place::{Place, SYSTEM},
    setting::{Scenario, Setting, Source},
};
use crate::scratch::Scratch;

/// Calls at once: what our own setting `max_concurrent_requests` is by default, given to the floor too.
const SLOTS: &str = "50";
const BOTO3_THREADS: &str = "16";

/// Who imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Ours,
    /// The kit's client that makes the calls and keeps nothing.
    Floor,
    /// The kit's baseline: one GetLoginProfile for each user, whatever the scenario says.
    Boto3,
    /// The same job in the same manner with the credential report, which the kit's baseline does not know.
    Boto3Report,
}

/// Where everything lies that the programs need.
pub(super) struct Tools {
    pub(super) keyreeve: PathBuf,
    /// A Python that has boto3.
    pub(super) python: PathBuf,
    /// The folder of our own scripts.
    pub(super) scripts: PathBuf,
    pub(super) kit: Option<Kit>,
}

/// What a program says it found; what it does not count is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    users: Option<u64>,
    groups: Option<u64>,
    policies: Option<u64>,
    login_profiles: Option<u64>,
    assignments: Option<u64>,
    /// The calls it counted itself.
    own_count: Option<Counted>,
}

impl Program {
    /// Who is measured in a scenario on the kit. The baseline reads users one by one, so it is left out where only
    /// the report keeps a run below a minute.
    pub(super) fn on_kit(scenario: Scenario) -> &'static [Self] {
        match (scenario.source, scenario.setting) {
            (Source::PerUser, _) => &[Self::Ours, Self::Floor, Self::Boto3],
            (Source::CredentialReport, Setting::Rate) => &[Self::Ours, Self::Floor, Self::Boto3Report],
            (Source::CredentialReport, _) => &[Self::Ours, Self::Floor, Self::Boto3, Self::Boto3Report],
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Ours => "keyreeve",
            Self::Floor => "floor",
            Self::Boto3 => "boto3",
            Self::Boto3Report => "boto3, report",
        }
    }

    /// Prepares what is not timed, runs the import once, checks its answer, and says what it cost.
    pub(super) fn measure(self, tools: &Tools, endpoint: &Endpoint, scenario: Scenario) -> Result<Measured> {
        let folder = Scratch::new("bench")?;
        let place = Place { binary: &tools.keyreeve, endpoint, folder: &folder };
        let run = Run { tools, scenario, place };
        let context = || format!("measuring {} ({scenario:?})", self.label());
        run.once(self).with_context(context)
    }
}

struct Run<'a> {
    tools: &'a Tools,
    scenario: Scenario,
    place: Place<'a>,
}

impl Run<'_> {
    fn once(&self, program: Program) -> Result<Measured> {
        let command = match program {
            Program::Ours => self.ours()?,
            Program::Floor => self.floor()?,
            Program::Boto3 => self.boto3()?,
            Program::Boto3Report => self.boto3_report(),
        };
        self.place.endpoint.reset()?;
        let (mut measured, printed) = self.timed(&command)?;
        let counted = self.place.endpoint.counted()?;
        let found = match program {
            Program::Ours => self.found_by_us(&printed)?,
            Program::Floor | Program::Boto3 | Program::Boto3Report => found_by_script(&printed)?,
        };
        if let Some(truth) = self.place.endpoint.truth()? {
            found.check(truth)?;
        }
        if let (Some(counted), Some(own)) = (counted, found.own_count)
            && counted.calls != own.calls
        {
            bail!("it says it made {} calls, and the endpoint counted {}", own.calls, counted.calls);
        }
        measured.counted = counted.or(found.own_count);
        Ok(measured)
    }

    /// The store and the system are set-up; the import is what is timed.
    fn ours(&self) -> Result<Command> {
        self.place.connect()?;
        let source = format!("login_profile_source={}", self.scenario.source.word());
        self.place.keyreeve(&["import", "profile", "set", SYSTEM, "default", &source], "")?;
        let mut command = self.place.command(self.place.binary);
        command.args(["--output", "json", "import", "run", SYSTEM]);
        Ok(command)
    }

    fn floor(&self) -> Result<Command> {
        let kit = self.tools.kit.as_ref().ok_or_else(|| anyhow!("the floor is a part of the kit"))?;
        let mut command = self.place.command(&kit.floor);
        let mode = if self.scenario.source == Source::PerUser { "login" } else { "report" };
        command.args([self.place.endpoint.port(), mode, SLOTS]);
        // It is told the rate, which an importer must find out; the few calls of a report fit into the bucket.
        if let (Some(rate), Source::PerUser) = (self.scenario.setting.rate(), self.scenario.source) {
            command.arg(rate.to_string());
        }
        Ok(command)
    }

    fn boto3(&self) -> Result<Command> {
        let kit = self.tools.kit.as_ref().ok_or_else(|| anyhow!("the baseline is a part of the kit"))?;
        let mut command = self.place.command(&self.tools.python);
        // The usual retry mode gives up under a rate; the adaptive one comes through.
        let mode = if self.scenario.setting == Setting::Rate { "adaptive" } else { "legacy" };
        command.arg(&kit.boto3_script).args([BOTO3_THREADS, mode]);
        Ok(command)
    }

    fn boto3_report(&self) -> Command {
        let mut command = self.place.command(&self.tools.python);
        command.arg(self.tools.scripts.join("boto3_report.py"));
        command
    }

    /// Runs a command under the driver that measures it; gives the figures and what the command printed.
    fn timed(&self, command: &Command) -> Result<(Measured, Value)> {
        let (out, err) = (self.place.folder.path().join("stdout"), self.place.folder.path().join("stderr"));
        let mut driver = Command::new(&self.tools.python);
        driver.args(["-I", "-S"]).arg(self.tools.scripts.join("measure.py"));
        driver.arg(self.scenario.cap_seconds().to_string()).arg(&out).arg(&err);
        driver.arg(command.get_program()).args(command.get_args()).current_dir(self.place.folder.path());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => driver.env(name, value),
                None => driver.env_remove(name),
            };
        }
        let answer = driver.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if !answer.status.success() {
            bail!("the measuring driver ended with {}", answer.status);
        }
        let measured: Value =
            serde_json::from_slice(&answer.stdout).context("reading the driver's figures")?;
        let printed = fs::read_to_string(&out)?;
        if measured.get("exit_code").and_then(Value::as_i64) != Some(0) {
            let said = fs::read_to_string(&err)?;
            bail!("it failed ({measured}): {}{}", said.trim(), printed.trim());
        }
        let printed = serde_json::from_str(&printed).context("reading what it printed")?;
        Ok((Measured::parse(&measured)?, printed))
    }

    fn found_by_us(&self, run: &Value) -> Result<Found> {
        if run.get("state").and_then(Value::as_str) != Some("published") {
            bail!("the import was not published: {run}");
        }
        let collections = run.get("collections").and_then(Value::as_array).map(Vec::as_slice);
        let of = |name: &str, what: &str| {
            let named = |one: &&Value| one.get("name").and_then(Value::as_str) == Some(name);
            collections.unwrap_or_default().iter().find(named)?.get(what)?.as_u64()
        };
        let throttled =
            collections.unwrap_or_default().iter().filter_map(|one| one.get("throttled")?.as_u64()).sum();
        let calls = run.get("aws_calls").and_then(Value::as_u64);
        let accounts = self.place.keyreeve(&["--output", "json", "account", "list", SYSTEM], "")?;
        let accounts: Vec<Value> = serde_json::from_slice(&accounts).context("reading `account list`")?;
        let present = |account: &&Value| {
            account.pointer("/login_profile/state").is_some_and(|state| state == "present")
        };
        Ok(Found {
            users: of("users", "items"),
            groups: of("groups", "items"),
            policies: of("policies", "items"),
            login_profiles: Some(accounts.iter().filter(present).count() as u64),
            assignments: run.pointer("/changes/assignments/created").and_then(Value::as_u64),
            own_count: calls.map(|calls| Counted { calls, throttled }),
        })
    }
}

/// What the floor and the boto3 scripts print has the same names.
fn found_by_script(printed: &Value) -> Result<Found> {
    let number = |name: &str| printed.get(name).and_then(Value::as_u64);
    let users = number("users").ok_or_else(|| anyhow!("it did not say what it found: {printed}"))?;
    let assignments = match (number("user_group"), number("user_policy"), number("group_policy")) {
        (Some(first), Some(second), Some(third)) => Some(first + second + third),
        _ => None,
    };
    // The floor looks at no row of the report, and says so with a zero.
    let floor_with_report = number("report_bytes").is_some_and(|bytes| bytes > 0);
    Ok(Found {
        users: Some(users),
        groups: number("groups"),
        policies: number("policies"),
        login_profiles: number("login_profiles").filter(|_| !floor_with_report),
        assignments,
        own_count: None,
    })
}

impl Found {
    /// A figure is worth nothing if the answer is wrong.
    fn check(&self, truth: Truth) -> Result<()> {
        let pairs = [
            ("users", self.users, truth.users),
            ("groups", self.groups, truth.groups),
            ("policies", self.policies, truth.policies),
            ("login profiles", self.login_profiles, truth.login_profiles),
            ("assignments", self.assignments, truth.assignments),
        ];
        for (what, found, truth) in pairs {
            if found.is_some_and(|found| found != truth) {
                bail!("it found {} {what}, and there are {truth}", found.unwrap_or_default());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TRUTH: Truth = Truth { users: 2, groups: 1, policies: 3, login_profiles: 1, assignments: 6 };

    #[test]
    fn a_wrong_answer_is_no_figure() {
        let printed = json!({"users": 2, "groups": 1, "policies": 3, "login_profiles": 1, "user_group": 1,
            "user_policy": 2, "group_policy": 3});
        assert!(found_by_script(&printed).unwrap().check(TRUTH).is_ok());
        let mut wrong = printed;
        wrong["user_policy"] = json!(1);
        let error = found_by_script(&wrong).unwrap().check(TRUTH).unwrap_err();
        assert_eq!(error.to_string(), "it found 5 assignments, and there are 6");
        assert!(found_by_script(&json!({})).is_err());
    }

    #[test]
    fn the_floor_counts_no_login_profiles_in_a_report() {
        let printed =
            json!({"users": 2, "groups": 1, "policies": 3, "login_profiles": 0, "report_bytes": 10});
        assert!(found_by_script(&printed).unwrap().check(TRUTH).is_ok());
    }
}
