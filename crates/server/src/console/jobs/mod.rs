//! `/jobs`: what was asked for of all systems, and what became of it.

mod decide;
mod graph;
mod passwords;
mod retry;
mod show;
mod tasks;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use jiff::Timestamp;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, JobState, ProvisioningJob, SystemId, TaskId, Wish};
use keyreeve_store::{JobLine, JobLineSlice};

use super::address;
use super::numbers::counted;
use super::page::{Frame, Section, shown_as};
use super::parts::{Badge, Cell, Empty, Tabs};
use super::states::{JOB_STATES, REJECTED, TASK_KINDS, wished};
use super::systems;
use super::table::{Asked, Column, Filter, Listing, Shape, Table};
use super::time::Time;
use super::visitor::{Visitor, to_form};
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::Problem;

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/jobs", get(list))
        .route("/systems/{system_id}/jobs", get(of_system))
        .route("/jobs/{job}", get(show::page))
        .route("/jobs/{job}/approve", get(decide::ask_approval).post(decide::approve))
        .route("/jobs/{job}/reject", get(decide::ask_rejection).post(decide::reject))
        .route("/jobs/{job}/cancel", get(decide::ask_cancellation).post(decide::cancel))
        .route("/jobs/{job}/dismiss", get(decide::ask_dismissal).post(decide::dismiss))
        .route("/jobs/{job}/retry", get(retry::page).post(retry::retry))
        .route("/jobs/{job}/tasks/{task}/password", post(passwords::reveal).get(to_form::<3>))
        .route("/jobs/{job}/tasks/{task}/reset", get(passwords::reset))
}

const STATE: Filter = Filter { name: "state", label: "State", choices: JOB_STATES };
const KIND: Filter = Filter { name: "kind", label: "Kind of task", choices: TASK_KINDS };
const ACCOUNT: Filter = Filter { name: "account", label: "Account", choices: &[] };
const COLUMNS: [Column; 10] = [
    Column::sorted("job", "Job"),
    Column::plain("System"),
    Column::plain("What"),
    Column::plain("Account"),
    Column::number("Tasks"),
    Column::plain("State"),
    Column::plain("Asked by"),
    Column::plain("Because"),
    // Jobs are numbered as they are asked for. There is no index by any other column.
    Column::sorted("asked", "Asked for"),
    Column::plain("Ended"),
];

static OF_ALL: Shape = Shape {
    columns: &COLUMNS,
    filters: &[Filter { name: "system", label: "System ID", choices: &[] }, STATE, KIND, ACCOUNT],
    sort: "-job",
};
static OF_ONE: Shape = Shape { columns: &COLUMNS, filters: &[STATE, KIND, ACCOUNT], sort: "-job" };

#[derive(Template)]
#[template(path = "console/jobs/list.html")]
struct ListPage {
    frame: Frame,
    title: String,
    badge: Option<Badge>,
    tabs: Option<Tabs>,
    jobs: Table,
}

async fn list(visitor: Visitor, State(parts): State<Parts>, asked: Asked) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let mut listing = asked.of_shape(&OF_ALL)?;
    let systems = visitor.systems_asked(&parts, &mut listing).await?;
    let found = found(&parts, &listing, systems).await?;
    if listing.is_file() {
        return listing.file(("all", "jobs"), &found, cells);
    }
    let frame = Frame::of(&visitor, Section::Jobs, "Jobs");
    let jobs = table(&listing, found)?;
    let page = ListPage { frame, title: "Jobs".to_owned(), badge: None, tabs: None, jobs };
    Ok(shown_as(listing.status(), &page))
}

/// `/systems/{system_id}/jobs`
async fn of_system(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    let listing = asked.of_shape(&OF_ONE)?;
    let found = found(&parts, &listing, Some(vec![system_id.clone()])).await?;
    if listing.is_file() {
        return listing.file((system_id.as_str(), "jobs"), &found, cells);
    }
    let page = ListPage {
        frame: systems::frame(&visitor, &system, "Jobs"),
        title: system.name.to_string(),
        badge: Some(Badge::of_system(system.state)),
        tabs: Some(systems::tabs(&system_id, "jobs")),
        jobs: table(&listing, found)?,
    };
    Ok(shown_as(listing.status(), &page))
}

async fn found(
    parts: &Parts,
    listing: &Listing,
    systems: Option<Vec<SystemId>>,
) -> Result<Vec<JobLine>, Problem> {
    let state = listing.filter("state");
    let slice = JobLineSlice {
        systems,
        state: match state {
            Some(REJECTED) => Some(JobState::Cancelled),
            state => state.and_then(|state| serde_json::from_value(state.into()).ok()),
        },
        // What is called rejected here is not called cancelled.
        rejected: match state {
            Some(REJECTED) => Some(true),
            Some("cancelled") => Some(false),
            _ => None,
        },
        kind: listing.filter("kind").and_then(|kind| serde_json::from_value(kind.into()).ok()),
        account: listing.filter("account").map(str::to_owned),
        beyond: listing.after()?,
        oldest_first: !listing.reading().starts_with('-'),
        limit: listing.limit()?.saturating_add(1),
    };
    Ok(parts.store.job_lines(&slice).await?)
}

fn table(listing: &Listing, jobs: Vec<JobLine>) -> Result<Table, Problem> {
    let empty = Empty {
        title: "Nothing was asked for yet".to_owned(),
        text: "A job is a set of changes that were asked for together. What became of each stands here."
            .to_owned(),
        action: None,
    };
    listing.table("Jobs", jobs, |line: &JobLine| line.job.id, cells, empty)
}

fn cells(line: &JobLine) -> Vec<Cell> {
    let job = &line.job;
    let text = |text: Option<String>| text.map_or(Cell::None, Cell::Text);
    vec![
        Cell::link(of(job.id), job.id.to_string()),
        Cell::link(systems::of(&job.system_id), job.system_id.to_string()),
        Cell::text(about(line.first.as_ref(), line.tasks)),
        line.account.clone().map_or(Cell::text("several"), Cell::Text),
        Cell::Number(line.tasks),
        match said_of_decision(job) {
            Some(said) => Cell::BadgeOf(Badge::of_job(job), said),
            None => Cell::Badge(Badge::of_job(job)),
        },
        Cell::text(job.actor.clone()),
        text(job.reason.clone()),
        Cell::Time(Time::at(job.created_at)),
        job.finished_at.map_or(Cell::None, |at| Cell::Time(Time::at(at))),
    ]
}

/// What a job is about: its first task, and how many more there are.
pub(super) fn about(first: Option<&(Wish, String)>, tasks: u64) -> String {
    let first = match first {
        Some((wish, account)) => wished(wish, Some(account)),
        None => "What was asked for".to_owned(),
    };
    match tasks.saturating_sub(1) {
        0 => first,
        more => format!("{first} and {}", counted(more, "more change", "more changes")),
    }
}

/// Who decided about a job, and why if they rejected it.
fn said_of_decision(job: &ProvisioningJob) -> Option<String> {
    let by = job.decided_by.as_ref()?;
    Some(match (job.is_rejected(), &job.decision_reason) {
        (false, _) => format!("approved by {by}"),
        (true, None) => format!("by {by}"),
        (true, Some(why)) => format!("by {by}: {why}"),
    })
}

/// What a job is about, who asked for it and why, and, as far as it was at that moment, who decided about it.
pub(super) fn in_words(line: &JobLine, at: Timestamp) -> String {
    let job = &line.job;
    let mut said = format!("{}, asked for by {}", about(line.first.as_ref(), line.tasks), job.actor);
    if job.decided_at.is_some_and(|decided| decided <= at)
        && let Some(by) = said_of_decision(job)
    {
        let how = if job.is_rejected() { "rejected " } else { "" };
        said.push_str(&format!(", {how}{by}"));
    }
    match &job.reason {
        Some(why) => format!("{said}. Reason: {why}"),
        None => format!("{said}."),
    }
}

/// The address of a job.
pub(super) fn of(job: JobId) -> String {
    address::of(&["jobs", &job.to_string()])
}

/// Where the page of a job has its passwords.
pub(super) fn passwords_of(job: JobId) -> String {
    format!("{}#passwords", of(job))
}

/// The address of something of a job.
fn within(job: JobId, what: &str) -> String {
    address::of(&["jobs", &job.to_string(), what])
}

/// The address of something of a task.
fn of_task(job: JobId, task: TaskId, what: &str) -> String {
    address::of(&["jobs", &job.to_string(), "tasks", &task.to_string(), what])
}
