//! `/jobs/{job}`: who asked for what and why, how far each task is, and what can be decided about it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::SignedDuration;
use keyreeve_engine::desk::{Keeps, Standing};
use keyreeve_engine::rights::Right;
use keyreeve_model::{Claim, ImportRunId, JobId, JobState, ProvisioningJob, System, SystemState};

use super::decide::can_be_dismissed;
use super::graph::Graph;
use super::passwords::Passwords;
use super::retry::can_be_tried_again;
use super::tasks::{self, ShownTask};
use super::within;
use crate::body::InPath;
use crate::console::address;
use crate::console::approvers::approvers;
use crate::console::form::sentence;
use crate::console::imports;
use crate::console::numbers::counted;
use crate::console::page::{Frame, Section, shown_as};
use crate::console::parts::{Badge, Cell, Facts, Link};
use crate::console::systems;
use crate::console::table::{Asked, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/jobs/show.html")]
struct ShowPage {
    frame: Frame,
    job: String,
    badge: Badge,
    /// Where it is told what becomes of it; none once it has ended.
    live: Option<String>,
    standing: Option<Stands>,
    /// Who may approve it, while it waits for that.
    by: Option<String>,
    /// Why whoever looks may not.
    cannot: Option<String>,
    /// What whoever looks can do about it.
    actions: Vec<Link>,
    facts: Facts,
    /// What imports say of what it changed.
    confirmed: Vec<Cell>,
    /// What was written down while it was under way.
    audit: Link,
    tasks: Table,
    /// In which order they begin.
    graph: Option<Graph>,
    steps: Vec<ShownTask>,
    passwords: Option<Passwords>,
}

/// What keeps it from its end, and what to do.
struct Stands {
    why: String,
    advice: &'static str,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(job): InPath<i64>,
    asked: Asked,
) -> Result<Response, Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Read, JobId(job)).await?;
    let listing = asked.of_shape(&tasks::SHAPE)?;
    let found = tasks::found(&job, &listing);
    if listing.is_file() {
        return listing.file((job.system_id.as_str(), &format!("job-{}", job.id)), &found, tasks::cells);
    }
    let found = listing.cut(found)?;
    let steps = tasks::of_page(&job, &found, &listing)?;
    let standing = Standing::of(&parts.store, &job, parts.clock.now()).await?;
    let system = parts.store.get_system(&job.system_id).await?;
    let waits = job.state == JobState::AwaitingApproval;
    let by = match waits {
        true => Some(approvers(&parts, &job.system_id, &job.actor).await?),
        false => None,
    };
    let claims = parts.store.job_claims(job.id).await?;
    let page = ShowPage {
        frame: frame(&visitor, &job, format!("Job {}", job.id)),
        job: job.id.to_string(),
        badge: Badge::of_job(&job),
        live: (!job.state.is_terminal()).then(|| format!("/api/v1/jobs/{}/events", job.id)),
        standing: standing
            .map(|Standing { keeps, why }| Stands { why: sentence(&why), advice: advice(keeps, &system) }),
        by,
        cannot: waits.then(|| cannot(&visitor, &job)).flatten(),
        actions: actions(&visitor, &job, &system),
        facts: facts(&job),
        confirmed: confirmed(&claims),
        audit: audit(&job),
        tasks: listing.table(
            "Tasks",
            found,
            |(place, _)| *place,
            |(_, task)| tasks::cells(task),
            tasks::empty(),
        )?,
        graph: Graph::of(&job.tasks),
        steps,
        passwords: Passwords::of(&visitor, &parts, &job).await?,
    };
    Ok(shown_as(listing.status(), &page))
}

/// The frame of a page of a job.
pub(super) fn frame(visitor: &Visitor, job: &ProvisioningJob, title: String) -> Frame {
    let mut frame = Frame::of(visitor, Section::Jobs, title);
    let system = Link::new(systems::of(&job.system_id), job.system_id.to_string());
    frame.above = vec![Link::new("/jobs", "Jobs"), system];
    frame
}

fn advice(keeps: Keeps, system: &System) -> &'static str {
    match keeps {
        Keeps::Person if system.state == SystemState::Removed => {
            "Look at AWS. Its system was removed, so it cannot be tried again: dismiss it once nothing is left to do."
        }
        Keeps::Approval => "Somebody else than who asked approves or rejects it.",
        Keeps::Person => "Look at AWS, then try it again; or dismiss it, where there is nothing to mend.",
        Keeps::AtWork => {
            "There is nothing to do but to wait. If that process has ended, the job goes on by itself."
        }
        Keeps::Stale => "Cancel it, and ask again.",
        Keeps::NotBegun => {
            "It begins by itself as soon as a worker is free. Whoever does not want to wait cancels it."
        }
        Keeps::Paused | Keeps::Abandoned => "It goes on by itself as soon as a worker takes it up.",
    }
}

/// Why whoever looks cannot decide about a job that waits for somebody to.
pub(super) fn cannot(visitor: &Visitor, job: &ProvisioningJob) -> Option<String> {
    if !visitor.may(Right::Approve) {
        let role = visitor.person.role.as_str();
        return Some(format!(
            "You cannot decide about it: your role here is {role}, and it takes an approver or an admin."
        ));
    }
    is_own(visitor, job).then(|| {
        "You cannot decide about it: you asked for it, and whoever asks never approves. Somebody else must; you can take it \
         back."
            .to_owned()
    })
}

fn is_own(visitor: &Visitor, job: &ProvisioningJob) -> bool {
    job.actor.eq_ignore_ascii_case(visitor.actor.name())
}

/// What imports say of what a job changed, with the ways to them.
fn confirmed(claims: &[Claim]) -> Vec<Cell> {
    let mut counts: BTreeMap<(&str, Option<ImportRunId>), u64> = BTreeMap::new();
    for claim in claims {
        *counts.entry((claim.state.as_str(), claim.settled_by)).or_default() += 1;
    }
    let said = |((state, run), number): ((&str, Option<ImportRunId>), u64)| {
        let changes = counted(number, "of its changes was", "of its changes were");
        let text = match state {
            "confirmed" => format!("{changes} seen by"),
            "contradicted" => format!("{changes} found undone by"),
            "superseded" => format!("{changes} made void by a later change"),
            _ => format!("{changes} not seen by an import yet"),
        };
        match run {
            Some(run) => Cell::TextOf(text, Link::new(imports::of(run), format!("import run {run}"))),
            None => Cell::text(text),
        }
    };
    counts.into_iter().map(said).collect()
}

/// The rows of the audit log from when it was asked for until it had ended.
fn audit(job: &ProvisioningJob) -> Link {
    let since = job.created_at.to_string();
    // A row that was written in the same moment belongs to it.
    let until = job.finished_at.or(job.decided_at.filter(|_| job.state.is_terminal()));
    let until =
        until.and_then(|at| at.checked_add(SignedDuration::from_secs(1)).ok()).map(|at| at.to_string());
    let asked =
        [("system", Some(job.system_id.as_str())), ("since", Some(&*since)), ("until", until.as_deref())];
    let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Link::new(address::asking("/audit", asked), "The audit log of the system while it was under way")
}

/// What can be done about a job in its state, by who has the right to.
fn actions(visitor: &Visitor, job: &ProvisioningJob, system: &System) -> Vec<Link> {
    let operates = visitor.may(Right::Operate);
    let own = is_own(visitor, job);
    let decides = job.state == JobState::AwaitingApproval && visitor.may(Right::Approve);
    [
        (decides && !own, "approve", "Approve…"),
        (decides && !own, "reject", "Reject…"),
        (operates && can_be_tried_again(job, system), "retry", "Try again…"),
        (operates && can_be_dismissed(job), "dismiss", "Dismiss…"),
        (operates && !job.state.is_terminal(), "cancel", "Cancel…"),
    ]
    .into_iter()
    .filter(|(may, ..)| *may)
    .map(|(_, what, text)| Link::new(within(job.id, what), text))
    .collect()
}

fn facts(job: &ProvisioningJob) -> Facts {
    let text = |text: &Option<String>| text.clone().map_or(Cell::None, Cell::Text);
    let time = |at: Option<jiff::Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    let mut facts = vec![
        ("System", Cell::link(systems::of(&job.system_id), job.system_id.to_string())),
        ("Asked by", Cell::text(job.actor.clone())),
        ("Because", text(&job.reason)),
        ("Asked for", time(Some(job.created_at))),
        ("Begun", time(job.started_at)),
        ("Ended", time(job.finished_at)),
        (
            "Planned on",
            job.baseline_run
                .map_or(Cell::None, |run| Cell::link(imports::of(run), format!("Import run {run}"))),
        ),
    ];
    if let Some(by) = &job.decided_by {
        let [who, when] = match job.is_rejected() {
            true => ["Rejected by", "Rejected"],
            false => ["Approved by", "Approved"],
        };
        facts.push((who, Cell::text(by.clone())));
        facts.push((when, time(job.decided_at)));
        facts.push(("Reason of the decision", text(&job.decision_reason)));
    }
    if let Some(by) = &job.dismissed_by {
        facts.push(("Dismissed by", Cell::text(by.clone())));
        facts.push(("Dismissed", time(job.dismissed_at)));
        facts.push(("Reason of the dismissal", text(&job.dismissal_reason)));
    }
    Facts { facts }
}
