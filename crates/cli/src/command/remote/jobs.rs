//! What is decided about jobs, by way of a server.

use anyhow::Context as _;
use keyreeve_model::{JobId, ProvisioningJob};

use super::{follow, wait};
use crate::args::{ApplyJob, DecideJob, RetryJob};
use crate::command::Context;
use crate::command::change::{conclude, show_again, show_asked};
use crate::command::job::{agrees_to_approve, require_cancellable, require_queued};
use crate::exit::Ended;
use crate::output::{hint, require_open};
use crate::source::{PlannedAgain, Server};
use crate::terminal;

/// Approves a job that somebody else asked for, as it was seen.
pub(in crate::command) async fn approve(
    context: &Context,
    server: &Server,
    arguments: &DecideJob,
) -> anyhow::Result<Ended> {
    let doing = format!("approving job {}", arguments.job);
    let job = server.job(arguments.job).await?;
    if !arguments.consent.yes {
        server.require_approvable(&job).await.with_context(|| doing.clone())?;
    }
    if !agrees_to_approve(context, arguments.consent, &doing, &job)? {
        return Ok(Ended::Done);
    }
    let approved = server.approve(&job, arguments.reason.as_deref()).await.with_context(|| doing)?;
    show_asked(context, &approved, Vec::new())?;
    hint(&format!("the server begins it now; `keyreeve job show {}` says how far it is", job.id));
    Ok(Ended::Done)
}

/// Rejects a job.
pub(in crate::command) async fn reject(
    context: &Context,
    server: &Server,
    arguments: &DecideJob,
) -> anyhow::Result<Ended> {
    let doing = format!("rejecting job {}", arguments.job);
    if !arguments.consent.yes {
        server.require_rejectable(arguments.job).await.with_context(|| doing.clone())?;
    }
    let what = format!("Job {} will be rejected; nothing of it is done.", arguments.job);
    let rejecting = server.reject(arguments.job, arguments.reason.as_deref());
    decide(context, arguments, doing, &what, rejecting).await
}

/// Takes back what has not begun.
pub(in crate::command) async fn cancel(
    context: &Context,
    server: &Server,
    arguments: &DecideJob,
) -> anyhow::Result<Ended> {
    let doing = format!("cancelling job {}", arguments.job);
    require_cancellable(&server.job(arguments.job).await?).with_context(|| doing.clone())?;
    let what =
        format!("Tasks of job {} that have not begun will be taken back; others go on.", arguments.job);
    let cancelling = server.cancel(arguments.job);
    decide(context, arguments, doing, &what, cancelling).await
}

async fn decide(
    context: &Context,
    arguments: &DecideJob,
    doing: String,
    what: &str,
    deciding: impl Future<Output = anyhow::Result<ProvisioningJob>>,
) -> anyhow::Result<Ended> {
    if !terminal::agrees(arguments.consent, &doing, what)? {
        return Ok(Ended::Done);
    }
    show_asked(context, &deciding.await.with_context(|| doing)?, Vec::new())?;
    Ok(Ended::Done)
}

/// Queues what failed once more, and waits for it.
pub(in crate::command) async fn retry(
    context: &Context,
    server: &Server,
    arguments: &RetryJob,
) -> anyhow::Result<Ended> {
    let doing = format!("retrying job {}", arguments.job);
    let job = server.job(arguments.job).await?;
    if arguments.change.consent.plan {
        let planning = || format!("planning changes of system {}", job.system_id);
        let PlannedAgain { plan, refused } = server.plan_again(job.id).await.with_context(planning)?;
        return show_again(context, &job, plan, refused);
    }
    if job.tasks.iter().any(|task| task.steps.iter().any(|step| step.call.takes_password())) {
        require_open(&doing)?;
    }
    let what = format!("What failed of job {} will be tried again.", arguments.job);
    if !terminal::agrees(arguments.change.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let setting = server.system_as_it_is(&job.system_id).await?.0.settings.password_delivery;
    let asked = server.retry(job.id).await.with_context(|| doing)?;
    follow(context, server, asked, setting, arguments.change.no_wait).await
}

/// Waits for a job that is queued: the server carries it out by itself.
pub(in crate::command) async fn apply(
    context: &Context,
    server: &Server,
    id: JobId,
    arguments: &ApplyJob,
) -> anyhow::Result<Ended> {
    let doing = format!("carrying out job {id}");
    let job = server.job(id).await?;
    require_queued(&doing, &job)?;
    let what = format!(
        "Job {id} of system {}, {} tasks, is carried out by the server, and its end is waited for.",
        job.system_id,
        job.tasks.len()
    );
    if !terminal::agrees(arguments.change.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let (job, over) = wait::job_ended(server, &job).await?;
    show_asked(context, &job, Vec::new())?;
    Ok(if over { conclude(&job) } else { Ended::NeedsAttention })
}
