//! What SCIM clients say of users and groups, and reading chosen accounts and groups.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::{
    Assignment, AssignmentKind, ExternalId, Inventory, ProvisioningJob, ResourceType, StepState, TaskState,
};
use keyreeve_store::{
    AccountPlace, AsOf, AuditFilter, NewJob, ResourceFilter, ScimBecomes, ScimSaid, Store, StoreError,
    WithJob,
};
use serde_json::{Map, Value, json};

use crate::place::Place;
use crate::provisioning::{attempt, claim, creation, finish, job, outcome, task, with_system, write};
use crate::sample::*;

mod being_made;
mod revisions;

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
    let said = ScimSaid { becomes: ScimBecomes::Kept, ..word((kind, resource), external_id) };
    store.keep_scim(&id("s"), client, &said, at(5)).await
}

async fn deleted(store: &Store) -> BTreeMap<ExternalId, String> {
    let deleted = store.scim_standing(&id("s")).await.unwrap().deleted;
    deleted.into_iter().map(|(user, deleted)| (user, deleted.by)).collect()
}

fn word((kind, resource): (&str, &str), external_id: Option<&str>) -> ScimSaid {
    ScimSaid {
        resource: Some(external(resource.to_owned())),
        resource_type: kind.to_owned(),
        changes: said(resource),
        external_id: Some(external_id.map(str::to_owned)),
        becomes: ScimBecomes::Kept,
    }
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
        let records = store.scim_users(&id("s"), "entra", &all, false).await.unwrap().records;
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
        publish(&store, &Inventory::default(), at(1)).await;
        keep(&store, "okta", ("User", "AIDA1"), Some("1")).await.unwrap();
        let all = ids(&["AIDA1", "AIDA2"]);
        for one in &all {
            let gone = ScimSaid { becomes: ScimBecomes::Deleted, ..word(("User", one.as_str()), None) };
            store.keep_scim(&id("s"), "okta", &gone, at(6)).await.unwrap();
        }
        let gone = deleted(&store).await;
        assert_eq!(gone.values().collect::<Vec<_>>(), ["okta", "okta"]);
        let records = store.scim_users(&id("s"), "okta", &all, false).await.unwrap().records;
        assert!(records.values().all(|one| one.attributes.is_empty() && one.external_id.is_none()));
        keep(&store, "okta", ("User", "AIDA2"), Some("1")).await.unwrap();
        assert_eq!(deleted(&store).await.keys().collect::<Vec<_>>(), [&all[0]]);
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
        let named: BTreeSet<&str> = places.iter().map(|place| &*place.name).collect();
        assert_eq!(named, known.accounts.iter().map(|account| account.name.as_str()).collect());
        let in_order = |a: &AccountPlace, b: &AccountPlace| {
            (a.name.to_lowercase(), &a.external_id) <= (b.name.to_lowercase(), &b.external_id)
        };
        assert!(places.is_sorted_by(in_order), "{places:?}");
        let some: Vec<ExternalId> =
            known.accounts.iter().step_by(2).map(|account| account.external_id.clone()).collect();
        let asked = [some.clone(), ids(&["AIDANOBODY"])].concat();
        let mut found = store.accounts_by_id(&id("s"), &asked).await.unwrap();
        found.sort_by(|a, b| a.external_id.cmp(&b.external_id));
        let mut expected: Vec<_> = known.accounts.iter().step_by(2).cloned().collect();
        expected.sort_by(|a, b| a.external_id.cmp(&b.external_id));
        assert_eq!(found, expected);
        let users = store.scim_users(&id("s"), "anna", &some, true).await.unwrap();
        assert_eq!(users.accounts.len(), some.len());
        let held = |id: &ExternalId| -> Vec<Assignment> {
            known.assignments.iter().filter(|one| one.subject_external_id == *id).cloned().collect()
        };
        assert!(some.iter().any(|id| held(id).len() > 1));
        for id in &some {
            assert_eq!(
                users.held.get(id).cloned().unwrap_or_default(),
                held(id),
                "whole, and in the order of lists"
            );
        }
        let bare = store.scim_users(&id("s"), "anna", &some, false).await.unwrap();
        assert!(bare.held.is_empty());
        let filter = ResourceFilter { kind: Some(ResourceType::Group), ..ResourceFilter::default() };
        let groups = store.list_resources(&id("s"), AsOf::Now, &filter).await.unwrap();
        let members = store.scim_groups(&id("s"), "anna", &groups[..1], true).await.unwrap().members;
        let of_group = |one: &&Assignment| {
            one.kind == AssignmentKind::AccountGroup
                && one.resource_external_id.as_ref() == Some(&groups[0].external_id)
        };
        assert_eq!(members.len(), known.assignments.iter().filter(of_group).count());
        let all: Vec<ExternalId> = known.accounts.iter().map(|account| account.external_id.clone()).collect();
        let changed = store.scim_users(&id("s"), "anna", &all, false).await.unwrap().changed;
        assert!(!changed.is_empty() && changed.len() < all.len());
        assert!(changed.values().all(|at_| *at_ == at(100)));
    }
}

async fn ask(store: &Store, new: &NewJob, said: &ScimSaid) -> Result<ProvisioningJob, StoreError> {
    let with = WithJob { said: Some(said), ..WithJob::default() };
    store.create_job_with(new, with, at(7)).await
}

async fn end(store: &Store, state: TaskState) {
    let claimed = claim(store, 8).await;
    write(store, &claimed.lease, finish(state), 9).await.unwrap();
}

#[tokio::test]
async fn what_is_said_with_a_job_holds_when_it_has_succeeded_and_not_before() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        publish(&store, &Inventory::default(), at(1)).await;
        let ada = external("AIDAADA".to_owned());
        keep(&store, "anna", ("User", "AIDAADA"), Some("1")).await.unwrap();
        let record = async || {
            let found = store.scim_users(&id("s"), "anna", std::slice::from_ref(&ada), false).await.unwrap();
            found.records[&ada].clone()
        };
        let before = record().await;
        let new = job(vec![task("ada")]);
        let said = ScimSaid {
            changes: Map::from_iter([
                ("displayName".to_owned(), Value::Null),
                ("title".to_owned(), json!("Dr")),
            ]),
            ..word(("User", "AIDAADA"), Some("2"))
        };
        // Failed, or taken back: dropped.
        let asked = ask(&store, &new, &said).await.unwrap();
        assert_eq!(record().await, before, "nothing is done yet");
        end(&store, TaskState::Failed).await;
        assert_eq!(record().await, before);
        store.retry_job(asked.id, &crate::provisioning::retry("anna"), at(10)).await.unwrap();
        end(&store, TaskState::Succeeded).await;
        assert_eq!(record().await, before, "what was dropped is not brought back");
        let asked = ask(&store, &new, &said).await.unwrap();
        store.cancel_job(asked.id, "anna", at(8)).await.unwrap();
        assert_eq!(record().await, before);
        // What holds meanwhile stays, but for what was said.
        ask(&store, &new, &said).await.unwrap();
        let meanwhile = ScimSaid {
            changes: Map::from_iter([("nickName".to_owned(), json!("A"))]),
            external_id: None,
            ..word(("User", "AIDAADA"), None)
        };
        store.keep_scim(&id("s"), "okta", &meanwhile, at(8)).await.unwrap();
        end(&store, TaskState::Succeeded).await;
        let after = record().await;
        assert_eq!(Value::Object(after.attributes), json!({"title": "Dr", "nickName": "A"}));
        assert_eq!((after.external_id.as_deref(), after.made_by), (Some("2"), None));
        // Gone for SCIM when the job is over, not before.
        let gone = ScimSaid { becomes: ScimBecomes::Deleted, ..said };
        ask(&store, &new, &gone).await.unwrap();
        assert!(deleted(&store).await.is_empty());
        end(&store, TaskState::Succeeded).await;
        assert_eq!(deleted(&store).await[&ada], "anna");
        assert_eq!(place.number("SELECT COUNT(*) FROM scim_pending").await, 0);
        store.verify_audit().await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_said_of_a_user_that_a_job_makes_is_known_by_the_id_it_gets() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let said =
            ScimSaid { resource: None, becomes: ScimBecomes::Made, ..word(("User", "AIDANEW"), Some("1")) };
        ask(&store, &job(vec![creation("grace")]), &said).await.unwrap();
        // Until then its externalId is taken, for this client alone.
        for taken in [
            keep(&store, "anna", ("User", "AIDA2"), Some("1")).await,
            ask(&store, &job(vec![task("ada")]), &word(("User", "AIDAADA"), Some("1"))).await.map(|_| ()),
            ask(&store, &job(vec![creation("eve")]), &said).await.map(|_| ()),
        ] {
            assert!(matches!(taken, Err(StoreError::ScimExternalIdTaken { .. })), "{taken:?}");
        }
        keep(&store, "okta", ("User", "AIDA2"), Some("1")).await.unwrap();
        keep(&store, "anna", ("Group", "AGPA2"), Some("1")).await.unwrap();
        let claimed = claim(&store, 8).await;
        write(&store, &claimed.lease, attempt(1), 8).await.unwrap();
        let mut made = outcome(1, StepState::Applied);
        if let keyreeve_store::JournalEvent::Outcome { account, .. } = &mut made {
            *account = Some((external("AIDAGRACE".to_owned()), "grace".to_owned()));
        }
        write(&store, &claimed.lease, made, 8).await.unwrap();
        write(&store, &claimed.lease, finish(TaskState::Succeeded), 9).await.unwrap();
        let grace = external("AIDAGRACE".to_owned());
        let found =
            store.scim_users(&id("s"), "anna", std::slice::from_ref(&grace), false).await.unwrap().records;
        let record = &found[&grace];
        assert_eq!((record.external_id.as_deref(), record.made_by.as_deref()), (Some("1"), Some("anna")));
        assert_eq!(record.attributes, self::said("AIDANEW"));
        assert_eq!(store.scim_called(&id("s"), "anna", "User", "1").await.unwrap(), Some(grace));
        store.close().await;
    }
}

#[tokio::test]
async fn what_a_job_waits_with_gives_way_to_what_is_said_again() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let waiting = NewJob { approval_because: vec!["many".to_owned()], ..job(vec![task("ada")]) };
        let asked = ask(&store, &waiting, &word(("User", "AIDAADA"), Some("1"))).await.unwrap();
        let ada = external("AIDAADA".to_owned());
        let again = ScimSaid {
            changes: Map::from_iter([("title".to_owned(), json!("Dr"))]),
            ..word(("User", "AIDAADA"), Some("2"))
        };
        let with = WithJob { said: Some(&again), ..WithJob::default() };
        store.replace_with_job(asked.id, with, at(8)).await.unwrap();
        keep(&store, "anna", ("User", "AIDA2"), Some("1")).await.unwrap();
        store.decide_job(asked.id, true, "berta", None, at(9)).await.unwrap();
        // From then on it is as it was decided about.
        let late = WithJob { said: Some(&word(("User", "AIDAADA"), Some("3"))), ..WithJob::default() };
        store.replace_with_job(asked.id, late, at(9)).await.unwrap();
        end(&store, TaskState::Succeeded).await;
        let found =
            store.scim_users(&id("s"), "anna", std::slice::from_ref(&ada), false).await.unwrap().records;
        assert_eq!(Value::Object(found[&ada].attributes.clone()), json!({"title": "Dr"}));
        assert_eq!(found[&ada].external_id.as_deref(), Some("2"));
        store.close().await;
    }
}
