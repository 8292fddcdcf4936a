//! Reading with filters and as of a moment.

use keyreeve_model::{
    AccountStatus, Assignment, AssignmentKind, Inventory, LoginProfileState, ManagedBy, ResourceType,
};
use keyreeve_store::{
    AccountFilter, AccountOrder, AsOf, AssignmentFilter, AssignmentSlice, Mfa, ResourceFilter, ResourceOrder,
    Slice, SlicePlace, SortKey, StoreError,
};

use crate::place::Place;
use crate::sample::*;

#[tokio::test]
async fn filters_let_through_what_they_say_on_both_databases() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let inventory = random_inventory(&mut Dice(5));
        publish(&store, &inventory, at(1)).await;
        let names = async |filter: AccountFilter| {
            let found = store.list_accounts(&id("s"), AsOf::Now, &filter).await.unwrap();
            found.into_iter().map(|account| account.name).collect::<Vec<_>>()
        };
        let expect = |keep: &dyn Fn(&keyreeve_model::Account) -> bool| {
            let kept = inventory.accounts.iter().filter(|account| keep(account));
            kept.map(|account| account.name.clone()).collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let name = |text| AccountFilter { name: some(text), ..Default::default() };
        assert_eq!(names(name("SER1")).await, expect(&|a| a.name.contains("ser1")));
        assert_eq!(names(name("User?")).await, expect(&|a| a.name.len() == 5));
        assert_eq!(names(name("%")).await, Vec::<String>::new());
        let filter = AccountFilter { path_prefix: some("/sta"), ..Default::default() };
        assert_eq!(names(filter).await, expect(&|a| a.path == "/staff/"));
        let filter = AccountFilter { status: Some(AccountStatus::Disabled), ..Default::default() };
        assert_eq!(names(filter).await, expect(&|a| a.status == AccountStatus::Disabled));
        for (mfa, active) in [(Mfa::Active, Some(true)), (Mfa::Inactive, Some(false)), (Mfa::Unknown, None)] {
            let filter = AccountFilter { mfa: Some(mfa), ..Default::default() };
            assert_eq!(names(filter).await, expect(&|a| a.mfa_active == active));
        }
        for console in [LoginProfileState::Present, LoginProfileState::Absent, LoginProfileState::Unknown] {
            let filter = AccountFilter { console: Some(console), ..Default::default() };
            assert_eq!(names(filter).await, expect(&|a| a.login_profile.state == console));
        }
        let text = |text| AccountFilter { text: some(text), ..Default::default() };
        assert_eq!(names(text("SER1")).await, expect(&|a| a.name.contains("ser1")));
        assert_eq!(names(text("/STAFF/")).await, expect(&|a| a.path == "/staff/"));
        assert_eq!(names(text("012:user/user3")).await, expect(&|a| a.arn.contains("012:user/user3")));
        let tagged = |a: &keyreeve_model::Account| format!("{:?}", a.tags).contains("=\\\"2");
        assert_eq!(names(text("TEAM")).await, expect(&|a| a.tags.is_some()));
        assert_eq!(names(text("=\"2\" ü")).await, expect(&tagged));
        assert_eq!(names(text("%_")).await, Vec::<String>::new());
        let holds = |a: &keyreeve_model::Account, name: &str| {
            inventory.assignments.iter().any(|x| x.subject_name == a.name && x.resource_name == name)
        };
        for group in ["gROUP1", "AGPA000001"] {
            let filter = AccountFilter { group: some(group), ..Default::default() };
            assert_eq!(names(filter).await, expect(&|a| holds(a, "Group1")));
        }
        for policy in ["policy2", "ANPA000002", "arn:aws:iam::123456789012:policy/Policy2"] {
            let filter = AccountFilter { policy: some(policy), ..Default::default() };
            assert_eq!(names(filter).await, expect(&|a| holds(a, "Policy2")));
        }

        let filter = ResourceFilter { managed_by: Some(ManagedBy::Customer), ..Default::default() };
        let found = store.list_resources(&id("s"), AsOf::Now, &filter).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|r| r.kind == ResourceType::Policy));
        let filter = AssignmentFilter { account: some("USER3"), ..Default::default() };
        let found = store.list_assignments(&id("s"), AsOf::Now, &filter).await.unwrap();
        let expected = inventory.assignments.iter().filter(|a| a.subject_name == "user3").count();
        assert!(expected > 0);
        assert_eq!(found.len(), expected);
        let kind = AssignmentKind::AccountGroup;
        let filter = AssignmentFilter { group: some("group0"), kind: Some(kind), ..Default::default() };
        let found = store.list_assignments(&id("s"), AsOf::Now, &filter).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|a| a.resource_name == "Group0"));
        store.close().await;
    }
}

#[tokio::test]
async fn holders_of_a_policy_are_found_through_groups_at_any_moment_on_both_databases() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let inventory = |assignments| Inventory {
            accounts: (1..=4).map(|number| account(number, 0)).collect(),
            assignments,
            ..Inventory::default()
        };
        // One holds it directly, two through Group1; three is in a group that holds something else.
        let unlisted = Assignment { resource_external_id: None, resource_arn: None, ..membership(4, 1) };
        let old = vec![
            attachment(1, 2),
            membership(2, 1),
            membership(3, 2),
            unlisted,
            group_attachment(1, 2),
            group_attachment(2, 1),
        ];
        publish(&store, &inventory(old), at(1)).await;
        publish(&store, &inventory(vec![attachment(1, 2), membership(2, 1)]), at(2)).await;
        let names = async |as_of, policy: &str, through_groups| {
            let filter =
                AccountFilter { policy: Some(policy.to_owned()), through_groups, ..AccountFilter::default() };
            let found = store.list_accounts(&id("s"), as_of, &filter).await.unwrap();
            found.into_iter().map(|account| account.name).collect::<Vec<_>>()
        };
        let then = AsOf::Time(at(1));
        for policy in ["policy2", "ANPA000002", "arn:aws:iam::123456789012:policy/Policy2"] {
            assert_eq!(names(then, policy, true).await, ["user1", "user2", "user4"], "{policy}");
            assert_eq!(names(then, policy, false).await, ["user1"], "{policy}");
            assert_eq!(names(AsOf::Now, policy, true).await, ["user1"], "{policy}");
        }
        assert_eq!(names(then, "Policy1", true).await, ["user3"]);
        store.close().await;
    }
}

fn group_attachment(group_number: u64, policy_number: u64) -> Assignment {
    let holder = group(group_number, 0);
    Assignment {
        kind: AssignmentKind::GroupPolicy,
        subject_name: holder.name,
        subject_external_id: holder.external_id,
        ..attachment(0, policy_number)
    }
}

#[tokio::test]
async fn a_moment_before_the_first_import_is_refused_with_the_earliest_one() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let list = async |as_of| store.list_accounts(&id("s"), as_of, &AccountFilter::default()).await;
        assert!(list(AsOf::Now).await.unwrap().is_empty());
        let unknown = |refused| matches!(refused, Err(StoreError::NotImported { system_id, removed: false }) if system_id == id("s"));
        let (system, now) = (id("s"), AsOf::Now);
        assert!(unknown(store.get_account(&system, now, "x").await.map(drop)));
        let slice = Slice { by: AccountOrder::Name, descending: false, after: None, limit: 9 };
        let filter = AccountFilter::default();
        assert!(unknown(store.accounts_slice(&system, now, &filter, &slice).await.map(drop)));
        let slice = Slice { by: ResourceOrder::Name, descending: false, after: None, limit: 9 };
        let filter = ResourceFilter::default();
        assert!(unknown(store.resources_slice(&system, now, &filter, &slice).await.map(drop)));
        let slice = AssignmentSlice { descending: false, after: None, limit: 9 };
        let filter = AssignmentFilter::default();
        assert!(unknown(store.assignments_slice(&system, now, &filter, &slice).await.map(drop)));
        assert!(unknown(store.scim_standing(&system).await.map(drop)));
        assert!(matches!(list(AsOf::Time(at(9))).await, Err(StoreError::NothingThen { earliest: None, .. })));
        let (old, new) = (random_inventory(&mut Dice(1)), random_inventory(&mut Dice(2)));
        publish(&store, &old, at(10)).await;
        publish(&store, &new, at(20)).await;
        let refused = list(AsOf::Time(at(9))).await.unwrap_err();
        assert!(matches!(refused, StoreError::NothingThen { earliest, .. } if earliest == Some(at(10))));
        assert_eq!(list(AsOf::Time(at(19))).await.unwrap().len(), old.accounts.len());
        assert_eq!(list(AsOf::Time(at(20))).await.unwrap().len(), new.accounts.len());
        let running = begin(&store, at(30)).await;
        assert!(matches!(list(AsOf::Run(running.run)).await, Err(StoreError::RunNotPublished { .. })));
        store.close().await;
    }
}

#[tokio::test]
async fn an_account_is_found_by_exact_name_before_other_case_and_by_its_external_id() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let mut inventory = random_inventory(&mut Dice(1));
        let (mut one, mut two) = (account(90, 0), account(91, 0));
        (one.name, two.name) = ("Anna".to_owned(), "anna".to_owned());
        inventory.accounts.extend([one.clone(), two.clone()]);
        publish(&store, &inventory, at(1)).await;
        for (name, expected) in [("Anna", &one), ("anna", &two), ("AIDA000091", &two)] {
            let found = store.get_account(&id("s"), AsOf::Now, name).await.unwrap();
            assert_eq!(found.external_id, expected.external_id, "{name}");
        }
        assert!(store.get_account(&id("s"), AsOf::Now, "ANNA").await.is_ok());
        let missing = store.get_account(&id("s"), AsOf::Now, "nobody").await.unwrap_err();
        assert!(matches!(missing, StoreError::AccountNotFound { .. }));
        store.close().await;
    }
}

#[tokio::test]
async fn whoever_is_named_like_the_id_of_another_does_not_show_in_their_place() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        let (mut one, two) = (account(90, 0), account(91, 0));
        one.name = two.external_id.as_str().to_owned();
        let mut inventory = random_inventory(&mut Dice(1));
        inventory.accounts.extend([one.clone(), two.clone()]);
        publish(&store, &inventory, at(1)).await;
        for (asked, expected) in
            [(two.external_id.as_str(), &two), (two.name.as_str(), &two), ("AIDA000090", &one)]
        {
            let found = store.get_account(&id("s"), AsOf::Now, asked).await.unwrap();
            assert_eq!(found.external_id, expected.external_id, "{asked}");
        }
        let called = store.account_called(&id("s"), AsOf::Now, &one.name).await.unwrap().unwrap();
        assert_eq!(called.external_id, one.external_id);
        assert_eq!(store.account_called(&id("s"), AsOf::Now, "AIDA000090").await.unwrap(), None);
        store.close().await;
    }
}

#[test]
fn every_future_of_the_store_can_move_between_threads() {
    fn sendable<T: Send>(_: &T) {}
    let place = Place::sqlite();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = place.create().await;
        let system = id("s");
        sendable(&store.create_system(new_system("s", "S"), "local:test", at(0)));
        sendable(&store.current_inventory(&system));
        sendable(&store.list_accounts(&system, AsOf::Now, &AccountFilter::default()));
        sendable(&store.begin_import_run(&system, &profile(), "t", at(0), LEASE));
        store.close().await;
    });
}

#[tokio::test]
async fn slices_are_the_lists_in_parts_on_both_databases() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        publish(&store, &random_inventory(&mut Dice(5)), at(1)).await;
        let (system, now) = (id("s"), AsOf::Now);
        let (accounts, resources, assignments) = (
            store.list_accounts(&system, now, &AccountFilter::default()).await.unwrap(),
            store.list_resources(&system, now, &ResourceFilter::default()).await.unwrap(),
            store.list_assignments(&system, now, &AssignmentFilter::default()).await.unwrap(),
        );
        assert!(accounts.len() > 5 && resources.len() > 3 && assignments.len() > 5);
        for limit in [1, 4, 1000] {
            let (mut after, mut found) = (None, Vec::new());
            loop {
                let slice = Slice { by: AccountOrder::Name, descending: false, after, limit };
                let filter = AccountFilter::default();
                let part = store.accounts_slice(&system, now, &filter, &slice).await.unwrap();
                let Some(last) = part.last() else { break };
                after = Some(slice.by.place(last));
                found.extend(part);
            }
            assert_eq!(found, accounts);
            let (mut after, mut found) = (None, Vec::new());
            loop {
                let slice = Slice { by: ResourceOrder::Name, descending: false, after, limit };
                let filter = ResourceFilter::default();
                let part = store.resources_slice(&system, now, &filter, &slice).await.unwrap();
                let Some(last) = part.last() else { break };
                after = Some(slice.by.place(last));
                found.extend(part);
            }
            assert_eq!(found, resources);
            let (mut after, mut found) = (None, Vec::new());
            loop {
                let slice = AssignmentSlice { descending: false, after, limit };
                let filter = AssignmentFilter::default();
                let part = store.assignments_slice(&system, now, &filter, &slice).await.unwrap();
                let Some(last) = part.last() else { break };
                after = Some(last.place());
                found.extend(part);
            }
            assert_eq!(found, assignments);
        }
        store.close().await;
    }
}

#[tokio::test]
async fn slices_have_any_order_forwards_and_backwards_on_both_databases() {
    for place in Place::both().await {
        let store = place.create().await;
        store.create_system(new_system("s", "S"), "local:test", at(0)).await.unwrap();
        publish(&store, &random_inventory(&mut Dice(5)), at(1)).await;
        let (system, now) = (id("s"), AsOf::Now);
        let known = store.list_accounts(&system, now, &AccountFilter::default()).await.unwrap();
        let orders = [
            AccountOrder::Name,
            AccountOrder::Path,
            AccountOrder::Status,
            AccountOrder::CreatedAt,
            AccountOrder::PasswordLastUsedAt,
        ];
        for (by, descending) in orders.into_iter().flat_map(|by| [(by, false), (by, true)]) {
            let mut expected = known.clone();
            let key = |account: &keyreeve_model::Account| {
                let SlicePlace(key, name, id) = by.place(account);
                let (number, text) = match key {
                    SortKey::Number(number) => (number, String::new()),
                    SortKey::Text(text) => (0, text),
                };
                (number, text, name, id)
            };
            expected.sort_by_key(key);
            if descending {
                expected.reverse();
            }
            let (mut after, mut found) = (None, Vec::new());
            loop {
                let slice = Slice { by, descending, after, limit: 2 };
                let part =
                    store.accounts_slice(&system, now, &AccountFilter::default(), &slice).await.unwrap();
                let Some(last) = part.last() else { break };
                after = Some(by.place(last));
                found.extend(part);
            }
            assert_eq!(found, expected, "{by:?} {descending}");
        }
        let mut expected = store.list_assignments(&system, now, &AssignmentFilter::default()).await.unwrap();
        expected.reverse();
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let slice = AssignmentSlice { descending: true, after, limit: 3 };
            let part =
                store.assignments_slice(&system, now, &AssignmentFilter::default(), &slice).await.unwrap();
            let Some(last) = part.last() else { break };
            after = Some(last.place());
            found.extend(part);
        }
        assert_eq!(found, expected);
        store.close().await;
    }
}
