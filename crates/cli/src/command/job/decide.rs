//! `keyreeve job approve`, `reject`, `cancel`, `dismiss` and `retry`

use anyhow::Context as _;
use keyreeve_engine::provisioning::Handed;
use keyreeve_engine::rights::Right;
use keyreeve_model::{JobId, JobState, ProvisioningJob};
use keyreeve_store::StoreError;

use super::show::show_whole;
use crate::args::{Consent, DecideJob, DismissJob, RetryJob};
use crate::command::change::{Changing, desk, refused};
use crate::command::{Context, remote};
use crate::exit::{Ended, Refusal};
use crate::output::escape::line;
use crate::output::shape::{Detail, JOBS, finished_job, show_job, step_in_words};
use crate::output::{hint, require_open};
use crate::source::Source;
use crate::terminal;

/// Approves a job that somebody else asked for, if what it rests on still holds.
pub(super) async fn approve(context: &Context, arguments: &DecideJob) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return remote::approve(context, &server, arguments).await;
    }
    let doing = format!("approving job {}", arguments.job);
    let job = context.store().await?.job(arguments.job).await?;
    let changing = Changing::begin(context, &job.system_id).await?;
    let fresh = changing.fresh(job).await.map_err(|error| cancel_stale(error, arguments.job))?;
    fresh.require_approvable().await.map_err(refused).with_context(|| doing.clone())?;
    if !agrees_to_approve(context, arguments.consent, &doing, fresh.job())? {
        return Ok(Ended::Done);
    }
    let job = fresh.approve(arguments.reason.as_deref()).await.map_err(refused).with_context(|| doing)?;
    show(context, &job)?;
    hint(&format!("`keyreeve job apply {}` carries it out, by an operator or admin", job.id));
    Ok(Ended::Done)
}

/// Whether somebody approves a job, having seen every call of it.
pub(in crate::command) fn agrees_to_approve(
    context: &Context,
    consent: Consent,
    doing: &str,
    job: &ProvisioningJob,
) -> anyhow::Result<bool> {
    let because: String =
        job.approval_because.iter().map(|because| format!("\n  - {}", line(because))).collect();
    let mut what = format!(
        "Job {} of system {} ({} tasks, asked for by {}) will be approved.{because}",
        job.id,
        job.system_id,
        job.tasks.len(),
        line(&job.actor)
    );
    if consent.plan {
        show_whole(context, job, Detail::AllTasks)?;
    } else {
        what.push_str(&calls_in_words(job));
    }
    Ok(terminal::agrees(consent, doing, &what)?)
}

/// The calls of a job for whoever is asked, as [`in_words`](crate::command::change) has those of a plan.
fn calls_in_words(job: &ProvisioningJob) -> String {
    let mut words = String::new();
    for task in &job.tasks {
        words.push_str(&format!("\n  {} {}", task.kind.as_str(), line(&task.account)));
        for step in &task.steps {
            let about = line(&step_in_words(&step.call, None)).into_owned();
            words.push_str(&format!("\n    {}. {} {about}", step.seq, step.operation));
        }
        for notice in &task.notices {
            words.push_str(&format!("\n    note: {}", line(&notice.message)));
        }
    }
    words
}

/// Refuses to take back a job that has ended, before anything is promised.
pub(in crate::command) fn require_cancellable(job: &ProvisioningJob) -> Result<(), StoreError> {
    let to = JobState::Cancelled;
    match job.state {
        from if from.may_become(to) => Ok(()),
        from => Err(StoreError::JobState { job: job.id, from, to }),
    }
}

/// A job that does not fit any more waits, and counts, until it is taken back.
fn cancel_stale(error: anyhow::Error, job: JobId) -> anyhow::Error {
    match error.downcast::<Refusal>() {
        Ok(stale) => stale
            .hint(format!(
                "`keyreeve job cancel {job}` takes it back; then look at the plan anew and ask again; nothing was changed"
            ))
            .into(),
        Err(other) => other,
    }
}

/// Rejects a job.
pub(super) async fn reject(context: &Context, arguments: &DecideJob) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return remote::reject(context, &server, arguments).await;
    }
    let doing = format!("rejecting job {}", arguments.job);
    let desk = desk(context).await?;
    desk.rejectable(&context.actor, arguments.job).await.map_err(refused).with_context(|| doing.clone())?;
    let what = format!("Job {} will be rejected; nothing of it is done.", arguments.job);
    if !terminal::agrees(arguments.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let rejected = desk.reject(&context.actor, arguments.job, arguments.reason.as_deref()).await;
    show(context, &rejected.map_err(refused).with_context(|| doing)?)
}

/// Takes back what has not begun.
pub(super) async fn cancel(context: &Context, arguments: &DecideJob) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return remote::cancel(context, &server, arguments).await;
    }
    let doing = format!("cancelling job {}", arguments.job);
    let desk = desk(context).await?;
    let job = desk.job(&context.actor, Right::Operate, arguments.job).await.map_err(refused)?;
    require_cancellable(&job).with_context(|| doing.clone())?;
    let what =
        format!("Tasks of job {} that have not begun will be taken back; others go on.", arguments.job);
    if !terminal::agrees(arguments.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let cancelled = desk.cancel(&context.actor, arguments.job).await;
    show(context, &cancelled.map_err(refused).with_context(|| doing)?)
}

/// Notes that a job which failed is left at that. It changes nothing in AWS, and can still be tried again, so nobody is asked.
pub(super) async fn dismiss(context: &Context, arguments: &DismissJob) -> anyhow::Result<Ended> {
    let doing = || format!("dismissing job {}", arguments.job);
    let job = match Source::server(context)? {
        Some(server) => server.dismiss(arguments.job, &arguments.reason).await.with_context(doing)?,
        None => {
            let dismissed =
                desk(context).await?.dismiss(&context.actor, arguments.job, &arguments.reason).await;
            dismissed.map_err(refused).with_context(doing)?
        }
    };
    show(context, &job)
}

/// Queues what failed once more, and carries it out.
pub(super) async fn retry(context: &Context, arguments: &RetryJob) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return remote::retry(context, &server, arguments).await;
    }
    let doing = format!("retrying job {}", arguments.job);
    let desk = desk(context).await?;
    let job = desk.store.job(arguments.job).await?;
    if arguments.change.consent.plan {
        let changing = Changing::begin(context, &job.system_id).await?;
        return changing.show_again(&job).await;
    }
    if job.tasks.iter().any(|task| task.steps.iter().any(|step| step.call.takes_password())) {
        require_open(&doing)?;
    }
    let what = format!("What failed of job {} will be tried again.", arguments.job);
    if !terminal::agrees(arguments.change.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let retried = desk.retry(&context.actor, job.id).await;
    let (retried, handed) = retried.map_err(refused).with_context(|| doing)?;
    if arguments.change.no_wait {
        return show_with(context, &retried, handed);
    }
    Changing::begin(context, &job.system_id).await?.carry_out_with(retried, None, handed).await
}

fn show(context: &Context, job: &ProvisioningJob) -> anyhow::Result<Ended> {
    show_with(context, job, Vec::new())
}

fn show_with(context: &Context, job: &ProvisioningJob, handed: Vec<Handed>) -> anyhow::Result<Ended> {
    let job = finished_job(job, handed, context.public_url());
    context.output.one(&job, JOBS.csv, |tables| show_job(&job, Detail::Brief, tables))?;
    Ok(Ended::Done)
}
