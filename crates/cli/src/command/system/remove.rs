//! `keyreeve system remove`

use keyreeve_engine::systems::ProtectionsEnd;
use keyreeve_model::{System, SystemId};
use keyreeve_store::{AccountFilter, AsOf, Store};

use super::rotate_key::say_who_goes_on;
use super::show::show;
use crate::args::RemoveSystem;
use crate::command::Context;
use crate::exit::{Ended, Refusal};
use crate::output::note;
use crate::source::Source;
use crate::terminal;

/// Removes a system; its history is kept.
pub(crate) async fn run(context: &Context, arguments: &RemoveSystem) -> anyhow::Result<Ended> {
    let id = &arguments.system_id;
    let source = Source::of(context).await?;
    let (system, version) = match &source {
        Source::Server(server) => server.system_as_it_is(id).await?,
        Source::Store(store) => (store.get_system(id).await?, None),
    };
    if let Some(store) = source.store() {
        keeps_protections(store, &system).await?;
    }
    let what = format!(
        "System {id} ({}) will be removed: its stored secret is wiped, and nothing more is imported. Its history \
         stays readable, and its System ID stays taken. AWS is not touched.",
        system.name
    );
    if !terminal::agrees(arguments.consent, &format!("removing system {id}"), &what)? {
        return Ok(Ended::Done);
    }
    let (reason, mut unfinished) = (arguments.reason.as_deref(), None);
    let removed = match &source {
        Source::Server(server) => server.remove_system(id, version.as_deref(), reason).await?,
        Source::Store(store) => {
            unfinished = store.key_rotation(id).await?.map(|(rotation, _)| rotation);
            store.remove_system(id, (context.actor.name(), reason), context.clock.now()).await?
        }
    };
    let ended = show(context, &removed)?;
    let imported = source.accounts(id, AsOf::Now, &AccountFilter::default()).await;
    let imported = imported.is_ok_and(|known| !known.is_empty());
    note(&match imported {
        true => format!(
            "System {id} was removed. Its history is kept: `keyreeve account list {id}` still shows what was known last."
        ),
        false => format!(
            "System {id} was removed. Nothing was ever imported of it, so no accounts of it are known."
        ),
    });
    if let Some(store) = source.store() {
        say_who_goes_on(store, unfinished.as_ref()).await?;
    }
    Ok(ended)
}

/// Nobody shall end a protection that another system relies on by removing this one.
async fn keeps_protections(store: &Store, system: &System) -> anyhow::Result<()> {
    let id = &system.system_id;
    let Some(ProtectionsEnd { others, ending, .. }) =
        keyreeve_engine::systems::keeps_protections(store, system).await?
    else {
        return Ok(());
    };
    let heir = others.first().map(ToString::to_string).unwrap_or_default();
    let entries = |join: &str| {
        let options = ending.iter().map(|entry| {
            let (word, value) = entry.kind.parts();
            format!("--{word} {}", value.escape_debug())
        });
        options.collect::<Vec<_>>().join(join)
    };
    let why = format!(
        "its protect list holds for {} of the same AWS account too and would end with it: {}",
        others.iter().map(SystemId::as_str).collect::<Vec<_>>().join(", "),
        entries(", ")
    );
    Err(Refusal::new(format!("removing system {id}"), why)
        .hint(format!(
            "keep each with `keyreeve protect add {heir} …`, or end it with `keyreeve protect remove {id} …`; then \
             remove the system"
        ))
        .into())
}
