//! `keyreeve mapping …`

mod set;
mod trial;

use std::path::Path;

use keyreeve_engine::mapping;
use keyreeve_model::{MappingName, TaskMapping};

use super::Context;
use crate::args::{ListMappings, MappingCommand, ShowMapping};
use crate::exit::{Ended, Refusal};
use crate::output::shape::{LINES, MAPPINGS, MappingView, mapping_lines};
use crate::output::{Columns, Format};
use crate::source::Source;
use crate::structured::read_structured;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: MappingCommand) -> anyhow::Result<Ended> {
    match command {
        MappingCommand::List(arguments) => list(context, &arguments).await,
        MappingCommand::Show(arguments) => show(context, &arguments).await,
        MappingCommand::Set(arguments) => set::run(context, &arguments).await,
        MappingCommand::Try(arguments) => trial::run(context, &arguments).await,
    }
}

async fn list(context: &Context, arguments: &ListMappings) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let mappings: Vec<MappingView> =
        source.task_mappings(&arguments.system_id).await?.into_iter().map(MappingView::from).collect();
    context.output.list(&mappings, &MAPPINGS, "There is no task mapping.")?;
    Ok(Ended::Done)
}

async fn show(context: &Context, arguments: &ShowMapping) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    print(context, &source.task_mapping(&arguments.system_id, arguments.name).await?)?;
    Ok(Ended::Done)
}

/// JSON is what `set` reads again; a table and CSV have a line for each call and each row.
fn print(context: &Context, mapping: &TaskMapping) -> anyhow::Result<()> {
    if context.output.format() == Format::Json {
        context.output.one(mapping, Columns::Texts(&[]), |_| {})
    } else {
        context.output.list(&mapping_lines(mapping), &LINES, "The mapping is empty.")
    }
}

/// A mapping from a file; it must be the one that is meant, and one that can be used.
fn read(path: &Path, name: MappingName, doing: &str) -> Result<TaskMapping, Refusal> {
    let mapping: TaskMapping = read_structured(path)?;
    if mapping.name != name {
        let why = format!("{} holds the task mapping {}", path.display(), mapping.name);
        return Err(Refusal::new(doing, why).hint(format!("Name that one, or write name: {name}")));
    }
    mapping::check(&mapping).map_err(|error| Refusal::new(doing, error.to_string()))?;
    Ok(mapping)
}
