//! `keyreeve account list`

use keyreeve_engine::unseen::Unseen;
use keyreeve_model::{AssignmentKind, AssignmentState, SystemId};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, Store, StoreError};

use crate::args::ListAccounts;
use crate::command::Context;
use crate::command::known::{Named, note_unknown};
use crate::command::reading::nothing;
use crate::exit::Ended;
use crate::output::shape::ACCOUNTS;
use crate::output::{hint, note};
use crate::source::Source;

/// Lists accounts.
pub(crate) async fn run(context: &Context, arguments: &ListAccounts) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let filter = arguments.filter();
    let source = Source::of(context).await?;
    let accounts = source.accounts(&arguments.system_id, as_of, &filter).await?;
    let empty = match accounts.is_empty() {
        true => nothing(&source, &arguments.system_id, "account").await?,
        false => String::new(),
    };
    context.output.list(&accounts, &ACCOUNTS, &empty)?;
    let Some(store) = source.store() else { return Ok(Ended::Done) };
    let unseen = Unseen::load(store, &arguments.system_id, as_of).await?;
    note_made(&unseen.made(store, &arguments.system_id).await?, &arguments.system_id);
    if as_of == AsOf::Now {
        note_pending(store, &arguments.system_id, &filter).await?;
    }
    if accounts.is_empty() {
        let named = Named { account: None, group: filter.group.as_deref(), policy: filter.policy.as_deref() };
        note_unknown(store, &arguments.system_id, as_of, named).await?;
    }
    Ok(Ended::Done)
}

/// So many names are told.
const NAMES: usize = 10;

/// Says what Keyreeve has given and taken of what the filter names, which no import has seen yet.
async fn note_pending(store: &Store, system_id: &SystemId, filter: &AccountFilter) -> Result<(), StoreError> {
    let AccountFilter { group, policy, .. } = filter;
    if group.is_none() && policy.is_none() {
        return Ok(());
    }
    let named =
        AssignmentFilter { group: group.clone(), policy: policy.clone(), ..AssignmentFilter::default() };
    let assignments = store.list_assignments(system_id, AsOf::Now, &named).await?;
    for (state, done) in
        [(AssignmentState::PendingAdd, "gave to"), (AssignmentState::PendingRemove, "took from")]
    {
        let of_accounts =
            assignments.iter().filter(|one| one.state == state && one.kind != AssignmentKind::GroupPolicy);
        let names: Vec<&str> = of_accounts.map(|one| one.subject_name.as_str()).collect();
        if !names.is_empty() {
            note(&format!(
                "The list is that of the last import; since then Keyreeve {done} {}: {}.",
                match names.len() {
                    1 => "an account".to_owned(),
                    number => format!("{number} accounts"),
                },
                shortened(&names)
            ));
            hint(&format!("`keyreeve import run {system_id}` reads it"));
        }
    }
    Ok(())
}

/// Some of the names, and how many more there are.
fn shortened(names: &[&str]) -> String {
    let more = format!("{} more", names.len().saturating_sub(NAMES));
    let some = names.iter().take(NAMES).copied();
    some.chain((names.len() > NAMES).then_some(more.as_str())).collect::<Vec<_>>().join(", ")
}

/// Says which accounts are missing from the list because nothing but their creation is known.
fn note_made(made: &[String], system_id: &SystemId) {
    if made.is_empty() {
        return;
    }
    let names: Vec<&str> = made.iter().map(String::as_str).collect();
    note(&format!(
        "Not in the list, because no import has read them yet, are accounts that Keyreeve made ({}): {}.",
        made.len(),
        shortened(&names)
    ));
    hint(&format!("`keyreeve import run {system_id}` reads them"));
}
