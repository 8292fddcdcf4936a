//! `keyreeve organization …`

mod discover;
mod set_up;

use super::Context;
use crate::args::OrganizationCommand;
use crate::exit::Ended;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: OrganizationCommand) -> anyhow::Result<Ended> {
    match command {
        OrganizationCommand::Discover(arguments) => discover::run(context, &arguments).await,
    }
}
