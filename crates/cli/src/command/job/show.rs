//! `keyreeve job list` and `keyreeve job show`

use crate::args::{JobArgument, ListJobs};
use crate::command::Context;
use crate::exit::Ended;
use crate::output::shape::{JOB_LIST, JOBS, finished_job, show_job};

/// Lists the jobs of a system.
pub(super) async fn list(context: &Context, arguments: &ListJobs) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let jobs = store.jobs(&arguments.system_id, arguments.limit).await?;
    let empty = format!("System {} has no jobs.", arguments.system_id);
    context.output.list(&jobs, &JOB_LIST, &empty)?;
    Ok(Ended::Done)
}

/// Shows a job.
pub(super) async fn show(context: &Context, arguments: &JobArgument) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let job = finished_job(&store.job(arguments.job).await?, Vec::new());
    context.output.one(&job, JOBS.csv, |tables| show_job(&job, tables))?;
    Ok(Ended::Done)
}
