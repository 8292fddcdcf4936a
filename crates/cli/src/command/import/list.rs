//! `keyreeve import list`

use crate::args::ListRuns;
use crate::command::Context;
use crate::exit::Ended;
use crate::output::shape::RUNS;
use crate::source::Source;

/// Lists the runs of a system.
pub(crate) async fn run(context: &Context, arguments: &ListRuns) -> anyhow::Result<Ended> {
    let runs = Source::of(context).await?.runs(&arguments.system_id, arguments.limit).await?;
    let empty = format!("Nothing was imported yet; `keyreeve import run {}` does it.", arguments.system_id);
    context.output.list(&runs, &RUNS, &empty)?;
    Ok(Ended::Done)
}
