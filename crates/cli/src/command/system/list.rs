//! `keyreeve system list`

use crate::args::ListSystems;
use crate::command::Context;
use crate::exit::Ended;
use crate::output::shape::SYSTEMS;
use crate::source::Source;

/// Lists the systems.
pub(crate) async fn run(context: &Context, arguments: &ListSystems) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let mut systems = source.systems(arguments.removed).await?;
    systems.retain(|system| context.actor.reaches(&system.system_id));
    let all = if systems.is_empty() { source.systems(true).await? } else { Vec::new() };
    let empty = match all.iter().any(|system| context.actor.reaches(&system.system_id)) {
        true => "No system is in use; `keyreeve system list --removed` shows those that were removed.",
        false => "No system is registered; `keyreeve system add` registers one.",
    };
    context.output.list(&systems, &SYSTEMS, empty)?;
    Ok(Ended::Done)
}
