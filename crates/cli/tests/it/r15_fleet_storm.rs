//! R15, R24, R43: many workers import many AWS accounts and change them, while they are killed, stand still for longer than their
//! leases, lose their connections, and their database fails over. Nothing is lost, nothing is done twice, no calls that change a
//! user overlap, and what is imported is whole.
//!
//! It is small by default; `cargo xtask test --long` has 8 workers, 1,000 systems, 10,000 tasks and 160 disturbances.
//! `KEYREEVE_TEST_STORM` says another size: systems, tasks of each, workers and disturbances, with commas; with
//! `KEYREEVE_TEST_BINARY` it is a release that works.

use std::time::{Duration, Instant};

use keyreeve_sandbox::{AccountSeed, Effect, FaultRule, Mutation, Options, Phase, Population};
use serde_json::json;

use crate::harness::Place;
use crate::many_workers::{Workers, assert_apart, signal, worker, writes};
use crate::standby::Pair;

/// Users in each AWS account before; the connector is one more.
const USERS: u32 = 5;

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
struct Size {
    systems: usize,
    tasks: usize,
    workers: usize,
    disturbances: usize,
}

impl Size {
    fn asked_for() -> Self {
        if let Ok(size) = std::env::var("KEYREEVE_TEST_STORM") {
            let sizes: Vec<usize> = size.split(',').map(|size| size.parse().unwrap()).collect();
            let [systems, tasks, workers, disturbances] = sizes[..] else {
                panic!("KEYREEVE_TEST_STORM has four numbers")
            };
            return Self { systems, tasks, workers, disturbances };
        }
        match std::env::var_os("KEYREEVE_TEST_LONG") {
            Some(_) => Self { systems: 1_000, tasks: 10, workers: 8, disturbances: 160 },
            None => Self { systems: 8, tasks: 8, workers: 3, disturbances: 9 },
        }
    }

    fn limit(self) -> Duration {
        Duration::from_secs(120 + (self.systems * (4 + self.tasks)) as u64 + self.disturbances as u64 * 12)
    }
}

fn account(number: usize) -> String {
    format!("{:012}", 300_000_000_000_u64 + number as u64)
}

fn system(number: usize) -> String {
    format!("storm-{number:04}")
}

/// What disturbs, in an order that a number decides.
struct Storm<'a> {
    random: u64,
    pair: &'a Pair,
    place: &'a Place,
    workers: Workers,
    killed: usize,
    stalled: usize,
    cut: usize,
}

impl Storm<'_> {
    fn pick(&mut self, of: usize) -> usize {
        // Marsaglia's xorshift: which comes next has to look random, and no more.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % of as u64).unwrap()
    }

    /// One disturbance. A worker that stood still was asleep for longer than its leases.
    fn disturb(&mut self) {
        let number = self.pick(self.workers.0.len());
        // Each kind comes in turn, so that none is missing.
        match (self.killed + self.stalled + self.cut) % 3 {
            0 => {
                let _ = self.workers.0[number].kill();
                let _ = self.workers.0[number].wait();
                self.workers.0[number] = worker(self.place);
                self.killed += 1;
            }
            1 => {
                signal("-STOP", &self.workers.0[number]);
                std::thread::sleep(Duration::from_millis(4_500));
                signal("-CONT", &self.workers.0[number]);
                self.stalled += 1;
            }
            _ => {
                self.pair.way.cut();
                self.cut += 1;
            }
        }
        let pause = self.pick(1_500) as u64;
        std::thread::sleep(Duration::from_millis(500 + pause));
    }

    /// Disturbs so often, but no longer than until there is nothing left to do, and waits for that.
    fn rage(&mut self, times: usize, until: Instant, left: impl Fn(&Place) -> String) {
        for _ in 0..times {
            if left(self.place) == "0" {
                break;
            }
            self.disturb();
        }
        loop {
            let left = left(self.place);
            if left == "0" {
                return;
            }
            assert!(Instant::now() < until, "{left} are left");
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// Systems that no import on a schedule was published of since this run.
fn unread(since: &str) -> impl Fn(&Place) -> String {
    let query = format!(
        "SELECT COUNT(*) FROM systems s WHERE NOT EXISTS (SELECT 1 FROM import_runs r WHERE r.system_key = s.system_key \
         AND r.state = 'published' AND r.actor LIKE 'schedule:%' AND r.run_id > {since})"
    );
    move |place| place.answer(&query)
}

/// Imports of all systems are due, as if a day had passed.
fn make_due(place: &Place) -> String {
    place.answer("UPDATE import_schedules SET taken_for = taken_for - 2 * 86400000");
    place.answer("SELECT COALESCE(MAX(run_id), 0) FROM import_runs")
}

#[test]
fn r15_r24_r43_many_workers_in_a_storm_lose_nothing_do_nothing_twice_and_import_all() {
    let size = Size::asked_for();
    let give_up = Instant::now() + size.limit();
    let population = Population { users: USERS, groups: 1, customer_policies: 1, roles: 0 };
    let seed = |number| AccountSeed { account_id: account(number), population };
    let options = Options { accounts: (0..size.systems).map(seed).collect(), ..Options::default() };
    let pair = Pair::new();
    let place = Place::with_options(options).on_server(&pair.address());
    place.run(&["init"]).code(0);
    for number in 0..size.systems {
        place
            .sandbox
            .mutate(&account(number), &[Mutation::CreateGroup { name: "new".into(), path: "/".into() }])
            .unwrap();
        place.add(&system(number), &account(number)).code(0);
        place.run(&["system", "set", &system(number), "permission_profile=full"]).code(0);
        let profile = ["import", "profile", "set", &system(number), "default"];
        place.run(&[&profile[..], &["policy_scope=customer", "schedule=30 2 * * *"]].concat()).code(0);
    }
    for action in ["AddUserToGroup", "CreateUser", "GetAccountAuthorizationDetails"] {
        place.sandbox.add_fault(FaultRule::new(action, Effect::Latency { ms: 250 }).phase(Phase::AfterApply));
    }
    let workers = Workers((0..size.workers).map(|_| worker(&place)).collect());
    let mut storm = Storm {
        random: 0x9E37_79B9_7F4A_7C15,
        pair: &pair,
        place: &place,
        workers,
        killed: 0,
        stalled: 0,
        cut: 0,
    };

    // All are imported.
    let since = make_due(&place);
    storm.rage(size.disturbances / 3, give_up, unread(&since));

    // All are changed, and imported once more.
    place.sandbox.clear_trace();
    for number in 0..size.systems {
        let create =
            |task| json!({"task": "create_account", "name": format!("made{task:03}"), "groups": ["new"]});
        let wishes: Vec<_> = (0..size.tasks).map(create).collect();
        let path = place.folder.path().join("wishes.json");
        std::fs::write(&path, json!({"system": system(number), "wishes": wishes}).to_string()).unwrap();
        place.run(&["job", "apply", path.to_str().unwrap(), "--yes", "--no-wait"]).code(0);
    }
    make_due(&place);
    let open =
        |place: &Place| place.answer("SELECT COUNT(*) FROM provisioning_jobs WHERE finished_at IS NULL");
    let so_far = storm.killed + storm.stalled + storm.cut;
    let half = size.disturbances.saturating_sub(so_far) / 2;
    for _ in 0..half {
        storm.disturb();
    }
    pair.fail_over();
    storm.rage(size.disturbances.saturating_sub(so_far + half), give_up, open);
    println!("{} kills, {} stalls, {} cuts and a fail-over", storm.killed, storm.stalled, storm.cut);
    assert!(storm.killed > 0 && storm.stalled > 0 && storm.cut > 0);
    drop(storm);

    let not_done = place.answer("SELECT COUNT(*) FROM provisioning_jobs WHERE state <> 'succeeded'");
    assert_eq!(
        not_done,
        "0",
        "{}",
        place.answer("SELECT failure FROM tasks WHERE failure IS NOT NULL LIMIT 3")
    );
    let calls = writes(&place);
    assert_apart(&calls);
    for number in 0..size.systems {
        let state = place.sandbox.state(&account(number)).unwrap();
        let users = state["users"].as_array().unwrap();
        let made: Vec<_> =
            users.iter().filter(|user| user["name"].as_str().unwrap().starts_with("made")).collect();
        assert_eq!(made.len(), size.tasks, "{}", system(number));
        assert!(made.iter().all(|user| user["groups"] == json!(["new"])), "{made:#?}");
        // What is published is whole, and what was done is so.
        place.run(&["import", "run", &system(number)]).code(0);
        let listed = place.json(&["account", "list", &system(number)]);
        assert_eq!(listed.as_array().unwrap().len(), users.len(), "{}", system(number));
    }
    let drift = place.answer("SELECT COUNT(*) FROM claims WHERE state NOT IN ('confirmed', 'superseded')");
    assert_eq!(drift, "0", "what was done is not so");
}
