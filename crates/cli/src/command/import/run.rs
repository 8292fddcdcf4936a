//! `keyreeve import run`

use std::sync::Arc;

use anyhow::Context as _;
use keyreeve_engine::import::{ImportRequest, Importer, Patience, Progress};
use keyreeve_engine::pace::Pacers;
use keyreeve_model::{ImportRun, ImportRunState, System, SystemState};
use keyreeve_store::Store;

use super::progress::{Display, watched};
use super::show::next_step;
use crate::args::RunImport;
use crate::command::{Context, connection};
use crate::exit::{Ended, Refusal};
use crate::output::shape::{RUNS, show_run};
use crate::output::{Format, failure, note};
use crate::stop::Stop;

/// Imports one system, or all.
pub(crate) async fn run(context: &Context, arguments: RunImport) -> anyhow::Result<Ended> {
    let store = Arc::new(context.store().await?);
    let importer = Importer {
        store: Arc::clone(&store),
        clock: context.clock,
        patience: Patience::default(),
        pacers: Arc::new(Pacers::default()),
        lease: context.config.import.lease,
    };
    let mut stop = Stop::listen()?;
    let Some(system_id) = &arguments.system_id else {
        return run_all(context, &store, &importer, &arguments, &mut stop).await;
    };
    let system = store.get_system(system_id).await?;
    let run = run_one(context, &store, &importer, &system, &arguments, &mut stop)
        .await
        .with_context(|| format!("importing system {system_id}"))?;
    context.output.one(&run, RUNS.csv, |tables| show_run(&run, tables))?;
    say_failure(context, &run);
    say_warnings(&run);
    next_step(&run);
    Ok(Ended::done_if(went_well(&run)))
}

/// One after another; one that fails does not keep the others from being read.
async fn run_all(
    context: &Context,
    store: &Store,
    importer: &Importer,
    arguments: &RunImport,
    stop: &mut Stop,
) -> anyhow::Result<Ended> {
    let mut all_well = true;
    let mut runs = Vec::new();
    for system in store.list_systems(false).await? {
        let id = &system.system_id;
        if !context.actor.reaches(id) {
            continue;
        }
        if system.state == SystemState::Quarantined {
            note(&format!(
                "System {id} is quarantined and is left out; `keyreeve system show {id}` says why."
            ));
            all_well = false;
            continue;
        }
        match run_one(context, store, importer, &system, arguments, stop).await {
            Ok(run) => {
                all_well &= went_well(&run);
                say_failure(context, &run);
                say_warnings(&run);
                let interrupted = was_interrupted(&run);
                runs.push(run);
                if interrupted {
                    note("The systems that follow were not imported.");
                    break;
                }
            }
            Err(error) => {
                all_well = false;
                failure::show(&error.context(format!("importing system {id}")));
            }
        }
    }
    context.output.list(&runs, &RUNS, "No system was imported.")?;
    Ok(Ended::done_if(all_well))
}

async fn run_one(
    context: &Context,
    store: &Store,
    importer: &Importer,
    system: &System,
    arguments: &RunImport,
    stop: &mut Stop,
) -> anyhow::Result<ImportRun> {
    if system.state == SystemState::Removed {
        let why = "it was removed: its history can be read, but it is not imported any more";
        return Err(Refusal::new(format!("importing system {}", system.system_id), why).into());
    }
    let profile = store.get_import_profile(&system.system_id, &arguments.profile).await?;
    let connector = connection::of_system(context, store, system).await?;
    let request =
        ImportRequest { system, profile: &profile, actor: context.actor.name(), preview: arguments.preview };
    let progress = Progress::default();
    let mut display = Display::begin(&format!("Importing system {} …", system.system_id));
    let run = importer.run_until(&connector, request, &progress, stop.requested());
    Ok(watched(run, &progress, &mut display).await?)
}

fn went_well(run: &ImportRun) -> bool {
    matches!(run.state, ImportRunState::Published | ImportRunState::Previewed)
}

fn was_interrupted(run: &ImportRun) -> bool {
    run.failure.as_ref().is_some_and(|failure| failure.kind == keyreeve_model::FailureKind::Interrupted)
}

/// Says why a run failed, where the data do not show it to eyes.
fn say_failure(context: &Context, run: &ImportRun) {
    if let Some(failure) = &run.failure
        && context.output.format() != Format::Table
    {
        note(&format!("Import run {} of system {} failed: {}", run.id, run.system_id, failure.message));
    }
}

/// Says what is odd about a run, whatever form its data have: a program may never look into them.
fn say_warnings(run: &ImportRun) {
    for warning in &run.warnings {
        note(&format!(
            "warning: import run {} of system {}: {} ({})",
            run.id, run.system_id, warning.message, warning.code
        ));
    }
}
