//! `keyreeve import …`

mod decide;
mod diff;
mod list;
mod many;
mod profile;
mod progress;
mod run;
mod run_all;
mod show;

use super::Context;
use crate::args::ImportCommand;
use crate::exit::Ended;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: ImportCommand) -> anyhow::Result<Ended> {
    match command {
        ImportCommand::Run(arguments) => run::run(context, arguments).await,
        ImportCommand::List(arguments) => list::run(context, &arguments).await,
        ImportCommand::Show(arguments) => show::run(context, &arguments).await,
        ImportCommand::Diff(arguments) => diff::run(context, &arguments).await,
        ImportCommand::Accept(arguments) => decide::accept(context, &arguments).await,
        ImportCommand::Reject(arguments) => decide::reject(context, &arguments).await,
        ImportCommand::Profile(command) => profile::run(context, command).await,
    }
}
