//! What was measured, and what was promised.

use serde_json::{Value, json};

use super::{
    account::Shape,
    load::Answered,
    milliseconds,
    mix::{KINDS, Kind},
};
use crate::bench::{
    figures::Target,
    times::{percentile, shown},
};

/// The answers of one phase, by kind and in order of their time.
pub(super) struct Phase {
    label: &'static str,
    by_kind: Vec<(Kind, Vec<u64>)>,
    all: Vec<u64>,
    wrong: Vec<String>,
}

/// Everything that was measured.
pub(super) struct Figures {
    pub(super) shape: Shape,
    pub(super) accounts: u64,
    pub(super) assignments: u64,
    pub(super) rate: u32,
    pub(super) latency_ms: u32,
    /// Idle, and while imports run.
    pub(super) phases: [Phase; 2],
    /// How many seconds each import took.
    pub(super) imports: Vec<f64>,
    pub(super) idle_peak_mebibytes: f64,
    pub(super) peak_mebibytes: f64,
    pub(super) cpu_seconds: f64,
}

impl Phase {
    pub(super) fn new(label: &'static str, answered: Vec<Answered>) -> Self {
        let sorted = |of: &dyn Fn(&&Answered) -> bool| {
            let mut micros: Vec<u64> = answered.iter().filter(of).map(|one| one.micros).collect();
            micros.sort_unstable();
            micros
        };
        let by_kind = KINDS.iter().map(|&kind| (kind, sorted(&|one| one.kind == kind))).collect();
        let all = sorted(&|_| true);
        Self { label, by_kind, all, wrong: answered.into_iter().filter_map(|one| one.wrong).collect() }
    }

    fn of(&self, kind: Option<Kind>) -> &[u64] {
        let Some(kind) = kind else { return &self.all };
        self.by_kind.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, micros)| micros)
    }
}

impl Figures {
    fn kinds() -> impl Iterator<Item = (Option<Kind>, &'static str)> {
        KINDS.iter().map(|&kind| (Some(kind), kind.label())).chain([(None, "all")])
    }

    /// A Markdown table of both phases.
    pub(super) fn table(&self) -> String {
        let mut text = "| asked | phase | requests | p50 ms | p95 ms | p99 ms | slowest ms |\n\
                        | --- | --- | ---: | ---: | ---: | ---: | ---: |\n"
            .to_owned();
        for (kind, label) in Self::kinds() {
            for phase in &self.phases {
                let times = phase.of(kind);
                let cells = [50, 95, 99, 100].map(|part| shown(percentile(times, part))).join(" | ");
                text += &format!("| {label} | {} | {} | {cells} |\n", phase.label, times.len());
            }
        }
        let wrong = self.phases.iter().flat_map(|phase| &phase.wrong);
        for wrong in wrong.take(5) {
            text += &format!("\nwrong: {wrong}");
        }
        let slowest = self.imports.iter().copied().fold(0.0, f64::max);
        text += &format!(
            "\n{} imports, the slowest {slowest:.1} s; {:.1} s of processor time; {:.0} MiB at most before the imports.",
            self.imports.len(),
            self.cpu_seconds,
            self.idle_peak_mebibytes
        );
        text
    }

    fn targets(&self) -> Vec<Target> {
        let [idle, busy] = &self.phases;
        let p99 = |phase: &Phase, kind| percentile(phase.of(kind), 99) as f64 / 1_000.0;
        let wrong = (idle.wrong.len() + busy.wrong.len()) as f64;
        let ratio = p99(busy, None) / p99(idle, None).max(0.001);
        vec![
            Target { what: "p99 importing / p99 idle", limit: 2.0, value: ratio },
            Target { what: "p99 idle, ms", limit: 50.0, value: p99(idle, None) },
            Target { what: "p99 importing, ms", limit: 50.0, value: p99(busy, None) },
            Target { what: "peak memory of the server, MiB", limit: 256.0, value: self.peak_mebibytes },
            Target { what: "errors", limit: 0.0, value: wrong },
        ]
    }

    /// All targets, as a Markdown table.
    pub(super) fn target_table(&self) -> String {
        let lines = self.targets().into_iter().map(|target| {
            let verdict = if target.is_met() { "met" } else { "**missed**" };
            format!("| {} | {:.2} | {:.2} | {verdict} |\n", target.what, target.limit, target.value)
        });
        "| target | at most | measured | |\n| --- | ---: | ---: | --- |\n".to_owned()
            + &lines.collect::<String>()
    }

    /// Everything, for a program to read.
    pub(super) fn json(&self) -> Value {
        let phase = |phase: &Phase| {
            let kinds = Self::kinds().map(|(kind, label)| {
                let times = phase.of(kind);
                let part = |part| milliseconds(percentile(times, part));
                json!({"asked": label, "requests": times.len(), "p50_ms": part(50), "p95_ms": part(95),
                    "p99_ms": part(99), "slowest_ms": part(100)})
            });
            json!({"phase": phase.label, "errors": phase.wrong.len(), "kinds": kinds.collect::<Vec<_>>()})
        };
        let target = |target: &Target| json!({"what": target.what, "limit": target.limit, "value": target.value, "met": target.is_met()});
        json!({
            "systems": self.shape.systems, "users": self.shape.users, "accounts": self.accounts,
            "assignments": self.assignments, "requests_per_second": self.rate, "latency_ms": self.latency_ms,
            "phases": self.phases.iter().map(phase).collect::<Vec<_>>(),
            "imports_seconds": self.imports, "peak_mebibytes": self.peak_mebibytes,
            "idle_peak_mebibytes": self.idle_peak_mebibytes, "cpu_seconds": self.cpu_seconds,
            "targets": self.targets().iter().map(target).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(label: &'static str, micros: impl Iterator<Item = u64>, wrong: Option<&str>) -> Phase {
        let kind = Kind::RestOne;
        let mut answered: Vec<Answered> =
            micros.map(|micros| Answered { kind, micros, wrong: None }).collect();
        answered[0].wrong = wrong.map(str::to_owned);
        Phase::new(label, answered)
    }

    fn figures(busy: u64, peak_mebibytes: f64, wrong: Option<&str>) -> Figures {
        let phases = [
            phase("idle", (1..=100).map(|ms| ms * 100), None),
            phase("busy", (1..=100).map(|ms| ms * busy), wrong),
        ];
        let shape = Shape { systems: 1, users: 100 };
        Figures {
            shape,
            accounts: 1,
            assignments: 1,
            rate: 1,
            latency_ms: 0,
            phases,
            imports: vec![1.0],
            idle_peak_mebibytes: 1.0,
            peak_mebibytes,
            cpu_seconds: 1.0,
        }
    }

    #[test]
    fn each_target_is_met_at_its_limit_and_missed_beyond() {
        let met = |figures: Figures| figures.targets().iter().map(Target::is_met).collect::<Vec<_>>();
        assert_eq!(met(figures(200, 256.0, None)), [true; 5]);
        assert_eq!(met(figures(201, 256.1, Some("500"))), [false, true, true, false, false]);
        assert_eq!(met(figures(600, 1.0, None)), [false, true, false, true, true]);
    }
}
