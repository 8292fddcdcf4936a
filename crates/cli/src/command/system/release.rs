//! `keyreeve system release`

use keyreeve_model::{SystemId, SystemState};

use super::show::show;
use crate::command::Context;
use crate::exit::Ended;
use crate::output::{hint, note};

/// Ends a quarantine.
pub(crate) async fn run(context: &Context, system_id: &SystemId) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let system = store.get_system(system_id).await?;
    if system.state == SystemState::Active {
        note(&format!("System {system_id} is not quarantined."));
        return show(context, &system);
    }
    let released = store.release_system(system_id, context.actor.name(), context.clock.now()).await?;
    let ended = show(context, &released)?;
    hint(&format!("see that it works: `keyreeve system check {system_id}`"));
    Ok(ended)
}
