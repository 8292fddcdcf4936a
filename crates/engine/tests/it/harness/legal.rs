//! What a reading may show of an account that changes meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use keyreeve_model::{Account, Assignment, Inventory, Resource};

/// Checks that each object is as it was before or as it was after, that what was there before and after is there
/// in between, and that nothing is held by nobody.
#[track_caller]
pub(crate) fn assert_legal(before: &Inventory, between: &Inventory, after: &Inventory, case: &str) {
    let account = |one: &Account| one.external_id.to_string();
    let resource = |one: &Resource| one.external_id.to_string();
    let assignment = |one: &Assignment| format!("{:?}", one.key());
    present([&before.accounts, &between.accounts, &after.accounts], account, case);
    present([&before.resources, &between.resources, &after.resources], resource, case);
    present([&before.assignments, &between.assignments, &after.assignments], assignment, case);
    for account in &between.accounts {
        let id = &account.external_id;
        let find =
            |inventory: &Inventory| inventory.accounts.iter().find(|one| one.external_id == *id).cloned();
        let sources = [find(before), find(after)];
        legal(account, &sources, case, "name", |one| (one.name.clone(), one.path.clone(), one.arn.clone()));
        legal(account, &sources, case, "tags", |one| (one.tags.clone(), one.inline_policies.clone()));
        legal(account, &sources, case, "login profile", |one| one.login_profile.state);
        if let Some(known) = &sources[0] {
            assert_eq!(
                account.first_seen_run, known.first_seen_run,
                "{case}: {} lost its identity",
                account.name
            );
        }
    }
    for resource in &between.resources {
        let id = &resource.external_id;
        let find =
            |inventory: &Inventory| inventory.resources.iter().find(|one| one.external_id == *id).cloned();
        let sources = [find(before), find(after)];
        legal(resource, &sources, case, "name", |one| (one.name.clone(), one.path.clone(), one.arn.clone()));
    }
    let ids: BTreeSet<&str> = (between.accounts.iter().map(|one| one.external_id.as_str()))
        .chain(between.resources.iter().map(|one| one.external_id.as_str()))
        .collect();
    for assignment in &between.assignments {
        assert!(
            ids.contains(assignment.subject_external_id.as_str()),
            "{case}: held by nobody: {assignment:?}"
        );
    }
}

/// Before, in between, after.
#[track_caller]
fn present<T: Debug>(lists: [&Vec<T>; 3], key: impl Fn(&T) -> String, case: &str) {
    let [before, between, after] =
        lists.map(|objects| objects.iter().map(|one| (key(one), one)).collect::<BTreeMap<_, _>>());
    for (key, object) in &between {
        let known = before.contains_key(key) || after.contains_key(key);
        assert!(known, "{case}: {object:?} was there neither before nor after");
    }
    for (key, object) in &before {
        let stayed = !after.contains_key(key) || between.contains_key(key);
        assert!(stayed, "{case}: {object:?} was there before and after, but not in between");
    }
}

#[track_caller]
fn legal<T, V: PartialEq + Debug>(
    object: &T,
    sources: &[Option<T>; 2],
    case: &str,
    what: &str,
    of: impl Fn(&T) -> V,
) {
    let value = of(object);
    let found = sources.iter().flatten().any(|source| of(source) == value);
    assert!(found, "{case}: {what} is {value:?}, which it was neither before nor after");
}
