//! `keyreeve account …`

mod list;
mod show;

use super::Context;
use crate::args::AccountCommand;
use crate::exit::Ended;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: AccountCommand) -> anyhow::Result<Ended> {
    match command {
        AccountCommand::List(arguments) => list::run(context, &arguments).await,
        AccountCommand::Show(arguments) => show::run(context, &arguments).await,
    }
}
