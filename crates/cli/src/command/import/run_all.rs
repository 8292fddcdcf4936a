//! `keyreeve import run --all`

use std::cell::RefCell;
use std::time::Instant;

use futures::StreamExt as _;
use keyreeve_engine::import::Progress;
use keyreeve_model::{ImportRun, ImportRunState, System, SystemState};
use tokio::sync::watch;

use super::many::Many;
use super::run::{say_warnings, went_well};
use crate::args::RunImport;
use crate::command::Context;
use crate::exit::{Ended, Refusal};
use crate::output::failure;
use crate::output::shape::{IMPORTED, Imported};
use crate::stop::Stop;

/// Several at once. One that fails, hangs or may not be imported does not keep the others from being read. A wish to stop
/// is told to those under way, as `stops` says, and no others begin.
pub(super) async fn run_all(
    context: &Context,
    systems: Vec<System>,
    arguments: &RunImport,
    (mut stop, stops): (Stop, &str),
    import: impl AsyncFn(&System, &Progress, watch::Receiver<bool>) -> anyhow::Result<ImportRun>,
) -> anyhow::Result<Ended> {
    let systems = wanted(context, systems, arguments)?;
    let jobs = arguments.jobs.unwrap_or(context.config.import.jobs);
    let (asked, stopping) = watch::channel(false);
    let many = RefCell::new(Many::begin(systems.len()));
    let imports = futures::stream::iter(systems).map(|system| {
        let (stopping, many, import) = (stopping.clone(), &many, &import);
        async move {
            if *stopping.borrow() {
                let why = "the command was stopped before this system's turn".to_owned();
                return Imported {
                    system,
                    state: "not_imported",
                    run: None,
                    seconds: 0.0,
                    reason: Some(why),
                };
            }
            let progress = std::rc::Rc::new(Progress::default());
            many.borrow_mut().begun(&system, &progress);
            let one = one(system, &progress, stopping, import).await;
            many.borrow_mut().ended(&one);
            one
        }
    });
    let mut imports = std::pin::pin!(imports.buffer_unordered(usize::try_from(jobs).unwrap_or(1)));
    let mut imported = Vec::new();
    let mut look = tokio::time::interval(Many::LOOK_EVERY);
    loop {
        tokio::select! {
            biased;
            next = imports.next() => match next {
                Some(one) => imported.push(one),
                None => break,
            },
            () = stop.requested(), if !*stopping.borrow() => {
                asked.send_replace(true);
                many.borrow_mut().stopping(stops);
            }
            _ = look.tick() => many.borrow_mut().update(),
        }
    }
    many.borrow().finish();
    imported.sort_by(|a, b| a.system.system_id.cmp(&b.system.system_id));
    imported.iter().filter_map(|one| one.run.as_ref()).for_each(say_warnings);
    context.output.list(&imported, &IMPORTED, "No system was imported.")?;
    let published = imported.iter().filter(|one| one.run.as_ref().is_some_and(went_well)).count();
    Many::say_sum(published, imported.len());
    Ok(Ended::done_if(published == imported.len()))
}

/// The systems that are asked for and may be had to do with.
fn wanted(context: &Context, mut systems: Vec<System>, arguments: &RunImport) -> anyhow::Result<Vec<System>> {
    let categories = &arguments.categories;
    if let Some(unknown) =
        categories.iter().find(|category| !systems.iter().any(|system| system.category == **category))
    {
        return Err(Refusal::new("importing systems", format!("no system is filed under {unknown:?}"))
            .hint("`keyreeve system list` shows the categories")
            .into());
    }
    systems.retain(|system| {
        context.actor.reaches(&system.system_id)
            && (categories.is_empty() || categories.contains(&system.category))
    });
    Ok(systems)
}

async fn one(
    system: System,
    progress: &Progress,
    stopping: watch::Receiver<bool>,
    import: &impl AsyncFn(&System, &Progress, watch::Receiver<bool>) -> anyhow::Result<ImportRun>,
) -> Imported {
    let reason = || system.state_reason.as_ref().map(|failure| failure.message.clone());
    let left_out = match system.state {
        SystemState::Quarantined => Some("quarantined"),
        SystemState::Suspended => Some("suspended"),
        SystemState::Active | SystemState::Removed => None,
    };
    if let Some(state) = left_out {
        let why =
            format!("the system is {state}: {}", reason().unwrap_or_else(|| "no reason is known".to_owned()));
        return Imported { system, state, run: None, seconds: 0.0, reason: Some(why) };
    }
    let begun = Instant::now();
    let outcome = import(&system, progress, stopping).await;
    let seconds = begun.elapsed().as_secs_f64();
    match outcome {
        Ok(run) => {
            let reason = why_not_published(&run);
            Imported { system, state: run.state.as_str(), run: Some(run), seconds, reason }
        }
        Err(error) => {
            let (why, _) = failure::words(&error);
            Imported { system, state: "failed", run: None, seconds, reason: Some(why) }
        }
    }
}

fn why_not_published(run: &ImportRun) -> Option<String> {
    match run.state {
        ImportRunState::Suspended => {
            Some(format!("it would change suspiciously much: `keyreeve import show {}`", run.id))
        }
        _ => run.failure.as_ref().map(|failure| failure.message.clone()),
    }
}
