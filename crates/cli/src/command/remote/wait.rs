//! Waiting for what a server does: it is asked again and again, no sooner than each second, until it is over.

use std::time::{Duration, Instant};

use keyreeve_engine::desk::{Keeps, Standing};
use keyreeve_model::{ImportRun, ImportRunState, JobState, ProvisioningJob, Task};

use crate::command::job::standing::advice;
use crate::exit::Refusal;
use crate::output::failure::words;
use crate::output::{hint, note};
use crate::source::{ASKED_EVERY, Server};
use crate::stop::Stop;

/// A large job is asked for less often: all of it is in the answer.
const LARGE: usize = 100;
const LARGE_EVERY: Duration = Duration::from_secs(5);
/// A server that does not answer may be starting again.
const SILENT_FOR: Duration = Duration::from_secs(60);
/// Between two tasks nobody may seem to work on a job.
const SEEN_AT_REST: usize = 3;

/// A job at its end, and true; or as it was when there was nothing to wait for any more, or nobody wanted to, and false.
pub(super) async fn job_ended(
    server: &Server,
    job: &ProvisioningJob,
) -> anyhow::Result<(ProvisioningJob, bool)> {
    let id = job.id;
    let every = if job.tasks.len() > LARGE { LARGE_EVERY } else { ASKED_EVERY };
    let mut stop = Stop::listen()?;
    let (mut heard, mut at_rest, mut done) = (Instant::now(), 0, 0);
    let mut last = job.clone();
    loop {
        match server.job_as_it_stands(id).await {
            Ok((job, standing)) => {
                heard = Instant::now();
                last = job;
                done = say_progress(&last, done);
                if !matches!(last.state, JobState::AwaitingApproval | JobState::Queued | JobState::Running) {
                    return Ok((last, true));
                }
                let waits = |standing: &Standing| {
                    matches!(standing.keeps, Keeps::Approval | Keeps::Person | Keeps::Stale | Keeps::Paused)
                };
                at_rest = if standing.as_ref().is_some_and(waits) { at_rest + 1 } else { 0 };
                if let Some(standing) = standing.filter(|_| at_rest >= SEEN_AT_REST) {
                    note(&format!("Job {id}: {}", standing.why));
                    hint(&advice(&standing, id));
                    return Ok((last, false));
                }
            }
            Err(error) if heard.elapsed() > SILENT_FOR => {
                let why = words(&error).0;
                return Err(Refusal::failed(format!("waiting for job {id}"), why)
                    .hint(format!("it was asked for: `keyreeve job show {id}` says what became of it"))
                    .into());
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.requested() => {
                note(&format!("Nobody waits any more; the server goes on with job {id}."));
                hint(&format!("`keyreeve job show {id}` says how far it is"));
                return Ok((last, false));
            }
        }
    }
}

/// Says how many tasks were worked on, when that has changed.
fn say_progress(job: &ProvisioningJob, said: usize) -> usize {
    let done = job.tasks.iter().filter(|task: &&Task| task.state.is_terminal()).count();
    let total = job.tasks.len();
    if done > said && total > 1 {
        note(&format!("{done} of {total} tasks of job {} were worked on", job.id));
    }
    done
}

/// A run at its end; as it is then when nobody wants to wait any more.
pub(in crate::command) async fn import_ended(server: &Server, run: ImportRun) -> anyhow::Result<ImportRun> {
    let id = run.id;
    let mut stop = Stop::listen()?;
    let (mut heard, mut last) = (Instant::now(), run);
    while last.state == ImportRunState::Running {
        tokio::select! {
            () = tokio::time::sleep(ASKED_EVERY) => {}
            () = stop.requested() => {
                note(&format!("Nobody waits any more; the server goes on with import run {id}."));
                hint(&format!("`keyreeve import show {id}` says what became of it"));
                return Ok(last);
            }
        }
        match server.import_run(id).await {
            Ok(run) => (heard, last) = (Instant::now(), run),
            Err(error) if heard.elapsed() > SILENT_FOR => {
                let why = words(&error).0;
                return Err(Refusal::failed(format!("waiting for import run {id}"), why)
                    .hint(format!("it was begun: `keyreeve import show {id}` says what became of it"))
                    .into());
            }
            Err(_) => {}
        }
    }
    Ok(last)
}
