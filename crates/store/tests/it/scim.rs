//! What SCIM clients say of users and groups, and reading chosen accounts and groups.

use std::collections::BTreeSet;

use keyreeve_model::{AssignmentKind, ExternalId, ResourceType};
use keyreeve_store::{AsOf, AuditFilter, NewScimRecord, ResourceFilter, Store, StoreError};
use serde_json::{Map, Value, json};

use crate::place::Place;
use crate::sample::*;

fn said(name: &str) -> Map<String, Value> {
    Map::from_iter([("displayName".to_owned(), json!(name))])
}

fn ids(texts: &[&str]) -> Vec<ExternalId> {
    texts.iter().map(|text| external((*text).to_owned())).collect()
}

async fn keep(
    store: &Store,
    client: &str,
    (kind, resource): (&str, &str),
    external_id: Option<&str>,
) -> Result<(), StoreError> {
    let (resource, attributes) = (external(resource.to_owned()), said(resource));
    let new = NewScimRecord {
        resource: &resource,
        resource_type: kind,
        attributes: &attributes,
        external_id,
        made: false,
    };
    store.keep_scim_record(&id("s"), client, &new, at(5)).await
}

#[tokio::test]
async fn an_external_id_is_each_clients_own_and_unique_for_it_alone() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let long = "é".repeat(4_000);
        keep(&store, "okta", ("User", "AIDA1"), Some("1")).await.unwrap();
        keep(&store, "okta", ("User", "AIDA2"), Some(&long)).await.unwrap();
        keep(&store, "okta", ("User", "AIDA1"), Some("1")).await.unwrap();
        for taken in ["1", &long] {
            let error = keep(&store, "okta", ("User", "AIDA3"), Some(taken)).await.unwrap_err();
            assert!(matches!(error, StoreError::ScimExternalIdTaken { .. }), "{error}");
        }
        keep(&store, "okta", ("User", "AIDA3"), Some("É")).await.unwrap();
        keep(&store, "okta", ("Group", "AGPA1"), Some("1")).await.unwrap();
        keep(&store, "entra", ("User", "AIDA2"), Some("1")).await.unwrap();
        let called = async |client: &str, kind: &str, text: &str| {
            let found = store.scim_called(&id("s"), client, kind, text).await.unwrap();
            found.map(|id| id.to_string())
        };
        assert_eq!(called("okta", "User", "1").await.as_deref(), Some("AIDA1"));
        assert_eq!(called("okta", "Group", "1").await.as_deref(), Some("AGPA1"));
        assert_eq!(called("entra", "User", "1").await.as_deref(), Some("AIDA2"));
        assert_eq!(called("other", "User", "1").await, None);
        assert_eq!(called("okta", "User", "é").await, None, "case counts");
        let all = ids(&["AIDA1", "AIDA2", "AIDA9"]);
        let records = store.scim_records(&id("s"), "entra", &all).await.unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(records[&all[0]].external_id, None, "that of another client is not shown");
        assert_eq!(records[&all[1]].external_id.as_deref(), Some("1"));
        assert_eq!(records[&all[1]].attributes, said("AIDA2"));
        // What another client takes away of its own, and another system, change nothing.
        keep(&store, "okta", ("User", "AIDA1"), None).await.unwrap();
        assert_eq!(called("okta", "User", "1").await, None);
        store.forget_scim_external_ids(&id("s"), &all[1]).await.unwrap();
        assert_eq!((called("entra", "User", "1").await, called("okta", "User", &long).await), (None, None));
    }
}

#[tokio::test]
async fn what_is_deleted_is_forgotten_but_for_who_did_it_and_is_there_again_when_it_is_kept() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        keep(&store, "okta", ("User", "AIDA1"), Some("1")).await.unwrap();
        let all = ids(&["AIDA1", "AIDA2"]);
        for one in &all {
            store.delete_scim_record(&id("s"), "okta", one, at(6)).await.unwrap();
        }
        let deleted = store.scim_deleted(&id("s")).await.unwrap();
        assert_eq!(deleted.values().collect::<Vec<_>>(), ["okta", "okta"]);
        let records = store.scim_records(&id("s"), "okta", &all).await.unwrap();
        assert!(records.values().all(|one| one.attributes.is_empty() && one.external_id.is_none()));
        keep(&store, "okta", ("User", "AIDA2"), Some("1")).await.unwrap();
        assert_eq!(store.scim_deleted(&id("s")).await.unwrap().keys().collect::<Vec<_>>(), [&all[0]]);
        let filter = AuditFilter { system_id: Some(id("s")), ..AuditFilter::default() };
        let rows = store.audit(&filter, 100).await.unwrap();
        let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions.iter().filter(|action| **action == "scim_resource_kept").count(), 2);
        assert_eq!(actions.iter().filter(|action| **action == "scim_resource_deleted").count(), 2);
        let words = serde_json::to_string(&rows).unwrap();
        assert!(words.contains("displayName") && !words.contains("\"1\""), "names, no values: {words}");
    }
}

#[tokio::test]
async fn chosen_accounts_and_groups_are_those_of_the_whole_lists() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        assert!(store.account_places(&id("s")).await.unwrap().is_empty());
        let mut dice = Dice(9);
        publish(&store, &random_inventory(&mut dice), at(1)).await;
        let second = random_inventory(&mut dice);
        publish(&store, &second, at(100)).await;
        let known = store.current_inventory(&id("s")).await.unwrap();
        let places = store.account_places(&id("s")).await.unwrap();
        let named: BTreeSet<&str> = places.iter().map(|place| place.name.as_str()).collect();
        assert_eq!(named, known.accounts.iter().map(|account| account.name.as_str()).collect());
        let some: Vec<ExternalId> =
            known.accounts.iter().step_by(2).map(|account| account.external_id.clone()).collect();
        let asked = [some.clone(), ids(&["AIDANOBODY"])].concat();
        let mut found = store.accounts_by_id(&id("s"), &asked).await.unwrap();
        found.sort_by(|a, b| a.external_id.cmp(&b.external_id));
        let mut expected: Vec<_> = known.accounts.iter().step_by(2).cloned().collect();
        expected.sort_by(|a, b| a.external_id.cmp(&b.external_id));
        assert_eq!(found, expected);
        let held = store.held_by(&id("s"), &some).await.unwrap();
        let expected = known.assignments.iter().filter(|one| some.contains(&one.subject_external_id)).count();
        assert!(expected > 0);
        assert_eq!(held.len(), expected);
        let filter = ResourceFilter { kind: Some(ResourceType::Group), ..ResourceFilter::default() };
        let groups = store.list_resources(&id("s"), AsOf::Now, &filter).await.unwrap();
        let members = store.members_of(&id("s"), &groups[..1]).await.unwrap();
        let of_group = |one: &&keyreeve_model::Assignment| {
            one.kind == AssignmentKind::AccountGroup
                && one.resource_external_id.as_ref() == Some(&groups[0].external_id)
        };
        assert_eq!(members.len(), known.assignments.iter().filter(of_group).count());
        let all: Vec<ExternalId> = known.accounts.iter().map(|account| account.external_id.clone()).collect();
        let changed = store.changed_since_first_seen(&id("s"), &all).await.unwrap();
        assert!(!changed.is_empty() && changed.len() < all.len());
        assert!(changed.values().all(|at_| *at_ == at(100)));
    }
}
