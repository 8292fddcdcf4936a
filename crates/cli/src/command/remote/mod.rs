//! Changes that a server is asked for: what the command line carries out by itself where the store is, it watches from afar.
//!
//! A plan is shown and agreed to here, made anew by the server when it is asked for, and refused if it would do anything
//! else by then. A job is begun by the server as soon as it may be; whoever stops waiting stops nothing.

mod jobs;
mod wait;

use anyhow::Context as _;
use keyreeve_engine::provisioning::Handed;
use keyreeve_model::{
    Delivery, JobState, PasswordDelivery, ProvisioningJob, StepState, SystemId, Task, TaskId, Wish,
};

use super::Context;
use super::change::{conclude, gives_secrets, impossible, in_words, show_asked, show_possible};
use crate::args::ChangeArguments;
use crate::exit::Ended;
use crate::output::escape::line;
use crate::output::shape::{JOBS, finished_job, show_secrets_of};
use crate::output::{Closed, Format, hint, lost, note, require_open};
use crate::source::{AskedJob, Came, Server};
use crate::terminal;

pub(super) use jobs::{apply, approve, cancel, reject, retry};
pub(super) use wait::import_ended;

/// Has a server plan wishes of one system and, if that is agreed to, carry them out.
pub(super) async fn change(
    context: &Context,
    server: &Server,
    system_id: &SystemId,
    wishes: &[Wish],
    arguments: &ChangeArguments,
) -> anyhow::Result<Ended> {
    let planning = || format!("planning changes of system {system_id}");
    let (plan, seen) = server.plan(system_id, wishes).await.with_context(planning)?;
    if arguments.consent.plan {
        return show_possible(context, &plan);
    }
    let doing = format!("changing system {system_id}");
    if !plan.is_possible() {
        return Err(impossible(&plan, &doing).into());
    }
    if plan.tasks.iter().all(|task| task.steps.is_empty()) {
        show_possible(context, &plan)?;
        note("There is nothing to do.");
        return Ok(Ended::Done);
    }
    let setting = server.system_as_it_is(system_id).await?.0.settings.password_delivery;
    if gives_secrets(&plan, setting) {
        require_open(&doing)?;
    }
    if !terminal::agrees(arguments.consent, &doing, &in_words(&plan))? {
        return Ok(Ended::Done);
    }
    let came = server.ask(system_id, wishes, seen.as_deref(), arguments.reason.as_deref()).await;
    let asked = match came.with_context(|| doing.clone())? {
        Came::NothingToDo(plan) => {
            show_possible(context, &plan)?;
            note("There is nothing to do any more.");
            return Ok(Ended::Done);
        }
        Came::Job(asked) => *asked,
    };
    let lost_secrets = say_lost_secrets(&asked, setting);
    if asked.job.state == JobState::AwaitingApproval {
        let id = asked.job.id;
        show_all(context, asked)?;
        note("Nothing was changed yet: a second person must approve this job.");
        hint(&format!("`keyreeve job approve {id}`, by somebody else (approver or admin); it begins then"));
        return Ok(Ended::NeedsAttention);
    }
    let ended = follow(context, server, asked, setting, arguments.no_wait).await?;
    Ok(if lost_secrets { Ended::NeedsAttention } else { ended })
}

/// Waits for the end of a job that was just asked for, and shows what became of it.
async fn follow(
    context: &Context,
    server: &Server,
    mut asked: AskedJob,
    setting: PasswordDelivery,
    no_wait: bool,
) -> anyhow::Result<Ended> {
    let id = asked.job.id;
    if no_wait {
        show_all(context, asked)?;
        hint(&format!("`keyreeve job show {id}` says how far it is"));
        return Ok(Ended::Done);
    }
    let handed = asked.take_secrets();
    // A program reads one document, so it gets them at the end.
    let given = context.output.format() == Format::Table && !handed.is_empty();
    if given {
        note(&format!("Job {id} is queued; its passwords are set while it is carried out."));
        let early = finished_job(&asked.job, handed.clone(), context.public_url());
        let written = context.output.one(&early, JOBS.csv, |tables| show_secrets_of(&early, tables));
        let what = "nobody has the one-time secrets of its passwords";
        let way_out = format!("`keyreeve job cancel {id}`, or reset the passwords when it is done");
        written.map_err(|error| lost(error, &format!("carrying out job {id}"), what, &way_out))?;
    }
    let (job, over) = wait::job_ended(server, &asked.job).await?;
    let (of_use, without): (Vec<Handed>, Vec<Handed>) =
        handed.into_iter().partition(|(task, ..)| may_have_password(&job, *task));
    match show_asked(context, &job, if given { Vec::new() } else { of_use }) {
        // Nobody reads any more; how it ended is told by the exit code.
        Err(error) if error.is::<Closed>() => {}
        shown => shown?,
    }
    for (task, account, _) in without {
        note(&format!("No password was set for {account} (task {task}), so no secret opens one."));
    }
    say_how_to_fetch(&job, setting);
    Ok(if over { conclude(&job) } else { Ended::NeedsAttention })
}

/// Shows a job as it was asked for, with its secrets.
fn show_all(context: &Context, mut asked: AskedJob) -> anyhow::Result<()> {
    let handed = asked.take_secrets();
    show_asked(context, &asked.job, handed)
}

/// Whether a task has set a password, or may yet.
fn may_have_password(job: &ProvisioningJob, task: TaskId) -> bool {
    let set = |task: &Task| {
        task.steps.iter().any(|step| step.call.takes_password() && step.state == StepState::Applied)
    };
    job.tasks.iter().any(|one| one.id == task && (!one.state.is_terminal() || set(one)))
}

/// Says whose one-time secrets were in an answer that was lost, if there were any.
fn say_lost_secrets(asked: &AskedJob, setting: PasswordDelivery) -> bool {
    let behind_secret =
        |task: &&Task| asked.repeated && matches!(delivery(task, setting), Some(Delivery::Link));
    let lost: Vec<&Task> = asked.job.tasks.iter().filter(behind_secret).collect();
    for task in &lost {
        note(&format!(
            "The one-time secret of the password of {} was in an answer that did not arrive.",
            line(&task.account)
        ));
        hint("nobody has it: `keyreeve account reset-password` gives a new one when the job is done");
    }
    !lost.is_empty()
}

/// Says how passwords are had that are not behind a secret.
fn say_how_to_fetch(job: &ProvisioningJob, setting: PasswordDelivery) {
    for task in job.tasks.iter().filter(|task| may_have_password(job, task.id) && task.state.is_terminal()) {
        let (fetch, account) = (format!("`keyreeve password reveal {}`", task.id), line(&task.account));
        match delivery(task, setting) {
            Some(Delivery::Recipient(_)) => hint(&format!(
                "{fetch} gives the password of {account}, as a text that only the recipient's key opens"
            )),
            Some(Delivery::Operator) => {
                hint(&format!("{fetch} shows the password of {account} to an operator"));
            }
            Some(Delivery::Link) | None => {}
        }
    }
}

/// How the password of a task reaches its owner, if it takes one.
fn delivery(task: &Task, setting: PasswordDelivery) -> Option<Delivery> {
    if !task.steps.iter().any(|step| step.call.takes_password()) {
        return None;
    }
    match (task.wish.deliver(), setting) {
        (Some(deliver), _) => Some(deliver.clone()),
        (None, PasswordDelivery::Link) => Some(Delivery::Link),
        (None, PasswordDelivery::Operator) => Some(Delivery::Operator),
        (None, PasswordDelivery::Recipient) => None,
    }
}
