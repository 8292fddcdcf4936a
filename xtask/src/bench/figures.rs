//! What was measured, set beside each other and beside the targets.

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use super::{
    endpoint::Counted,
    program::Program,
    setting::{Scenario, Setting},
};

/// One run of one program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_mebibytes: f64,
    /// `None` where nobody counts.
    pub(super) counted: Option<Counted>,
}

/// The runs of one program in a scenario.
pub(super) struct Row {
    pub(super) program: Program,
    pub(super) runs: Vec<Measured>,
}

/// A scenario and who was measured in it.
pub(super) struct Figures {
    pub(super) scenario: Scenario,
    pub(super) rows: Vec<Row>,
}

/// A promise and what came of it.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub(super) what: &'static str,
    pub(super) limit: f64,
    pub(super) value: f64,
}

impl Measured {
    /// Reads what the measuring driver printed.
    pub(super) fn parse(printed: &Value) -> Result<Self> {
        let number = |name: &str| {
            let value = printed.get(name).and_then(Value::as_f64);
            value.ok_or_else(|| anyhow!("the driver's figures have no {name}"))
        };
        Ok(Self {
            wall_seconds: number("wall_seconds")?,
            cpu_seconds: number("cpu_seconds")?,
            peak_mebibytes: number("peak_mebibytes")?,
            counted: None,
        })
    }

    fn calls(&self) -> Option<f64> {
        self.counted.map(|counted| counted.calls as f64)
    }

    fn throttled(&self) -> Option<f64> {
        self.counted.map(|counted| counted.throttled as f64)
    }

    fn successful(&self) -> Option<f64> {
        self.counted.map(|counted| counted.calls.saturating_sub(counted.throttled) as f64)
    }
}

impl Row {
    /// The median over the runs.
    fn median(&self, of: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.runs.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let lower = if values.len().is_multiple_of(2) { *values.get(middle - 1)? } else { upper };
        Some((lower + upper) / 2.0)
    }

    pub(super) fn wall(&self) -> Option<f64> {
        self.median(|run| Some(run.wall_seconds))
    }

    pub(super) fn cpu(&self) -> Option<f64> {
        self.median(|run| Some(run.cpu_seconds))
    }

    pub(super) fn peak(&self) -> Option<f64> {
        self.median(|run| Some(run.peak_mebibytes))
    }

    pub(super) fn calls(&self) -> Option<f64> {
        self.median(Measured::calls)
    }
}

impl Figures {
    /// What we needed.
    pub(super) fn ours(&self) -> Option<&Row> {
        self.row(Program::Ours)
    }

    fn row(&self, program: Program) -> Option<&Row> {
        self.rows.iter().find(|row| row.program == program)
    }

    /// What was promised for this scenario; nothing where there is nobody to compare with.
    pub(super) fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        let mut add = |what, limit: f64, value: Option<f64>| {
            targets.extend(value.map(|value| Target { what, limit, value }));
        };
        let Some(ours) = self.ours() else { return targets };
        if let Some(floor) = self.row(Program::Floor) {
            let more = difference(ours.median(Measured::successful), floor.median(Measured::successful));
            add("successful calls above the floor's", 2.0, more);
            if self.scenario.setting != Setting::Open {
                add("wall / floor", 1.2, ratio(ours.wall(), floor.wall()));
            }
        }
        if self.scenario.users >= 5_000 {
            if let Some(boto3) = self.row(Program::Boto3) {
                add("CPU / boto3", 0.2, ratio(ours.cpu(), boto3.cpu()));
                add("peak memory / boto3", 2.0 / 3.0, ratio(ours.peak(), boto3.peak()));
            }
            add("peak memory, MiB", 64.0, ours.peak());
        }
        targets
    }

    /// The lines of a Markdown table, one for each program.
    fn lines(&self) -> Vec<String> {
        let ours = self.ours();
        let against = |of: fn(&Row) -> Option<f64>, row: &Row| {
            let ours = ours.filter(|_| row.program != Program::Ours);
            let value = ours.and_then(|ours| ratio(of(ours), of(row)));
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
        };
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let line = |row: &Row| {
            let cells = [
                self.scenario.users.to_string(),
                self.scenario.setting.label().to_owned(),
                self.scenario.source.word().to_owned(),
                row.program.label().to_owned(),
                row.runs.len().to_string(),
                number(row.calls(), 0),
                number(row.median(Measured::successful), 0),
                number(row.median(Measured::throttled), 0),
                number(row.wall(), 3),
                number(row.cpu(), 3),
                number(row.peak(), 1),
                against(Row::wall, row),
                against(Row::cpu, row),
                against(Row::peak, row),
            ];
            format!("| {} |", cells.join(" | "))
        };
        self.rows.iter().map(line).collect()
    }

    /// Everything, run by run, for a program to read.
    pub(super) fn json(&self) -> Value {
        let run = |run: &Measured| {
            json!({
                "wall_seconds": run.wall_seconds,
                "cpu_seconds": run.cpu_seconds,
                "peak_mebibytes": run.peak_mebibytes,
                "calls": run.counted.map(|counted| counted.calls),
                "throttled": run.counted.map(|counted| counted.throttled),
            })
        };
        let row = |row: &Row| json!({"program": row.program.label(), "runs": row.runs.iter().map(run).collect::<Vec<_>>()});
        let target = |target: &Target| json!({"what": target.what, "limit": target.limit, "value": target.value, "met": target.is_met()});
        json!({
            "users": self.scenario.users,
            "latency_ms": self.scenario.setting.latency_milliseconds(),
            "requests_per_second": self.scenario.setting.rate(),
            "login_profile_source": self.scenario.source.word(),
            "programs": self.rows.iter().map(row).collect::<Vec<_>>(),
            "targets": self.targets().iter().map(target).collect::<Vec<_>>(),
        })
    }
}

impl Target {
    pub(super) fn is_met(&self) -> bool {
        self.value <= self.limit
    }
}

/// Ours as a part of another; `None` where one of them is not known, or the other is nothing.
pub(super) fn ratio(ours: Option<f64>, other: Option<f64>) -> Option<f64> {
    other.filter(|other| *other > 0.0).and_then(|other| Some(ours? / other))
}

fn difference(ours: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(ours? - other?)
}

/// All programs in all scenarios, as a Markdown table.
pub(super) fn table(all: &[Figures]) -> String {
    let head = "| users | endpoint | login profiles | program | runs | calls | successful | throttled | wall s | \
                CPU s | peak MiB | our wall to its | our CPU to its | our peak to its |\n\
                | ---: | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";
    let lines = all.iter().flat_map(Figures::lines);
    std::iter::once(head.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

/// All targets, as a Markdown table.
pub(super) fn target_table(all: &[Figures]) -> String {
    let head = "| users | endpoint | login profiles | target | at most | measured | |\n\
                | ---: | --- | --- | --- | ---: | ---: | --- |";
    let lines = all.iter().flat_map(|figures| {
        let Scenario { users, setting, source } = figures.scenario;
        figures.targets().into_iter().map(move |target| {
            let verdict = if target.is_met() { "met" } else { "**missed**" };
            let Target { what, limit, value } = target;
            let (setting, source) = (setting.label(), source.word());
            format!("| {users} | {setting} | {source} | {what} | {limit:.2} | {value:.2} | {verdict} |")
        })
    });
    std::iter::once(head.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::setting::Source;

    fn row(program: Program, walls: &[f64], cpu: f64, peak: f64, calls: u64) -> Row {
        let run = |&wall_seconds: &f64| Measured {
            wall_seconds,
            cpu_seconds: cpu,
            peak_mebibytes: peak,
            counted: Some(Counted { calls, throttled: 1 }),
        };
        Row { program, runs: walls.iter().map(run).collect() }
    }

    fn figures(ours: Row) -> Figures {
        let scenario = Scenario { users: 5_000, setting: Setting::Latency, source: Source::PerUser };
        let floor = row(Program::Floor, &[2.0, 1.0, 9.0], 0.2, 12.0, 5_016);
        let boto3 = row(Program::Boto3, &[11.0], 10.0, 90.0, 5_016);
        Figures { scenario, rows: vec![ours, floor, boto3] }
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(row(Program::Ours, &[3.0, 1.0, 9.0], 0.0, 0.0, 0).wall(), Some(3.0));
        assert_eq!(row(Program::Ours, &[4.0, 2.0], 0.0, 0.0, 0).wall(), Some(3.0));
        assert_eq!(row(Program::Ours, &[], 0.0, 0.0, 0).wall(), None);
    }

    #[test]
    fn each_target_is_met_at_its_limit_and_missed_beyond() {
        let met = figures(row(Program::Ours, &[2.4], 2.0, 60.0, 5_018)).targets();
        assert_eq!(met.len(), 5);
        assert!(met.iter().all(Target::is_met), "{met:?}");
        let missed = figures(row(Program::Ours, &[2.41], 2.01, 64.1, 5_019)).targets();
        assert!(missed.iter().all(|target| !target.is_met()), "{missed:?}");
    }

    #[test]
    fn the_tables_have_as_many_cells_as_columns() {
        let all = [figures(row(Program::Ours, &[2.4], 2.0, 60.0, 5_018))];
        for text in [table(&all), target_table(&all)] {
            let cells = |line: &str| line.matches(" |").count();
            let head = text.lines().next().map(cells);
            assert!(text.lines().all(|line| Some(cells(line)) == head), "{text}");
        }
        let text = table(&all);
        let ends = |line: usize, with: &str| text.lines().nth(line).unwrap().ends_with(with);
        assert!(
            ends(2, "| - | - | - |")
                && ends(3, "| 1.20 | 10.00 | 5.00 |")
                && ends(4, "| 0.22 | 0.20 | 0.67 |"),
            "{text}"
        );
    }
}
