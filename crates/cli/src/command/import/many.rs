//! How far the import of many systems is, on standard error: one bar and who is under way on a terminal, a line for each
//! system that has ended elsewhere.

use std::io::IsTerminal;
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keyreeve_engine::import::Progress;
use keyreeve_model::System;

use crate::output::note;
use crate::output::shape::Imported;

const SAY_EVERY: Duration = Duration::from_secs(10);
/// So many systems under way are named; of the others, only how many they are.
const NAMED: usize = 6;

/// What is shown of many imports.
pub(super) struct Many {
    total: usize,
    ended: usize,
    under_way: Vec<(String, Rc<Progress>)>,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Many {
    pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

    pub(super) fn begin(total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr_with_hz(5));
            // The template is our own; if it were wrong, the default would do.
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos} of {len} systems  {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { total, ended: 0, under_way: Vec::new(), bar, said: Instant::now() }
    }

    pub(super) fn begun(&mut self, system: &System, progress: &Rc<Progress>) {
        self.under_way.push((system.system_id.to_string(), Rc::clone(progress)));
    }

    pub(super) fn ended(&mut self, one: &Imported) {
        let id = one.system.system_id.as_str();
        self.under_way.retain(|(under_way, _)| under_way != id);
        self.ended += 1;
        let calls = one.run.as_ref().map_or(0, |run| run.aws_calls);
        let reason = one.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let (number, total, state) = (self.ended, self.total, one.state.replace('_', " "));
        self.say(&format!("{number} of {total}: {id} {state}, {calls} calls, {:.1} s{reason}", one.seconds));
        if let Some(bar) = &self.bar {
            bar.set_position(self.ended as u64);
        }
    }

    /// Shows who is under way.
    pub(super) fn update(&mut self) {
        let words = self.in_words();
        if let Some(bar) = &self.bar {
            bar.set_message(words);
        } else if self.said.elapsed() >= SAY_EVERY && !words.is_empty() {
            self.say(&format!("under way: {words}"));
        }
    }

    pub(super) fn stopping(&mut self, words: &str) {
        self.say(words);
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub(super) fn say_sum(published: usize, total: usize) {
        if total > 0 {
            note(&format!("{published} of {total} systems went well."));
        }
    }

    fn in_words(&self) -> String {
        let named = self.under_way.iter().take(NAMED);
        let mut words: Vec<String> = named.map(|(id, progress)| under_way(id, progress.calls())).collect();
        match self.under_way.len().saturating_sub(NAMED) {
            0 => {}
            more => words.push(format!("and {more} more")),
        }
        words.join(", ")
    }

    fn say(&mut self, line: &str) {
        self.said = Instant::now();
        match &self.bar {
            Some(bar) => bar.suspend(|| note(line)),
            None => note(line),
        }
    }
}

/// Of what a server does the calls are not known meanwhile.
fn under_way(id: &str, calls: u64) -> String {
    if calls == 0 { id.to_owned() } else { format!("{id} ({calls} calls)") }
}
