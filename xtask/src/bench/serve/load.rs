//! Requests at fixed times.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use super::{
    client::Client,
    mix::{Kind, Known},
};

/// So many requests may wait for their answers at once before one is sent late (and is charged for it).
const CALLERS: usize = 128;

/// How it is asked.
pub(super) struct Load<'a> {
    pub(super) address: &'a str,
    pub(super) token: &'a str,
    pub(super) rate: u32,
    pub(super) measured: Duration,
    pub(super) warm_up: Duration,
}

/// What became of one request.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) kind: Kind,
    /// From when it was to be sent to the end of its answer.
    pub(super) micros: u64,
    /// Why it counts as an error.
    pub(super) wrong: Option<String>,
}

impl Load<'_> {
    /// Sends everything, and gives what was measured after the warm-up.
    pub(super) fn run(&self, known: &Known, seed: u64) -> Result<Vec<Answered>> {
        let every = Duration::from_secs(1) / self.rate;
        let count = |time: Duration| (time.as_secs_f64() * f64::from(self.rate)) as usize;
        let (cold, all) = (count(self.warm_up), count(self.warm_up + self.measured));
        let (next, answered) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(all)));
        let began = Instant::now() + Duration::from_millis(50);
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    let mut client = Client::new(self.address, self.token);
                    let mut mine = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= all {
                            break;
                        }
                        let due = began + every * u32::try_from(number).unwrap_or(u32::MAX);
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        let (kind, path) = known.request(number, seed);
                        let outcome = client.ask("GET", &path, None);
                        let micros = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                        let wrong = match outcome {
                            Ok((200, body)) => kind.wrong(&body),
                            Ok((status, _)) => Some(format!("{status} for {path}")),
                            Err(error) => Some(format!("{error:#}")),
                        };
                        if number >= cold {
                            mine.push(Answered { kind, micros, wrong });
                        }
                    }
                    if let Ok(mut all) = answered.lock() {
                        all.append(&mut mine);
                    }
                });
            }
        });
        answered.into_inner().map_err(|_| anyhow!("a thread that sends requests panicked"))
    }
}
