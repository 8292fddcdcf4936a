//! R02: a kill in the middle of an import leaves what was published before, or what the import publishes: never a mix.
//!
//! The real binary is killed with SIGKILL at random moments of a first import and of a later one, several times in
//! a row on the same store: half of the kills anywhere, half of them after everything was read, while it is compared
//! and published. After each kill the whole inventory is read back; at the end of each chain an undisturbed import
//! must come to the same result as one that was never killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyreeve_sandbox::{AccountSeed, Effect, FaultRule, Mutation, Options, PageStyle, Population};
use serde_json::Value;

use crate::harness::{ACCOUNT, Place, SYSTEM, until};

/// Kills in a row on one store.
const CHAIN: usize = 4;

/// A small generator, so that a failing order of kills can be repeated.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
}

/// Everything readers see, without the numbers of runs and the age of readings, which depend on how often it was
/// tried. `None` before anything was published.
fn dump(place: &Place) -> Option<Vec<Value>> {
    fn strip(value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(strip),
            Value::Object(fields) => {
                // When a key was last used is known from whichever report has told it.
                for field in ["first_seen_run", "last_seen_run", "as_of", "last_used_at"] {
                    fields.remove(field);
                }
                fields.values_mut().for_each(strip);
            }
            _ => {}
        }
    }
    let lists = ["account", "resource", "assignment"].map(|noun| {
        let ran = place.run(&[noun, "list", SYSTEM, "--output", "json"]);
        (ran.code == 0).then(|| {
            let mut list = ran.json();
            strip(&mut list);
            list
        })
    });
    let lists: Option<Vec<Value>> = lists.into_iter().collect();
    lists.filter(|lists| lists.iter().any(|list| list.as_array().is_some_and(|list| !list.is_empty())))
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let status = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success());
}

fn import(place: &Place) -> Command {
    let mut command = place.command(&["import", "run", SYSTEM]);
    command.env("KEYREEVE_IMPORT_LEASE_SECONDS", "1").stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs an import to its end, waiting for the lease of a killed one.
fn import_undisturbed(place: &Place) {
    until("an import to end by itself", || {
        let output = import(place).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => Some(()),
            Some(2) if said.contains("under way") => None,
            code => panic!("{code:?}: {said}"),
        }
    });
}

/// How an import ended that was to be killed.
enum Ended {
    /// By SIGKILL, after its first call to AWS.
    Killed,
    /// By itself, before the kill came.
    Finished,
    /// It had not begun: the lease of the one killed before still held.
    NotBegun,
}

/// When an import is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its beginning.
    Anywhere(Duration),
    /// So long after it had read everything.
    Publishing(Duration),
}

/// How many pages of listings were asked for.
fn pages(place: &Place) -> usize {
    let is_page = |action: &str| action.starts_with("List") || action.starts_with("GetAccount");
    place.sandbox.trace().iter().filter(|call| is_page(&call.action)).count()
}

/// Kills an import that reads so many pages.
fn import_killed(place: &Place, all: usize, moment: Moment) -> Ended {
    place.sandbox.clear_trace();
    let mut child = import(place).spawn().unwrap();
    let mut begun = Instant::now();
    let after = match moment {
        Moment::Anywhere(after) => after,
        Moment::Publishing(after) => {
            while pages(place) < all && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
            begun = Instant::now();
            after
        }
    };
    while begun.elapsed() < after && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let status = child.wait().unwrap();
    match status.code() {
        None if !place.sandbox.trace().is_empty() => Ended::Killed,
        None | Some(2) => Ended::NotBegun,
        Some(_) => Ended::Finished,
    }
}

/// What the kills of one test came to.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    /// Those that came while what was read was compared and published.
    publishing: usize,
    before: usize,
    after: usize,
}

/// Kills imports of a prepared store until there were enough kills, each chain on a fresh copy of it.
fn kill_many(place: &Place, kills: usize, seed: u64) {
    let (data, prepared) = (place.data(), place.folder.path().join("prepared"));
    copy(&data, &prepared);
    let before = dump(place);
    place.sandbox.clear_trace();
    import_undisturbed(place);
    let all = pages(place);
    assert!(all >= 50, "{all} pages");
    copy(&prepared, &data);
    place.sandbox.clear_trace();
    let begun = Instant::now();
    let read = std::thread::scope(|scope| {
        let import = scope.spawn(|| import_undisturbed(place));
        while pages(place) < all && !import.is_finished() {
            std::thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    });
    let takes = begun.elapsed();
    assert!(read < takes, "everything was read after {read:?} of {takes:?}");
    let after = dump(place).expect("published");
    assert_ne!(before.as_ref(), Some(&after), "the import changes something");
    let mut random = Random(seed);
    let mut tally = Tally::default();
    let give_up = Instant::now() + Duration::from_secs(600);
    while tally.kills < kills {
        copy(&prepared, &data);
        let mut chain = 0;
        while chain < CHAIN {
            assert!(Instant::now() < give_up, "seed {seed}: {tally:?}");
            let moment = if tally.kills.is_multiple_of(2) {
                Moment::Publishing((takes - read).mul_f64(random.next()))
            } else {
                Moment::Anywhere(takes.mul_f64(random.next() * 1.1))
            };
            match import_killed(place, all, moment) {
                Ended::NotBegun => continue,
                Ended::Finished => break,
                Ended::Killed => {}
            }
            chain += 1;
            tally.kills += 1;
            tally.publishing += usize::from(pages(place) >= all);
            let now = dump(place);
            if now.as_ref() == Some(&after) {
                tally.after += 1;
            } else {
                assert!(now == before, "seed {seed}, kill {}: a mix of two runs is visible", tally.kills);
                tally.before += 1;
            }
        }
        import_undisturbed(place);
        assert!(dump(place).as_ref() == Some(&after), "seed {seed}: another result than without kills");
    }
    assert!(tally.publishing * 4 >= tally.kills && tally.before > 0, "{tally:?}");
}

/// So many kills, as `--long` or not.
fn wanted() -> usize {
    if std::env::var_os("KEYREEVE_TEST_LONG").is_some() { 100 } else { 20 }
}

/// So many users, as `--long` or not: reading everything back after each kill takes longer than the imports.
fn users() -> u32 {
    if std::env::var_os("KEYREEVE_TEST_LONG").is_some() { 5_000 } else { 1_500 }
}

fn place() -> Place {
    let population = Population { users: users(), groups: 120, customer_policies: 200, roles: 0 };
    let pages = PageStyle { short: true, empty: true };
    let place = Place::with_options(Options {
        accounts: vec![AccountSeed { account_id: ACCOUNT.to_owned(), population }],
        seed: 7,
        list_pages: pages,
        details_pages: pages,
        ..Options::default()
    });
    place.run(&["init"]).code(0);
    place.add(SYSTEM, ACCOUNT).code(0);
    for listing in ["ListUsers", "ListPolicies", "ListGroups", "GetAccountAuthorizationDetails"] {
        place.sandbox.add_fault(FaultRule::new(listing, Effect::ShrinkPage));
    }
    place
}

#[test]
fn r02_a_killed_first_import_shows_nothing_or_all() {
    kill_many(&place(), wanted(), 1);
}

#[test]
fn r02_a_killed_later_import_shows_what_was_or_what_is() {
    let place = place();
    import_undisturbed(&place);
    let names = place.names();
    let leavers = names.iter().step_by(60).map(|name| Mutation::DeleteUser { name: name.clone() });
    let tag =
        |name: &String| Mutation::TagUser { name: name.clone(), key: "seen".into(), value: "yes".into() };
    let tagged =
        names.iter().skip(1).step_by(5).filter(|name| names.iter().step_by(60).all(|one| one != *name));
    place.mutate(&tagged.map(tag).collect::<Vec<_>>());
    place.mutate(&leavers.collect::<Vec<_>>());
    kill_many(&place, wanted(), 2);
}
