//! What of systems needs a person, for who sees some of them.

use keyreeve_model::SystemId;

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
            let found = store.attention(at(0), systems).await.unwrap();
            (found.systems.len(), found.suspended.len())
        };
        assert_eq!(seen(None).await, (2, 200));
        assert_eq!(seen(Some(&[id("t")])).await, (1, 1));
        assert_eq!(seen(Some(&[])).await, (0, 0));
        store.close().await;
    }
}
