//! `keyreeve job …`

mod apply;
mod decide;
mod show;
pub(crate) mod standing;
mod wishes;

pub(super) use apply::require_queued;
pub(super) use decide::{agrees_to_approve, require_cancellable};

use super::Context;
use crate::args::JobCommand;
use crate::exit::Ended;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: JobCommand) -> anyhow::Result<Ended> {
    match command {
        JobCommand::List(arguments) => show::list(context, &arguments).await,
        JobCommand::Show(arguments) => show::show(context, &arguments).await,
        JobCommand::Plan(arguments) => apply::plan(context, &arguments).await,
        JobCommand::Apply(arguments) => apply::apply(context, &arguments).await,
        JobCommand::Approve(arguments) => decide::approve(context, &arguments).await,
        JobCommand::Reject(arguments) => decide::reject(context, &arguments).await,
        JobCommand::Cancel(arguments) => decide::cancel(context, &arguments).await,
        JobCommand::Dismiss(arguments) => decide::dismiss(context, &arguments).await,
        JobCommand::Retry(arguments) => decide::retry(context, &arguments).await,
    }
}
