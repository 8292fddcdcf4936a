//! `keyreeve account list`

use crate::args::ListAccounts;
use crate::command::Context;
use crate::exit::Ended;
use crate::output::shape::ACCOUNTS;

/// Lists accounts.
pub(crate) async fn run(context: &Context, arguments: &ListAccounts) -> anyhow::Result<Ended> {
    let store = context.store().await?;
    let accounts =
        store.list_accounts(&arguments.system_id, arguments.moment.as_of(), &arguments.filter()).await?;
    context.output.list(&accounts, &ACCOUNTS, "No account is known that fits.")?;
    Ok(Ended::Done)
}
