//! `keyreeve account show`

use keyreeve_engine::near::nearest;
use keyreeve_model::{Account, Assignment, AssignmentKind, ImportRunState, JobId, Task, TaskState, Wish};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, Store, StoreError};
use serde::Serialize;

use crate::args::ShowAccount;
use crate::command::Context;
use crate::command::reading::imported;
use crate::exit::{Ended, Refusal};
use crate::output::shape::{ACCOUNTS, account_facts, word};
use crate::output::{Column, Narrow, Tables};

/// An account with all it holds.
#[derive(Debug, Serialize)]
struct Holder {
    #[serde(flatten)]
    account: Account,
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
/// So many runs and jobs are looked through for a name that is not known any more, or not yet.
const RUNS_BACK: u32 = 50;

/// Shows one account.
pub(crate) async fn run(context: &Context, arguments: &ShowAccount) -> anyhow::Result<Ended> {
    let as_of = arguments.moment.as_of(context.clock.now())?;
    let store = context.store().await?;
    let account = match store.get_account(&arguments.system_id, as_of, &arguments.account).await {
        Err(unknown @ StoreError::AccountNotFound { .. }) => {
            imported(&store, &arguments.system_id, DOING).await?;
            if as_of == AsOf::Now
                && let Some(job) = store.made_by(&arguments.system_id, &arguments.account).await?
            {
                return Err(not_imported_yet(arguments, job).into());
            }
            let why = match meant(&store, arguments, as_of).await? {
                Some(meant) => {
                    format!("the system has no account {:?} as of that moment; {meant}", arguments.account)
                }
                None => return Err(unknown.into()),
            };
            let hint = format!("`keyreeve account list {}` shows those there are", arguments.system_id);
            return Err(Refusal::new(DOING, why).hint(hint).into());
        }
        found => found?,
    };
    let holder = holdings(&store, account, as_of).await?;
    if context.output.format() == crate::output::Format::Csv {
        context.output.one(&holder.account, ACCOUNTS.csv, |_| {})?;
    } else {
        context.output.one(&holder, &[], |tables| show(&holder, tables))?;
    }
    Ok(Ended::Done)
}

fn not_imported_yet(arguments: &ShowAccount, job: JobId) -> Refusal {
    let ShowAccount { system_id, account, .. } = arguments;
    let why = format!("account {account:?} was made by job {job}, and no import has seen it yet");
    Refusal::new(DOING, why).hint(format!(
        "`keyreeve import run {system_id}` reads it; `keyreeve job show {job}` shows what was done"
    ))
}

/// What was probably meant by a name that is not known: the new one of an account that had it, or one that is near.
async fn meant(store: &Store, arguments: &ShowAccount, as_of: AsOf) -> Result<Option<String>, StoreError> {
    let (system_id, name) = (&arguments.system_id, arguments.account.as_str());
    let runs = store.list_import_runs(system_id, None, RUNS_BACK).await?;
    for run in runs.iter().filter(|run| run.state == ImportRunState::Published) {
        let Ok(then) = store.get_account(system_id, AsOf::Run(run.id), name).await else { continue };
        let now = store.get_account(system_id, as_of, then.external_id.as_str()).await;
        return Ok(Some(match now {
            Ok(now) => format!("in run {} {:?} had that name", run.id, now.name),
            Err(_) => format!("it was there in run {}, and is gone", run.id),
        }));
    }
    let renamed = |task: &Task| match &task.wish {
        Wish::UpdateAccount { account, new_name: Some(new), .. } if new == name => Some(account.clone()),
        _ => None,
    };
    for job in store.jobs(system_id, None, RUNS_BACK).await? {
        let done = job.tasks.iter().filter(|task| task.state == TaskState::Succeeded);
        if let Some(old) = done.into_iter().find_map(renamed) {
            return Ok(Some(format!("job {} gave {old:?} that name, and an import shows it", job.id)));
        }
    }
    let known = store.list_accounts(system_id, as_of, &AccountFilter::default()).await?;
    let near = nearest(name, known.iter().map(|account| account.name.as_str()));
    Ok(near.map(|near| format!("near it is {near:?}")))
}

fn show(holder: &Holder, tables: &mut Tables) {
    tables.facts(account_facts(&holder.account));
    tables.list("Groups", &holder.groups, HELD, Narrow::Shorten);
    tables.list("Policies", &holder.policies, HELD, Narrow::Shorten);
    tables.list("Policies through groups", &holder.policies_through_groups, THROUGH_GROUPS, Narrow::Shorten);
}

async fn holdings(store: &Store, account: Account, as_of: AsOf) -> Result<Holder, StoreError> {
    let filter =
        AssignmentFilter { account: Some(account.external_id.to_string()), ..AssignmentFilter::default() };
    let own = store.list_assignments(&account.system_id, as_of, &filter).await?;
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
        policies_through_groups.extend(store.list_assignments(&account.system_id, as_of, &filter).await?);
    }
    policies_through_groups.sort_by(|a, b| {
        (&a.resource_name, &a.resource_arn, &a.subject_name).cmp(&(
            &b.resource_name,
            &b.resource_arn,
            &b.subject_name,
        ))
    });
    Ok(Holder { account, groups, policies, policies_through_groups })
}
