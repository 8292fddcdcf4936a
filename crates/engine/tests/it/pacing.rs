//! Throttling is patience, not failure; and a cap on the rate is kept.

use std::time::{Duration, Instant};

use keyreeve_model::{CollectionName, CollectionState, LoginProfileSource, SystemSettings};
use keyreeve_sandbox::{Effect, FaultRule};

use crate::harness::{Setup, World, collection, on_page};

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
