//! The passwords that a job makes: how they are handed over, which nobody has opened, and a new one by a reset.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::DeskError;
use keyreeve_engine::provisioning::{OpenError, Revealed};
use keyreeve_engine::rights::Right;
use keyreeve_model::{Delivery, JobId, PasswordDelivery as Setting, ProvisioningJob, TaskId, Wish};
use keyreeve_store::{DeliveryState, PasswordDelivery, StoreError};

use super::show::frame;
use super::{of, of_task};
use crate::body::InPath;
use crate::console::changes::{self, Change};
use crate::console::form::{Nothing, Sent};
use crate::console::page::{Frame, Said, shown};
use crate::console::parts::{Badge, Cell, Copied, Empty, Link, Tone};
use crate::console::table::{Column, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::meant::Meant;
use crate::parts::Parts;
use crate::problem::Problem;

const COLUMNS: [Column; 7] = [
    Column::plain("Account"),
    Column::plain("Task"),
    Column::plain("Handed over"),
    Column::plain("State"),
    Column::plain("Made"),
    Column::plain("Opened"),
    Column::plain("Can be opened until"),
];

/// The passwords of a job, on its page.
pub(super) struct Passwords {
    pub(super) table: Table,
    /// Those that whoever looks may see.
    pub(super) shown: Vec<Link>,
    /// Where a password that nobody opened is replaced.
    pub(super) resets: Vec<Link>,
}

impl Passwords {
    /// Of a job; `None` when it has made none.
    pub(super) async fn of(
        visitor: &Visitor,
        parts: &Parts,
        job: &ProvisioningJob,
    ) -> Result<Option<Self>, Problem> {
        let deliveries = parts.store.deliveries(job.id).await?;
        if deliveries.is_empty() {
            return Ok(None);
        }
        let settings = parts.store.get_system(&job.system_id).await?.settings;
        let operates = visitor.may(Right::Operate);
        let of_whom = |one: &PasswordDelivery| account(job, one.task).unwrap_or_default().to_owned();
        let may_see = |one: &&PasswordDelivery| match one.kind.as_str() {
            "recipient" => matches!(one.state, DeliveryState::Released | DeliveryState::Opened),
            "operator" => {
                one.state == DeliveryState::Released && settings.password_delivery == Setting::Operator
            }
            _ => false,
        };
        let unopened = |one: &&PasswordDelivery| {
            one.kind != "recipient" && matches!(one.state, DeliveryState::Released | DeliveryState::Expired)
        };
        let see = |one: &PasswordDelivery| {
            let text = match one.kind.as_str() {
                "recipient" => format!("Show the encrypted password of {}", of_whom(one)),
                _ => format!("Show the password of {}, once", of_whom(one)),
            };
            Link::new(of_task(job.id, one.task, "password"), text)
        };
        let reset = |one: &PasswordDelivery| {
            let text = format!("New one-time secret for {}…", of_whom(one));
            Link::new(of_task(job.id, one.task, "reset"), text)
        };
        let rows = deliveries.iter().map(|one| cells(job, one)).collect();
        let empty = Empty { title: "No password".to_owned(), text: String::new(), action: None };
        Ok(Some(Self {
            table: Table::whole("Passwords", &COLUMNS, rows, empty),
            shown: deliveries.iter().filter(|_| operates).filter(may_see).map(see).collect(),
            resets: deliveries.iter().filter(|_| operates).filter(unopened).map(reset).collect(),
        }))
    }
}

fn account(job: &ProvisioningJob, task: TaskId) -> Option<&str> {
    job.tasks.iter().find(|one| one.id == task).map(|task| task.account.as_str())
}

fn cells(job: &ProvisioningJob, one: &PasswordDelivery) -> Vec<Cell> {
    let moment = |at: Option<jiff::Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    let of_recipient = one.kind == "recipient";
    let badge = match one.state {
        DeliveryState::Candidate => Badge::new(Tone::Notice, "Not in force yet"),
        DeliveryState::Released if of_recipient => Badge::new(Tone::Good, "Ready"),
        DeliveryState::Released => Badge::new(Tone::Notice, "Not opened yet"),
        DeliveryState::Opened => Badge::new(Tone::Good, "Opened"),
        DeliveryState::Destroyed => Badge::new(Tone::Quiet, "Never in force"),
        DeliveryState::Expired => Badge::new(Tone::Warning, "Expired unopened"),
        DeliveryState::Superseded => Badge::new(Tone::Quiet, "Replaced since"),
    };
    vec![
        Cell::text(account(job, one.task).unwrap_or_default()),
        Cell::text(one.task.to_string()),
        Cell::text(match one.kind.as_str() {
            "link" => "By a one-time secret",
            "recipient" => "Encrypted to a key",
            _ => "To the operator",
        }),
        Cell::Badge(badge),
        moment(Some(one.created_at)),
        moment(one.opened_at),
        moment(one.expires_at),
    ]
}

#[derive(Template)]
#[template(path = "console/jobs/secrets.html")]
struct SecretsPage {
    frame: Frame,
    title: String,
    lead: &'static str,
    secrets: Vec<(String, Copied)>,
    back: Link,
}

fn once(
    visitor: &Visitor,
    job: &ProvisioningJob,
    (title, lead): (&str, &'static str),
    secrets: Vec<(String, Copied)>,
) -> Response {
    let frame = frame(visitor, job, format!("{title} · Job {}", job.id));
    let back = Link::new(of(job.id), format!("Job {}", job.id));
    shown(&SecretsPage { frame, title: title.to_owned(), lead, secrets, back })
}

/// `/jobs/{job}/tasks/{task}/password`: gives the password of a task, as whoever asks may have it.
pub(super) async fn reveal(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((job, task)): InPath<(i64, i64)>,
    Sent(Nothing {}): Sent<Nothing>,
) -> Result<Response, Problem> {
    let (job, account) = of_whom(&visitor, &parts, (job, task)).await?;
    let copied = |text: String| vec![(account, Copied { id: "password".to_owned(), text })];
    let revealed = match parts.desk.reveal(&visitor.actor, TaskId(task)).await {
        // Whoever pressed twice sees the second answer alone.
        Err(DeskError::Open(OpenError::Store(StoreError::DeliveryUsed))) => {
            return Ok(Said::ShownBefore.to(&of(job.id)));
        }
        revealed => revealed?,
    };
    Ok(match revealed {
        Revealed::Password(password) => {
            let lead = "It cannot be shown again, and must be changed at the first sign-in.";
            let said = ("The password, shown this once", lead);
            once(&visitor, &job, said, copied(password.expose().to_owned()))
        }
        Revealed::Encrypted(text) => {
            let lead = "Only the holder of the private key can read it. It can be had again.";
            once(&visitor, &job, ("The password, encrypted", lead), copied(text))
        }
    })
}

async fn of_whom(
    visitor: &Visitor,
    parts: &Parts,
    (job, task): (i64, i64),
) -> Result<(ProvisioningJob, String), Problem> {
    let job = parts.desk.job(&visitor.actor, Right::Operate, JobId(job)).await?;
    let task = TaskId(task);
    let account = account(&job, task).ok_or(StoreError::TaskNotFound { task })?.to_owned();
    Ok((job, account))
}

/// `/jobs/{job}/tasks/{task}/reset`: what a new password takes, to be asked for as any other change.
pub(super) async fn reset(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(place): InPath<(i64, i64)>,
) -> Result<Response, Problem> {
    let (job, account) = of_whom(&visitor, &parts, place).await?;
    let system = parts.store.get_system(&job.system_id).await?;
    let wish = Wish::ResetPassword { account, deliver: Some(Delivery::Link) };
    let change = Change::new(vec![wish], of(job.id)).about(meant(&job, TaskId(place.1)));
    changes::planned(&visitor, &parts, &system, change, None).await
}

/// Whose password the task made, whoever has the name by now.
fn meant(job: &ProvisioningJob, task: TaskId) -> Meant {
    let of_task = job.tasks.iter().find(|one| one.id == task);
    let id = of_task.and_then(|task| Some((&task.account, task.account_external_id.as_ref()?)));
    id.map_or_else(Meant::default, |(name, id)| Meant::user(name, id))
}
