//! `keyreeve job approve`, `reject`, `cancel` and `retry`

use anyhow::Context as _;
use keyreeve_engine::provisioning::{HandOver, Handed};
use keyreeve_model::ProvisioningJob;

use crate::args::{DecideJob, RetryJob};
use crate::command::Context;
use crate::command::change::Changing;
use crate::exit::Ended;
use crate::output::escape::line;
use crate::output::shape::{Detail, JOBS, finished_job, show_job};
use crate::output::{hint, require_open};
use crate::terminal;

/// Approves a job that somebody else asked for, if what it rests on still holds.
pub(super) async fn approve(context: &Context, arguments: &DecideJob) -> anyhow::Result<Ended> {
    let doing = format!("approving job {}", arguments.job);
    let store = context.store().await?;
    let job = store.job(arguments.job).await?;
    let changing = Changing::begin(context, &job.system_id).await?;
    changing.require_fresh(&job).await?;
    let because: String =
        job.approval_because.iter().map(|because| format!("\n  - {}", line(because))).collect();
    let what = format!(
        "Job {} of system {} ({} tasks, asked for by {}) will be approved.{because}",
        job.id,
        job.system_id,
        job.tasks.len(),
        line(&job.actor)
    );
    if !terminal::agrees(arguments.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let reason = arguments.reason.as_deref();
    let now = context.clock.now();
    let job =
        store.decide_job(job.id, true, context.actor.name(), reason, now).await.with_context(|| doing)?;
    show(context, &job)?;
    hint(&format!("`keyreeve job apply {}` carries it out, by an operator or admin", job.id));
    Ok(Ended::Done)
}

/// Rejects a job.
pub(super) async fn reject(context: &Context, arguments: &DecideJob) -> anyhow::Result<Ended> {
    let doing = format!("rejecting job {}", arguments.job);
    let store = context.store().await?;
    let what = format!("Job {} will be rejected; nothing of it is done.", arguments.job);
    if !terminal::agrees(arguments.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let reason = arguments.reason.as_deref();
    let now = context.clock.now();
    let job = store
        .decide_job(arguments.job, false, context.actor.name(), reason, now)
        .await
        .with_context(|| doing)?;
    show(context, &job)
}

/// Takes back what has not begun.
pub(super) async fn cancel(context: &Context, arguments: &DecideJob) -> anyhow::Result<Ended> {
    let doing = format!("cancelling job {}", arguments.job);
    let store = context.store().await?;
    let what =
        format!("Tasks of job {} that have not begun will be taken back; others go on.", arguments.job);
    if !terminal::agrees(arguments.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let now = context.clock.now();
    let job = store.cancel_job(arguments.job, context.actor.name(), now).await.with_context(|| doing)?;
    show(context, &job)
}

/// Queues what failed once more, and carries it out.
pub(super) async fn retry(context: &Context, arguments: &RetryJob) -> anyhow::Result<Ended> {
    let doing = format!("retrying job {}", arguments.job);
    let store = context.store().await?;
    let job = store.job(arguments.job).await?;
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
    let (now, actor) = (context.clock.now(), context.actor.name());
    let settings = store.get_system(&job.system_id).await?.settings;
    let retry = HandOver::retry(&store, &job, &settings, actor, now);
    let (retried, handed) = retry.await.with_context(|| doing)?;
    if arguments.change.no_wait {
        return show_with(context, &retried, handed);
    }
    Changing::begin(context, &job.system_id).await?.carry_out_with(retried, None, handed).await
}

fn show(context: &Context, job: &ProvisioningJob) -> anyhow::Result<Ended> {
    show_with(context, job, Vec::new())
}

fn show_with(context: &Context, job: &ProvisioningJob, handed: Vec<Handed>) -> anyhow::Result<Ended> {
    let job = finished_job(job, handed);
    context.output.one(&job, JOBS.csv, |tables| show_job(&job, Detail::Brief, tables))?;
    Ok(Ended::Done)
}
