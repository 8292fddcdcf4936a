//! `keyreeve system remove`

use super::show::show;
use crate::args::RemoveSystem;
use crate::command::Context;
use crate::exit::Ended;
use crate::output::note;
use crate::terminal;

/// Removes a system; its history is kept.
pub(crate) async fn run(context: &Context, arguments: &RemoveSystem) -> anyhow::Result<Ended> {
    let id = &arguments.system_id;
    let store = context.store().await?;
    let system = store.get_system(id).await?;
    let what = format!(
        "System {id} ({}) will be removed: its stored secret is wiped, and nothing more is imported. Its history \
         stays readable, and its System ID stays taken. AWS is not touched.",
        system.name
    );
    if !terminal::agrees(arguments.consent, &format!("removing system {id}"), &what)? {
        return Ok(Ended::Done);
    }
    let by = (context.actor.name(), arguments.reason.as_deref());
    let removed = store.remove_system(id, by, context.clock.now()).await?;
    let ended = show(context, &removed)?;
    note(&format!(
        "System {id} was removed. Its history is kept: `keyreeve account list {id}` still shows what was known last."
    ));
    Ok(ended)
}
