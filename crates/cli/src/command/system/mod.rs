//! `keyreeve system …`

mod add;
mod check;
mod credential;
mod external_id;
mod list;
mod release;
mod remove;
mod rights;
mod rotate_key;
mod set;
mod show;

pub(super) use check::checked;

use super::Context;
use crate::args::SystemCommand;
use crate::exit::Ended;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: SystemCommand) -> anyhow::Result<Ended> {
    match command {
        SystemCommand::Add(arguments) => add::run(context, arguments).await,
        SystemCommand::List(arguments) => list::run(context, &arguments).await,
        SystemCommand::Show(arguments) => show::run(context, &arguments.system_id).await,
        SystemCommand::Check(arguments) => check::run(context, &arguments.system_id).await,
        SystemCommand::Set(arguments) => set::run(context, &arguments).await,
        SystemCommand::Release(arguments) => release::run(context, &arguments).await,
        SystemCommand::RotateKey(arguments) => rotate_key::run(context, &arguments).await,
        SystemCommand::Remove(arguments) => remove::run(context, &arguments).await,
    }
}
