//! R19: whichever call to the store fails during an import, the error surfaces, readers see the old state or the
//! new one, and the next import ends as if nothing had happened.

use std::time::Duration;

use keyreeve_engine::clock::Clock;
use keyreeve_engine::import::ImportError;
use keyreeve_model::ImportRunState;
use keyreeve_sandbox::Mutation;
use keyreeve_store::StoreError;

use crate::harness::{Setup, World};

/// Two states of the account between which each round goes to and fro, and what an undisturbed import says of each.
struct Seesaw {
    world: World,
    there: Vec<Mutation>,
    back: Vec<Mutation>,
    facts: [String; 2],
}

impl Seesaw {
    async fn new() -> Self {
        let world = World::imported(Setup { page: None, ..Setup::default() }).await;
        let state = world.state();
        let user = &state["users"]
            .as_array()
            .unwrap()
            .iter()
            .find(|user| user["groups"].as_array().unwrap().len() > 1);
        let name = user.unwrap()["name"].as_str().unwrap().to_owned();
        let group = user.unwrap()["groups"][0].as_str().unwrap().to_owned();
        let (key, value) = ("round".to_owned(), "there".to_owned());
        let there = vec![
            Mutation::RemoveFromGroup { user: name.clone(), group: group.clone() },
            Mutation::TagUser { name: name.clone(), key: key.clone(), value },
        ];
        let back =
            vec![Mutation::AddToGroup { user: name.clone(), group }, Mutation::UntagUser { name, key }];
        let here = world.facts().await;
        world.mutate(&there);
        world.published().await;
        let facts = [here, world.facts().await];
        assert_ne!(facts[0], facts[1]);
        Self { world, there, back, facts }
    }

    fn tip(&self, round: u64) {
        self.world.mutate(if round.is_multiple_of(2) { &self.there } else { &self.back });
    }

    fn expected(&self, round: u64) -> &str {
        &self.facts[usize::from(round.is_multiple_of(2))]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_store_call_may_fail() {
    let seesaw = Seesaw::new().await;
    let world = &seesaw.world;
    let mut fired = 0;
    for n in 1.. {
        seesaw.tip(n);
        let before = world.dump().await;
        let system = world.store.get_system(&world.id).await.unwrap();
        world.store.fail_call(n);
        let ended = world.import_of(&system, &world.profile, false).await;
        if world.store.fault_pending() {
            world.store.clear_faults();
            assert_eq!(ended.unwrap().state, ImportRunState::Published);
            assert!(world.facts().await == seesaw.expected(n));
            break;
        }
        fired += 1;
        assert!(matches!(ended, Err(ImportError::Store(StoreError::Io { .. }))), "call {n}: {ended:?}");
        assert!(world.dump().await == before, "call {n}: nothing was published");
        world.published().await;
        assert!(world.facts().await == seesaw.expected(n), "call {n}");
    }
    assert!(fired > 10, "only {fired} store calls were made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_any_commit_may_be_lost() {
    let mut seesaw = Seesaw::new().await;
    let mut fired = 0;
    for n in 1.. {
        seesaw.tip(n);
        let world = &mut seesaw.world;
        let system = world.store.get_system(&world.id).await.unwrap();
        world.store.lose_commit_answer(n);
        let ended = world.import_of(&system, &world.profile, false).await;
        if world.store.fault_pending() {
            world.store.clear_faults();
            ended.unwrap();
            break;
        }
        fired += 1;
        assert!(
            matches!(ended, Err(ImportError::Store(StoreError::CommitUnknown { .. }))),
            "commit {n}: {ended:?}"
        );
        let shown = world.facts().await;
        assert!(seesaw.facts.contains(&shown), "commit {n}: neither the old state nor the new one");
        // A run that may have begun owns the system until its lease runs out.
        let ahead = Duration::from_secs(3600 * n).as_millis();
        seesaw.world.clock = Clock::shifted(i64::try_from(ahead).unwrap());
        seesaw.world.published().await;
        assert!(seesaw.world.facts().await == seesaw.expected(n), "commit {n}");
    }
    assert!(fired >= 2, "begin and publish commit");
}
