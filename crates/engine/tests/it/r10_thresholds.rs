//! R10: a run that changes too much waits; accepting it publishes exactly what it found, rejecting it discards that.

use keyreeve_model::{ChangeKind, ImportRunState, ObjectType, Suspicion, Thresholds};
use keyreeve_sandbox::{Mutation, Population};
use keyreeve_store::{Store, StoreError};

use crate::harness::{Setup, World, empty, no_thresholds};

const WHO: &str = "local:test";

fn user(number: usize) -> String {
    format!("user{number:03}")
}

fn group(number: usize) -> String {
    format!("group{number:03}")
}

fn arn(number: usize) -> String {
    format!("arn:aws:iam::111122223333:policy/policy{number:03}")
}

fn make_user(number: usize) -> Mutation {
    Mutation::CreateUser { name: user(number), path: "/people/".to_owned(), tags: Vec::new(), boundary: None }
}

fn make_group(number: usize) -> Mutation {
    Mutation::CreateGroup { name: group(number), path: "/".to_owned() }
}

fn make_policy(number: usize) -> Mutation {
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned();
    Mutation::CreatePolicy { name: format!("policy{number:03}"), path: "/".to_owned(), document }
}

/// What makes `population` objects of a type, and what deletes the first of them.
fn population(of: ObjectType, population: usize) -> (Vec<Mutation>, fn(usize) -> Mutation) {
    let each = |make: fn(usize) -> Mutation| (0..population).map(make);
    match of {
        ObjectType::Account => (each(make_user).collect(), |n| Mutation::DeleteUser { name: user(n) }),
        ObjectType::Group => (each(make_group).collect(), |n| Mutation::DeleteGroup { name: group(n) }),
        ObjectType::Policy => (each(make_policy).collect(), |n| Mutation::DeletePolicy { arn: arn(n) }),
        ObjectType::AccountGroup => {
            let join = each(|n| Mutation::AddToGroup { user: user(n), group: group(0) });
            let made = each(make_user).chain([make_group(0)]).chain(join).collect();
            (made, |n| Mutation::RemoveFromGroup { user: user(n), group: group(0) })
        }
        ObjectType::AccountPolicy => {
            let attach = each(|n| Mutation::AttachUserPolicy { user: user(n), arn: arn(0) });
            let made = each(make_user).chain([make_policy(0)]).chain(attach).collect();
            (made, |n| Mutation::DetachUserPolicy { user: user(n), arn: arn(0) })
        }
        _ => {
            let attach = each(|n| Mutation::AttachGroupPolicy { group: group(n), arn: arn(0) });
            let made = each(make_group).chain([make_policy(0)]).chain(attach).collect();
            (made, |n| Mutation::DetachGroupPolicy { group: group(n), arn: arn(0) })
        }
    }
}

/// A world with the people, without the connector's own user among them.
async fn world_of(made: &[Mutation]) -> World {
    let mut world = World::start(empty()).await;
    world.profile.path_prefix = "/people/".to_owned();
    world.mutate(made);
    // However much it brings, the first import is never suspicious.
    world.published().await;
    world
}

/// Imports once more; gives the suspicions, or nothing when it was published.
async fn suspected(world: &World) -> Vec<(ObjectType, ChangeKind, u64, u64)> {
    let before = world.dump().await;
    let run = world.import().await;
    if run.suspicions.is_empty() {
        assert_eq!(run.state, ImportRunState::Published);
    } else {
        assert_eq!(run.state, ImportRunState::Suspended);
        assert!(world.dump().await == before, "a suspended run publishes nothing");
    }
    let parts = |suspicion| match suspicion {
        Suspicion::Threshold { object_type, change, number, population, .. } => {
            (object_type, change, number, population)
        }
        other => panic!("{other:?}"),
    };
    run.suspicions.into_iter().map(parts).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_suspend_exactly_by_the_table() {
    let accounts: &[(usize, usize, bool)] = &[
        (1, 1, true),
        (5, 2, false),
        (5, 3, true),
        (10, 2, false),
        (10, 10, true),
        (20, 2, false),
        (20, 3, true),
        (21, 2, false),
        (21, 3, true),
        (100, 10, false),
        (101, 10, false),
        (101, 11, true),
        (200, 10, false),
        (200, 11, true),
        (220, 11, false),
        (220, 12, true),
    ];
    let others: &[(usize, usize, bool)] =
        &[(1, 1, true), (5, 2, false), (5, 3, true), (20, 20, true), (21, 2, false), (21, 3, true)];
    let types = [
        (ObjectType::Account, accounts),
        (ObjectType::Group, others),
        (ObjectType::Policy, others),
        (ObjectType::AccountGroup, others),
        (ObjectType::AccountPolicy, others),
        (ObjectType::GroupPolicy, others),
    ];
    for (of, cases) in types {
        for &(known, gone, suspended) in cases {
            let (made, delete) = population(of, known);
            let world = world_of(&made).await;
            world.mutate(&(0..gone).map(delete).collect::<Vec<_>>());
            let expected: &[_] =
                if suspended { &[(of, ChangeKind::Deleted, gone as u64, known as u64)] } else { &[] };
            assert_eq!(suspected(&world).await, expected, "{gone} of {known} {of:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_and_creations_suspend_by_share() {
    let moved = |n: usize| Mutation::SetPath { name: user(n), path: "/people/moved/".to_owned() };
    for (known, changed, suspended) in
        [(5, 5, false), (20, 10, false), (20, 11, true), (50, 20, false), (50, 21, true)]
    {
        let world = world_of(&population(ObjectType::Account, known).0).await;
        world.mutate(&(0..changed).map(moved).collect::<Vec<_>>());
        assert_eq!(suspected(&world).await.len(), usize::from(suspended), "{changed} of {known} changed");
    }
    for (known, created, suspended) in [(5, 10, false), (5, 11, true), (50, 20, false), (50, 21, true)] {
        let world = world_of(&population(ObjectType::Group, known).0).await;
        world.mutate(&(known..known + created).map(make_group).collect::<Vec<_>>());
        assert_eq!(suspected(&world).await.len(), usize::from(suspended), "{created} beside {known} created");
    }
}

#[tokio::test]
async fn mere_use_is_never_suspicious() {
    let world = world_of(&population(ObjectType::Account, 30).0).await;
    let used = |n| Mutation::SetPasswordLastUsed { name: user(n), at: Some(world.sandbox.now()) };
    world.mutate(&(0..30).map(used).collect::<Vec<_>>());
    assert_eq!(suspected(&world).await, []);
    let seen =
        world.inventory().await.accounts.iter().filter(|one| one.password_last_used_at.is_some()).count();
    assert_eq!(seen, 30);
}

/// The same seeded account in each world; three of its users leave, which is too many.
async fn leavers(thresholds: Thresholds) -> World {
    let population = Population { users: 23, groups: 7, customer_policies: 8, roles: 1 };
    let world = World::imported(Setup { population, thresholds, page: None, ..Setup::default() }).await;
    leave(&world, 3);
    world
}

fn leave(world: &World, number: usize) {
    let leave = world.users().into_iter().take(number).map(|name| Mutation::DeleteUser { name });
    world.mutate(&leave.collect::<Vec<_>>());
}

#[tokio::test]
async fn accepting_publishes_exactly_that_run() {
    let unguarded = leavers(no_thresholds()).await;
    unguarded.published().await;
    let expected = unguarded.facts().await;

    let world = leavers(Thresholds::default()).await;
    let run = world.import().await;
    assert_eq!(run.state, ImportRunState::Suspended);
    let evidence = world.store.import_changes(run.id).await.unwrap();
    leave(&world, 4);
    let accepted = world.store.accept_import_run(run.id, WHO, "they left", world.clock.now()).await.unwrap();
    assert_eq!(accepted.state, ImportRunState::Published);
    assert_eq!(accepted.decided_by.as_deref(), Some(WHO));
    assert!(world.facts().await == expected, "not what AWS has become meanwhile");
    assert_eq!(world.store.import_changes(run.id).await.unwrap(), evidence);
    let again = world.store.accept_import_run(run.id, WHO, "again", world.clock.now()).await;
    assert!(matches!(again, Err(StoreError::IllegalMove { .. })), "{again:?}");
}

#[tokio::test]
async fn rejecting_discards() {
    let world = leavers(Thresholds::default()).await;
    let before = world.dump().await;
    let run = world.import().await;
    let rejected = world.store.reject_import_run(run.id, WHO, "no", world.clock.now()).await.unwrap();
    assert_eq!(rejected.state, ImportRunState::Rejected);
    assert!(world.dump().await == before);
    let accepted = world.store.accept_import_run(run.id, WHO, "yes", world.clock.now()).await;
    assert!(matches!(accepted, Err(StoreError::IllegalMove { .. })), "{accepted:?}");
    assert_eq!(world.import().await.state, ImportRunState::Suspended, "the cause is still there");
}

#[tokio::test]
async fn a_later_run_leaves_the_evidence_alone_and_may_overtake_it() {
    let world = leavers(Thresholds::default()).await;
    let first = world.import().await;
    let evidence = world.store.import_changes(first.id).await.unwrap();
    leave(&world, 1);
    let second = world.import().await;
    assert_eq!(second.state, ImportRunState::Suspended);
    assert_eq!(world.store.import_changes(first.id).await.unwrap(), evidence);
    assert_eq!(world.store.get_import_run(first.id).await.unwrap(), first);
    assert_ne!(second.changes_sha256, first.changes_sha256);
    world.store.accept_import_run(second.id, WHO, "they left", world.clock.now()).await.unwrap();
    let late = world.store.accept_import_run(first.id, WHO, "they left", world.clock.now()).await;
    assert!(matches!(late, Err(StoreError::Superseded { .. })), "{late:?}");
}

#[tokio::test]
async fn altered_evidence_is_refused() {
    let world = leavers(Thresholds::default()).await;
    let before = world.facts().await;
    let run = world.import().await;
    assert_eq!(run.state, ImportRunState::Suspended);
    world.store.close().await;
    // Another program alters the kept changes; the length stays, and SQLite has no checksums.
    let path = world.url.sqlite_path().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    let (kept, altered) = (br#""change":"deleted""#, br#""change":"created""#);
    let found: Vec<usize> =
        bytes.windows(kept.len()).enumerate().filter(|(_, text)| text == kept).map(|(at, _)| at).collect();
    assert!(!found.is_empty(), "the evidence is in the file");
    for at in found {
        bytes[at..at + kept.len()].copy_from_slice(altered);
    }
    std::fs::write(path, bytes).unwrap();
    let store = Store::open(&world.url, world.key.clone()).await.unwrap();
    let accepted = store.accept_import_run(run.id, WHO, "they left", world.clock.now()).await;
    assert!(matches!(accepted, Err(StoreError::EvidenceAltered { .. })), "{accepted:?}");
    let inventory = store.current_inventory(&world.id).await.unwrap();
    assert!(crate::harness::facts(&inventory) == before);
}
