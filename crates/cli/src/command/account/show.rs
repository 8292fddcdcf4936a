//! `keyreeve account show`

use keyreeve_engine::unseen::KnownAccount;
use keyreeve_model::{Assignment, AssignmentKind, JobId};
use keyreeve_store::{AsOf, AssignmentFilter, StoreError};
use serde::Serialize;

use crate::args::ShowAccount;
use crate::command::Context;
use crate::command::known::meant;
use crate::command::reading::imported;
use crate::exit::{Ended, Refusal};
use crate::output::shape::{ACCOUNTS, account_facts, word};
use crate::output::{Column, Columns, Narrow, Tables};
use crate::source::Source;

/// An account with all it holds.
#[derive(Debug, Serialize)]
struct Holder {
    #[serde(flatten)]
    known: KnownAccount,
    /// Memberships in groups.
    groups: Vec<Assignment>,
    /// Policies attached to the account itself.
    policies: Vec<Assignment>,
    /// Policies attached to its groups.
    policies_through_groups: Vec<Assignment>,
}

const HELD: &[Column<Assignment>] = &[
    ("name", |assignment| assignment.resource_name.clone()),
    ("state", |assignment| word(&assignment.state)),
    ("arn", |assignment| assignment.resource_arn.clone().unwrap_or_default()),
];

const THROUGH_GROUPS: &[Column<Assignment>] = &[
    ("name", |assignment| assignment.resource_name.clone()),
    ("through_group", |assignment| assignment.subject_name.clone()),
    ("arn", |assignment| assignment.resource_arn.clone().unwrap_or_default()),
];

const DOING: &str = "showing an account";
/// Shows one account.
pub(crate) async fn run(context: &Context, arguments: &ShowAccount) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let source = Source::of(context).await?;
    let known = match source.account(&arguments.system_id, as_of, &arguments.account).await {
        Err(error) => return Err(explained(&source, arguments, as_of, error).await?),
        Ok(known) => known,
    };
    let holder = holdings(&source, known, as_of).await?;
    if context.output.format() == crate::output::Format::Csv {
        context.output.one(&holder.known, ACCOUNTS.csv, |_| {})?;
    } else {
        context.output.one(&holder, Columns::Texts(&[]), |tables| show(&holder, tables))?;
    }
    Ok(Ended::Done)
}

/// Why an account is not there, as far as the store of this machine tells more than that it is not.
async fn explained(
    source: &Source,
    arguments: &ShowAccount,
    as_of: AsOf,
    unknown: anyhow::Error,
) -> anyhow::Result<anyhow::Error> {
    let ShowAccount { system_id, account, .. } = arguments;
    let not_found = matches!(
        unknown.downcast_ref(),
        Some(StoreError::AccountNotFound { .. } | StoreError::NotImported { .. })
    );
    let Some(store) = source.store().filter(|_| not_found) else { return Ok(unknown) };
    imported(store, system_id, DOING).await?;
    if as_of == AsOf::Now
        && let Some(job) = store.made_by(system_id, account).await?
    {
        return Ok(not_imported_yet(arguments, job).into());
    }
    let Some(meant) = meant(store, system_id, account, as_of).await? else { return Ok(unknown) };
    let why = format!("the system has no account {account:?} as of that moment; {meant}");
    let hint = format!("`keyreeve account list {system_id}` shows those there are");
    Ok(Refusal::new(DOING, why).hint(hint).into())
}

fn not_imported_yet(arguments: &ShowAccount, job: JobId) -> Refusal {
    let ShowAccount { system_id, account, .. } = arguments;
    let why = format!("account {account:?} was made by job {job}, and no import has seen it yet");
    Refusal::new(DOING, why).hint(format!(
        "`keyreeve import run {system_id}` reads it; `keyreeve job show {job}` shows what was done"
    ))
}

fn show(holder: &Holder, tables: &mut Tables) {
    tables.facts(account_facts(&holder.known));
    tables.list("Groups", &holder.groups, HELD, Narrow::Shorten);
    tables.list("Policies", &holder.policies, HELD, Narrow::Shorten);
    tables.list("Policies through groups", &holder.policies_through_groups, THROUGH_GROUPS, Narrow::Shorten);
}

async fn holdings(source: &Source, known: KnownAccount, as_of: AsOf) -> anyhow::Result<Holder> {
    let account = &known.account;
    let filter =
        AssignmentFilter { account: Some(account.external_id.to_string()), ..AssignmentFilter::default() };
    let own = source.assignments(&account.system_id, as_of, &filter).await?;
    let (groups, policies): (Vec<_>, Vec<_>) =
        own.into_iter().partition(|assignment| assignment.kind == AssignmentKind::AccountGroup);
    let mut policies_through_groups = Vec::new();
    for membership in &groups {
        let Some(group) = &membership.resource_external_id else { continue };
        let filter = AssignmentFilter {
            group: Some(group.to_string()),
            kind: Some(AssignmentKind::GroupPolicy),
            ..AssignmentFilter::default()
        };
        policies_through_groups.extend(source.assignments(&account.system_id, as_of, &filter).await?);
    }
    policies_through_groups.sort_by(|a, b| {
        (&a.resource_name, &a.resource_arn, &a.subject_name).cmp(&(
            &b.resource_name,
            &b.resource_arn,
            &b.subject_name,
        ))
    });
    Ok(Holder { known, groups, policies, policies_through_groups })
}
