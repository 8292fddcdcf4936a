//! `keyreeve resource …`

use super::Context;
use super::reading::nothing;
use crate::args::{ListResources, ResourceCommand};
use crate::exit::Ended;
use crate::output::shape::RESOURCES;
use crate::source::Source;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: ResourceCommand) -> anyhow::Result<Ended> {
    let ResourceCommand::List(arguments) = command;
    list(context, &arguments).await
}

async fn list(context: &Context, arguments: &ListResources) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let source = Source::of(context).await?;
    let resources = source.resources(&arguments.system_id, as_of, &arguments.filter()).await?;
    let empty = match resources.is_empty() {
        true => nothing(&source, &arguments.system_id, "resource").await?,
        false => String::new(),
    };
    context.output.list(&resources, &RESOURCES, &empty)?;
    Ok(Ended::Done)
}
