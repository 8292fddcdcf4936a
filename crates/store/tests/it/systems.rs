//! Systems: unique, pinned, removed.

use keyreeve_model::{
    AwsAccountId, CredentialKind, Effect, Failure, FailureKind, MappingName, Secret, SystemName, SystemState,
    TaskMapping,
};
use keyreeve_store::{AuditFilter, StoreError, SystemFilter, SystemOrder, SystemPatch, SystemSlice};

use crate::place::Place;
use crate::sample::*;

#[tokio::test]
async fn names_and_ids_are_unique_and_the_refusal_names_which() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("one", "Prod Öst"), "local:test", at(0)).await.unwrap();
        let refused =
            store.create_system(new_system("two", "prod öst"), "local:test", at(0)).await.unwrap_err();
        assert!(matches!(refused, StoreError::NameTaken { .. }), "{refused:?}");
        let refused = store.create_system(new_system("one", "Other"), "local:test", at(0)).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemIdTaken { .. }), "{refused:?}");
        store.create_system(new_system("two", "Other"), "local:test", at(0)).await.unwrap();
        let rename = SystemPatch { name: Some(SystemName::new("PROD ÖST").unwrap()), ..Default::default() };
        let refused = store.update_system(&id("two"), rename.clone(), "local:test", at(1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::NameTaken { .. }), "{refused:?}");
        let renamed = store.update_system(&id("one"), rename, "local:test", at(1)).await.unwrap();
        assert_eq!((renamed.name.as_str(), renamed.updated_at), ("PROD ÖST", at(1)));
        assert_eq!(store.get_system(&id("one")).await.unwrap(), renamed);
        assert_eq!(store.list_import_profiles(&id("one")).await.unwrap(), [profile()]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_removed_system_keeps_its_id_and_history_and_frees_its_name() {
    for place in Place::both().await {
        let store = place.create().await;
        let mut new = new_system("s", "S");
        new.secret = Some(Secret::new("canary".to_owned()));
        store.create_system(new, "local:test", at(0)).await.unwrap();
        let inventory = random_inventory(&mut Dice(1));
        publish(&store, &inventory, at(1)).await;
        let running = begin(&store, at(2)).await;
        store.remove_system(&id("s"), ("local:test", None), at(3)).await.unwrap();
        assert_eq!(place.number("SELECT COUNT(*) FROM secrets").await, 0);
        assert!(matches!(
            store.renew_import_lease(&running, at(4), LEASE).await,
            Err(StoreError::LeaseLost { .. })
        ));
        assert!(store.list_systems(false).await.unwrap().is_empty());
        assert_eq!(store.list_systems(true).await.unwrap()[0].state, SystemState::Removed);
        assert_eq!(plain(store.current_inventory(&id("s")).await.unwrap()), inventory);
        let refused = store.create_system(new_system("s", "T"), "local:test", at(5)).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemIdTaken { .. }));
        let refused = store.begin_import_run(&id("s"), &profile(), "t", at(5), LEASE).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemRemoved { .. }));
        store.create_system(new_system("t", "S"), "local:test", at(5)).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn credentials_of_another_account_are_refused_and_the_old_ones_kept() {
    for place in Place::both().await {
        let store = place.create().await;
        let mut new = new_system("s", "S");
        new.secret = Some(Secret::new("old".to_owned()));
        store.create_system(new, "local:test", at(0)).await.unwrap();
        let (mine, other) =
            (AwsAccountId::new("111111111111").unwrap(), AwsAccountId::new("222222222222").unwrap());
        store.pin_system(&id("s"), mine.clone(), "aws", at(1)).await.unwrap();
        let refused = store.pin_system(&id("s"), other.clone(), "aws", at(1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::PinnedElsewhere { .. }));
        let set = async |account, secret: &str| {
            let kind = CredentialKind::AccessKey { access_key_id: "AKIANEW".to_owned() };
            let (secret, pin) = (Some(Secret::new(secret.to_owned())), Some((account, "aws".to_owned())));
            store.set_credentials(&id("s"), kind, secret, pin, "local:test", at(2)).await
        };
        assert!(matches!(set(other, "foreign").await, Err(StoreError::PinnedElsewhere { .. })));
        assert_eq!(store.get_secret(&id("s")).await.unwrap().unwrap().expose(), "old");
        set(mine, "new").await.unwrap();
        assert_eq!(store.get_secret(&id("s")).await.unwrap().unwrap().expose(), "new");
        store
            .set_credentials(&id("s"), CredentialKind::Ambient, None, None, "local:test", at(3))
            .await
            .unwrap();
        assert!(store.get_secret(&id("s")).await.unwrap().is_none());
        store.close().await;
    }
}

#[tokio::test]
async fn nothing_runs_in_a_quarantined_system_until_it_is_released() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let reason = Failure {
            kind: FailureKind::AccountMismatch,
            message: "another account".to_owned(),
            effect: Effect::None,
            at: at(1),
        };
        let system = store.quarantine_system(&id("s"), reason.clone(), at(1)).await.unwrap();
        assert_eq!((system.state, system.state_reason), (SystemState::Quarantined, Some(reason)));
        let refused = store.begin_import_run(&id("s"), &profile(), "t", at(2), LEASE).await.unwrap_err();
        assert!(matches!(refused, StoreError::SystemQuarantined { .. }));
        store.release_system(&id("s"), ("local:test", None), at(3)).await.unwrap();
        begin(&store, at(4)).await;
        store.close().await;
    }
}

#[tokio::test]
async fn who_changed_what_of_a_system_is_in_the_audit_log() {
    for place in Place::both().await {
        let store = place.create().await;
        let mut new = new_system("s", "S");
        new.secret = Some(Secret::new("canary-1".to_owned()));
        let made = store.create_system(new, "ada", at(0)).await.unwrap();
        let mut settings = made.settings.clone();
        settings.max_concurrent_requests += 1;
        let patch = SystemPatch {
            name: Some(SystemName::new("T").unwrap()),
            settings: Some(settings),
            ..Default::default()
        };
        store.update_system(&id("s"), patch, "bea", at(1)).await.unwrap();
        let account = AwsAccountId::new("123456789012").unwrap();
        store.pin_system(&id("s"), account, "aws", at(2)).await.unwrap();
        let secret = Some(Secret::new("canary-2".to_owned()));
        store.set_credentials(&id("s"), made.credential, secret, None, "cy", at(3)).await.unwrap();
        store.put_import_profile(&id("s"), &profile(), "dee", at(4)).await.unwrap();
        let mapping = TaskMapping::default_of(MappingName::User);
        store.set_task_mapping(&id("s"), &mapping, ("eve", None), at(5)).await.unwrap();
        store.reset_task_mapping(&id("s"), MappingName::User, ("flo", None), at(6)).await.unwrap();
        store.remove_system(&id("s"), ("gus", None), at(7)).await.unwrap();

        let mut rows = store.audit(&AuditFilter::default(), 100).await.unwrap();
        rows.sort_by_key(|row| row.seq);
        let done: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.action.as_str())).collect();
        let expected = [
            ("ada", "system_registered"),
            ("bea", "system_changed"),
            ("keyreeve", "system_pinned"),
            ("cy", "credentials_replaced"),
            ("dee", "profile_set"),
            ("eve", "mapping_set"),
            ("flo", "mapping_reset"),
            ("gus", "system_removed"),
        ];
        assert_eq!(done, expected);
        assert!(rows.iter().all(|row| row.system_id == Some(id("s"))));
        let was = made.settings.max_concurrent_requests;
        assert_eq!(
            rows[1].subject,
            serde_json::json!({
                "name": {"from": "S", "to": "T"},
                "settings.max_concurrent_requests": {"from": was, "to": was + 1},
            })
        );
        assert!(!serde_json::to_string(&rows).unwrap().contains("canary"));
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn systems_come_in_parts_in_every_order_and_are_found_by_any_part() {
    for place in Place::both().await {
        let store = place.create().await;
        let made = [
            ("c", "Beta", "Öffentlich"),
            ("a", "alpha", "cloud"),
            ("b", "Ärger", "cloud"),
            ("e", "50%", "öffentlich"),
            ("d", "gone", "cloud"),
        ];
        for (number, (system, name, category)) in made.iter().enumerate() {
            let mut new = new_system(system, name);
            new.category = (*category).to_owned();
            new.aws_account_id = Some(AwsAccountId::new(format!("11111111111{number}")).unwrap());
            // Two are as old as each other.
            store.create_system(new, "local:test", at(number.max(1) as i64)).await.unwrap();
        }
        store.remove_system(&id("d"), ("local:test", None), at(9)).await.unwrap();
        let ids = |systems: &[keyreeve_model::System]| -> String {
            systems.iter().map(|system| system.system_id.as_str()).collect()
        };
        let all = SystemFilter { removed: true, ..SystemFilter::default() };
        let whole = store.list_systems(true).await.unwrap();
        for by in [SystemOrder::SystemId, SystemOrder::Name, SystemOrder::Category, SystemOrder::CreatedAt] {
            for descending in [false, true] {
                let mut expected = whole.clone();
                expected.sort_by_cached_key(|system| match by {
                    SystemOrder::SystemId => (String::new(), system.system_id.clone()),
                    SystemOrder::Name => (system.name.to_string(), system.system_id.clone()),
                    SystemOrder::Category => (system.category.clone(), system.system_id.clone()),
                    SystemOrder::CreatedAt => (system.created_at.to_string(), system.system_id.clone()),
                });
                if descending {
                    expected.reverse();
                }
                let mut slice = SystemSlice { by, descending, after: None, limit: 2 };
                let mut found = Vec::new();
                loop {
                    let part = store.systems_slice(&all, &slice).await.unwrap();
                    let Some(last) = part.last() else { break };
                    slice.after = Some(by.place(last));
                    found.extend(part);
                }
                assert_eq!(ids(&found), ids(&expected), "{by:?} {descending}");
                assert_eq!(found, expected);
            }
        }
        let found = async |filter: SystemFilter<'_>| {
            let by = SystemOrder::SystemId;
            let slice = SystemSlice { by, descending: false, after: None, limit: 100 };
            let found = store.systems_slice(&filter, &slice).await.unwrap();
            assert_eq!(store.count_systems(&filter).await.unwrap(), found.len() as u64);
            ids(&found)
        };
        for (text, expected) in [
            ("ALPHA", "a"),
            ("äRG", "b"),
            ("ÖFFENT", "ce"),
            ("cloud", "ab"),
            ("1111112", "b"),
            ("%", "e"),
            ("_", ""),
            ("C", "abce"),
            ("gone", ""),
        ] {
            let filter = SystemFilter { text: Some(text), ..SystemFilter::default() };
            assert_eq!(found(filter).await, expected, "{text}");
        }
        let (some, removed) = ([id("a"), id("d"), id("nobody")], Some(SystemState::Removed));
        assert_eq!(found(SystemFilter { systems: Some(&some), ..SystemFilter::default() }).await, "a");
        assert_eq!(found(SystemFilter { systems: Some(&some), ..all }).await, "ad");
        assert_eq!(found(SystemFilter { systems: Some(&[]), ..all }).await, "");
        assert_eq!(found(SystemFilter { state: removed, ..SystemFilter::default() }).await, "d");
        assert_eq!(store.systems_there(&some).await.unwrap(), [id("a"), id("d")]);
        store.close().await;
    }
}
