//! `keyreeve import accept` and `keyreeve import reject`

use anyhow::Context as _;
use keyreeve_model::{ImportRun, ImportRunState};
use keyreeve_store::StoreError;

use super::show::next_step;
use crate::args::Decide;
use crate::command::Context;
use crate::exit::{Ended, Refusal};
use crate::output::escape::line;
use crate::output::shape::{RUNS, show_run, suspicion_text};
use crate::source::Source;
use crate::terminal;

/// Publishes exactly what a suspended run found.
pub(crate) async fn accept(context: &Context, arguments: &Decide) -> anyhow::Result<Ended> {
    let doing = format!("accepting import run {}", arguments.run);
    let Some(reason) = reason(arguments, &doing)? else {
        return Err(Refusal::new(doing, "a reason must be given").hint("say why with --reason TEXT").into());
    };
    let source = Source::of(context).await?;
    let run =
        suspended(&source, arguments, ImportRunState::Published).await.with_context(|| doing.clone())?;
    let what = format!("Import run {} of system {} will be published.{}", run.id, run.system_id, why(&run));
    if !terminal::agrees(arguments.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let accepted = source.accept_run(context, run.id, &reason).await.with_context(|| doing.clone())?;
    show(context, &accepted)
}

/// Discards a suspended run.
pub(crate) async fn reject(context: &Context, arguments: &Decide) -> anyhow::Result<Ended> {
    let doing = format!("rejecting import run {}", arguments.run);
    let reason = reason(arguments, &doing)?.unwrap_or_default();
    let source = Source::of(context).await?;
    let run = suspended(&source, arguments, ImportRunState::Rejected).await.with_context(|| doing.clone())?;
    let what = format!(
        "Import run {} of system {} will be discarded; what was known before still stands.{}",
        run.id,
        run.system_id,
        why(&run)
    );
    if !terminal::agrees(arguments.consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let rejected = source.reject_run(context, run.id, &reason).await.with_context(|| doing.clone())?;
    show(context, &rejected)
}

fn reason(arguments: &Decide, doing: &str) -> Result<Option<String>, Refusal> {
    let reason = arguments.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.chars().count() > 1000) {
        return Err(Refusal::new(doing, "the reason is longer than 1000 characters"));
    }
    Ok(reason.map(str::to_owned))
}

/// The run, if it waits for a person.
async fn suspended(source: &Source, arguments: &Decide, to: ImportRunState) -> anyhow::Result<ImportRun> {
    let run = source.run(arguments.run).await?;
    match run.state {
        ImportRunState::Suspended => Ok(run),
        from => Err(StoreError::IllegalMove { run: run.id, from, to }.into()),
    }
}

fn why(run: &ImportRun) -> String {
    let suspicions: String = run
        .suspicions
        .iter()
        .map(|suspicion| format!("\n  - {}", line(&suspicion_text(suspicion))))
        .collect();
    if suspicions.is_empty() { String::new() } else { format!(" It was suspended because:{suspicions}") }
}

fn show(context: &Context, run: &ImportRun) -> anyhow::Result<Ended> {
    context.output.one(run, RUNS.csv, |tables| show_run(run, false, tables))?;
    next_step(run);
    Ok(Ended::Done)
}
