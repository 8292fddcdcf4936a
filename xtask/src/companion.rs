//! A server that runs beside us and never outlives us.
//!
//! A small shell starts the program and waits for the end of its own input, a pipe that only we hold. However we
//! end (done, failed, Ctrl-C, killed), the pipe closes, and the shell stops exactly that program and removes its
//! folder.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, anyhow};

/// `$1` signal that stops it, `$2` folder to remove, then the program and its arguments.
const KEEPER: &str = r#"
signal=$1 folder=$2
shift 2
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r ended <&3; kill -s "$signal" "$program"; } >/dev/null 2>&1 &
watcher=$!
{ wait "$program"; result=$?; } 2>/dev/null
kill "$watcher" 2>/dev/null
rm -rf -- "$folder"
exit "$result"
"#;

/// A running program; dropping it stops the program and waits until it is gone.
pub(crate) struct Companion {
    keeper: Child,
}

impl Companion {
    /// Starts `command` (its environment and folder are kept, its input is empty). `signal` (such as `TERM`) stops
    /// it, and `folder` is removed afterwards.
    pub(crate) fn start(
        command: &Command,
        signal: &str,
        folder: &Path,
        stdout: Stdio,
        stderr: Stdio,
    ) -> Result<Self> {
        let mut keeper = Command::new("sh");
        keeper.args([OsStr::new("-c"), OsStr::new(KEEPER), OsStr::new("keeper"), OsStr::new(signal)]);
        keeper.arg(folder).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => keeper.env(name, value),
                None => keeper.env_remove(name),
            };
        }
        if let Some(place) = command.get_current_dir() {
            keeper.current_dir(place);
        }
        // A group of its own: Ctrl-C reaches us, and the closing pipe reaches the keeper.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        let keeper = keeper.spawn().with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self { keeper })
    }

    /// What the program prints, if it was started with a pipe; once.
    pub(crate) fn stdout(&mut self) -> Result<ChildStdout> {
        self.keeper.stdout.take().ok_or_else(|| anyhow!("the program's output was not asked for"))
    }

    /// The process id of the program, which has this name (Linux).
    pub(crate) fn program(&self, name: &str) -> Result<u32> {
        let keeper = self.keeper.id();
        let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children"))
            .context("looking for a running program")?;
        let is = |id: &u32| {
            let called = std::fs::read_to_string(format!("/proc/{id}/comm"));
            called.is_ok_and(|called| called.trim_end() == name)
        };
        let found = children.split_whitespace().filter_map(|id| id.parse().ok()).find(is);
        found.ok_or_else(|| anyhow!("{name} does not run"))
    }

    /// How it ended, if it already has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.keeper.try_wait().context("looking after a running program")
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        thread,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::scratch::Scratch;

    /// Whether a process with this id is still there.
    fn lives(id: &str) -> bool {
        Command::new("kill").args(["-0", id]).stderr(Stdio::null()).status().unwrap().success()
    }

    #[test]
    fn dropping_it_stops_the_program_and_removes_the_folder() {
        let scratch = Scratch::new("companion").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$; exec sleep 600"]);
        let mut companion =
            Companion::start(&command, "TERM", scratch.path(), Stdio::piped(), Stdio::null()).unwrap();
        let mut id = String::new();
        BufReader::new(companion.stdout().unwrap()).read_line(&mut id).unwrap();
        assert!(lives(id.trim()) && scratch.path().exists());
        assert!(companion.ended().unwrap().is_none());
        // What says its number is still the shell; then it becomes the other program.
        let began = Instant::now();
        while companion.program("sleep").is_err() && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(companion.program("sleep").unwrap().to_string(), id.trim());
        assert!(companion.program("no-such-program").is_err());
        drop(companion);
        assert!(!lives(id.trim()) && !scratch.path().exists());
    }

    #[test]
    fn a_program_that_ends_by_itself_is_noticed() {
        let scratch = Scratch::new("companion").unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        let mut companion =
            Companion::start(&command, "TERM", scratch.path(), Stdio::null(), Stdio::null()).unwrap();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = companion.ended().unwrap() {
                break status;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "its end was not noticed");
            thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.code(), Some(7));
    }
}
