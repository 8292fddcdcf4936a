//! What the kit has on record of other programs, and ours beside each figure.
//!
//! The figures are the tables below "All runs" in the kit's `RESULTS.md`: one table for each way its endpoint behaves, one line
//! for each program and number of users. They were measured on another machine on another day, so a ratio to one of them says
//! where we stand among programs, not by how many per cent; what was measured in the same run is in the tables before.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::{
    figures::{Figures, ratio},
    setting::{Setting, Source},
};

/// The file's name in the folder of the kit.
pub(super) const FILE: &str = "RESULTS.md";
const ALL_RUNS: &str = "## All runs";
const COLUMNS: usize = 12;

/// One line on record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recorded {
    setting: Setting,
    users: u32,
    program: String,
    wall_seconds: f64,
    cpu_seconds: f64,
    /// `None` where it ended before anybody looked.
    peak_mebibytes: Option<f64>,
    calls: f64,
    ended: Ended,
}

/// How the run on record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    /// It was ended before it had read all: it would have taken longer than what is on record.
    CutOff,
    /// It gave up.
    Failed,
}

/// Ours as a part of a figure on record; `None` where one of both was not measured.
struct Ratios {
    wall: Option<f64>,
    cpu: Option<f64>,
    peak: Option<f64>,
    calls: Option<f64>,
}

/// Everything on record in that folder of the kit; nothing where it has no record.
pub(super) fn read(kit: &Path) -> Result<Vec<Recorded>> {
    let path = kit.join(FILE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("reading what {} has on record", path.display()))
}

fn parse(text: &str) -> Result<Vec<Recorded>> {
    let Some((_, runs)) = text.split_once(ALL_RUNS) else { bail!("it has no part {ALL_RUNS:?}") };
    let runs = runs.split("\n## ").next().unwrap_or(runs);
    let mut setting = None;
    let mut all = Vec::new();
    for line in runs.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            setting = Some(setting_of(title)?);
        }
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        // The head of a table, and the line below it, name no number of users.
        let Some(Ok(users)) = cells.first().map(|cell| cell.parse()) else { continue };
        let setting = setting.ok_or_else(|| anyhow!("a table stands below no title"))?;
        all.push(Recorded::of(setting, users, &cells).with_context(|| format!("reading the line {line:?}"))?);
    }
    if all.is_empty() {
        bail!("there is no figure below {ALL_RUNS:?}");
    }
    Ok(all)
}

fn setting_of(title: &str) -> Result<Setting> {
    match title.trim() {
        "latency 0 ms, no rate limit" => Ok(Setting::Open),
        "latency 20 ms, no rate limit" => Ok(Setting::Latency),
        "latency 20 ms, 20 requests/s, burst 20" => Ok(Setting::Rate),
        other => bail!("nobody knows a setting called {other:?}"),
    }
}

impl Recorded {
    fn of(setting: Setting, users: u32, cells: &[&str]) -> Result<Self> {
        let &[_, program, _runs, wall, cpu, peak, calls, _throttled, _errors, _in_flight, _server, result] =
            cells
        else {
            bail!("it has {} columns instead of {COLUMNS}", cells.len());
        };
        // A median of several runs has the least and the most behind it.
        let wall = wall.split_whitespace().next().unwrap_or_default();
        let number = |what: &str, text: &str| -> Result<f64> {
            text.parse().with_context(|| format!("{text:?} is no number ({what})"))
        };
        let ended = match result {
            "ok" => Ended::Well,
            "cut off at the cap" => Ended::CutOff,
            failed if failed.starts_with("exit ") => Ended::Failed,
            other => bail!("nobody knows how a run ended that ended with {other:?}"),
        };
        Ok(Self {
            setting,
            users,
            program: program.to_owned(),
            wall_seconds: number("wall", wall)?,
            cpu_seconds: number("CPU", cpu)?,
            peak_mebibytes: if peak.starts_with("under") { None } else { Some(number("peak", peak)?) },
            calls: number("calls", calls)?,
            ended,
        })
    }

    /// Which of our ways is beside it: with the credential report only where it reads that too.
    fn source(&self) -> Source {
        if self.program.contains("-report-") { Source::CredentialReport } else { Source::PerUser }
    }

    /// Ours beside it; `None` where we were not measured in the same setting.
    fn beside(&self, all: &[Figures]) -> Option<Ratios> {
        let ours = all.iter().find(|figures| {
            let scenario = figures.scenario;
            (scenario.users, scenario.setting, scenario.source) == (self.users, self.setting, self.source())
        })?;
        let ours = ours.ours()?;
        // A run of less than a hundredth of a second of CPU is written down as none or one.
        let cpu = Some(self.cpu_seconds).filter(|cpu| *cpu >= 0.02);
        Some(Ratios {
            wall: ratio(ours.wall(), Some(self.wall_seconds)),
            cpu: ratio(ours.cpu(), cpu),
            peak: ratio(ours.peak(), self.peak_mebibytes),
            calls: ratio(ours.calls(), Some(self.calls)),
        })
    }

    fn line(&self, ratios: &Ratios) -> String {
        // What was cut off would have needed more, so ours is at most that part of it.
        let mark = match self.ended {
            Ended::Well => "",
            Ended::CutOff => "< ",
            Ended::Failed => "(failed) ",
        };
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{mark}{}", significant(value)))
        };
        let Self { users, setting, program, wall_seconds, .. } = self;
        format!(
            "| {users} | {} | {} | {program} | {wall_seconds:.3} | {} | {} | {} | {} |",
            setting.label(),
            self.source().word(),
            shown(ratios.wall),
            shown(ratios.cpu),
            shown(ratios.peak),
            shown(ratios.calls),
        )
    }
}

/// Two digits that say something, however small.
fn significant(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// Ours as a part of each figure on record that was taken in a setting that we were measured in, as a Markdown table.
pub(super) fn table(recorded: &[Recorded], all: &[Figures]) -> String {
    let head = "| users | endpoint | our login profiles | on record | its wall s | our wall to its | our CPU to its | our peak to \
                its | our calls to its |\n| ---: | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |";
    let lines = recorded.iter().filter_map(|one| Some(one.line(&one.beside(all)?)));
    std::iter::once(head.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

/// The same for a program to read.
pub(super) fn json(recorded: &[Recorded], all: &[Figures]) -> Value {
    let of = |one: &Recorded| {
        let Ratios { wall, cpu, peak, calls } = one.beside(all)?;
        Some(json!({
            "users": one.users,
            "latency_ms": one.setting.latency_milliseconds(),
            "requests_per_second": one.setting.rate(),
            "login_profile_source": one.source().word(),
            "on_record": one.program,
            "wall": wall,
            "cpu": cpu,
            "peak": peak,
            "calls": calls,
        }))
    };
    recorded.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        figures::{Measured, Row},
        program::Program,
        setting::Scenario,
    };

    const RECORD: &str = "# Peers\n\n| 200 | a | table | above |\n\n## All runs\n\n### latency 20 ms, no rate limit\n\n\
        | users | program | runs | wall s (min-max) | CPU s | peak RSS MiB | calls | throttled | errors | max in flight | server CPU s | result |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n\
        | 1000 | boto3-t16 | 3 | 2.500 (2.42-2.56) | 2.00 | 60.0 | 1006 | 0 | 200 | 16 | 0.109 | ok |\n\
        | 1000 | floor-report-c50 | 3 | 0.072 (0.07-0.07) | 0.01 | under 20 ms, not sampled | 9 | 0 | 0 | 5 | 0.006 | ok |\n\
        | 1000 | slow | 1 | 300.010 | 3.93 | 129.2 | 13283 | 0 | 0 | 1 | 2.262 | cut off at the cap |\n\
        | 5000 | boto3-t16 | 3 | 11.690 (11.56-12.29) | 8.91 | 92.9 | 5016 | 0 | 1000 | 16 | 0.614 | ok |\n\n\
        ## Caveats\n\n| 1000 | is | no | figure |\n";

    fn ours(source: Source, wall_seconds: f64) -> Figures {
        let run = Measured { wall_seconds, cpu_seconds: 0.5, peak_mebibytes: 30.0, counted: None };
        let scenario = Scenario { users: 1_000, setting: Setting::Latency, source };
        Figures { scenario, rows: vec![Row { program: Program::Ours, runs: vec![run] }] }
    }

    #[test]
    fn each_figure_has_ours_beside_it_in_the_same_setting_and_way() {
        let recorded = parse(RECORD).unwrap();
        assert_eq!(recorded.len(), 4);
        let text = table(&recorded, &[ours(Source::PerUser, 0.5), ours(Source::CredentialReport, 0.09)]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| 1000 | 20 ms | per_user | boto3-t16 | 2.500 | 0.20 | 0.25 | 0.50 | - |",
                "| 1000 | 20 ms | credential_report | floor-report-c50 | 0.072 | 1.2 | - | - | - |",
                "| 1000 | 20 ms | per_user | slow | 300.010 | < 0.002 | < 0.13 | < 0.23 | - |",
            ]
        );
        assert_eq!(json(&recorded, &[ours(Source::PerUser, 0.5)]).as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_line() {
        for (from, to, said) in [
            ("## All runs", "## Runs", "All runs"),
            ("### latency 20 ms, no rate limit", "### latency 7 ms", "latency 7 ms"),
            ("cut off at the cap", "who knows", "who knows"),
            ("| 2.00 | 60.0 |", "| many | 60.0 |", "many"),
            ("| 16 | 0.109 | ok |", "| 16 | ok |", "11 columns"),
        ] {
            let error = format!("{:#}", parse(&RECORD.replacen(from, to, 1)).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }
}
