//! How far an import is, on standard error: bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use keyreeve_engine::import::{CollectionProgress, Progress, Stage};
use keyreeve_model::{CollectionName, CollectionState};

use crate::output::note;
use crate::output::shape::word;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Shows the counters of a run until it ends.
pub(super) async fn watched<R: Future>(run: R, progress: &Progress, display: &mut Display) -> R::Output {
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut run = std::pin::pin!(run);
    loop {
        tokio::select! {
            biased;
            ended = &mut run => {
                display.end(progress);
                return ended;
            }
            _ = look.tick() => display.update(progress),
        }
    }
}

/// The two ways to show it.
pub(super) enum Display {
    Bars(Bars),
    Lines(Lines),
}

impl Display {
    /// Begins to show a run.
    pub(super) fn begin(title: &str) -> Self {
        note(title);
        if std::io::stderr().is_terminal() { Self::Bars(Bars::new()) } else { Self::Lines(Lines::new()) }
    }

    fn update(&mut self, progress: &Progress) {
        match self {
            Self::Bars(bars) => bars.update(progress),
            Self::Lines(lines) => lines.update(progress),
        }
    }

    fn end(&mut self, progress: &Progress) {
        match self {
            // The summary that follows says more.
            Self::Bars(bars) => bars.clear(),
            Self::Lines(lines) => lines.say_ended(progress),
        }
    }
}

/// A bar for each collection that is being read.
pub(super) struct Bars {
    all: MultiProgress,
    bars: Vec<(CollectionName, ProgressBar)>,
    begun: Instant,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        Self { all, bars: Vec::new(), begun: Instant::now() }
    }

    fn update(&mut self, progress: &Progress) {
        for now in progress.collections() {
            if now.calls == 0 {
                continue;
            }
            let bar = self.bar(now.name);
            bar.set_length(now.expected.max(now.items).max(1));
            bar.set_position(now.items);
            bar.set_message(in_words(&now, self.begun.elapsed(), progress.rate_limit()));
            if matches!(now.stage, Stage::Ended(_)) {
                bar.abandon();
            }
        }
    }

    fn bar(&mut self, name: CollectionName) -> ProgressBar {
        if let Some((_, bar)) = self.bars.iter().find(|(known, _)| *known == name) {
            return bar.clone();
        }
        let bar = self.all.add(ProgressBar::new(1));
        // The template is our own; if it were wrong, the default would do.
        if let Ok(style) = ProgressStyle::with_template("{prefix:22} {bar:24} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(name.as_str().replace('_', " "));
        self.bars.push((name, bar.clone()));
        bar
    }

    fn clear(&self) {
        // A terminal that cannot be cleared is left as it is.
        let _ = self.all.clear();
    }
}

/// A line when a collection ends, and every five seconds.
pub(super) struct Lines {
    begun: Instant,
    said: Instant,
    ended: Vec<CollectionName>,
}

impl Lines {
    fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, said: now, ended: Vec::new() }
    }

    fn update(&mut self, progress: &Progress) {
        self.say_ended(progress);
        if self.said.elapsed() < SAY_EVERY {
            return;
        }
        self.said = Instant::now();
        let reading = progress.collections().into_iter().filter(|now| now.stage == Stage::Reading);
        for now in reading {
            let words = in_words(&now, self.begun.elapsed(), progress.rate_limit());
            note(&format!("{}: {words}", now.name.as_str()));
        }
    }

    fn say_ended(&mut self, progress: &Progress) {
        for now in progress.collections() {
            let Stage::Ended(state) = now.stage else { continue };
            if self.ended.contains(&now.name) {
                continue;
            }
            self.ended.push(now.name);
            if state != CollectionState::Skipped {
                note(&format!(
                    "{}: {}, {} items, {} calls{}",
                    now.name.as_str(),
                    word(&state),
                    now.items,
                    now.calls,
                    throttling(&now)
                ));
            }
        }
    }
}

/// `120 of 300, 40/s, 2 throttled (limit 20/s), 5 s left`
fn in_words(now: &CollectionProgress, elapsed: Duration, limit: Option<f64>) -> String {
    let mut words = match now.expected {
        expected if expected > now.items => format!("{} of {expected}", now.items),
        _ => now.items.to_string(),
    };
    if let Stage::Ended(state) = now.stage {
        return format!("{words}, {}{}", word(&state), throttling(now));
    }
    let rate = now.items as f64 / elapsed.as_secs_f64().max(0.001);
    if now.items > 0 {
        words.push_str(&format!(", {rate:.0}/s"));
    }
    words.push_str(&throttling(now));
    if let Some(limit) = limit {
        words.push_str(&format!(" (limit {limit:.1}/s)"));
    }
    if now.items > 0 && now.expected > now.items && rate > 0.0 {
        let left = (now.expected - now.items) as f64 / rate;
        words.push_str(&format!(", {left:.0} s left"));
    }
    words
}

fn throttling(now: &CollectionProgress) -> String {
    if now.throttled == 0 { String::new() } else { format!(", {} throttled", now.throttled) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(items: u64, expected: u64, throttled: u64) -> CollectionProgress {
        CollectionProgress {
            name: CollectionName::Users,
            items,
            expected,
            calls: 1,
            retries: throttled,
            throttled,
            stage: Stage::Reading,
        }
    }

    #[test]
    fn progress_is_told_in_words() {
        let ten = Duration::from_secs(10);
        assert_eq!(in_words(&reading(100, 300, 0), ten, None), "100 of 300, 10/s, 20 s left");
        assert_eq!(in_words(&reading(100, 100, 2), ten, Some(20.0)), "100, 10/s, 2 throttled (limit 20.0/s)");
        assert_eq!(in_words(&reading(0, 0, 0), ten, None), "0");
        let ended = CollectionProgress { stage: Stage::Ended(CollectionState::Cut), ..reading(7, 9, 1) };
        assert_eq!(in_words(&ended, ten, None), "7 of 9, cut, 1 throttled");
    }
}
