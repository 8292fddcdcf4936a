//! `keyreeve import show`

use keyreeve_model::{FailureKind, ImportRun, ImportRunState};

use super::diff;
use crate::args::{ChangeFilter, ShowRun};
use crate::command::Context;
use crate::exit::Ended;
use crate::output::hint;
use crate::output::shape::{RUNS, show_run};
use crate::source::Source;

/// Shows one run, or its changes.
pub(crate) async fn run(context: &Context, arguments: &ShowRun) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    if arguments.changes {
        return diff::of_one(context, &source, arguments.run, &ChangeFilter::default()).await;
    }
    let run = source.run(arguments.run).await?;
    context.output.one(&run, RUNS.csv, |tables| show_run(&run, false, tables))?;
    next_step(&run);
    Ok(Ended::Done)
}

/// Says what can be done with a run in its state.
pub(super) fn next_step(run: &ImportRun) {
    let (id, system) = (run.id, &run.system_id);
    match run.state {
        ImportRunState::Suspended => hint(&format!(
            "look at what it found: `keyreeve import diff {id}`; then publish exactly that with `keyreeve import \
             accept {id} --reason TEXT`, or discard it with `keyreeve import reject {id}`"
        )),
        ImportRunState::Previewed => hint(&format!(
            "see what would change: `keyreeve import diff {id}`; import it: `keyreeve import run {system}`"
        )),
        ImportRunState::Failed if stopped(run) => hint(&format!(
            "nothing was published, and what was known before still stands; import again: `keyreeve import run {system}`"
        )),
        ImportRunState::Failed => hint(&format!(
            "nothing was published, and what was known before still stands; `keyreeve system check {system}` may \
             tell why"
        )),
        ImportRunState::Published if run.baseline_run.is_none() => hint(&format!(
            "who is there: `keyreeve account list {system}`; all of it is new to a first run, and `keyreeve import diff {id} \
             --type account` lists one type of it"
        )),
        ImportRunState::Published => {
            hint(&format!(
                "see what changed: `keyreeve import diff {id}`; who is there: `keyreeve account list {system}`"
            ));
        }
        ImportRunState::Running | ImportRunState::Rejected => {}
    }
}

/// Somebody stopped it, so nothing is wrong with the system.
fn stopped(run: &ImportRun) -> bool {
    run.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Interrupted)
}
