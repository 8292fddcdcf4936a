//! One AWS account with a cap, which many processes import at once.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, bail};

use super::super::serve::account::{Inhabitants, Sandbox, Shape};
use super::WorkOptions;
use super::ground::{Call, Ground};

const INHABITANTS: Inhabitants = Inhabitants { groups: 2, policies: 2 };
/// Each is asked about by a call of its own in each import.
const USERS: u32 = 300;
/// The time in which calls are counted.
const WITHIN_SECONDS: u64 = 10;

/// What so many processes asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Together {
    pub(super) processes: u32,
    pub(super) calls: usize,
    /// The most calls in ten seconds, by the second.
    pub(super) most_per_second: f64,
    /// All calls, by the second.
    pub(super) mean_per_second: f64,
}

/// Imports for each number of processes.
pub(super) fn measure(binary: &Path, database: String, options: &WorkOptions) -> Result<Vec<Together>> {
    let sandbox = Sandbox::start_with(binary, 0, Shape { systems: 1, users: USERS }, INHABITANTS)?;
    let ground = Ground::new(binary, database, sandbox)?;
    let cap = format!("max_requests_per_second={}", options.cap);
    let most = options.workers.iter().copied().max().unwrap_or(1);
    for number in 0..most {
        ground.add(&system(number), 0, &[&cap])?;
        let one_by_one = ["login_profile_source=per_user", "policy_scope=customer"];
        ground.ask(
            &[&["import", "profile", "set", &system(number), "default"][..], &one_by_one].concat(),
            "",
        )?;
    }
    options.workers.iter().map(|&processes| together(&ground, processes)).collect()
}

fn together(ground: &Ground<'_>, processes: u32) -> Result<Together> {
    ground.sandbox.forget_calls()?;
    let imports = (0..processes).map(|number| {
        let mut command = ground.command(&["import", "run", &system(number)]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().context("starting an import")
    });
    // All run before one is waited for.
    for import in imports.collect::<Vec<_>>() {
        let ended = import?.wait_with_output()?;
        if !ended.status.success() {
            bail!("an import ended with {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr).trim());
        }
    }
    let calls = ground.calls()?;
    let together = Together {
        processes,
        calls: calls.len(),
        most_per_second: most_within(&calls, WITHIN_SECONDS) as f64 / WITHIN_SECONDS as f64,
        mean_per_second: mean(&calls),
    };
    println!("{processes} processes asked {:.1} calls a second at most", together.most_per_second);
    Ok(together)
}

fn system(number: u32) -> String {
    format!("cap-{number:02}")
}

/// The most calls that arrived within so many seconds.
fn most_within(calls: &[Call], seconds: u64) -> usize {
    let began: Vec<u64> = calls.iter().map(|call| call.began_micros).collect();
    let within = |(first, from): (usize, &u64)| {
        began.iter().skip(first).take_while(|at| **at < from + seconds * 1_000_000).count()
    };
    began.iter().enumerate().map(within).max().unwrap_or(0)
}

fn mean(calls: &[Call]) -> f64 {
    let (Some(first), Some(last)) = (calls.first(), calls.last()) else { return 0.0 };
    let seconds = last.began_micros.saturating_sub(first.began_micros) as f64 / 1_000_000.0;
    calls.len() as f64 / seconds.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_seconds_count() {
        let at = |began_micros| Call {
            action: "GetLoginProfile".to_owned(),
            whom: Default::default(),
            applied: None,
            began_micros,
            ended_micros: began_micros,
        };
        let calls: Vec<Call> = [0, 11_000_000, 12_000_000, 20_999_999, 21_000_000].map(at).into();
        assert_eq!(most_within(&calls, 10), 3);
        assert_eq!(most_within(&[], 10), 0);
        assert!((mean(&calls) - 5.0 / 21.0).abs() < 1e-9);
    }
}
