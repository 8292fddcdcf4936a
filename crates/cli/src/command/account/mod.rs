//! `keyreeve account …`

mod list;
mod show;

use super::{Context, change};
use crate::args::AccountCommand;
use crate::exit::Ended;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: AccountCommand) -> anyhow::Result<Ended> {
    match command {
        AccountCommand::List(arguments) => list::run(context, &arguments).await,
        AccountCommand::Show(arguments) => show::run(context, &arguments).await,
        AccountCommand::Create(arguments) => {
            change::run(context, &arguments.system_id, vec![arguments.wish()], &arguments.change).await
        }
        AccountCommand::Update(arguments) => {
            change::run(context, &arguments.system_id, vec![arguments.wish()], &arguments.change).await
        }
        AccountCommand::Deactivate(arguments) => {
            change::run(context, &arguments.system_id, vec![arguments.deactivation()], &arguments.change)
                .await
        }
        AccountCommand::Delete(arguments) => {
            change::run(context, &arguments.system_id, vec![arguments.deletion()], &arguments.change).await
        }
        AccountCommand::Reactivate(arguments) => {
            let wish = arguments.reactivation();
            change::run(context, &arguments.on.system_id, vec![wish], &arguments.on.change).await
        }
        AccountCommand::ResetPassword(arguments) => {
            let wish = arguments.reset();
            change::run(context, &arguments.on.system_id, vec![wish], &arguments.on.change).await
        }
    }
}
