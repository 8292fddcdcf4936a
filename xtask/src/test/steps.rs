//! The steps of `cargo xtask test`, in the order they run: cheap ones first.

use std::{
    io::{BufRead, BufReader, IsTerminal, Read, Write},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, Result, anyhow, bail};

use super::{
    Cost::{Cheap, Heavy},
    Outcome, Session, Step, tally,
};
use crate::{
    boundaries, browser, compare, fuzz, licences, node, peers,
    postgres::{self, Postgres},
    testers, tidy, unused, workspace,
};

/// All steps.
pub(super) const STEPS: &[Step] = &[
    Step { name: "tidy", what: "house rules no compiler checks", cost: Cheap, needs: &[], run: run_tidy },
    Step { name: "boundaries", what: "who may see whom", cost: Cheap, needs: &[], run: run_boundaries },
    Step {
        name: "licences",
        what: "licences, sources and duplicates of what ships",
        cost: Cheap,
        needs: &[],
        run: run_licences,
    },
    Step { name: "unused", what: "dependencies nobody uses", cost: Cheap, needs: &[], run: run_unused },
    Step { name: "fmt", what: "cargo fmt --check", cost: Cheap, needs: &[], run: run_fmt },
    Step {
        name: "clippy",
        what: "cargo clippy --workspace --all-targets, no warnings",
        cost: Heavy,
        needs: &[],
        run: run_clippy,
    },
    Step {
        name: "rustdoc",
        what: "cargo doc --workspace, no warnings",
        cost: Heavy,
        needs: &[],
        run: run_rustdoc,
    },
    Step {
        name: "peers",
        what: "emulators, boto3 and testers from PyPI",
        cost: Heavy,
        needs: &[],
        run: run_peers,
    },
    Step { name: "postgres", what: "a private PostgreSQL", cost: Heavy, needs: &[], run: run_postgres },
    Step { name: "browser", what: "headless Chromium", cost: Heavy, needs: &[], run: run_browser },
    Step {
        name: "tests",
        what: "every test of the workspace",
        cost: Heavy,
        needs: &["peers", "postgres", "browser"],
        run: run_tests,
    },
    Step {
        name: "compare",
        what: "imports of moto and ministack, field by field beside boto3",
        cost: Heavy,
        needs: &["peers"],
        run: run_compare,
    },
    Step {
        name: "scim",
        what: "SCIM testers from PyPI, on a sandbox",
        cost: Heavy,
        needs: &["peers"],
        run: run_scim,
    },
    Step {
        name: "schemathesis",
        what: "a fuzzer from PyPI asks each address of the REST description, on a sandbox",
        cost: Heavy,
        needs: &["peers"],
        run: run_schemathesis,
    },
    Step {
        name: "fuzz",
        what: "libFuzzer on each parser of foreign input, 60 s in all",
        cost: Heavy,
        needs: &[],
        run: run_fuzz,
    },
    Step {
        name: "doctests",
        what: "the examples in the documentation",
        cost: Heavy,
        needs: &[],
        run: run_doctests,
    },
];

fn run_tidy(session: &mut Session) -> Result<Outcome> {
    tidy::run(&session.root).map(Outcome::Passed)
}

fn run_boundaries(session: &mut Session) -> Result<Outcome> {
    boundaries::run(&session.root).map(Outcome::Passed)
}

fn run_licences(session: &mut Session) -> Result<Outcome> {
    licences::run(&session.root).map(Outcome::Passed)
}

fn run_unused(session: &mut Session) -> Result<Outcome> {
    unused::run(&session.root).map(Outcome::Passed)
}

fn run_fmt(session: &mut Session) -> Result<Outcome> {
    shown(session.cargo().args(["fmt", "--all", "--check"]))
}

fn run_clippy(session: &mut Session) -> Result<Outcome> {
    shown(session.cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn run_rustdoc(session: &mut Session) -> Result<Outcome> {
    shown(session.cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn run_peers(session: &mut Session) -> Result<Outcome> {
    match peers::prepare(&session.root, &session.target) {
        Ok(peers) => match node::prepare(&session.root, &peers.folder) {
            Ok(versions) => {
                session.environment.push((peers::FOLDER_VARIABLE, peers.folder.display().to_string()));
                Ok(Outcome::Passed(format!("{}, {versions}", peers.versions)))
            }
            Err(error) => Ok(Outcome::Skipped(format!("{error:#}"))),
        },
        Err(error) => Ok(Outcome::Skipped(format!("{error:#}"))),
    }
}

fn run_postgres(session: &mut Session) -> Result<Outcome> {
    let programs = match postgres::find_or_install() {
        Ok(Some(programs)) => programs,
        Ok(None) => {
            return Ok(Outcome::Skipped(format!("PostgreSQL is not installed; run: {}", postgres::INSTALL)));
        }
        Err(error) => return Ok(Outcome::Skipped(format!("PostgreSQL could not be installed: {error:#}"))),
    };
    let running = Postgres::start(&programs)?;
    session.environment.push((postgres::ADDRESS_VARIABLE, running.url().to_owned()));
    let note = format!("PostgreSQL {}", running.version());
    session.postgres = Some(running);
    Ok(Outcome::Passed(note))
}

fn run_browser(_: &mut Session) -> Result<Outcome> {
    Ok(match browser::find_or_install() {
        Ok(Some(version)) => Outcome::Passed(version),
        Ok(None) => Outcome::Skipped(format!("chromedriver is not installed; run: {}", browser::INSTALL)),
        Err(error) => Outcome::Skipped(format!("Chromium could not be installed: {error:#}")),
    })
}

fn run_tests(session: &mut Session) -> Result<Outcome> {
    let nextest = session.cargo().args(["nextest", "--version"]).output().is_ok_and(|it| it.status.success());
    let mut command = session.cargo();
    let result = if nextest {
        let status = ["--status-level", "fail", "--final-status-level", "slow"];
        // Half of a test's time is spent waiting, for servers, emulators and clocks.
        let threads = 2 * std::thread::available_parallelism()?.get();
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]).args(status);
        tallied(command.arg("--test-threads").arg(threads.to_string()))
    } else {
        // Doc tests have a step of their own.
        let targets = ["--lib", "--bins", "--tests", "--examples"];
        tallied(command.args(["test", "--workspace", "--no-fail-fast"]).args(targets))
    };
    // Nothing after this step needs the server.
    session.postgres = None;
    result
}

fn run_compare(session: &mut Session) -> Result<Outcome> {
    compare::run(&session.root, &compare::Options::default()).map(Outcome::Passed)
}

fn run_scim(session: &mut Session) -> Result<Outcome> {
    testers::SCIM.run(&session.root, &testers::Options::default()).map(Outcome::Passed)
}

fn run_schemathesis(session: &mut Session) -> Result<Outcome> {
    testers::SCHEMATHESIS.run(&session.root, &testers::Options::default()).map(Outcome::Passed)
}

fn run_fuzz(session: &mut Session) -> Result<Outcome> {
    fuzz::run(&session.root, &fuzz::Options::default()).map(Outcome::Passed)
}

fn run_doctests(session: &mut Session) -> Result<Outcome> {
    tallied(session.cargo().args(["test", "--doc", "--workspace", "--no-fail-fast"]))
}

impl Session {
    /// A cargo command with what earlier steps prepared.
    fn cargo(&self) -> Command {
        let mut command = workspace::cargo(&self.root);
        command.envs(self.environment.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }
}

/// Runs a command whose output goes straight to the terminal.
fn shown(command: &mut Command) -> Result<Outcome> {
    let status = command.status().with_context(|| format!("starting {:?}", command.get_program()))?;
    if !status.success() {
        bail!("cargo ended with {status}; its output is above");
    }
    Ok(Outcome::Passed(String::new()))
}

/// Runs a test command, shows its output as it comes, and notes how many tests ran.
fn tallied(command: &mut Command) -> Result<Outcome> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {:?}", command.get_program()))?;
    let stdout = child.stdout.take().ok_or_else(|| anyhow!("no output to read"))?;
    let stderr = child.stderr.take().ok_or_else(|| anyhow!("no output to read"))?;
    let second = thread::spawn(move || shown_and_kept(stderr, std::io::stderr()));
    let mut said = shown_and_kept(stdout, std::io::stdout());
    said.push_str(&second.join().map_err(|_| anyhow!("reading the tests' output failed"))?);
    let status = child.wait().context("waiting for the tests")?;
    let tally = tally::of(&said);
    if !status.success() {
        bail!(
            "{} ({status}); their output is above",
            tally.as_deref().unwrap_or("the tests could not be run")
        );
    }
    Ok(Outcome::Passed(tally.ok_or_else(|| anyhow!("the tests ended without saying how many ran"))?))
}

/// Hands everything from `from` on to `to`, line by line, and keeps it.
fn shown_and_kept(from: impl Read, mut to: impl Write) -> String {
    let mut kept = String::new();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        // A closed terminal must not stop the tests.
        let _ = writeln!(to, "{line}");
        kept.push_str(&line);
        kept.push('\n');
    }
    kept
}
