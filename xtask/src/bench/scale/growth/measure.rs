//! Asks both fleets by turns.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use super::figures::{Imported, Measured};
use super::fill::{NAME, PASSWORD};
use super::people;
use super::queries::{Asked, Known, Who};
use super::written::rows_written;
use super::{Fleet, Store};
use crate::bench::serve::{
    Server,
    account::{Changing, Sandbox, Shape, system},
    client::Client,
    import_once,
};
use crate::bench::times::Times;

/// Changes of the first system, each followed by an import in which nothing has changed.
const IMPORTS: usize = 11;
/// How often an import is asked whether it has ended.
const EVERY: Duration = Duration::from_millis(5);
/// Turns that are not counted.
const WARM_UP: usize = 20;
/// What has taken so long is asked no more, once it was asked so many times.
const LONG: Duration = Duration::from_secs(60);
const ENOUGH: usize = 20;

/// One fleet with its server.
struct Side<'a> {
    fleet: &'a Fleet<'a>,
    server: &'a Server,
    program: Client<'a>,
    person: Client<'a>,
    known: Known,
    times: Times,
    /// What was not answered, and why.
    wrong: BTreeMap<&'static str, String>,
}

/// Measures the smaller and the larger fleet.
pub(super) fn measure(
    binary: &Path,
    fleets: [&Fleet<'_>; 2],
    (place, rounds): (&Path, u32),
) -> Result<[Measured; 2]> {
    let [small, large] = fleets;
    // Only the account that is imported from is needed now.
    let one = Shape { systems: 1, ..large.shape };
    let sandbox = Sandbox::start_with(binary, 0, one, people::INHABITANTS)?;
    let changing = people::populate(&sandbox, 0)?;
    let mut imported = [unchanged(&small.store, &sandbox)?, unchanged(&large.store, &sandbox)?];
    let start = |fleet: &Fleet<'_>, name: &str| {
        let log = place.join(name);
        let address = fleet.store.address();
        Server::start_on(binary, (fleet.store.data(), &log), &sandbox, address.as_deref())
    };
    let servers = [start(small, "tenth.log")?, start(large, "all.log")?];
    let dates = import_by_turns(fleets, servers.each_ref(), (&sandbox, &changing), &mut imported)?;
    let [mut small, mut large] = {
        let [small_server, large_server] = &servers;
        let [small_dates, large_dates] = dates;
        [Side::new(small, small_server, small_dates)?, Side::new(large, large_server, large_dates)?]
    };
    ask_by_turns([&mut small, &mut large], rounds as usize);
    let [of_small, of_large] = imported;
    Ok([small.measured(of_small)?, large.measured(of_large)?])
}

/// What an import writes in which nothing has changed, with nobody else at work.
fn unchanged(store: &Store<'_>, sandbox: &Sandbox) -> Result<Imported> {
    let first = system(0);
    let import = || store.json(sandbox.url(), &["import", "run", &first]);
    // A run of the bench before this one has left something changed.
    import()?;
    let (written, run) = rows_written(store, import)?;
    nothing_changed(&run)?;
    let now = format!(
        "v JOIN systems s ON s.system_key = v.system_key \
         WHERE s.system_id = '{first}' AND v.valid_to_run = 9223372036854775807"
    );
    let mut rows = 0;
    for table in ["account_versions", "assignment_versions", "resource_versions"] {
        rows += store.number(&format!("SELECT count(*) FROM {table} {now}"))?;
    }
    Ok(Imported { rows, written, ..Imported::default() })
}

fn nothing_changed(run: &Value) -> Result<()> {
    let changes = |what: &str| {
        let counts = run.pointer(&format!("/changes/{what}")).and_then(Value::as_object);
        counts.is_some_and(|counts| counts.values().all(|count| count == 0))
    };
    let published = run.get("state").is_some_and(|state| state == "published");
    if !published || !["accounts", "resources", "assignments"].into_iter().all(changes) {
        bail!("an import was to find nothing changed: {run}");
    }
    Ok(())
}

/// Imports one system of each fleet again and again. Gives between which times each has changed.
fn import_by_turns(
    fleets: [&Fleet<'_>; 2],
    servers: [&Server; 2],
    (sandbox, changing): (&Sandbox, &Changing),
    imported: &mut [Imported; 2],
) -> Result<[[String; 2]; 2]> {
    let mut dates: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    for turn in 0..=IMPORTS {
        sandbox.change(changing, turn)?;
        for place in by_turns(turn) {
            let sides = fleets.iter().zip(servers).zip(imported.iter_mut()).zip(&mut dates);
            let Some((((fleet, server), imported), dates)) = sides.into_iter().nth(place) else { continue };
            let mut client = Client::new(&server.address, &fleet.filled.token);
            let (changed_seconds, run) = timed(&mut client)?;
            let changed = run.pointer("/changes/accounts/changed").and_then(Value::as_u64).unwrap_or(0);
            if changed == 0 {
                bail!("an import did not find what had changed: {run}");
            }
            let at = run.get("published_at").and_then(Value::as_str);
            dates.push(at.with_context(|| format!("a run was to be published: {run}"))?.to_owned());
            let (unchanged_seconds, unchanged) = timed(&mut client)?;
            nothing_changed(&unchanged)?;
            // The first time around caches are cold.
            if turn > 0 {
                imported.changed_accounts = changed;
                imported.changed_seconds.push(changed_seconds);
                imported.unchanged_seconds.push(unchanged_seconds);
                imported.calls = run.get("aws_calls").and_then(Value::as_u64).unwrap_or(0);
            }
        }
    }
    let ends = |dates: &Vec<String>| Some([dates.first()?.clone(), dates.last()?.clone()]);
    let [small, large] = dates.each_ref().map(ends);
    small.zip(large).map(|(small, large)| [small, large]).ok_or_else(|| anyhow!("nothing was imported"))
}

fn timed(client: &mut Client<'_>) -> Result<(f64, Value)> {
    let began = Instant::now();
    let run = import_once(client, EVERY)?;
    Ok((began.elapsed().as_secs_f64(), run))
}

/// Which goes first changes from turn to turn: what one leaves in the caches of the machine falls on both.
fn by_turns(turn: usize) -> [usize; 2] {
    if turn.is_multiple_of(2) { [0, 1] } else { [1, 0] }
}

fn ask_by_turns(sides: [&mut Side<'_>; 2], rounds: usize) {
    let mut spent: Vec<Duration> = Vec::new();
    let [small, large] = sides;
    for turn in 0..WARM_UP + rounds {
        let (of_small, of_large) = (small.known.turn(turn), large.known.turn(turn));
        spent.resize(of_small.len(), Duration::ZERO);
        for ((of_small, of_large), spent) in of_small.into_iter().zip(of_large).zip(&mut spent) {
            let label = of_large.label;
            let enough = *spent > LONG && large.times.count(label) >= ENOUGH;
            if enough || small.wrong.contains_key(label) || large.wrong.contains_key(label) {
                continue;
            }
            let began = Instant::now();
            // What takes long does so with warm caches, too.
            let counts = turn >= WARM_UP || *spent > LONG / 6;
            let mut pair = [(&mut *small, of_small), (&mut *large, of_large)];
            for place in by_turns(turn) {
                if let Some((side, asked)) = pair.get_mut(place) {
                    side.ask(asked, counts);
                }
            }
            *spent += began.elapsed();
        }
        if turn % 50 == 0 {
            println!("turn {turn} of {}", WARM_UP + rounds);
        }
    }
}

impl<'a> Side<'a> {
    fn new(fleet: &'a Fleet<'a>, server: &'a Server, dates: [String; 2]) -> Result<Self> {
        let mut program = Client::new(&server.address, &fleet.filled.token);
        let mut person = Client::new(&server.address, &fleet.filled.token);
        person.sign_in(NAME, PASSWORD)?;
        let known = Known::gather(&mut program, fleet.shape.systems, dates)?;
        Ok(Self { fleet, server, program, person, known, times: Times::default(), wrong: BTreeMap::new() })
    }

    fn ask(&mut self, asked: &Asked, counts: bool) {
        let client = match asked.who {
            Who::Program => &mut self.program,
            Who::Person => &mut self.person,
        };
        let began = Instant::now();
        let answered = client.ask("GET", &asked.path, None);
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wrong = match answered {
            Ok((200, answer)) if counts => return self.times.add(asked.label, micros, answer.len()),
            Ok((200, _)) => return,
            Ok((status, _)) => format!("{} was answered with {status}", asked.path),
            Err(error) => format!("{error:#}"),
        };
        println!("{wrong}");
        self.wrong.insert(asked.label, wrong);
    }

    fn measured(self, imported: Imported) -> Result<Measured> {
        Ok(Measured {
            shape: self.fleet.shape,
            filled: self.fleet.filled.clone(),
            imported,
            asked: self.known.turn(0).into_iter().map(|asked| asked.label).collect(),
            times: self.times,
            wrong: self.wrong,
            peak_mebibytes: self.server.peak_mebibytes()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_import_that_found_something_is_not_one_without_changes() {
        let run = |state: &str, seen: u32| {
            let none = json!({"created": 0, "changed": 0, "deleted": 0, "seen_differently": 0});
            let some = json!({"created": 0, "changed": 0, "deleted": 0, "seen_differently": seen});
            json!({"state": state, "changes": {"accounts": none, "resources": some, "assignments": none}})
        };
        assert!(nothing_changed(&run("published", 0)).is_ok());
        assert!(nothing_changed(&run("published", 1)).is_err());
        assert!(nothing_changed(&run("suspended", 0)).is_err());
        assert!(nothing_changed(&json!({"state": "published"})).is_err());
    }

    #[test]
    fn who_goes_first_changes() {
        assert_eq!([by_turns(0), by_turns(1)], [[0, 1], [1, 0]]);
    }
}
