//! Throttling is patience, not failure; and a cap on the rate is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use keyreeve_engine::pace::Pacers;
use keyreeve_model::{CollectionName, CollectionState, LoginProfileSource, SystemSettings};
use keyreeve_sandbox::{Effect, FaultRule};
use keyreeve_store::Store;

use crate::harness::{ACCOUNT, Setup, World, collection, on_page};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_calls_are_made_again_and_count_for_no_failure() {
    let mut world =
        World::imported(Setup { login_profiles: LoginProfileSource::PerUser, ..Setup::default() }).await;
    let truth = world.facts().await;
    // One attempt is all that any failure but throttling gets.
    world.patience.attempts = 1;
    world.patience.throttled_for = Duration::from_secs(30);
    let user = world.users().pop().unwrap();
    world.plant([
        on_page("GetAccountAuthorizationDetails", 4, Effect::Throttle).times(1),
        FaultRule::new("GetLoginProfile", Effect::Throttle).subject(&user).times(2),
    ]);
    let run = world.published().await;
    assert_eq!(run.changes, Default::default());
    assert!(world.facts().await == truth);
    let fires: Vec<u64> = world.sandbox.faults().iter().map(|rule| rule.fires).collect();
    assert_eq!(fires, [1, 2]);
    for (name, throttled) in [(CollectionName::AuthorizationDetails, 1), (CollectionName::LoginProfiles, 2)] {
        let record = collection(&run, name);
        assert_eq!(record.state, CollectionState::Whole);
        assert_eq!((record.throttled, record.retries), (throttled, throttled));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cap_on_the_rate_is_kept() {
    let cap = 60.0;
    let settings = SystemSettings { max_requests_per_second: Some(cap), ..SystemSettings::default() };
    let world = World::start(Setup {
        settings,
        page: None,
        login_profiles: LoginProfileSource::PerUser,
        ..Setup::default()
    })
    .await;
    let began = Instant::now();
    world.published().await;
    let calls = world.sandbox.trace().len();
    assert!(calls > 25, "{calls} calls");
    let rate = (calls - 1) as f64 / began.elapsed().as_secs_f64();
    assert!(rate <= cap, "{rate:.1} requests a second");
}

/// Turns that so many processes of one store get in so many seconds, each with eight that call.
async fn turns(world: &World, cap: Option<f64>, processes: usize, seconds: u64) -> Vec<usize> {
    let mut counts = Vec::new();
    for _ in 0..processes {
        let store = Arc::new(Store::open(&world.url, world.key.clone()).await.unwrap());
        let pacer = Pacers::sharing(store).of(&ACCOUNT.parse().unwrap(), 8, cap);
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..8 {
            let (pacer, count) = (Arc::clone(&pacer), Arc::clone(&count));
            tokio::spawn(async move {
                loop {
                    let _turn = pacer.turn().await.unwrap();
                    count.fetch_add(1, Ordering::SeqCst);
                    pacer.passed();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        }
        counts.push(count);
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    counts.iter().map(|count| count.load(Ordering::SeqCst)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_one_store_share_the_rate_of_an_aws_account() {
    let cap = 40.0;
    let settings = SystemSettings { max_requests_per_second: Some(cap), ..SystemSettings::default() };
    let world = World::start(Setup { settings, page: None, ..Setup::default() }).await;
    let made = turns(&world, Some(cap), 4, 6).await;
    let (all, most) = (made.iter().sum::<usize>() as f64, cap * 6.0 * 1.05 + 1.0);
    assert!(all <= most && all >= cap * 6.0 * 0.7, "{made:?} at {cap} a second");
    assert!(made.iter().all(|made| *made as f64 >= cap * 6.0 / 4.0 * 0.5), "{made:?}: one starves");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_is_told_by_aws_slows_the_others() {
    let world = World::start(Setup { page: None, ..Setup::default() }).await;
    let pacer = async || {
        let store = Arc::new(Store::open(&world.url, world.key.clone()).await.unwrap());
        Pacers::sharing(store).of(&ACCOUNT.parse().unwrap(), 8, None)
    };
    let (one, other) = (pacer().await, pacer().await);
    for pacer in [&one, &other] {
        drop(pacer.turn().await);
        assert_eq!(pacer.limit(), None);
    }
    one.throttled().await;
    assert!(one.limit().is_some());
    let begun = Instant::now();
    while other.limit().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it hears nothing of it");
        drop(other.turn().await);
    }
    // A process that begins now knows it before its first call.
    let third = pacer().await;
    drop(third.turn().await);
    assert!(third.limit().is_some());
}
