//! `keyreeve account list`

use crate::args::ListAccounts;
use crate::command::Context;
use crate::command::known::{Named, note_unknown};
use crate::command::reading::nothing;
use crate::exit::Ended;
use crate::output::shape::ACCOUNTS;

/// Lists accounts.
pub(crate) async fn run(context: &Context, arguments: &ListAccounts) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let filter = arguments.filter();
    let store = context.store().await?;
    let accounts = store.list_accounts(&arguments.system_id, as_of, &filter).await?;
    let empty = match accounts.is_empty() {
        true => nothing(&store, &arguments.system_id, "account").await?,
        false => String::new(),
    };
    context.output.list(&accounts, &ACCOUNTS, &empty)?;
    if accounts.is_empty() {
        let named = Named { account: None, group: filter.group.as_deref(), policy: filter.policy.as_deref() };
        note_unknown(&store, &arguments.system_id, as_of, named).await?;
    }
    Ok(Ended::Done)
}
