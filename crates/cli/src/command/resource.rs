//! `keyreeve resource …`

use super::Context;
use crate::args::{ListResources, ResourceCommand};
use crate::exit::Ended;
use crate::output::shape::RESOURCES;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: ResourceCommand) -> anyhow::Result<Ended> {
    let ResourceCommand::List(arguments) = command;
    list(context, &arguments).await
}

async fn list(context: &Context, arguments: &ListResources) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let resources =
        store.list_resources(&arguments.system_id, arguments.moment.as_of(), &arguments.filter()).await?;
    context.output.list(&resources, &RESOURCES, "No resource is known that fits.")?;
    Ok(Ended::Done)
}
