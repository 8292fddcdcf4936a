//! Whether what a filter names is known at all: an empty list for a mistyped name must not pass for an answer.

use std::collections::BTreeSet;

use keyreeve_engine::near::nearest;
use keyreeve_engine::unseen::KnownAccount;
use keyreeve_model::{
    Account, Assignment, AssignmentKind, ImportRunState, ProtectionKind, ResourceType, SystemId, Task,
    TaskState, Wish,
};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, ResourceFilter, Store, StoreError};

use crate::output::{note, warning};
use crate::source::Source;

/// So many runs and jobs are looked through for a name that is not known any more, or not yet.
const RUNS_BACK: u32 = 50;

/// What a filter names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Named<'a> {
    pub(crate) account: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    pub(crate) policy: Option<&'a str>,
}

/// Says of each name that a filter holds when nothing of that name is known at that moment, and which one is near.
pub(crate) async fn note_unknown(
    store: &Store,
    system_id: &SystemId,
    as_of: AsOf,
    named: Named<'_>,
) -> Result<(), StoreError> {
    let Named { account, group, policy } = named;
    if account.is_none() && group.is_none() && policy.is_none() {
        return Ok(());
    }
    let assignments = store.list_assignments(system_id, as_of, &AssignmentFilter::default()).await?;
    if let Some(name) = account {
        let mut known = held(&assignments, AssignmentKind::AccountPolicy, Side::Holder);
        known.extend(held(&assignments, AssignmentKind::AccountGroup, Side::Holder));
        for account in store.list_accounts(system_id, as_of, &AccountFilter::default()).await? {
            known.extend([account.name, account.external_id.to_string()]);
        }
        if !knows(name, &known) {
            let made = if as_of == AsOf::Now { store.made_by(system_id, name).await? } else { None };
            let why = match made {
                Some(job) => Some(format!("job {job} made it, and no import has seen it yet")),
                None => meant(store, system_id, name, as_of).await?,
            };
            match why {
                Some(why) => note(&format!("No account called {name:?} is known at that moment: {why}.")),
                None => judge("account", name, &known),
            }
        }
    }
    if let Some(name) = group {
        let mut known = resources(store, system_id, as_of, ResourceType::Group).await?;
        known.extend(held(&assignments, AssignmentKind::AccountGroup, Side::Held));
        known.extend(held(&assignments, AssignmentKind::GroupPolicy, Side::Holder));
        judge("group", name, &known);
    }
    if let Some(name) = policy {
        let mut known = resources(store, system_id, as_of, ResourceType::Policy).await?;
        known.extend(held(&assignments, AssignmentKind::AccountPolicy, Side::Held));
        known.extend(held(&assignments, AssignmentKind::GroupPolicy, Side::Held));
        judge("policy", name, &known);
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Side {
    Holder,
    Held,
}

/// What assignments of a kind call their holders, or what is held.
fn held(assignments: &[Assignment], kind: AssignmentKind, side: Side) -> BTreeSet<String> {
    let of_kind = assignments.iter().filter(|assignment| assignment.kind == kind);
    let called = |assignment: &Assignment| match side {
        Side::Holder => {
            vec![assignment.subject_name.clone(), assignment.subject_external_id.to_string()]
        }
        Side::Held => {
            let id = assignment.resource_external_id.as_ref().map(ToString::to_string);
            [Some(assignment.resource_name.clone()), assignment.resource_arn.clone(), id]
                .into_iter()
                .flatten()
                .collect()
        }
    };
    of_kind.flat_map(called).collect()
}

async fn resources(
    store: &Store,
    system_id: &SystemId,
    as_of: AsOf,
    kind: ResourceType,
) -> Result<BTreeSet<String>, StoreError> {
    let filter = ResourceFilter { kind: Some(kind), ..ResourceFilter::default() };
    let found = store.list_resources(system_id, as_of, &filter).await?;
    Ok(found.into_iter().flat_map(|one| [one.name, one.arn, one.external_id.to_string()]).collect())
}

fn knows(name: &str, known: &BTreeSet<String>) -> bool {
    known.iter().any(|other| other.eq_ignore_ascii_case(name))
}

fn judge(noun: &str, name: &str, known: &BTreeSet<String>) {
    if knows(name, known) {
        return;
    }
    let near = nearest(name, known.iter().map(String::as_str))
        .map(|near| format!("; near it is {near:?}"))
        .unwrap_or_default();
    note(&format!("No {noun} called {name:?} is known at that moment{near}."));
}

/// Warns of an entry of a protect list that covers nobody whom the last import saw: it may be mistyped. Of what nothing is
/// known nothing is said.
pub(crate) async fn warn_uncovered(source: &Source, system_id: &SystemId, kind: &ProtectionKind) {
    let Ok(known) = source.accounts(system_id, AsOf::Now, &AccountFilter::default()).await else { return };
    let by_tag = matches!(kind, ProtectionKind::Tag(_));
    let covered = |known: &KnownAccount| {
        let account = &known.account;
        let unseen = by_tag && account.tags.is_none();
        unseen || kind.covers(&account.name, &account.path, account.tags.as_ref())
    };
    if known.is_empty() || known.iter().any(covered) {
        return;
    }
    let (word, value) = kind.parts();
    let others: BTreeSet<String> =
        known.iter().flat_map(|known| could_be_meant(kind, &known.account)).collect();
    let near = nearest(value, others.iter().map(String::as_str))
        .map(|near| format!("; near it is {near:?}"))
        .unwrap_or_default();
    warning(&format!(
        "the entry was added, but the last import saw no account that {word} {value:?} covers{near}"
    ));
}

/// What of an account an entry of this kind could have meant.
fn could_be_meant(kind: &ProtectionKind, account: &Account) -> Vec<String> {
    match kind {
        ProtectionKind::Account(_) => vec![account.name.clone()],
        ProtectionKind::Path(_) => account
            .path
            .match_indices('/')
            .filter_map(|(at, _)| account.path.get(..=at))
            .map(str::to_owned)
            .collect(),
        ProtectionKind::Tag(tag) => {
            let pairs = account.tags.iter().flatten();
            pairs
                .map(|(key, value)| if tag.contains('=') { format!("{key}={value}") } else { key.clone() })
                .collect()
        }
    }
}

/// What was probably meant by a name that is not known: the new one of an account that had it, or one that is near.
pub(crate) async fn meant(
    store: &Store,
    system_id: &SystemId,
    name: &str,
    as_of: AsOf,
) -> Result<Option<String>, StoreError> {
    let runs = store.list_import_runs(system_id, None, RUNS_BACK).await?;
    for run in runs.iter().filter(|run| run.state == ImportRunState::Published) {
        let Ok(then) = store.get_account(system_id, AsOf::Run(run.id), name).await else { continue };
        let now = store.get_account(system_id, as_of, then.external_id.as_str()).await;
        if now.is_err()
            && as_of != AsOf::Now
            && let Ok(later) = store.get_account(system_id, AsOf::Now, then.external_id.as_str()).await
        {
            let first = later.first_seen_run;
            return Ok(Some(format!(
                "it came later: run {first} was the first that saw it, and it is there now"
            )));
        }
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
