//! Whether what a filter names is known at all: an empty list for a mistyped name must not pass for an answer.

use std::collections::BTreeSet;

use keyreeve_engine::near::nearest;
use keyreeve_model::{Assignment, AssignmentKind, ResourceType, SystemId};
use keyreeve_store::{AccountFilter, AsOf, AssignmentFilter, ResourceFilter, Store, StoreError};

use crate::output::note;

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
        judge("account", name, &known);
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

fn judge(noun: &str, name: &str, known: &BTreeSet<String>) {
    if known.iter().any(|other| other.eq_ignore_ascii_case(name)) {
        return;
    }
    let near = nearest(name, known.iter().map(String::as_str))
        .map(|near| format!("; near it is {near:?}"))
        .unwrap_or_default();
    note(&format!("No {noun} called {name:?} is known at that moment{near}."));
}
