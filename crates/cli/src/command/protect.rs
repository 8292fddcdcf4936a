//! `keyreeve protect …`

use anyhow::Context as _;
use keyreeve_model::{Protection, SystemId};
use keyreeve_store::StoreError;

use super::Context;
use super::known::warn_uncovered;
use crate::args::{AddProtection, ProtectCommand, RemoveProtection};
use crate::exit::Ended;
use crate::output::shape::PROTECTIONS;
use crate::source::Source;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: &ProtectCommand) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let system_id = match command {
        ProtectCommand::List(arguments) => &arguments.system_id,
        ProtectCommand::Add(arguments) => add(context, &source, arguments).await?,
        ProtectCommand::Remove(arguments) => remove(context, &source, arguments).await?,
    };
    let protections = source.protections(system_id).await?;
    let empty = format!(
        "The protect list of system {system_id} is empty; the account that Keyreeve signs in with is protected anyway."
    );
    context.output.list(&protections, &PROTECTIONS, &empty)?;
    Ok(Ended::Done)
}

async fn add<'a>(
    context: &Context,
    source: &Source,
    arguments: &'a AddProtection,
) -> anyhow::Result<&'a SystemId> {
    let system_id = &arguments.on.system_id;
    let kind = arguments.on.kind().checked().context("looking at what is to be protected")?;
    if !arguments
        .on
        .unasked
        .goes_on(&format!("The protect list of system {system_id} would get one more entry."))
    {
        return Ok(system_id);
    }
    let protection = Protection {
        kind,
        reason: arguments.reason.clone(),
        added_by: context.actor.name().to_owned(),
        added_at: context.clock.now(),
    };
    let doing = || format!("protecting accounts of system {system_id}");
    source.protect(system_id, &protection).await.with_context(doing)?;
    warn_uncovered(source, system_id, &protection.kind).await;
    Ok(system_id)
}

async fn remove<'a>(
    context: &Context,
    source: &Source,
    arguments: &'a RemoveProtection,
) -> anyhow::Result<&'a SystemId> {
    let system_id = &arguments.on.system_id;
    if arguments.on.unasked.plan {
        let asked = arguments.on.kind();
        let is_there = source.protections(system_id).await?.iter().any(|one| one.kind == asked);
        if !is_there {
            let (kind, value) = asked.parts();
            let (system_id, value) = (system_id.clone(), value.to_owned());
            return Err(StoreError::ProtectionNotFound { system_id, kind, value }.into());
        }
    }
    if !arguments.on.unasked.goes_on(&format!("An entry of the protect list of system {system_id} would go."))
    {
        return Ok(system_id);
    }
    let reason = arguments.reason.as_deref();
    let doing = || format!("ending a protection in system {system_id}");
    source.end_protection(context, system_id, &arguments.on.kind(), reason).await.with_context(doing)?;
    Ok(system_id)
}
