//! What of systems needs a person, for who sees some of them.

use keyreeve_model::{Effect, Failure, FailureKind, ImportRunState, Inventory, SystemId};
use keyreeve_store::{Outcome, RunRecord};

use crate::place::Place;
use crate::sample::*;

#[tokio::test]
async fn what_needs_a_person_in_one_system_is_not_hidden_behind_that_of_others() {
    for place in Place::both().await {
        let store = place.create().await;
        for system in ["s", "t"] {
            store.create_system(new_system(system, system), "local:test", at(0)).await.unwrap();
        }
        publish(&store, &random_inventory(&mut Dice(1)), at(1)).await;
        let copies = |of: &str, how_many: u32| {
            format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {how_many}) \
                 INSERT INTO import_runs (system_key, profile, state, scope, started_at, aws_calls, collections, changes, \
                  suspicions, warnings, actor, lease_token, lease_until) \
                 SELECT (SELECT system_key FROM systems WHERE system_id = '{of}'), profile, 'suspended', scope, started_at, \
                  aws_calls, collections, changes, suspicions, warnings, actor, lease_token, lease_until \
                 FROM import_runs, n WHERE run_id = 1"
            )
        };
        place.tamper(&copies("s", 201)).await;
        place.tamper(&copies("t", 1)).await;
        let seen = async |systems: Option<&[SystemId]>| {
            let found = store.attention(at(0), at(0), systems).await.unwrap();
            (found.suspended.len(), found.more)
        };
        assert_eq!(seen(None).await, (200, true));
        assert_eq!(seen(Some(&[id("t")])).await, (1, false));
        assert_eq!(seen(Some(&[])).await, (0, false));
        store.close().await;
    }
}

#[tokio::test]
async fn a_system_needs_a_person_as_long_as_its_last_import_failed() {
    for place in Place::both().await {
        let store = place.create().await;
        for system in ["s", "t"] {
            store.create_system(new_system(system, system), "local:test", at(0)).await.unwrap();
        }
        let failed = async || {
            let found = store.attention(at(0), at(0), None).await.unwrap().failed;
            found.into_iter().map(|one| (one.system_id, one.run.0, one.failure)).collect::<Vec<_>>()
        };
        let fails = async |now| {
            let lease = begin(&store, at(now)).await;
            let why = Failure {
                kind: FailureKind::CredentialBad,
                message: "the credentials were refused".to_owned(),
                effect: Effect::None,
                at: at(now),
            };
            let record = RunRecord { failure: Some(why), ..record(at(now)) };
            store.finish_import_run(&lease, record, Outcome::Failed, at(now)).await.unwrap();
        };
        assert_eq!(failed().await, []);
        fails(1).await;
        fails(2).await;
        assert_eq!(failed().await, [(id("s"), 2, Some("the credentials were refused".to_owned()))]);
        let standing = async || store.standings(&[id("t"), id("s")]).await.unwrap();
        let [s, t] = &standing().await[..] else { panic!("two systems") };
        assert_eq!(s.last.map(|(run, state, _)| (run.0, state)), Some((2, ImportRunState::Failed)));
        assert_eq!((t.last, s.published, s.users), (None, None, None));
        publish(&store, &Inventory::default(), at(3)).await;
        assert_eq!(failed().await, []);
        assert_eq!(standing().await[0].published.map(|(run, at)| (run.0, at)), Some((3, at(3))));
        fails(4).await;
        assert_eq!((failed().await.len(), standing().await[0].published.map(|(run, _)| run.0)), (1, Some(3)));
        let published = store.published_runs(None, 10).await.unwrap();
        assert_eq!(published.iter().map(|run| (run.at, run.first)).collect::<Vec<_>>(), [(at(3), true)]);
        assert_eq!(store.published_runs(Some(&[id("t")]), 10).await.unwrap(), []);
        store.remove_system(&id("s"), ("local:test", None), at(5)).await.unwrap();
        assert_eq!((failed().await, store.published_runs(None, 10).await.unwrap()), (Vec::new(), Vec::new()));
        store.close().await;
    }
}
