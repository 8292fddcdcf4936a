//! What was published reads back, for every run, for ever.

use keyreeve_model::{ChangeKind, ChangeSet, Inventory, ObjectType, difference};
use keyreeve_store::{
    AccountFilter, AccountOrder, AsOf, ChangeFilter, ChangeSlice, PlacedChange, Slice, Store,
};

use crate::place::Place;
use crate::sample::*;

/// Changes without what only the store knows.
fn plain_changes(changes: ChangeSet) -> ChangeSet {
    use keyreeve_model::Change::{Changed, Created, Deleted};
    fn sides<T: Clone>(changes: &[keyreeve_model::Change<T>]) -> (Vec<T>, Vec<T>) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Created { after: a } => after.push(a.clone()),
                Changed { before: b, after: a, .. } => {
                    before.push(b.as_ref().clone());
                    after.push(a.clone());
                }
                Deleted { before: b } => before.push(b.clone()),
            }
        }
        (before, after)
    }
    let (accounts, resources, assignments) =
        (sides(&changes.accounts), sides(&changes.resources), sides(&changes.assignments));
    let before = Inventory { accounts: accounts.0, resources: resources.0, assignments: assignments.0 };
    let after = Inventory { accounts: accounts.1, resources: resources.1, assignments: assignments.1 };
    difference(plain(before), plain(after))
}

/// All parts of a list, one after the other.
async fn in_parts(
    descending: bool,
    limit: u32,
    part: impl AsyncFn(&ChangeSlice) -> Vec<PlacedChange>,
) -> Vec<ChangeSet> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let found = part(&ChangeSlice { descending, after: after.take(), limit }).await;
        assert!(found.len() <= limit as usize);
        let goes_on = found.len() == limit as usize;
        for (place, change) in found {
            after = Some(place);
            all.push(change);
        }
        if !goes_on {
            return all;
        }
    }
}

/// Changes one by one, those that a filter lets through.
fn one_by_one(changes: ChangeSet, filter: &ChangeFilter) -> Vec<ChangeSet> {
    let ChangeSet { accounts, resources, assignments } = changes;
    let none = ChangeSet::default;
    let fits = |object_type, kind, name: &str| {
        filter.object_type.is_none_or(|wanted| wanted == object_type)
            && filter.kind.is_none_or(|wanted| wanted == kind)
            && filter.text.as_ref().is_none_or(|wanted| name.contains(wanted.as_str()))
    };
    let accounts = accounts.into_iter().filter_map(|one| {
        fits(ObjectType::Account, one.kind(), &one.object().name)
            .then(|| ChangeSet { accounts: vec![one], ..none() })
    });
    let resources = resources.into_iter().filter_map(|one| {
        let object = one.object();
        fits(ObjectType::of_resource(object), one.kind(), &object.name)
            .then(|| ChangeSet { resources: vec![one], ..none() })
    });
    let assignments = assignments.into_iter().filter_map(|one| {
        let object = one.object();
        let name = format!("{} → {}", object.subject_name, object.resource_name);
        fits(ObjectType::of_assignment(object), one.kind(), &name)
            .then(|| ChangeSet { assignments: vec![one], ..none() })
    });
    accounts.chain(resources).chain(assignments).collect()
}

#[tokio::test]
async fn parts_of_differences_are_all_of_them_in_their_order_whatever_is_wanted() {
    let filter = ChangeFilter::default();
    let filters = [
        filter.clone(),
        ChangeFilter { kind: Some(ChangeKind::Created), ..filter.clone() },
        ChangeFilter { kind: Some(ChangeKind::Changed), ..filter.clone() },
        ChangeFilter { kind: Some(ChangeKind::Deleted), ..filter.clone() },
        ChangeFilter { object_type: Some(ObjectType::Account), ..filter.clone() },
        ChangeFilter { object_type: Some(ObjectType::Policy), ..filter.clone() },
        ChangeFilter { object_type: Some(ObjectType::Group), ..filter.clone() },
        ChangeFilter { object_type: Some(ObjectType::AccountGroup), ..filter.clone() },
        ChangeFilter { text: Some("1".to_owned()), ..filter.clone() },
        ChangeFilter { text: Some("_".to_owned()), kind: Some(ChangeKind::Created), ..filter },
    ];
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let mut dice = Dice(7);
        let mut runs = Vec::new();
        for number in 1..=6 {
            runs.push(publish(&store, &random_inventory(&mut dice), at(number)).await.id);
        }
        let (first, last) = (runs[0], runs[5]);
        for filter in &filters {
            for (one, other) in [(first, last), (last, first), (runs[2], runs[3]), (first, first)] {
                let mut whole = one_by_one(store.difference_between(one, other).await.unwrap(), filter);
                for (descending, limit) in [(false, 3), (false, 1_000), (true, 2)] {
                    let part = async |slice: &ChangeSlice| {
                        store.difference_slice((one, other), filter, slice).await.unwrap()
                    };
                    if descending {
                        whole.reverse();
                    }
                    let parts = in_parts(descending, limit, part).await;
                    assert_eq!(parts, whole, "{one} to {other} by {limit}: {filter:?}");
                }
            }
            for run in [first, runs[4]] {
                let whole = one_by_one(store.import_changes(run).await.unwrap(), filter);
                let part =
                    async |slice: &ChangeSlice| store.import_changes_slice(run, filter, slice).await.unwrap();
                assert_eq!(in_parts(false, 4, part).await, whole, "{run}: {filter:?}");
            }
        }
        store.close().await;
    }
}

#[tokio::test]
async fn every_published_run_reads_back_and_any_two_compare_as_their_inventories_do() {
    for place in Place::both().await {
        for seed in 0..3 {
            let place = if place.schema.is_none() { Place::sqlite() } else { Place::postgres().await };
            let store = place.create().await;
            store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
            let mut dice = Dice(seed);
            let mut published = Vec::new();
            for number in 1..=12 {
                let inventory = random_inventory(&mut dice);
                let run = publish(&store, &inventory, at(number)).await;
                published.push((run.id, inventory));
            }
            let mut before = Inventory::default();
            for (run, inventory) in &published {
                let read = store.inventory_at(&id("s"), *run).await.unwrap();
                assert!(read.accounts.iter().all(|account| account.last_seen_run == *run));
                assert!(read.assignments.iter().all(|assignment| assignment.last_seen_run == *run));
                assert!(read.accounts.iter().all(|account| account.first_seen_run <= *run));
                assert_eq!(plain(read), *inventory, "seed {seed} {run}");
                let changes = store.import_changes(*run).await.unwrap();
                assert_eq!(
                    plain_changes(changes),
                    difference(before, inventory.clone()),
                    "seed {seed} {run}"
                );
                before = inventory.clone();
            }
            for (first, one) in &published {
                for (second, other) in &published {
                    let changes = store.difference_between(*first, *second).await.unwrap();
                    assert_eq!(
                        plain_changes(changes),
                        difference(one.clone(), other.clone()),
                        "seed {seed}: {first} to {second}"
                    );
                }
            }
            store.close().await;
        }
    }
}

#[tokio::test]
async fn however_many_rows_are_written_at_once_each_is_there() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        for (number, users) in [250, 251, 760, 1].into_iter().enumerate() {
            let variant = number as u64;
            let mut inventory = Inventory {
                accounts: (0..users).map(|user| account(user, variant)).collect(),
                resources: vec![group(1, 0)],
                assignments: (0..users).map(|user| membership(user, 1)).collect(),
            };
            inventory.sort();
            publish(&store, &inventory, at(1 + variant as i64)).await;
            assert_eq!(plain(store.current_inventory(&id("s")).await.unwrap()), plain(inventory), "{users}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn an_unchanged_import_writes_no_version_row_and_is_seen_all_the_same() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let inventory = random_inventory(&mut Dice(1));
        publish(&store, &inventory, at(10)).await;
        let rows = place.version_rows().await;
        let second = publish(&store, &inventory, at(20)).await;
        assert_eq!(place.version_rows().await, rows);
        let read = store.current_inventory(&id("s")).await.unwrap();
        for account in &read.accounts {
            assert_eq!(account.last_seen_run, second.id);
            assert!(account.first_seen_run < second.id);
            assert_eq!(account.credentials.as_of, Some(at(20)));
        }
        store.close().await;
    }
}

#[tokio::test]
async fn what_a_narrower_run_did_not_cover_keeps_the_age_it_had() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let inventory = random_inventory(&mut Dice(2));
        let first = publish(&store, &inventory, at(10)).await;
        let mut narrow = profile();
        narrow.path_prefix = "/staff/".to_owned();
        let lease = store.begin_import_run(&id("s"), &narrow, "tester", at(20), LEASE).await.unwrap();
        let mut narrow_record = record(at(20));
        narrow_record.scope = narrow.scope();
        let second =
            store.publish_import_run(&lease, narrow_record, &ChangeSet::default(), at(20)).await.unwrap();
        let read = store.current_inventory(&id("s")).await.unwrap();
        assert!(read.accounts.iter().any(|account| account.path == "/"));
        for account in &read.accounts {
            let (run, as_of) =
                if account.path == "/staff/" { (second.id, at(20)) } else { (first.id, at(10)) };
            assert_eq!(
                (account.last_seen_run, account.credentials.as_of),
                (run, Some(as_of)),
                "{}",
                account.name
            );
        }
        for assignment in &read.assignments {
            let holder = inventory.accounts.iter().find(|a| a.external_id == assignment.subject_external_id);
            let staff = holder.is_some_and(|holder| holder.path == "/staff/");
            assert_eq!(assignment.last_seen_run, if staff { second.id } else { first.id });
        }
        store.close().await;
    }
}

#[tokio::test]
async fn the_history_of_an_account_is_what_each_run_changed_of_it() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let mut dice = Dice(11);
        let mut runs = Vec::new();
        for number in 1..=12 {
            runs.push(publish(&store, &random_inventory(&mut dice), at(number)).await);
        }
        let all = store.difference_between(runs[0].id, runs[11].id).await.unwrap();
        let inventory = store.current_inventory(&id("s")).await.unwrap();
        assert!(!all.is_empty() && !inventory.accounts.is_empty());
        for account in &inventory.accounts {
            let own = &account.external_id;
            let mut expected = Vec::new();
            for run in runs.iter().rev() {
                let mut changes = store.import_changes(run.id).await.unwrap();
                changes.resources.clear();
                changes.accounts.retain(|change| change.object().external_id == *own);
                changes.assignments.retain(|change| change.object().subject_external_id == *own);
                if !changes.is_empty() {
                    expected.push((run.id, run.published_at, plain_changes(changes)));
                }
            }
            let events = store.account_events(&id("s"), own, 100).await.unwrap();
            let told = events.into_iter();
            let told: Vec<_> =
                told.map(|event| (event.run, event.published_at, plain_changes(event.changes))).collect();
            assert_eq!(told, expected, "{own}");
            let newest = store.account_events(&id("s"), own, 2).await.unwrap();
            assert_eq!(newest.iter().map(|event| event.run).collect::<Vec<_>>(), {
                expected.iter().take(2).map(|(run, ..)| *run).collect::<Vec<_>>()
            });
        }
        store.close().await;
    }
}

/// Every needle finds the same whichever way it is looked for, and something, where `some` says so.
async fn searched(store: &Store, needles: &[(&str, bool)]) {
    for (needle, some) in needles {
        let filter = AccountFilter { text: Some((*needle).to_owned()), ..AccountFilter::default() };
        let by = AccountOrder::Name;
        let slice = Slice { by, descending: false, after: None, limit: 1_000 };
        let found = store.accounts_slice(&id("s"), AsOf::Now, &filter, &slice).await.unwrap();
        let listed = store.list_accounts(&id("s"), AsOf::Now, &filter).await.unwrap();
        assert_eq!(found, listed, "{needle}");
        assert_eq!(!found.is_empty(), *some, "{needle}: {}", found.len());
    }
}

#[tokio::test]
async fn accounts_are_found_by_any_part_of_what_is_written_about_them_as_of_the_last_run() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let mut before = Inventory {
            accounts: (1..=700).map(|number| account(number, 1)).collect(),
            ..Inventory::default()
        };
        before.accounts[4].tags = Some([("Cost \"Centre\"".to_owned(), "50%_\\x".to_owned())].into());
        publish(&store, &before, at(1)).await;
        let name = before.accounts[4].name.clone();
        let arn = before.accounts[4].arn.to_uppercase();
        // Many, few, none; what is special in patterns and in JSON; a pattern.
        let needles = [
            ("", true),
            ("1", true),
            (name.as_str(), true),
            (arn.as_str(), true),
            ("nobody", false),
            ("cost \"centre", true),
            ("50%_\\", true),
            ("5%0", false),
            ("*69?", true),
        ];
        searched(&store, &needles).await;
        let mut after = before.clone();
        after.accounts.retain(|one| one.name != name);
        after.accounts[0].tags = Some([("k".to_owned(), "nobody".to_owned())].into());
        publish(&store, &after, at(2)).await;
        searched(&store, &[("nobody", true), ("cost \"centre", false)]).await;
        store.close().await;
    }
}
