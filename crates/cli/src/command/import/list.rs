//! `keyreeve import list`

use crate::args::ListRuns;
use crate::command::Context;
use crate::exit::Ended;
use crate::output::shape::RUNS;

/// Lists the runs of a system.
pub(crate) async fn run(context: &Context, arguments: &ListRuns) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let runs = store.list_import_runs(&arguments.system_id, None, arguments.limit).await?;
    let empty = format!("Nothing was imported yet; `keyreeve import run {}` does it.", arguments.system_id);
    context.output.list(&runs, &RUNS, &empty)?;
    Ok(Ended::Done)
}
