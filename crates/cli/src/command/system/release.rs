//! `keyreeve system release`

use keyreeve_engine::systems::{NotReleased, Released, release};
use keyreeve_model::{SystemId, SystemState};
use keyreeve_store::StoreError;

use super::show::show;
use crate::args::ReleaseSystem;
use crate::command::{Context, connection};
use crate::exit::{Ended, Refusal};
use crate::output::{hint, note};
use crate::source::Source;

/// Ends a quarantine, unless its cause is still there.
pub(crate) async fn run(context: &Context, arguments: &ReleaseSystem) -> anyhow::Result<Ended> {
    let system_id = &arguments.system_id;
    let source = Source::of(context).await?;
    let system = source.system(system_id).await?;
    if system.state == SystemState::Removed {
        return Err(StoreError::SystemRemoved { system_id: system_id.clone() }.into());
    }
    if system.state == SystemState::Active {
        // A server knows what may be asked of it by whom; it changes nothing either.
        if let Source::Server(server) = &source {
            server.release_system(system_id, None).await?;
        }
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
    let reason = arguments.reason.as_deref();
    let (released, unidentified) = match &source {
        Source::Server(server) => server.release_system(system_id, reason).await?,
        Source::Store(store) => {
            let connector = connection::of_system(context, store, &system).await?;
            let by = (context.actor.name(), reason);
            let Released { system, unidentified } = release(store, context.clock, by, &system, &connector)
                .await
                .map_err(|error| refused(system_id, error))?;
            (system, unidentified.map(|error| error.to_string()))
        }
    };
    if let Some(error) = unidentified {
        note(&format!("Whose credentials system {system_id} has could not be found out: {error}"));
    }
    let ended = show(context, &released)?;
    hint(&format!("see that it works: `keyreeve system check {system_id}`"));
    Ok(ended)
}

fn refused(id: &SystemId, error: NotReleased) -> anyhow::Error {
    let why = error.to_string();
    match error {
        NotReleased::Store(error) => error.into(),
        NotReleased::Suspended => Refusal::new(format!("releasing system {id}"), why).into(),
        NotReleased::StillSo(_) => Refusal::failed(format!("releasing system {id}"), why)
            .hint(format!(
                "give it credentials of its own account: `keyreeve system set {id} --access-key-id AKIA…`"
            ))
            .into(),
    }
}
