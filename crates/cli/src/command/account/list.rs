//! `keyreeve account list`

use crate::args::ListAccounts;
use crate::command::Context;
use crate::command::reading::nothing;
use crate::exit::Ended;
use crate::output::shape::ACCOUNTS;

/// Lists accounts.
pub(crate) async fn run(context: &Context, arguments: &ListAccounts) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let store = context.store().await?;
    let accounts = store.list_accounts(&arguments.system_id, as_of, &arguments.filter()).await?;
    let empty = match accounts.is_empty() {
        true => nothing(&store, &arguments.system_id, "account").await?,
        false => String::new(),
    };
    context.output.list(&accounts, &ACCOUNTS, &empty)?;
    Ok(Ended::Done)
}
