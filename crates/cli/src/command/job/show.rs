//! `keyreeve job list` and `keyreeve job show`

use keyreeve_model::ProvisioningJob;

use super::standing;
use crate::args::{ListJobs, ShowJob};
use crate::command::Context;
use crate::exit::Ended;
use crate::output::shape::{Detail, JOB_LIST, JOBS, finished_job, show_job};
use crate::output::{hint, note};
use crate::source::Source;

/// So many jobs are looked through for those of a state.
const MOST_JOBS: u32 = 10_000;

/// Lists the jobs of a system.
pub(super) async fn list(context: &Context, arguments: &ListJobs) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let read = if arguments.states.is_empty() { arguments.limit } else { MOST_JOBS };
    let mut jobs = source.jobs(&arguments.system_id, read).await?;
    jobs.retain(|job| arguments.states.is_empty() || arguments.states.contains(&job.state));
    jobs.truncate(arguments.limit as usize);
    let empty = match arguments.states.is_empty() {
        true => format!("System {} has no jobs.", arguments.system_id),
        false => format!("System {} has no job in such a state.", arguments.system_id),
    };
    context.output.list(&jobs, &JOB_LIST, &empty)?;
    for job in &jobs {
        say(context, &source, job).await?;
    }
    Ok(Ended::Done)
}

/// Shows a job.
pub(super) async fn show(context: &Context, arguments: &ShowJob) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let job = source.job(arguments.job).await?;
    show_whole(context, &job, if arguments.tasks { Detail::AllTasks } else { Detail::Whole })?;
    say(context, &source, &job).await?;
    Ok(Ended::Done)
}

/// Shows a job with every call.
pub(super) fn show_whole(context: &Context, job: &ProvisioningJob, detail: Detail) -> anyhow::Result<()> {
    let finished = finished_job(job, Vec::new(), None);
    context.output.one(&finished, JOBS.csv, |tables| show_job(&finished, detail, tables))
}

/// Says what keeps a job from its end.
async fn say(context: &Context, source: &Source, job: &ProvisioningJob) -> anyhow::Result<()> {
    if let Some(standing) = source.standing(context, job).await? {
        note(&format!("Job {}: {}", job.id, standing.why));
        hint(&standing::advice(&standing, job.id));
    }
    Ok(())
}
