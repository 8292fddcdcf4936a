//! `keyreeve system release`

use keyreeve_engine::systems::{Verdict, identify, verify};
use keyreeve_model::{System, SystemState};
use keyreeve_store::Store;

use super::show::show;
use crate::args::ReleaseSystem;
use crate::command::{Context, connection};
use crate::exit::{Ended, Refusal};
use crate::output::{hint, note};

/// Ends a quarantine, unless its cause is still there.
pub(crate) async fn run(context: &Context, arguments: &ReleaseSystem) -> anyhow::Result<Ended> {
    let system_id = &arguments.system_id;
    let store = context.store().await?;
    let system = store.get_system(system_id).await?;
    if system.state == SystemState::Active {
        note(&format!("System {system_id} is not quarantined, so there was nothing to release."));
        return show(context, &system);
    }
    if system.state == SystemState::Suspended {
        let why = "it is not quarantined but suspended, because its AWS account is not in use";
        return Err(Refusal::new(format!("releasing system {system_id}"), why)
            .hint("it goes on when `keyreeve organization discover` finds the account in use again")
            .into());
    }
    let what =
        format!("System {system_id} would be released, if its credentials are of its own AWS account.");
    if !arguments.unasked.goes_on(&what) {
        return show(context, &system);
    }
    if system.state == SystemState::Quarantined {
        look(context, &store, &system).await?;
    }
    let by = (context.actor.name(), arguments.reason.as_deref());
    let released = store.release_system(system_id, by, context.clock.now()).await?;
    let ended = show(context, &released)?;
    hint(&format!("see that it works: `keyreeve system check {system_id}`"));
    Ok(ended)
}

/// Looks whose the stored credentials are now. When that cannot be found out a person's word counts: the next import
/// looks again before it reads anything.
async fn look(context: &Context, store: &Store, system: &System) -> anyhow::Result<()> {
    let id = &system.system_id;
    let connector = connection::of_system(context, store, system).await?;
    let identity = match identify(&connector, context.clock).await {
        Ok(identity) => identity,
        Err(error) => {
            note(&format!("Whose credentials system {id} has could not be found out: {error}"));
            return Ok(());
        }
    };
    match verify(store, context.clock, system, &identity).await? {
        Verdict::Pinned => Ok(()),
        Verdict::Quarantined(failure) => Err(Refusal::failed(
            format!("releasing system {id}"),
            format!("{}: it stays quarantined", failure.message),
        )
        .hint(format!(
            "give it credentials of its own account: `keyreeve system set {id} --access-key-id AKIA…`"
        ))
        .into()),
    }
}
