//! `/`: what of all systems needs a person, and how they stand.

mod of_one;

pub(super) use of_one::Needs;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::drift::contrary;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobState, System, SystemId, SystemState};
use keyreeve_store::{
    Attention, DeliveryState, Drift, FailedImport, JobStanding, SuspendedRun, SystemFilter, SystemOrder,
    SystemSlice, SystemStanding, UnclaimedPassword, Unconfirmed,
};

use super::chart::Chart;
use super::days;
use super::drift;
use super::form::sentence;
use super::imports;
use super::jobs;
use super::keys;
use super::numbers::grouped;
use super::page::{Frame, Section, shown};
use super::parts::{Badge, Cell, Empty, Link, Tone};
use super::systems;
use super::table::{Column, Table};
use super::time::Time;
use super::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// What failed longer ago is in the lists, and no longer here.
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// So much that has drifted of a system is named.
const DRIFTS_OF: usize = 5;
/// So many systems are named at most, the first by their System ID.
const SYSTEMS_OF: u32 = 100;
/// Of so many systems it is drawn how old their keys are.
const KEYS_OF: usize = 6;
/// A change that no import has confirmed for so long is worth a look.
const CONFIRMED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

const COLUMNS: [Column; 6] = [
    Column::plain("System"),
    Column::plain("System ID"),
    Column::plain("State"),
    Column::plain("Last import"),
    Column::plain("Published"),
    Column::number("Accounts"),
];

#[derive(Template)]
#[template(path = "console/home.html")]
struct Home {
    frame: Frame,
    needs: Vec<Need>,
    /// Whether there is more than stands there.
    more_needs: bool,
    systems: Table,
    /// The way to all of them, where there are more than stand there.
    all: Option<Link>,
    charts: Vec<Chart>,
    /// How old access keys are, of each system.
    key_ages: Vec<Chart>,
}

/// Something that needs a person.
struct Need {
    badge: Badge,
    what: String,
    system: Link,
    /// The address of the place where it is settled.
    settled: Option<String>,
    since: Option<Time>,
}

impl Need {
    fn new(badge: Badge, what: String, system_id: &SystemId, since: Option<Time>) -> Self {
        Self {
            badge,
            what,
            system: Link::new(systems::of(system_id), system_id.to_string()),
            settled: None,
            since,
        }
    }

    /// Settled on that page.
    fn at(self, address: String) -> Self {
        Self { settled: Some(address), ..self }
    }
}

pub(super) async fn page(visitor: Visitor, State(parts): State<Parts>) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let (store, within, now) = (&parts.store, visitor.actor.limits(), parts.clock.now());
    let in_use = SystemFilter { systems: within, ..SystemFilter::default() };
    let by_id =
        SystemSlice { by: SystemOrder::SystemId, descending: false, after: None, limit: SYSTEMS_OF + 1 };
    let mut first = store.systems_slice(&in_use, &by_id).await?;
    let more = match first.len() > SYSTEMS_OF as usize {
        true => Some(store.count_systems(&in_use).await?),
        false => None,
    };
    first.truncate(SYSTEMS_OF as usize);
    let ids: Vec<SystemId> = first.iter().map(|system| system.system_id.clone()).collect();
    let standing = store.standings(&ids).await?;
    let attention = store.attention(ago(LATELY, now), ago(CONFIRMED_WITHIN, now), within).await?;
    let passwords = store.unclaimed_or_expired_passwords(now, within).await?;
    let charts = days::charts(&store.published_runs(within, days::RUNS).await?, now);
    let mut key_ages = Vec::new();
    for system in first.iter().take(KEYS_OF) {
        let title = format!("Active access keys of {}", system.name);
        key_ages.extend(keys::chart(&parts, &system.system_id, title, now).await?);
    }
    let frame = Frame::of(&visitor, Section::Home, "Home");
    let may_add = visitor.may(Right::Administer) && visitor.actor.require_all_systems().is_ok();
    let add = may_add.then(|| Link::new("/new-system", "New system"));
    let removed = if first.is_empty() { systems::removed(&visitor, &parts).await? } else { 0 };
    let systems = table(&first, &standing, systems::none(removed, add), now);
    let all = more.map(|all| Link::new("/systems", format!("All {} systems", grouped(all))));
    let more_needs = attention.more;
    let needs = needs(attention, passwords, now);
    Ok(shown(&Home { frame, needs, more_needs, systems, all, charts, key_ages }))
}

fn ago(ago: SignedDuration, now: Timestamp) -> Timestamp {
    now.checked_sub(ago).unwrap_or(Timestamp::MIN)
}

/// What stops all work first, what can wait last.
fn needs(attention: Attention, passwords: Vec<UnclaimedPassword>, now: Timestamp) -> Vec<Need> {
    let Attention { stopped, failed, suspended, jobs, drifting, drifts, unconfirmed, more: _ } = attention;
    let stopped = stopped.iter().filter_map(|system| of_system(system, now));
    let failed = failed.iter().map(|one| of_import(one, now));
    let runs = suspended.iter().map(|one| of_run(one, now));
    let jobs = jobs.iter().map(|one| of_job(one, now));
    let drift = drifting.iter().flat_map(|(id, number)| of_drift((id, *number), &drifts, now));
    let passwords = passwords.iter().map(|one| of_password(one, now));
    let claims = unconfirmed.iter().map(|one| of_claims(one, now));
    stopped.chain(failed).chain(runs).chain(jobs).chain(drift).chain(passwords).chain(claims).collect()
}

fn of_system(system: &System, now: Timestamp) -> Option<Need> {
    let badge = match system.state {
        SystemState::Quarantined => Badge::new(Tone::Bad, "Quarantined"),
        SystemState::Suspended => Badge::new(Tone::Warning, "System suspended"),
        SystemState::Active | SystemState::Removed => return None,
    };
    let reason = system.state_reason.as_ref();
    let what =
        reason.map_or_else(|| "Nothing runs until it is released.".to_owned(), |why| why.message.clone());
    let since = reason.map(|why| Time::ago(why.at, now));
    let connection = systems::within(&system.system_id, "connection");
    Some(Need::new(badge, what, &system.system_id, since).at(connection))
}

fn of_import(FailedImport { system_id, run, began, failure }: &FailedImport, now: Timestamp) -> Need {
    let badge = Badge::new(Tone::Bad, "Import failed");
    let why = failure.as_deref().map(sentence).unwrap_or_default();
    let what = format!("Import run {run} failed, and what was known before still stands. {why}");
    Need::new(badge, what, system_id, Some(Time::ago(*began, now))).at(imports::of(*run))
}

fn of_run(SuspendedRun { system_id, run, since, out_of_date }: &SuspendedRun, now: Timestamp) -> Need {
    let badge = Badge::new(Tone::Warning, "Import suspended");
    let what = match out_of_date {
        true => format!(
            "Import run {run} found more changes than expected. Another was published since, so it can only be rejected."
        ),
        false => format!(
            "Import run {run} found more changes than expected. Nothing is published until it is accepted or rejected."
        ),
    };
    Need::new(badge, what, system_id, Some(Time::ago(*since, now))).at(imports::of(*run))
}

fn of_job(standing: &JobStanding, now: Timestamp) -> Need {
    let JobStanding { system_id, job, state, actor, reason, first, tasks, since } = standing;
    let about = jobs::about(first.as_ref(), *tasks);
    let why = reason.as_ref().map(|why| format!(" Reason: {why}")).unwrap_or_default();
    let (badge, what) = match state {
        JobState::AwaitingApproval => (
            Badge::new(Tone::Notice, "Approval"),
            format!("{about}, asked for by {actor} as job {job}, waits for a second person.{why}"),
        ),
        JobState::PartiallyFailed => (
            Badge::new(Tone::Bad, "Job failed"),
            format!("{about}, asked for by {actor} as job {job}, was carried out only in part.{why}"),
        ),
        _ => (
            Badge::new(Tone::Bad, "Job failed"),
            format!("{about}, asked for by {actor} as job {job}, failed.{why}"),
        ),
    };
    Need::new(badge, what, system_id, Some(Time::ago(*since, now))).at(jobs::of(*job))
}

/// What was done here, and what AWS has: some of a system by themselves, the others by their number.
fn of_drift((id, number): (&SystemId, u64), drifts: &[Drift], now: Timestamp) -> Vec<Need> {
    let need = |what, since| Need::new(Badge::new(Tone::Warning, "Drift"), what, id, since).at(drift::of(id));
    let of_system = drifts.iter().filter(|one| one.claim.system_id == *id).take(DRIFTS_OF);
    let mut needs: Vec<Need> = of_system
        .map(|Drift { claim, job, seen_at, .. }| {
            let what = format!(
                "{} {} by job {job}. AWS has: {}.",
                claim.account,
                claim.fact.words(),
                contrary(&claim.fact)
            );
            need(what, Some(Time::ago(*seen_at, now)))
        })
        .collect();
    match number.saturating_sub(needs.len() as u64) {
        0 => {}
        1 => needs.push(need("One more change that was made here is not so in AWS.".to_owned(), None)),
        more => needs.push(need(format!("{more} more changes that were made here are not so in AWS."), None)),
    }
    needs
}

fn of_password(password: &UnclaimedPassword, now: Timestamp) -> Need {
    let UnclaimedPassword { job, account, .. } = password;
    let (badge, what) = match password.state {
        DeliveryState::Expired => (
            Badge::new(Tone::Warning, "Password expired"),
            format!(
                "Nobody has opened the password that job {job} made for {account}, and nobody can any more: its one-time secret has expired. {account} needs a new one, by a reset."
            ),
        ),
        _ => (
            Badge::new(Tone::Notice, "Unclaimed password"),
            format!(
                "Nobody has opened the password that job {job} made for {account}. It can still be opened."
            ),
        ),
    };
    let made = Some(Time::ago(password.created_at, now));
    Need::new(badge, what, &password.system_id, made).at(jobs::passwords_of(password.job))
}

fn of_claims(Unconfirmed { system_id, claims, oldest }: &Unconfirmed, now: Timestamp) -> Need {
    let what = match claims {
        1 => "No import has confirmed a change that was made here.".to_owned(),
        number => format!("No import has confirmed {number} changes that were made here."),
    };
    let badge = Badge::new(Tone::Notice, "Unconfirmed");
    let need = Need::new(badge, what, system_id, Some(Time::ago(*oldest, now)));
    // An import is begun there.
    need.at(systems::of(system_id))
}

/// How systems stand, and what is said where there is none.
fn table(first: &[System], standing: &[SystemStanding], empty: Empty, now: Timestamp) -> Table {
    let row = |system: &System| {
        let standing = standing.iter().find(|one| one.system_id == system.system_id);
        let published = standing.and_then(|one| one.published);
        vec![
            Cell::link(systems::of(&system.system_id), system.name.to_string()),
            Cell::Code(system.system_id.to_string()),
            Cell::Badge(Badge::of_system(system.state)),
            standing.and_then(|one| one.last).map_or(Cell::None, |(run, state, _)| {
                Cell::link(imports::of(run), format!("Run {run}, {}", state.as_str()))
            }),
            published.map_or(Cell::text("never"), |(_, at)| Cell::Time(Time::ago(at, now))),
            standing.and_then(|one| one.users).map_or(Cell::None, Cell::Number),
        ]
    };
    let rows = first.iter().map(row).collect();
    Table::whole("Systems and their last imports", &COLUMNS, rows, empty)
}
