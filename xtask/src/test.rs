//! `cargo xtask test`: everything a change must pass, in one command, with a table of what took how long.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    postgres::Postgres,
    workspace::{self, Depth},
};

mod steps;
mod tally;

use steps::STEPS;

/// What `cargo xtask test` is asked for.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Run the long tests too (many kills, large accounts); sets KEYREEVE_TEST_LONG=1 for them
    #[arg(long)]
    long: bool,
    /// Run only this step and what it needs (repeatable)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps and run none
    #[arg(long)]
    list: bool,
}

/// One thing to check.
struct Step {
    name: &'static str,
    what: &'static str,
    cost: Cost,
    /// Steps whose results this one uses.
    needs: &'static [&'static str],
    run: fn(&mut Session) -> Result<Outcome>,
}

/// Whether a step is worth its time when an earlier one has already failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cost {
    Cheap,
    Heavy,
}

/// How a step that did not fail ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed(String),
    /// Something outside the project is missing; never accepted in CI.
    Skipped(String),
}

/// What the steps share.
struct Session {
    root: PathBuf,
    target: PathBuf,
    /// For the programs that steps start.
    environment: Vec<(&'static str, String)>,
    postgres: Option<Postgres>,
}

/// A line of the closing table.
struct Line {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
    note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Skipped,
    NotRun,
}

/// Runs the steps for the project at `root`; the code says whether all of them passed.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{:<12} {}", step.name, step.what));
        return Ok(ExitCode::SUCCESS);
    }
    let selected = select(STEPS, &options.only)?;
    let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
    let mut session = Session { root: root.to_owned(), target, environment: Vec::new(), postgres: None };
    if options.long {
        session.environment.push(("KEYREEVE_TEST_LONG", "1".to_owned()));
    }
    let strict = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    let began = Instant::now();
    let lines = run_steps(&selected, &mut session, strict);
    drop(session);
    println!("\n{}", table(&lines));
    println!("{}", closing(&lines, began.elapsed()));
    let failed = lines.iter().any(|line| line.verdict == Verdict::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The steps called `only` and those they need, in their usual order; all steps if none is named.
fn select<'a>(steps: &'a [Step], only: &[String]) -> Result<Vec<&'a Step>> {
    if let Some(unknown) = only.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
        let names: Vec<_> = steps.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; the steps are {}", names.join(", "));
    }
    let named = |step: &Step| only.iter().any(|name| name == step.name);
    let needed = |step: &Step| steps.iter().any(|other| named(other) && other.needs.contains(&step.name));
    Ok(steps.iter().filter(|step| only.is_empty() || named(step) || needed(step)).collect())
}

/// Runs each step; after a failure only the cheap ones. `strict`: a skipped step is a failed one.
fn run_steps(steps: &[&Step], session: &mut Session, strict: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for step in steps {
        let failed = lines.iter().any(|line| line.verdict == Verdict::Failed);
        let began = Instant::now();
        let (verdict, note) = if failed && step.cost == Cost::Heavy {
            (Verdict::NotRun, "not run: an earlier step failed".to_owned())
        } else {
            println!("\n{}", heading(step));
            match (step.run)(session) {
                Ok(Outcome::Passed(note)) => (Verdict::Passed, note),
                Ok(Outcome::Skipped(why)) if strict => {
                    (Verdict::Failed, format!("{why}; nothing may be skipped in CI"))
                }
                Ok(Outcome::Skipped(why)) => (Verdict::Skipped, why),
                Err(error) => (Verdict::Failed, format!("{error:#}")),
            }
        };
        if !note.is_empty() && verdict != Verdict::NotRun {
            println!("{note}");
        }
        // A failure can take many lines; they have just been shown, and the table keeps the first.
        let note = note.lines().next().unwrap_or_default().trim_end_matches(':').to_owned();
        lines.push(Line { name: step.name, verdict, took: began.elapsed(), note });
    }
    lines
}

fn heading(step: &Step) -> String {
    let text = format!("── {}: {}", step.name, step.what);
    if std::io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text }
}

fn table(lines: &[Line]) -> String {
    let mut text = format!("{:<12} {:<8} {:>9}  note", "step", "result", "time");
    for line in lines {
        let result = match line.verdict {
            Verdict::Passed => "ok",
            Verdict::Failed => "FAILED",
            Verdict::Skipped => "skipped",
            Verdict::NotRun => "-",
        };
        let took = if line.verdict == Verdict::NotRun { String::new() } else { seconds(line.took) };
        text.push_str(&format!("\n{:<12} {result:<8} {took:>9}  {}", line.name, line.note));
    }
    text
}

fn closing(lines: &[Line], took: Duration) -> String {
    let names = |verdict| {
        let with = lines.iter().filter(|line| line.verdict == verdict);
        with.map(|line| line.name).collect::<Vec<_>>()
    };
    let (failed, skipped) = (names(Verdict::Failed), names(Verdict::Skipped));
    let (all, took) = (lines.len(), seconds(took));
    if !failed.is_empty() {
        format!("FAILED: {} of {all} steps ({}) in {took}.", failed.len(), failed.join(", "))
    } else if !skipped.is_empty() {
        format!(
            "Passed, but {} of {all} steps were skipped ({}), in {took}.",
            skipped.len(),
            skipped.join(", ")
        )
    } else {
        format!("All {all} steps passed in {took}.")
    }
}

fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    if whole < 60 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &'static str, cost: Cost, run: fn(&mut Session) -> Result<Outcome>) -> Step {
        Step { name, what: "planted", cost, needs: &[], run }
    }

    fn verdicts(steps: &[Step], strict: bool) -> Vec<Verdict> {
        let mut session =
            Session { root: PathBuf::new(), target: PathBuf::new(), environment: Vec::new(), postgres: None };
        let steps: Vec<_> = steps.iter().collect();
        run_steps(&steps, &mut session, strict).iter().map(|line| line.verdict).collect()
    }

    const PASSES: fn(&mut Session) -> Result<Outcome> = |_| Ok(Outcome::Passed("fine".into()));
    const FAILS: fn(&mut Session) -> Result<Outcome> = |_| bail!("planted");
    const SKIPS: fn(&mut Session) -> Result<Outcome> = |_| Ok(Outcome::Skipped("no network".into()));

    #[test]
    fn after_a_failure_cheap_steps_run_and_heavy_ones_do_not() {
        let steps =
            [step("a", Cost::Cheap, FAILS), step("b", Cost::Heavy, PASSES), step("c", Cost::Cheap, PASSES)];
        assert_eq!(verdicts(&steps, false), [Verdict::Failed, Verdict::NotRun, Verdict::Passed]);
    }

    #[test]
    fn a_skipped_step_fails_in_ci_alone() {
        let steps = [step("a", Cost::Cheap, SKIPS)];
        assert_eq!(verdicts(&steps, false), [Verdict::Skipped]);
        assert_eq!(verdicts(&steps, true), [Verdict::Failed]);
    }

    #[test]
    fn a_named_step_brings_what_it_needs_in_order() {
        let names = |only: &[&str]| -> Vec<&str> {
            let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
            select(STEPS, &only).unwrap().iter().map(|step| step.name).collect()
        };
        assert_eq!(names(&["tests"]), ["peers", "postgres", "browser", "tests"]);
        assert_eq!(names(&["clippy", "tidy"]), ["tidy", "clippy"]);
        assert_eq!(names(&[]).len(), STEPS.len());
        assert!(select(STEPS, &["lint".to_owned()]).is_err());
    }

    #[test]
    fn the_closing_line_says_what_failed_or_was_skipped() {
        let line = |name, verdict| Line { name, verdict, took: Duration::from_secs(75), note: "n".into() };
        let took = Duration::from_millis(1500);
        let passed = [line("a", Verdict::Passed)];
        assert_eq!(closing(&passed, took), "All 1 steps passed in 1.5 s.");
        let mixed = [line("a", Verdict::Passed), line("b", Verdict::Skipped), line("c", Verdict::Failed)];
        assert_eq!(closing(&mixed, took), "FAILED: 1 of 3 steps (c) in 1.5 s.");
        assert!(closing(&mixed[..2], took).contains("1 of 2 steps were skipped (b)"));
        assert!(table(&mixed).contains("c            FAILED   1 min 15 s  n"), "{}", table(&mixed));
    }
}
