//! R06: a listing whose pages contradict themselves is refused within a bound, and one that lies about being whole
//! deletes nothing that exists.

use std::time::{Duration, Instant};

use keyreeve_model::{FailureKind, ImportRunState, Suspicion};
use keyreeve_sandbox::{Effect, FaultRule, Mutation, PageStyle};

use crate::harness::{Setup, World, assert_failed, deleted, on_page, warned};

/// Pages that have another one after them.
async fn inner_pages(world: &World) -> Vec<(String, u32)> {
    let pages = world.pages().await;
    let is_last = |(action, page): &(String, u32)| !pages.contains(&(action.clone(), page + 1));
    let inner: Vec<_> = pages.iter().filter(|one| !is_last(one)).cloned().collect();
    assert!(inner.len() >= 7, "{inner:?}");
    inner
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markers_that_lead_nowhere_fail_the_run_within_a_bound() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    for (action, page) in inner_pages(&world).await {
        for effect in [Effect::TruncatedWithoutMarker, Effect::RepeatMarker, Effect::Cycle, Effect::Endless] {
            if page == 1 && matches!(effect, Effect::RepeatMarker | Effect::Cycle) {
                continue; // There is no page before the first to lead back to.
            }
            let case = format!("{action} page {page} {effect:?}");
            world.plant([on_page(&action, page, effect)]);
            let began = Instant::now();
            let run = world.import().await;
            assert!(began.elapsed() < Duration::from_secs(10), "{case}");
            assert_failed(&world, &run, &before, &case).await;
            assert_eq!(run.failure.as_ref().unwrap().kind, FailureKind::Inconsistent, "{case}");
            assert!(run.aws_calls < 250, "{case}: {} calls", run.aws_calls);
            world.all_fired();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_empty_and_doubled_pages_change_nothing() {
    let world = World::imported(Setup::default()).await;
    let truth = world.facts().await;
    for (action, page) in inner_pages(&world).await {
        for effect in [Effect::EmptyPage, Effect::ShrinkPage, Effect::DuplicateEntry] {
            let case = format!("{action} page {page} {effect:?}");
            world.plant([on_page(&action, page, effect)]);
            let run = world.published().await;
            assert_eq!(run.changes, Default::default(), "{case}");
            assert!(world.facts().await == truth, "{case}");
            world.all_fired();
        }
    }
}

#[tokio::test]
async fn pages_that_are_short_and_empty_throughout_are_read_whole() {
    let style = PageStyle { short: true, empty: true };
    let world = World::imported(Setup { details_pages: style, page: Some(5), ..Setup::default() }).await;
    let inventory = world.inventory().await;
    assert_eq!(inventory.accounts.len(), world.users().len() + 1);
    assert!(inventory.resources.len() >= world.groups().len());
}

/// A page whose entries vanish, and one that claims to be the last, once: the second look brings it to light.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_lost_once_deletes_nothing() {
    let world = World::imported(Setup::default()).await;
    let truth = world.facts().await;
    for (action, page) in inner_pages(&world).await {
        for effect in [Effect::DropPage, Effect::ClaimLast] {
            let case = format!("{action} page {page} {effect:?}");
            world.plant([on_page(&action, page, effect).times(1)]);
            let run = world.published().await;
            assert_eq!(deleted(&run), 0, "{case}");
            assert!(world.facts().await == truth, "{case}");
            world.all_fired();
        }
    }
}

/// The same on every reading: users, groups and details give each other the lie, and the run waits for a person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_always_lost_deletes_nothing_unseen() {
    let world = World::imported(Setup::default()).await;
    let before = world.dump().await;
    for (action, page) in inner_pages(&world).await.into_iter().filter(|(action, _)| action != "ListPolicies")
    {
        for effect in [Effect::DropPage, Effect::ClaimLast] {
            let case = format!("{action} page {page} {effect:?}");
            world.plant([on_page(&action, page, effect)]);
            let run = world.import().await;
            assert_eq!(run.state, ImportRunState::Suspended, "{case}: {run:#?}");
            let names = run.suspicions.iter().filter(|suspicion| match suspicion {
                Suspicion::ListingsDisagree { only_in_first, only_in_second, differences, .. } => {
                    *differences > 0 && only_in_first.len() + only_in_second.len() > 0
                }
                Suspicion::Threshold { .. } => false,
            });
            assert_eq!(names.count(), run.suspicions.len(), "{case}");
            assert!(world.dump().await == before, "{case}");
            world.all_fired();
            world
                .store
                .reject_import_run(run.id, "local:test", "lost pages", world.clock.now())
                .await
                .unwrap();
        }
    }
}

/// Nothing but its holders can give the lie to a listing of policies that always leaves one out.
#[tokio::test]
async fn a_policy_that_somebody_holds_is_never_taken_for_gone() {
    let world = World::start(Setup::default()).await;
    let policy = world.state()["policies"][2].clone();
    let (name, arn) =
        (policy["name"].as_str().unwrap().to_owned(), policy["arn"].as_str().unwrap().to_owned());
    let attach = |group| Mutation::AttachGroupPolicy { group, arn: arn.clone() };
    world.mutate(&[attach(world.groups().remove(0))]);
    world.published().await;
    let truth = world.facts().await;
    world.plant([FaultRule::new("ListPolicies", Effect::Omit { name })]);
    let run = world.published().await;
    world.all_fired();
    assert_eq!(deleted(&run), 0);
    assert!(warned(&run, "listing_inconsistent"), "{:?}", run.warnings);
    assert!(world.facts().await == truth);
}
