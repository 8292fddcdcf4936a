//! `cargo xtask fuzz`: libFuzzer looks for an input that a parser of foreign input does not take.
//!
//! Only the members of the workspace are instrumented, by the flags that libFuzzer asks for, which stable compilers know:
//! what is fuzzed is our own code, and nothing below it is built a second time. This program is the compiler's wrapper then
//! (`RUSTC_WORKSPACE_WRAPPER`), as it is the one program that is there.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, anyhow, bail};
use cargo_metadata::Message;

use crate::workspace::{self, Depth};

/// Set for the compiler's wrapper, and for nothing else.
const WRAPS: &str = "KEYREEVE_FUZZ_WRAPS_RUSTC";
/// Which target the program tries.
const TARGET: &str = "KEYREEVE_FUZZ_TARGET";
/// Where the corpus of each target lies.
const CORPUS: &str = "fuzz/corpus";
/// An input that takes longer is a finding.
const SECONDS_AN_INPUT: u32 = 10;
/// A target that needs more is a finding.
const MEBIBYTES: u32 = 1_024;
/// What libFuzzer needs to know of the branches that an input takes, as cargo-fuzz asks for it.
const FLAGS: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// What `cargo xtask fuzz` is asked for.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The targets; all without one
    targets: Vec<String>,
    /// Seconds in all, shared by the targets alike
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { targets: Vec::new(), seconds: 60 }
    }
}

/// Whether this process is the compiler's wrapper; if so, the compiler is run, and this is how it ended.
pub(crate) fn as_wrapper() -> Option<ExitCode> {
    std::env::var_os(WRAPS)?;
    let mut arguments = std::env::args_os().skip(1);
    let mut rustc = Command::new(arguments.next()?);
    let arguments: Vec<OsString> = arguments.collect();
    let crate_name = arguments.iter().skip_while(|one| *one != "--crate-name").nth(1);
    let ours = crate_name.and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("keyreeve"));
    rustc.args(arguments);
    if ours {
        rustc.args(FLAGS);
    }
    let ended = rustc.status().ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Some(ended.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Tries every target that was asked for, as many at once as there are processors, and says how much was tried.
pub(crate) fn run(root: &Path, options: &Options) -> Result<String> {
    let all = names(root)?;
    let chosen = if options.targets.is_empty() { all.clone() } else { options.targets.clone() };
    if let Some(unknown) = chosen.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown:?}; there are: {}", all.join(", "));
    }
    let program = build(root)?;
    let target = workspace::metadata(root, Depth::Members)?.target_directory.into_std_path_buf();
    let seconds = options.seconds.div_ceil(u32::try_from(chosen.len())?.max(1));
    let queue = Mutex::new(chosen.iter());
    let tries = Mutex::new(Vec::new());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(name) = next() {
                    let tried = Run { root, target: &target, program: &program, name, seconds }.fuzz();
                    tries.lock().unwrap_or_else(PoisonError::into_inner).push((name, tried));
                }
            });
        }
    });
    let mut inputs = 0;
    let mut found = Vec::new();
    for (name, tried) in tries.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match tried {
            Ok(number) => {
                println!("{name:20} {number:>10} inputs");
                inputs += number;
            }
            Err(error) => found.push(format!("{name}: {error:#}")),
        }
    }
    if !found.is_empty() {
        bail!("{}", found.join("\n"));
    }
    Ok(format!("{} targets, {inputs} inputs in {seconds} s each", chosen.len()))
}

/// The targets: each has a folder with its corpus, which a test holds to be so.
fn names(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(CORPUS);
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds with what the tests are built with, so that nothing below our crates is built a second time.
fn build(root: &Path) -> Result<PathBuf> {
    println!("Building the targets …");
    let mut cargo = workspace::cargo(root);
    cargo.args(["test", "--quiet", "--no-run", "--workspace", "--test", "libfuzzer"]);
    cargo.args(["--features", "keyreeve-fuzz/libfuzzer", "--message-format", "json-render-diagnostics"]);
    cargo.env(WRAPS, "1").env("RUSTC_WORKSPACE_WRAPPER", std::env::current_exe()?);
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("starting cargo")?;
    if !output.status.success() {
        bail!(
            "the targets could not be built; cargo's output is above (libFuzzer needs a C++ compiler: on Debian, \
             apt-get install g++)"
        );
    }
    let built = Message::parse_stream(output.stdout.as_slice()).filter_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) if artifact.target.name == "libfuzzer" => artifact.executable,
        _ => None,
    });
    let program = built.last().ok_or_else(|| anyhow!("cargo did not say where the program is"))?;
    Ok(program.into_std_path_buf())
}

/// One target for some seconds.
struct Run<'a> {
    root: &'a Path,
    target: &'a Path,
    program: &'a Path,
    name: &'a str,
    seconds: u32,
}

impl Run<'_> {
    /// How many inputs were tried.
    fn fuzz(&self) -> Result<u64> {
        // What it finds out is kept from run to run, outside the corpus that is under version control.
        let kept = self.target.join("fuzz").join(self.name);
        fs::create_dir_all(&kept).with_context(|| format!("making {}", kept.display()))?;
        let artifacts = self.target.join("fuzz").join(format!("{}-", self.name));
        let output = Command::new(self.program)
            .env(TARGET, self.name)
            .arg(&kept)
            .arg(self.root.join(CORPUS).join(self.name))
            .arg(format!("-max_total_time={}", self.seconds))
            .arg(format!("-timeout={SECONDS_AN_INPUT}"))
            .arg(format!("-rss_limit_mb={MEBIBYTES}"))
            .arg(format!("-artifact_prefix={}", artifacts.display()))
            .args(["-print_final_stats=1", "-verbosity=1"])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("starting {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let end: Vec<&str> = said.lines().rev().take(40).collect();
            let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
            bail!(
                "an input was not taken ({}); put the file named below into {CORPUS}/{} once it is mended\n{end}",
                output.status,
                self.name
            );
        }
        executed(&said).ok_or_else(|| anyhow!("libFuzzer did not say how many inputs it tried"))
    }
}

/// The number of inputs in what libFuzzer says at its end.
fn executed(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzer_says_how_much_it_tried() {
        let said = "#2 INITED\nstat::number_of_executed_units: 4711\nstat::average_exec_per_sec:     5\n";
        assert_eq!(executed(said), Some(4_711));
        assert_eq!(executed("Done"), None);
    }
}
