//! `keyreeve import run`

use std::sync::Arc;

use anyhow::Context as _;
use keyreeve_engine::import::{ImportRequest, Importer, Patience, Progress, UnderWay};
use keyreeve_engine::pace::Pacers;
use keyreeve_model::{ImportRun, ImportRunState, System, SystemState};
use keyreeve_store::Store;
use tokio::sync::watch;

use super::progress::{Display, watched};
use super::run_all::run_all;
use super::show::next_step;
use crate::args::RunImport;
use crate::command::{Context, connection, remote};
use crate::exit::{Ended, Refusal};
use crate::output::shape::{RUNS, show_run};
use crate::output::{Format, brief, note};
use crate::source::{Server, Source};
use crate::stop::Stop;

/// Imports one system, or all.
pub(crate) async fn run(context: &Context, arguments: RunImport) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return by_server(context, &server, &arguments).await;
    }
    let store = Arc::new(context.store().await?);
    let importer = Importer {
        store: Arc::clone(&store),
        clock: context.clock,
        patience: Patience::default(),
        pacers: Arc::new(Pacers::sharing(Arc::clone(&store))),
        lease: context.config.import.lease,
        under_way: UnderWay::default(),
    };
    let mut stop = Stop::listen()?;
    let Some(system_id) = &arguments.system_id else {
        let systems = store.list_systems(false).await?;
        let stops = "Stopping: imports under way are ended, and no others begin.";
        let one = async |system: &System, progress: &Progress, mut stopping: watch::Receiver<bool>| {
            let stopped = async move {
                // The sender lives as long as the imports do.
                let _ = stopping.wait_for(|asked| *asked).await;
            };
            import(context, &store, &importer, system, &arguments, progress, stopped).await
        };
        return run_all(context, systems, &arguments, (stop, stops), one).await;
    };
    let system = store.get_system(system_id).await?;
    let run = run_one(context, &store, &importer, &system, &arguments, &mut stop)
        .await
        .with_context(|| format!("importing system {system_id}"))?;
    show(context, &run)
}

/// Has a server import one system, or all, and waits for the end of that.
async fn by_server(context: &Context, server: &Server, arguments: &RunImport) -> anyhow::Result<Ended> {
    let Some(system_id) = &arguments.system_id else {
        let stop = Stop::listen()?;
        let systems = server.systems(false).await?;
        let stops = "Stopping: nobody waits any more, and no others are begun.";
        let one = async |system: &System, _: &Progress, _: watch::Receiver<bool>| {
            let begun = server.import(&system.system_id, &arguments.profile, arguments.preview).await?;
            remote::import_ended(server, begun).await
        };
        return run_all(context, systems, arguments, (stop, stops), one).await;
    };
    let doing = || format!("importing system {system_id}");
    let begun = server.import(system_id, &arguments.profile, arguments.preview).await.with_context(doing)?;
    note(&format!("Import run {} of system {system_id} has begun.", begun.id));
    show(context, &remote::import_ended(server, begun).await.with_context(doing)?)
}

fn show(context: &Context, run: &ImportRun) -> anyhow::Result<Ended> {
    context.output.one(run, RUNS.csv, |tables| show_run(run, true, tables))?;
    say_failure(context, run);
    say_warnings(run);
    next_step(run);
    Ok(Ended::done_if(went_well(run)))
}

async fn run_one(
    context: &Context,
    store: &Store,
    importer: &Importer,
    system: &System,
    arguments: &RunImport,
    stop: &mut Stop,
) -> anyhow::Result<ImportRun> {
    let progress = Progress::default();
    let mut display = Display::begin(&format!("Importing system {} …", system.system_id));
    let run = import(context, store, importer, system, arguments, &progress, stop.requested());
    watched(run, &progress, &mut display).await
}

/// Imports a system until it is asked to stop.
async fn import(
    context: &Context,
    store: &Store,
    importer: &Importer,
    system: &System,
    arguments: &RunImport,
    progress: &Progress,
    stopped: impl Future<Output = ()>,
) -> anyhow::Result<ImportRun> {
    if system.state == SystemState::Removed {
        let why = "it was removed: its history can be read, but it is not imported any more";
        return Err(Refusal::new(format!("importing system {}", system.system_id), why).into());
    }
    let profile = store.get_import_profile(&system.system_id, &arguments.profile).await?;
    let connector = connection::of_system(context, store, system).await?;
    let request =
        ImportRequest { system, profile: &profile, actor: context.actor.name(), preview: arguments.preview };
    Ok(importer.run_until(&connector, request, progress, stopped).await?)
}

pub(super) fn went_well(run: &ImportRun) -> bool {
    matches!(run.state, ImportRunState::Published | ImportRunState::Previewed)
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
pub(super) fn say_warnings(run: &ImportRun) {
    for warning in &run.warnings {
        note(&format!(
            "warning: import run {} of system {}: {} ({})",
            run.id,
            run.system_id,
            brief(&warning.message),
            warning.code
        ));
    }
}
