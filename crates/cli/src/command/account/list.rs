//! `keyreeve account list`

use keyreeve_engine::unseen::Unseen;
use keyreeve_model::SystemId;

use crate::args::ListAccounts;
use crate::command::Context;
use crate::command::known::{Named, note_unknown};
use crate::command::reading::nothing;
use crate::exit::Ended;
use crate::output::shape::{ACCOUNTS, KnownAccount};
use crate::output::{hint, note};

/// Lists accounts.
pub(crate) async fn run(context: &Context, arguments: &ListAccounts) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let filter = arguments.filter();
    let store = context.store().await?;
    let unseen = Unseen::load(&store, &arguments.system_id, as_of).await?;
    let accounts = store.list_accounts(&arguments.system_id, as_of, &filter).await?;
    let accounts: Vec<KnownAccount> = accounts
        .into_iter()
        .map(|account| KnownAccount { pending: unseen.of(&account.external_id).to_vec(), account })
        .collect();
    let empty = match accounts.is_empty() {
        true => nothing(&store, &arguments.system_id, "account").await?,
        false => String::new(),
    };
    context.output.list(&accounts, &ACCOUNTS, &empty)?;
    note_made(&unseen.made(&store, &arguments.system_id).await?, &arguments.system_id);
    if accounts.is_empty() {
        let named = Named { account: None, group: filter.group.as_deref(), policy: filter.policy.as_deref() };
        note_unknown(&store, &arguments.system_id, as_of, named).await?;
    }
    Ok(Ended::Done)
}

/// So many names are told.
const NAMES: usize = 10;

/// Says which accounts are missing from the list because nothing but their creation is known.
fn note_made(made: &[String], system_id: &SystemId) {
    if made.is_empty() {
        return;
    }
    let mut names: Vec<&str> = made.iter().take(NAMES).map(String::as_str).collect();
    let more = format!("{} more", made.len().saturating_sub(NAMES));
    names.extend((made.len() > NAMES).then_some(more.as_str()));
    note(&format!(
        "Not in the list, because no import has read them yet, are accounts that Keyreeve made ({}): {}.",
        made.len(),
        names.join(", ")
    ));
    hint(&format!("`keyreeve import run {system_id}` reads them"));
}
