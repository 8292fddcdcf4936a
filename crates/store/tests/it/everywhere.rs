//! Who holds something, and what is found, in all systems at once, on both databases.

use keyreeve_model::*;
use keyreeve_store::{AsOf, AssignmentFilter, Found, HeldFilter, HeldPlace, HeldSlice, RunRecord, Store};

use crate::place::Place;
use crate::sample::*;

/// The same inventory, of another system.
fn of_system(mut inventory: Inventory, system: &str) -> Inventory {
    for account in &mut inventory.accounts {
        account.system_id = id(system);
    }
    for resource in &mut inventory.resources {
        resource.system_id = id(system);
    }
    for assignment in &mut inventory.assignments {
        assignment.system_id = id(system);
    }
    inventory
}

async fn publish_in(store: &Store, system: &str, inventory: Inventory, second: i64) {
    let now = at(second);
    let inventory = of_system(inventory, system);
    let lease = store.begin_import_run(&id(system), &profile(), "tester", now, LEASE).await.unwrap();
    let known = store.current_inventory(&id(system)).await.unwrap();
    let changes = difference(known, inventory);
    let users = CollectionRecord {
        name: CollectionName::Users,
        state: CollectionState::Whole,
        items: 5,
        calls: 1,
        retries: 0,
        throttled: 0,
        reason: None,
    };
    let record = RunRecord { collections: vec![users], ..record(now) };
    store.publish_import_run(&lease, record, &changes, now).await.unwrap();
}

/// All of a list, so many at a time.
async fn held(
    store: &Store,
    systems: Option<&[SystemId]>,
    filter: &HeldFilter,
    (descending, limit): (bool, u32),
) -> Vec<Assignment> {
    let mut all: Vec<Assignment> = Vec::new();
    loop {
        let slice = HeldSlice { descending, after: all.last().map(HeldPlace::of), limit };
        let part = store.held_everywhere(systems, filter, &slice).await.unwrap();
        assert!(part.len() <= limit as usize);
        let ends = part.len() < limit as usize;
        all.extend(part);
        if ends {
            return all;
        }
    }
}

#[tokio::test]
async fn who_holds_something_everywhere_is_what_the_systems_say_one_after_the_other() {
    for place in Place::both().await {
        let store = place.create().await;
        // Registered in another order than that of their names.
        let systems = ["s", "c", "a", "gone", "none"];
        for system in systems {
            store.create_system(new_system(system, system), "local:test", at(0)).await.unwrap();
        }
        for (number, system) in systems.into_iter().take(4).enumerate() {
            let inventory = random_inventory(&mut Dice(number as u64 + 3));
            publish_in(&store, system, inventory, 1).await;
            let mut changed = random_inventory(&mut Dice(number as u64 + 30));
            // A group that holds a policy as well, and a holder of two that differ in their case alone.
            let twice = changed.assignments.iter().find(|one| one.resource_name == "Policy2").cloned();
            changed.assignments.extend(twice.map(|one| Assignment {
                resource_external_id: None,
                resource_arn: Some("arn:aws:iam::aws:policy/policy2".to_owned()),
                resource_name: "policy2".to_owned(),
                ..one
            }));
            let crew = group(1, 0);
            changed.assignments.push(Assignment {
                kind: AssignmentKind::GroupPolicy,
                subject_name: crew.name,
                subject_external_id: crew.external_id,
                ..attachment(0, 2)
            });
            changed.sort();
            publish_in(&store, system, changed, 2).await;
        }
        store.remove_system(&id("gone"), ("local:test", None), at(3)).await.unwrap();
        let arn = "arn:aws:iam::123456789012:policy/Policy2";
        let cases = [
            ("POLICY2", None, AssignmentFilter { policy: Some("policy2".to_owned()), ..Default::default() }),
            (arn, None, AssignmentFilter { policy: Some(arn.to_owned()), ..Default::default() }),
            (
                "group1",
                Some(AssignmentKind::AccountGroup),
                AssignmentFilter {
                    group: Some("group1".to_owned()),
                    kind: Some(AssignmentKind::AccountGroup),
                    ..Default::default()
                },
            ),
            (
                "policy2",
                Some(AssignmentKind::GroupPolicy),
                AssignmentFilter {
                    policy: Some("policy2".to_owned()),
                    kind: Some(AssignmentKind::GroupPolicy),
                    ..Default::default()
                },
            ),
        ];
        for (resource, kind, filter) in cases {
            let asked = HeldFilter { resource: resource.to_owned(), kind };
            for within in [None, Some(vec![id("a"), id("s"), id("gone")])] {
                let mut expected = Vec::new();
                for system in ["s", "c", "a"] {
                    if within.as_ref().is_none_or(|within| within.contains(&id(system))) {
                        expected
                            .extend(store.list_assignments(&id(system), AsOf::Now, &filter).await.unwrap());
                    }
                }
                assert!(expected.len() > 1, "{resource}");
                for limit in [1, 3, 100] {
                    let found = held(&store, within.as_deref(), &asked, (false, limit)).await;
                    assert_eq!(found, expected, "{resource} {within:?} {limit}");
                    let mut found = held(&store, within.as_deref(), &asked, (true, limit)).await;
                    found.reverse();
                    assert_eq!(found, expected, "{resource} {within:?} {limit} from the last");
                }
            }
            assert_eq!(held(&store, Some(&[]), &asked, (false, 9)).await, []);
        }
        for nothing in ["olicy2", "policy", "arn:aws:iam::aws:policy/Policy2", "%", ""] {
            let asked = HeldFilter { resource: nothing.to_owned(), kind: None };
            assert_eq!(held(&store, None, &asked, (false, 9)).await, [], "{nothing}");
        }
        store.close().await;
    }
}

/// People whose names, paths and tags are hard to look for.
fn awkward() -> Inventory {
    let names = [
        "Ada",
        "ada-2",
        "not-ada",
        "a%b",
        "a_b",
        "aXb",
        "a\\b",
        "o'neil",
        "\u{dc}nal.ada",
        "%",
        "x.y-z",
        "team",
        "line",
    ];
    let tags =
        [("team", "x\"yz\\w"), ("LINE", "one\ntwo"), ("mail", "Bea@Example.com"), ("100%_sure", "a*b")];
    let person = |(number, name): (u64, &&str)| Account {
        name: (*name).to_owned(),
        path: if number.is_multiple_of(2) { "/Staff/lab/" } else { "/" }.to_owned(),
        arn: match number {
            // Not as AWS has them: neither path nor name at their ends.
            3 => "arn:aws:iam::123456789012:user/other".to_owned(),
            _ => format!(
                "arn:aws:iam::123456789012:user{}{name}",
                if number.is_multiple_of(2) { "/Staff/lab/" } else { "/" }
            ),
        },
        tags: (number != 5).then(|| {
            let (key, value) = tags[number as usize % tags.len()];
            [(key.to_owned(), value.to_owned())].into()
        }),
        ..account(number, 0)
    };
    let mut inventory = Inventory {
        accounts: (0..).zip(&names).map(person).collect(),
        resources: (0..4).flat_map(|number| [group(number, number), policy(number, number)]).collect(),
        assignments: Vec::new(),
    };
    inventory.resources[0].name = "ADA".to_owned();
    inventory.sort();
    inventory
}

#[tokio::test]
async fn a_search_by_indexes_finds_what_one_in_memory_does() {
    let place = Place::postgres().await;
    let store = place.create().await;
    for system in ["s", "c", "a", "gone"] {
        store.create_system(new_system(system, system), "local:test", at(0)).await.unwrap();
        publish_in(&store, system, awkward(), 1).await;
    }
    store.remove_system(&id("gone"), ("local:test", None), at(2)).await.unwrap();
    assert_eq!(store.search_is_indexed().await.unwrap(), Some(true));
    let indexed = place.open().await.searching_in_memory(9);
    let plain = |found: &[Found]| -> Vec<String> {
        found.iter().map(|one| format!("{} {} {:?}", one.system_id, one.external_id, one.of)).collect()
    };
    let two = [id("s"), id("c"), id("gone")];
    for wanted in [
        "ada",
        "ADA",
        "ada-2",
        "not-",
        "a%b",
        "a_b",
        "a\\b",
        "o'neil",
        "neil",
        "Staff",
        "/staff/LAB/",
        "user/staff/lab/ada",
        "x\"yz",
        "yz\\w",
        "line",
        "one\ntwo",
        "two",
        "example.com",
        "100%_sure",
        "000_sure",
        "123456789012",
        "team",
        "*ada*",
        "ada*",
        "?da",
        "*da-2",
        "/staff/*",
        "arn:aws:iam::*:user/ada-2",
        "arn:*:group/*",
        "*example*",
        "*\"yz*",
        "nobody-here",
        "group1",
        "policy",
        "\u{dc}nal",
        "\u{fc}nal.ada",
        "",
        "%",
        "_",
        "\\",
        "a",
        "x.y",
        "\":\"",
        "{*",
        "*",
        "a?b",
    ] {
        for systems in [None, Some(&two[..])] {
            let in_memory = store.search(systems, wanted, 1_000).await.unwrap();
            let by_index = indexed.search(systems, wanted, 1_000).await.unwrap();
            assert!(!in_memory.names_alone && !in_memory.without_gone && by_index.without_gone);
            let mut expected = in_memory.found.clone();
            let letters = wanted.split(|one: char| !one.is_ascii_alphanumeric());
            let is_found = letters.clone().any(|letters| letters.len() >= 3) || wanted.is_empty();
            assert_eq!(by_index.names_alone, !is_found, "{wanted:?}");
            if !is_found {
                let beginning = wanted.split(['*', '?']).next().unwrap().to_lowercase();
                let begins = |name: &str| name.to_lowercase().starts_with(&beginning);
                let fits = |name: &str| keyreeve_store::fits(wanted, name);
                expected.retain(|one| !beginning.is_empty() && begins(&one.name) && fits(&one.name));
            }
            assert_eq!(plain(&by_index.found), plain(&expected), "{wanted:?} {systems:?}");
            assert_eq!(by_index.found, expected);
            assert!(!by_index.more && !in_memory.more);
            // Of many, those who are called so, then those whose names begin so.
            let few = indexed.search(systems, wanted, 2).await.unwrap();
            assert_eq!(
                (few.found.len(), few.more),
                (expected.len().min(2), expected.len() > 2),
                "{wanted:?}"
            );
            let begins = |one: &Found| one.name.to_lowercase().starts_with(&wanted.to_lowercase());
            let beginning = expected.iter().filter(|one| begins(one)).count().min(2);
            assert_eq!(few.found.iter().filter(|one| begins(one)).count(), beginning, "{wanted:?}");
        }
    }
    // A single system is searched in memory, whoever is gone as well.
    let mut less = awkward();
    less.accounts.retain(|one| one.name != "not-ada");
    publish_in(&store, "s", less, 3).await;
    let search = async |systems| indexed.search(systems, "not-ada", 9).await.unwrap();
    let (all, one) = (search(None).await, search(Some(&two[..1])).await);
    assert_eq!((all.found.len(), all.without_gone), (2, true));
    assert!(one.found[0].gone.is_some() && !one.without_gone, "{one:?}");
    // Three systems have 14 users, and groups and policies: as many fit into memory.
    let fits = place.open().await.searching_in_memory(100);
    assert!(!fits.search(None, "ada", 9).await.unwrap().without_gone);
    for store in [store, indexed, fits] {
        store.close().await;
    }
}

#[tokio::test]
async fn names_that_begin_so_are_found_in_the_last_system_however_much_others_have_it_elsewhere() {
    for place in Place::both().await {
        let store = place.create().await;
        for number in 0..4 {
            let system = format!("s{number}");
            store.create_system(new_system(&system, &system), "local:test", at(0)).await.unwrap();
            let mut inventory = awkward();
            for account in &mut inventory.accounts {
                account.path = "/needle/".to_owned();
                account.arn = format!("arn:aws:iam::{}:user/needle/{}", account.system_id, account.name);
            }
            if number == 3 {
                inventory.accounts[0].name = "needle".to_owned();
                inventory.accounts[1].name = "Needle-2".to_owned();
                inventory.sort();
            }
            publish_in(&store, &system, inventory, 1).await;
        }
        // Two at most: before the last system more than enough has it elsewhere.
        for (most, first) in
            [(1, &["needle"][..]), (2, &["needle", "Needle-2"]), (3, &["needle", "Needle-2"])]
        {
            let searched = store.search(None, "needle", most).await.unwrap();
            let names: Vec<&str> = searched.found.iter().map(|one| one.name.as_str()).collect();
            assert_eq!((names.len(), &names[..first.len()]), (most, first), "{most}");
            assert!(searched.more);
        }
        let all = store.search(None, "needle", 1_000).await.unwrap();
        let accounts = 4 * awkward().accounts.len();
        assert_eq!((all.found.len(), all.more), (accounts, false));
        store.close().await;
    }
}

#[tokio::test]
async fn without_the_extension_a_store_is_made_and_searched_all_the_same() {
    let place = Place::postgres().await;
    let store = place.create().await;
    for system in ["s", "c"] {
        store.create_system(new_system(system, system), "local:test", at(0)).await.unwrap();
        publish_in(&store, system, awkward(), 1).await;
    }
    let mut raw = crate::place::raw_postgres(&crate::place::postgres_url()).await;
    let schema = place.schema.as_deref().unwrap();
    for index in ["account_versions_by_text", "resource_versions_by_text"] {
        let drop = format!("DROP INDEX {schema}.{index}");
        sqlx::Executor::execute(&mut raw, sqlx::AssertSqlSafe(drop)).await.unwrap();
    }
    assert_eq!(store.search_is_indexed().await.unwrap(), Some(false));
    let store = store.searching_in_memory(0);
    let searched = store.search(None, "example.com", 9).await.unwrap();
    assert!(searched.without_gone && searched.found.len() > 2, "{searched:?}");
    store.close().await;
    let sqlite = Place::sqlite().create().await;
    assert_eq!(sqlite.search_is_indexed().await.unwrap(), None);
    sqlite.close().await;
}
