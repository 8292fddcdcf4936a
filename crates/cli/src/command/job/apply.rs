//! `keyreeve job plan` and `keyreeve job apply`

use std::path::Path;

use keyreeve_model::{JobId, JobState, ProvisioningJob, SystemId};

use super::wishes::{self, Wishes};
use crate::args::{ApplyJob, PlanFile};
use crate::command::change::{self, Changing};
use crate::command::{Context, remote};
use crate::exit::{Ended, Refusal};
use crate::source::Source;

/// Shows what a file of wishes would take.
pub(super) async fn plan(context: &Context, arguments: &PlanFile) -> anyhow::Result<Ended> {
    let (system_id, wishes) = read(&arguments.file, arguments.system_id.as_ref())?;
    if let Some(server) = Source::server(context)? {
        return change::show_possible(context, &server.plan(&system_id, &wishes).await?.0);
    }
    let changing = Changing::begin(context, &system_id).await?;
    changing.show_only(changing.plan(&wishes).await?)
}

/// Carries out a file of wishes, or a queued job.
pub(super) async fn apply(context: &Context, arguments: &ApplyJob) -> anyhow::Result<Ended> {
    match arguments.job() {
        Some(job) => queued(context, job, arguments).await,
        None => {
            let (system_id, wishes) = read(Path::new(&arguments.what), arguments.system_id.as_ref())?;
            change::run(context, &system_id, wishes, &arguments.change).await
        }
    }
}

fn read(file: &Path, given: Option<&SystemId>) -> Result<(SystemId, Vec<keyreeve_model::Wish>), Refusal> {
    let doing = format!("reading the wishes in {}", file.display());
    let Wishes { system_id, wishes } = wishes::read(file)?;
    let system_id = match (given, system_id) {
        (Some(given), Some(named)) if *given != named => {
            let why = format!("the file is for system {named}, and --system names {given}");
            return Err(Refusal::new(doing, why));
        }
        (Some(id), _) => id.clone(),
        (None, Some(id)) => id,
        (None, None) => {
            return Err(Refusal::new(doing, "neither the file nor --system names the system")
                .hint("give --system ID, or `system: ID` and `wishes:` in the file"));
        }
    };
    if wishes.is_empty() {
        return Err(Refusal::new(doing, "there is no wish in it"));
    }
    Ok((system_id, wishes))
}

/// Refuses to carry out a job that has ended, or waits for a second person.
pub(in crate::command) fn require_queued(doing: &str, job: &ProvisioningJob) -> Result<(), Refusal> {
    match job.state {
        JobState::Queued | JobState::Running => Ok(()),
        JobState::AwaitingApproval => Err(Refusal::new(doing, "a second person must approve it first")
            .hint(format!("`keyreeve job approve {}`, by somebody else", job.id))),
        state => Err(Refusal::new(doing, format!("it is {} already", state.as_str()))),
    }
}

async fn queued(context: &Context, id: JobId, arguments: &ApplyJob) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return remote::apply(context, &server, id, arguments).await;
    }
    let doing = format!("carrying out job {id}");
    let store = context.store().await?;
    let job = store.job(id).await?;
    drop(store);
    require_queued(&doing, &job)?;
    let changing = Changing::begin(context, &job.system_id).await?;
    let what =
        format!("Job {id} of system {} will be carried out, {} tasks.", job.system_id, job.tasks.len());
    if !crate::terminal::agrees(arguments.change.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    changing.carry_out(job).await
}
