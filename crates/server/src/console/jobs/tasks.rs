//! The tasks of a job, in their order: each with what it waits for, its steps, and what keeps it.

use keyreeve_model::{Failure, FailureKind, ProvisioningJob, Task, TaskId, TaskState};

use super::of;
use crate::console::accounts;
use crate::console::form::sentence;
use crate::console::numbers::times;
use crate::console::parts::{Badge, Cell, Empty, Facts, Link};
use crate::console::plan::{said, steps};
use crate::console::states::{TASK_STATES, wished};
use crate::console::table::{Column, Filter, Listing, Shape, Table};
use crate::console::time::Time;
use crate::problem::Problem;

/// Of so many tasks all steps are seen at once.
const OPEN: usize = 10;

pub(super) static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("task", "Task"),
        Column::sorted("what", "What"),
        Column::sorted("account", "Account"),
        Column::plain("Waits for"),
        Column::sorted("state", "State"),
        Column::sorted("steps", "Steps done"),
        Column::sorted("outcome", "What became of it"),
    ],
    filters: &[
        Filter { name: "account", label: "Account", choices: &[] },
        Filter { name: "state", label: "State", choices: TASK_STATES },
    ],
    sort: "task",
};

/// A task with its steps.
pub(super) struct ShownTask {
    pub(super) id: TaskId,
    pub(super) title: String,
    pub(super) badge: Badge,
    /// The tasks that must have succeeded before it begins.
    pub(super) after: Vec<Link>,
    pub(super) failure: Option<String>,
    /// What to do about it.
    pub(super) next: Option<&'static str>,
    pub(super) notices: Vec<String>,
    pub(super) facts: Facts,
    pub(super) steps: Table,
    pub(super) open: bool,
}

/// The tasks that are asked for, in the order that is: a job is read whole.
pub(super) fn found(job: &ProvisioningJob, listing: &Listing) -> Vec<Task> {
    let wanted = listing.filter("account").map(str::to_lowercase);
    let state = listing.filter("state");
    let fits = |task: &&Task| {
        state.is_none_or(|state| state == task.state.as_str())
            && wanted.as_ref().is_none_or(|wanted| task.account.to_lowercase().contains(wanted))
    };
    let mut tasks: Vec<Task> = job.tasks.iter().filter(fits).cloned().collect();
    tasks.sort_by_key(|task| task.id);
    listing.arranged(tasks, cells)
}

/// Those of a page, each with its steps.
pub(super) fn of_page(
    job: &ProvisioningJob,
    found: &[(usize, Task)],
    listing: &Listing,
) -> Result<Vec<ShownTask>, Problem> {
    let few = job.tasks.len() <= OPEN;
    let mut page: Vec<&Task> = found.iter().take(listing.limit()? as usize).map(|(_, task)| task).collect();
    if listing.goes_back() {
        page.reverse();
    }
    Ok(page.into_iter().map(|task| shown(task, few)).collect())
}

pub(super) fn empty() -> Empty {
    let text = "The job has no task.".to_owned();
    Empty { title: "Nothing was asked for".to_owned(), text, action: None }
}

pub(super) fn cells(task: &Task) -> Vec<Cell> {
    let done = task.steps.iter().filter(|step| step.state.is_done()).count();
    let became = task.failure.as_ref().map(|failure| &failure.message).or(task.result.as_ref());
    vec![
        Cell::link(format!("{}#task-{}", of(task.job), task.id), task.id.to_string()),
        Cell::text(wished(&task.wish, None)),
        match &task.account_external_id {
            Some(id) => Cell::link(accounts::of(&task.system_id, id), task.account.clone()),
            None => Cell::text(task.account.clone()),
        },
        match task.after.as_slice() {
            [] => Cell::None,
            after => Cell::text(after.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        },
        Cell::Badge(Badge::of_task(task.state)),
        Cell::text(format!("{done} of {}", task.steps.len())),
        became.map_or(Cell::None, |text| Cell::text(sentence(text))),
    ]
}

fn shown(task: &Task, few: bool) -> ShownTask {
    let needs_a_look = matches!(task.state, TaskState::Failed | TaskState::NeedsPerson | TaskState::Running);
    let link = |id: &TaskId| Link::new(format!("#task-{id}"), format!("task {id}"));
    ShownTask {
        id: task.id,
        title: wished(&task.wish, Some(&task.account)),
        badge: Badge::of_task(task.state),
        after: task.after.iter().map(link).collect(),
        failure: task.failure.as_ref().map(|failure| sentence(&failure.message)),
        next: task.failure.as_ref().map(|failure| next(task.state, failure)),
        notices: said(&task.notices),
        facts: facts(task),
        steps: steps(task),
        open: few || needs_a_look,
    }
}

/// What to do about a failure.
fn next(state: TaskState, failure: &Failure) -> &'static str {
    match (state, failure.kind) {
        (TaskState::Queued | TaskState::Running, _) => "Next: nothing. It is tried again by itself.",
        (_, FailureKind::NotSent) => "Next: see that the server reaches AWS, then try it again.",
        (_, FailureKind::Throttled | FailureKind::Busy | FailureKind::Interrupted | FailureKind::Store) => {
            "Next: try it again."
        }
        (_, FailureKind::Unknown | FailureKind::Inconsistent) => {
            "Next: look at the account in AWS, and try it again: what was done already is not done twice."
        }
        (_, FailureKind::CredentialBad | FailureKind::SecretUnreadable) => {
            "Next: an admin gives the system working credentials on the page of its connection. Then try it again."
        }
        (_, FailureKind::Denied) => {
            "Next: allow what is missing in AWS, as the page of the system's policy says. Then try it again."
        }
        (_, FailureKind::AlreadyThere | FailureKind::Gone | FailureKind::IdentityChanged) => {
            "Next: import the system, look at the account as it is now, and ask for what is still right."
        }
        (_, FailureKind::Dependants) => {
            "Next: try it again: its plan then takes away what was added meanwhile."
        }
        (_, FailureKind::PasswordRefused) => {
            "Next: try it again: a new password is made to the policy as it is now."
        }
        (_, FailureKind::AccountMismatch | FailureKind::AccountInactive) => {
            "Next: see which AWS account the system is connected to, on the page of its connection."
        }
        (_, FailureKind::Permanent) => {
            "Next: mend what is said above, then try it again, or ask for something else."
        }
    }
}

fn facts(task: &Task) -> Facts {
    let account = match &task.account_external_id {
        Some(id) => Cell::link(accounts::of(&task.system_id, id), task.account.clone()),
        None => Cell::text(task.account.clone()),
    };
    let mut facts = vec![("Account", account)];
    let mut moment = |name, at: Option<jiff::Timestamp>| {
        facts.extend(at.map(|at| (name, Cell::Time(Time::at(at)))));
    };
    moment("Not before", task.not_before);
    moment("Begun", task.started_at);
    moment("Ended", task.finished_at);
    facts.extend(task.account_external_id.as_ref().map(|id| ("Unique id", Cell::Code(id.to_string()))));
    facts.extend(task.result.as_ref().map(|result| ("Result", Cell::text(sentence(result)))));
    facts.extend((task.replans > 0).then(|| ("Planned anew", Cell::text(times(task.replans)))));
    facts.extend((task.crashes > 0).then(|| ("Broken off by a crash", Cell::text(times(task.crashes)))));
    Facts { facts }
}
