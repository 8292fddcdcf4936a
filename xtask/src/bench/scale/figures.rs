//! What was measured, and what was promised.

use serde_json::{Value, json};

use super::WorkOptions;
use super::cap::Together;
use super::fleet::Round;

/// So much of what so many workers could do is done at least: four do 3.2 times what one does.
const LEAST_SHARE: f64 = 0.8;
/// What is promised of so many workers; of more, the machine may be the limit.
const PROMISED: u32 = 4;
/// A cap is exceeded by so much at most.
const MOST_OVER: f64 = 1.05;

pub(super) struct Figures<'a> {
    pub(super) options: &'a WorkOptions,
    pub(super) rounds: Vec<Round>,
    pub(super) caps: Vec<Together>,
}

impl Figures<'_> {
    /// How many times the first round's tasks a second, and whether that is what is promised.
    fn gained(&self, round: &Round) -> (f64, Option<bool>) {
        let Some(first) = self.rounds.first() else { return (1.0, None) };
        let times = round.tasks_per_second() / first.tasks_per_second().max(f64::MIN_POSITIVE);
        let more = f64::from(round.workers) / f64::from(first.workers);
        let promised = round.workers != first.workers && round.workers <= PROMISED;
        (times, promised.then_some(times >= more * LEAST_SHARE))
    }

    /// How many times the cap, and whether that is what is promised.
    fn over(&self, together: &Together) -> (f64, bool) {
        let times = together.most_per_second / f64::from(self.options.cap);
        (times, times <= MOST_OVER)
    }

    /// Both tables, in Markdown.
    pub(super) fn tables(&self) -> String {
        let word = |met| if met { "met" } else { "**missed**" };
        let WorkOptions { systems, tasks, at_once, latency_ms, cap, .. } = self.options;
        let mut text = format!(
            "{systems} systems with a job of {tasks} tasks each; a worker works on {at_once} at once; AWS answers after \
             {latency_ms} ms.\n\n| workers | tasks | calls | seconds | tasks a second | times the first | |\n\
             | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n"
        );
        for round in &self.rounds {
            let (times, met) = self.gained(round);
            let Round { workers, tasks, calls, seconds } = round;
            let rate = round.tasks_per_second();
            let met = met.map_or("", word);
            text += &format!(
                "| {workers} | {tasks} | {calls} | {seconds:.1} | {rate:.1} | {times:.2} | {met} |\n"
            );
        }
        text += &format!(
            "\nAn AWS account with a cap of {cap} calls a second, imported by so many processes at once.\n\n\
             | processes | calls | a second, mean | a second, the busiest ten | times the cap | |\n\
             | ---: | ---: | ---: | ---: | ---: | --- |\n"
        );
        for together in &self.caps {
            let (times, met) = self.over(together);
            let Together { processes, calls, most_per_second, mean_per_second } = together;
            let met = word(met);
            text += &format!(
                "| {processes} | {calls} | {mean_per_second:.1} | {most_per_second:.1} | {times:.2} | {met} |\n"
            );
        }
        text
    }

    /// The table of the guide.
    pub(super) fn guide(&self) -> String {
        let mut text = "| workers | tasks a second | times one worker | calls a second to the one account, its busiest ten \
                        seconds |\n|---:|---:|---:|---:|\n"
            .to_owned();
        for round in &self.rounds {
            let (times, _) = self.gained(round);
            let (workers, rate) = (round.workers, round.tasks_per_second());
            let most = self.caps.iter().find(|together| together.processes == workers);
            let most = most.map_or_else(String::new, |together| format!("{:.1}", together.most_per_second));
            text += &format!("| {workers} | {rate:.1} | {times:.2} | {most} |\n");
        }
        text
    }

    /// Everything, for a program to read.
    pub(super) fn json(&self) -> Value {
        let round = |round: &Round| {
            let (times, met) = self.gained(round);
            json!({
                "workers": round.workers, "tasks": round.tasks, "calls": round.calls, "seconds": round.seconds,
                "tasks_per_second": round.tasks_per_second(), "times_the_first": times, "met": met,
            })
        };
        let cap = |together: &Together| {
            let (times, met) = self.over(together);
            json!({
                "processes": together.processes, "calls": together.calls, "times_the_cap": times, "met": met,
                "mean_per_second": together.mean_per_second, "most_per_second": together.most_per_second,
            })
        };
        let WorkOptions { systems, tasks, at_once, latency_ms, cap: granted, .. } = self.options;
        json!({
            "systems": systems, "tasks": tasks, "at_once": at_once, "latency_ms": latency_ms, "cap": granted,
            "workers": self.rounds.iter().map(round).collect::<Vec<_>>(),
            "one_account": self.caps.iter().map(cap).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_workers_do_at_least_3_2_times_what_one_does_and_a_cap_is_kept() {
        let options =
            WorkOptions { workers: vec![1, 4], systems: 1, tasks: 1, at_once: 1, latency_ms: 1, cap: 20 };
        let round = |workers, seconds| Round { workers, tasks: 32, calls: 1, seconds };
        let together =
            |most_per_second| Together { processes: 8, calls: 1, most_per_second, mean_per_second: 1.0 };
        let figures = |seconds, most| Figures {
            options: &options,
            rounds: vec![round(1, 32.0), round(4, seconds), round(8, 32.0)],
            caps: vec![together(most)],
        };
        let good = figures(10.0, 21.0).tables();
        assert!(good.contains("| 4 | 32 | 1 | 10.0 | 3.2 | 3.20 | met |"), "{good}");
        assert!(good.contains("| 8 | 32 | 1 | 32.0 | 1.0 | 1.00 |  |"), "{good}");
        assert!(good.contains("| 8 | 1 | 1.0 | 21.0 | 1.05 | met |"), "{good}");
        let guide = figures(10.0, 21.0).guide();
        assert!(guide.contains("| 4 | 3.2 | 3.20 |  |\n| 8 | 1.0 | 1.00 | 21.0 |\n"), "{guide}");
        let bad = figures(10.1, 21.1).tables();
        assert_eq!(bad.matches("**missed**").count(), 2, "{bad}");
    }
}
