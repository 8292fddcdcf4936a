//! `/jobs/{job}`: who asked for what and why, how far each task is, and what can be decided about it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::{Keeps, Standing};
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, JobState, ProvisioningJob};

use super::passwords::Passwords;
use super::retry::can_be_tried_again;
use super::tasks::{self, ShownTask};
use super::within;
use crate::body::InPath;
use crate::console::form::sentence;
use crate::console::imports;
use crate::console::page::{Frame, Section, shown};
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
    /// What whoever looks can do about it.
    actions: Vec<Link>,
    facts: Facts,
    tasks: Table,
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
    let found = tasks::found(&job, &listing)?;
    if listing.is_file() {
        return listing.file((job.system_id.as_str(), &format!("job-{}", job.id)), &found, tasks::cells);
    }
    let steps = tasks::of_page(&job, &found, &listing)?;
    let standing = Standing::of(&parts.store, &job, parts.clock.now()).await?;
    let page = ShowPage {
        frame: frame(&visitor, &job, format!("Job {}", job.id)),
        job: job.id.to_string(),
        badge: Badge::of_job(job.state),
        live: (!job.state.is_terminal()).then(|| format!("/api/v1/jobs/{}/events", job.id)),
        standing: standing
            .map(|Standing { keeps, why }| Stands { why: sentence(&why), advice: advice(keeps) }),
        actions: actions(&visitor, &job),
        facts: facts(&job),
        tasks: listing.table("Tasks", found, |task| task.id, tasks::cells, tasks::empty())?,
        steps,
        passwords: Passwords::of(&visitor, &parts, &job).await?,
    };
    Ok(shown(&page))
}

/// The frame of a page of a job.
pub(super) fn frame(visitor: &Visitor, job: &ProvisioningJob, title: String) -> Frame {
    let mut frame = Frame::of(visitor, Section::Jobs, title);
    let system = Link::new(systems::of(&job.system_id), job.system_id.to_string());
    frame.above = vec![Link::new("/jobs", "Jobs"), system];
    frame
}

fn advice(keeps: Keeps) -> &'static str {
    match keeps {
        Keeps::Approval => "Somebody else than who asked approves or rejects it.",
        Keeps::Person => "Look at AWS, then try it again.",
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

/// What can be done about a job in its state, by who has the right to.
fn actions(visitor: &Visitor, job: &ProvisioningJob) -> Vec<Link> {
    let operates = visitor.may(Right::Operate);
    let own = job.actor.eq_ignore_ascii_case(visitor.actor.name());
    let decides = job.state == JobState::AwaitingApproval && visitor.may(Right::Approve);
    [
        (decides && !own, "approve", "Approve…"),
        (decides && !own, "reject", "Reject…"),
        (operates && can_be_tried_again(job), "retry", "Try again…"),
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
        facts.push(("Decided by", Cell::text(by.clone())));
        facts.push(("Decided", time(job.decided_at)));
        facts.push(("Reason of the decision", text(&job.decision_reason)));
    }
    Facts { facts }
}
