//! What is not there any more, and when what is there came to be, on both databases.

use keyreeve_model::Inventory;

use crate::place::Place;
use crate::sample::*;

#[tokio::test]
async fn what_is_gone_is_known_as_it_was_last() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        assert!(store.account_last_known(&id("s"), "user1").await.unwrap().is_none(), "before any import");
        let all = random_inventory(&mut Dice(5));
        let first = publish(&store, &all, at(1)).await.id;
        let second = publish(&store, &all, at(2)).await.id;
        let (user, group) = (all.accounts[1].clone(), all.resources[0].clone());
        let there = store.account_last_known(&id("s"), user.external_id.as_str()).await.unwrap().unwrap();
        assert_eq!((there.object.name, there.gone), (user.name.clone(), None));
        let less = Inventory {
            accounts: all
                .accounts
                .iter()
                .filter(|one| one.external_id != user.external_id)
                .cloned()
                .collect(),
            resources: all
                .resources
                .iter()
                .filter(|one| one.external_id != group.external_id)
                .cloned()
                .collect(),
            assignments: Vec::new(),
        };
        let third = publish(&store, &less, at(3)).await.id;
        publish(&store, &less, at(4)).await;
        for given in [user.external_id.as_str(), &user.name.to_uppercase()] {
            let known = store.account_last_known(&id("s"), given).await.unwrap().unwrap();
            let gone = known.gone.unwrap();
            assert_eq!(
                (known.object.name, gone.run, gone.last_run),
                (user.name.clone(), third, Some(second))
            );
            assert!(gone.published_at.is_some());
        }
        let known = store.resource_last_known(&id("s"), &group.external_id).await.unwrap().unwrap();
        assert_eq!((known.object.name, known.gone.map(|gone| gone.run)), (group.name.clone(), Some(third)));
        assert!(store.account_last_known(&id("s"), "AIDANOBODY").await.unwrap().is_none());
        // They are found among all that there is, by whoever may see the system, and in the list of who is gone.
        for (name, external_id) in [(&user.name, &user.external_id), (&group.name, &group.external_id)] {
            let found = store.search(None, &name.to_uppercase(), 1_000).await.unwrap().found;
            let found = found.into_iter().find(|one| one.external_id == *external_id).unwrap();
            assert_eq!((found.system_id, found.gone), (id("s"), Some(third)));
        }
        assert!(store.search(Some(&[]), &user.name, 1_000).await.unwrap().found.is_empty());
        let searched = store.search(None, "", 2).await.unwrap();
        assert!(searched.found.len() == 2 && searched.more, "{searched:?}");
        let gone = store.gone_accounts(&id("s"), "").await.unwrap();
        assert_eq!(gone.iter().map(|one| &one.external_id).collect::<Vec<_>>(), [&user.external_id]);
        let named = store.named_resources(&id("s"), group.kind, "", 1_000).await.unwrap();
        assert!(!named.is_empty() && named.iter().all(|one| one.external_id != group.external_id));
        assert_eq!(store.account_counts(&id("s")).await.unwrap().all, less.accounts.len() as u64);
        let seen = store.seen_in(&[first, third]).await.unwrap();
        assert!(seen[&first].not_before.is_none() && seen[&third].not_before.is_some(), "{seen:?}");
        assert!(seen[&third].read_until <= seen[&third].published_at, "{seen:?}");
        assert!(store.assignment_steps(&id("s"), &[user.external_id], 9).await.unwrap().is_empty());
        store.close().await;
    }
}
