//! Task mappings of a system.

use keyreeve_model::{MappingName, MappingRow, Operator, TargetProperty, TaskMapping};
use keyreeve_store::StoreError;

use crate::place::Place;
use crate::sample::*;

fn named() -> TaskMapping {
    let mut mapping = TaskMapping::default_of(MappingName::User);
    let source = "lower(first[0] + last)";
    mapping.rows.push(MappingRow::new(TargetProperty::UserName, Operator::Expression, source));
    mapping
}

#[tokio::test]
async fn a_system_has_the_defaults_until_something_is_set_and_again_after_a_reset() {
    for place in Place::both().await {
        let store = place.create().await;
        for system in ["s", "t"] {
            store.create_system(new_system(system, system), "local:test", at(0)).await.unwrap();
        }
        let all = store.task_mappings(&id("s")).await.unwrap();
        let mappings: Vec<_> = all.iter().map(|stored| stored.mapping.clone()).collect();
        assert_eq!(mappings, TaskMapping::defaults());
        assert!(all.iter().all(|stored| stored.set.is_none()));

        store
            .set_task_mapping(&id("s"), &TaskMapping::default_of(MappingName::User), ("a", None), at(1))
            .await
            .unwrap();
        store.set_task_mapping(&id("s"), &named(), ("local:ada", None), at(2)).await.unwrap();
        let stored = store.task_mapping(&id("s"), MappingName::User).await.unwrap();
        assert_eq!(stored.mapping, named());
        assert_eq!(stored.set, Some(("local:ada".to_owned(), at(2))));
        let others = store.task_mappings(&id("s")).await.unwrap();
        assert_eq!(others.iter().filter(|stored| stored.set.is_some()).count(), 1);
        assert!(store.task_mapping(&id("t"), MappingName::User).await.unwrap().set.is_none());

        store.reset_task_mapping(&id("s"), MappingName::User, ("local:test", None), at(4)).await.unwrap();
        store.reset_task_mapping(&id("s"), MappingName::User, ("local:test", None), at(4)).await.unwrap();
        let stored = store.task_mapping(&id("s"), MappingName::User).await.unwrap();
        assert_eq!((stored.mapping, stored.set), (TaskMapping::default_of(MappingName::User), None));
        store.close().await;
    }
}

#[tokio::test]
async fn a_removed_system_keeps_its_mappings_and_takes_no_others() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        store.set_task_mapping(&id("s"), &named(), ("a", None), at(1)).await.unwrap();
        store.remove_system(&id("s"), ("local:test", None), at(2)).await.unwrap();
        assert_eq!(store.task_mapping(&id("s"), MappingName::User).await.unwrap().mapping, named());
        let refused = store.set_task_mapping(&id("s"), &named(), ("a", None), at(3)).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemRemoved { .. }), "{refused:?}");
        let refused = store
            .reset_task_mapping(&id("s"), MappingName::User, ("local:test", None), at(4))
            .await
            .unwrap_err();
        assert!(matches!(refused, StoreError::SystemRemoved { .. }), "{refused:?}");
        let refused = store.task_mappings(&id("x")).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemNotFound { .. }), "{refused:?}");
        store.close().await;
    }
}
