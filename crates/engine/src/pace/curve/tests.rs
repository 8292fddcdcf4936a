//! Processes that ask one account at once, in virtual time.

use std::time::{Duration, Instant};

use keyreeve_store::AccountPace;

use super::super::hand::{Hand, Slot};
use super::*;

/// What AWS grants: so many a second, and so many at once.
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn of(rate: f64, burst: f64, now: Instant) -> Self {
        Self { rate, burst, tokens: burst, filled: now }
    }

    fn grants(&mut self, now: Instant) -> bool {
        let refill = now.duration_since(self.filled).as_secs_f64() * self.rate;
        (self.tokens, self.filled) = ((self.tokens + refill).min(self.burst), now);
        let granted = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(granted));
        granted
    }
}

/// A process with so many that call one after the other.
struct Process {
    name: String,
    hand: Hand,
    /// When each of those that call may call next, and until when that holds.
    callers: Vec<(Instant, Option<Instant>)>,
    looked: Instant,
    calls: Vec<Duration>,
}

/// Lets processes call for so long; from `ends` on the first of them is gone. Gives when each call was made, by process,
/// and how many were refused.
struct World {
    start: Instant,
    pace: AccountPace,
    cap: Option<f64>,
    bucket: Option<Bucket>,
    processes: Vec<Process>,
    refused: u32,
}

const ROUND_TRIP: Duration = Duration::from_millis(20);

impl World {
    fn of(callers: &[usize], cap: Option<f64>, bucket: Option<(f64, f64)>) -> Self {
        let start = Instant::now();
        let process = |(number, callers): (usize, &usize)| Process {
            name: format!("p{number}"),
            hand: Hand::of(cap),
            callers: vec![(start, None); *callers],
            looked: start,
            calls: Vec::new(),
        };
        Self {
            start,
            pace: AccountPace::default(),
            cap,
            bucket: bucket.map(|(rate, burst)| Bucket::of(rate, burst, start)),
            processes: callers.iter().enumerate().map(process).collect(),
            refused: 0,
        }
    }

    fn run(&mut self, from: u64, until: u64) {
        for millisecond in from..until {
            for number in 0..self.processes.len() {
                // Nobody is always the first.
                let number = (number + millisecond as usize) % self.processes.len();
                self.step(number, self.start + Duration::from_millis(millisecond));
            }
        }
    }

    fn step(&mut self, number: usize, now: Instant) {
        let micros = micros(now.duration_since(self.start));
        let process = &mut self.processes[number];
        if now.duration_since(process.looked) >= Duration::from_secs(1) {
            process.looked = now;
            if process.hand.limit(now).is_none() {
                process.hand.see(self.pace.clone(), self.cap, now, micros);
            }
        }
        for caller in 0..process.callers.len() {
            let (at, given) = process.callers[caller];
            if at > now {
                continue;
            }
            if given.is_none() {
                match process.hand.slot(now) {
                    Slot::Free => process.callers[caller] = (now, Some(now)),
                    Slot::At(at, until) => process.callers[caller] = (at, Some(until)),
                    Slot::None => {
                        if process.hand.asks_from.is_none_or(|from| from <= now) {
                            let own = process.hand.own(now);
                            let waiting = process.callers.iter().filter(|(_, given)| given.is_none()).count();
                            let wanted = process.hand.wants(waiting as u32);
                            let taken = take(&mut self.pace, micros, self.cap, (&process.name, wanted), own);
                            process.hand.see(self.pace.clone(), self.cap, now, micros);
                            process.hand.told(own);
                            taken.into_iter().for_each(|taken| process.hand.put(taken, now));
                        }
                    }
                }
            }
            let (at, given) = process.callers[caller];
            if at <= now && given.is_some() {
                process.callers[caller] = (now + ROUND_TRIP, None);
                if self.bucket.as_mut().is_none_or(|bucket| bucket.grants(now)) {
                    process.calls.push(now.duration_since(self.start));
                    process.hand.note_passed(now);
                } else {
                    self.refused += 1;
                    if !process.hand.is_echo(now) {
                        let own = process.hand.own(now);
                        decrease(&mut self.pace, micros, self.cap, own);
                        process.hand.see(self.pace.clone(), self.cap, now, micros);
                        process.hand.told(own);
                        process.hand.note_decrease(now);
                    }
                }
            }
        }
    }

    fn made(&self, process: usize) -> usize {
        self.processes[process].calls.len()
    }

    fn all(&self) -> usize {
        self.processes.iter().map(|process| process.calls.len()).sum()
    }

    /// The most calls of all together in a time of so many seconds.
    fn most_within(&self, seconds: u64) -> usize {
        let mut calls: Vec<Duration> =
            self.processes.iter().flat_map(|process| process.calls.iter().copied()).collect();
        calls.sort();
        let within = Duration::from_secs(seconds);
        let from = |first: usize| calls[first..].iter().take_while(|at| **at - calls[first] < within).count();
        (0..calls.len()).map(from).max().unwrap_or(0)
    }
}

#[test]
fn nothing_is_waited_for_where_nothing_limits_the_rate() {
    let mut world = World::of(&[50], None, None);
    world.run(0, 2_000);
    assert_eq!(world.all(), 50 * 100);
    assert_eq!(world.pace, AccountPace::default(), "nobody was asked");
}

#[test]
fn a_cap_is_kept_by_all_together_and_each_has_its_part() {
    for (processes, cap) in [(1, 50.0), (2, 50.0), (8, 50.0), (8, 5.0), (3, 200.0), (16, 200.0)] {
        let mut world = World::of(&vec![12; processes], Some(cap), None);
        world.run(0, 60_000);
        let (all, granted) = (world.all() as f64, cap * 60.0);
        assert!(all <= granted * 1.01 + 2.0, "{processes} at {cap}: {all} of {granted}");
        assert!(all >= granted * 0.97 - 2.0, "{processes} at {cap}: {all} of {granted}");
        let most = world.most_within(10) as f64;
        assert!(most <= cap * 10.0 * 1.05, "{processes} at {cap}: {most} in ten seconds");
        for process in 0..processes {
            let (made, part) = (world.made(process) as f64, granted / processes as f64);
            assert!(made >= part * 0.75, "{processes} at {cap}: {made}, and its part is {part}");
        }
    }
}

#[test]
fn who_asks_little_costs_the_others_little_and_gets_what_it_asks_for() {
    let mut world = World::of(&[50, 1], Some(20.0), None);
    // The second calls once a second.
    let never = world.start + Duration::from_secs(3_600);
    for second in 0..60 {
        let before = world.made(1);
        world.processes[1].callers[0] = (world.start + Duration::from_secs(second), None);
        for millisecond in second * 1_000..second * 1_000 + 1_000 {
            world.run(millisecond, millisecond + 1);
            if world.made(1) > before {
                world.processes[1].callers[0] = (never, None);
            }
        }
    }
    assert!(world.made(1) >= 58, "{}", world.made(1));
    assert!(world.made(0) >= 20 * 60 * 8 / 10 - 60, "{}", world.made(0));
}

#[test]
fn what_a_process_had_that_ended_is_the_others_within_seconds() {
    let mut world = World::of(&[50, 50], Some(40.0), None);
    world.run(0, 10_000);
    world.processes.remove(0);
    let before = world.made(0);
    world.run(10_000, 20_000);
    assert!(world.made(0) - before >= 390, "{}", world.made(0) - before);
}

#[test]
fn the_rate_of_an_unknown_bucket_is_found_by_all_together() {
    for processes in [1, 2, 4, 8] {
        for (rate, burst) in [(20.0, 20.0), (20.0, 100.0), (5.0, 5.0), (100.0, 100.0)] {
            let mut world = World::of(&vec![48 / processes; processes], None, Some((rate, burst)));
            world.run(0, 60_000);
            let possible = rate * 60.0 + burst;
            let (granted, refused) = (world.all() as f64, f64::from(world.refused));
            let case = format!(
                "{processes} at {rate}/s, {burst} at once: {granted} of {possible}, {refused} refused"
            );
            // What got through in the others is not all told at once: several find out more slowly, and ask too much more often.
            let (least, most) = if processes == 1 { (0.95, 0.03) } else { (0.75, 0.25) };
            assert!(granted >= possible * least, "{case}");
            assert!(refused < possible * most + burst.max(48.0), "{case}");
        }
    }
}

#[test]
fn a_throttling_of_one_slows_all() {
    let mut world = World::of(&[10, 10], None, None);
    world.run(0, 3_000);
    let now = world.start + Duration::from_secs(3);
    let own = world.processes[0].hand.own(now);
    assert!(decrease(&mut world.pace, 3_000_000, None, own));
    let hand = &mut world.processes[0].hand;
    hand.see(world.pace.clone(), None, now, 3_000_000);
    hand.told(own);
    // What the second had getting through is added to what the first one had.
    world.run(3_000, 5_000);
    let limit = world.processes[1].hand.limit(world.start + Duration::from_secs(5)).unwrap();
    assert!((850.0..1_050.0).contains(&limit), "{limit}");
    // Two minutes later nobody thinks of it any more.
    assert_eq!(limit_at(&world.pace, 130), None);
}

fn limit_at(pace: &AccountPace, second: i64) -> Option<f64> {
    limit(pace, second * 1_000_000, None)
}

#[test]
fn a_cap_holds_whatever_is_granted() {
    let mut pace = AccountPace::default();
    assert!(decrease(&mut pace, 1_000_000, Some(10.0), Own::default()));
    for second in [1, 20, 100, 3_600] {
        assert!(limit(&pace, second * 1_000_000, Some(10.0)).unwrap() <= 10.0);
    }
    // Who did not know of it says nothing new.
    assert!(!decrease(&mut pace, 9_000_000, Some(10.0), Own::default()));
    assert_eq!(pace.revision, 1);
}
