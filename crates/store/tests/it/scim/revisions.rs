//! How often what is shown of somebody has become otherwise, and what a client has asked for that nobody has begun.

use keyreeve_model::{
    Account, ClaimFact, Inventory, JobState, LoginProfileState, StepState, TaskState, Wish,
};
use keyreeve_store::{JournalEvent, NewJob, NewTask, ScimBecomes, ScimSaid, ScimUnbegun, Store};

use super::{ask, word};
use crate::place::Place;
use crate::provisioning::{attempt, claim, creation, finish, job, outcome, task, with_system, write};
use crate::sample::*;

/// Of the user and of the group.
async fn revisions(store: &Store) -> (i64, i64) {
    let (user, group) = (account(1, 0).external_id, group(1, 0));
    let users = store.scim_users(&id("s"), "anna", std::slice::from_ref(&user), false).await.unwrap();
    let groups = store.scim_groups(&id("s"), "anna", std::slice::from_ref(&group), false).await.unwrap();
    let of = |found: Option<&i64>| found.copied().unwrap_or_default();
    (of(users.revisions.get(&user)), of(groups.revisions.get(&group.external_id)))
}

fn inventory(account: Account, member: bool) -> Inventory {
    let assignments = if member { vec![membership(1, 1)] } else { Vec::new() };
    Inventory { accounts: vec![account], resources: vec![group(1, 0)], assignments }
}

fn about(wish: Option<Wish>) -> NewTask {
    let user = account(1, 0);
    let task = task(&user.name);
    let wish = wish.unwrap_or(task.wish);
    NewTask { wish, account_external_id: Some(user.external_id), ..task }
}

#[tokio::test]
async fn what_becomes_otherwise_is_counted_and_what_nobody_sees_is_not() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let user = || account(1, 0);
        publish(&store, &inventory(user(), true), at(1)).await;
        assert_eq!(revisions(&store).await, (0, 0), "what was never otherwise");
        let signed_in = Account { password_last_used_at: Some(at(2)), ..user() };
        publish(&store, &inventory(signed_in, true), at(2)).await;
        assert_eq!(revisions(&store).await, (0, 0), "nothing of it is shown");
        let mut shut_out = user();
        shut_out.login_profile.state = LoginProfileState::Absent;
        shut_out.login_profile.password_reset_required = Some(true);
        publish(&store, &inventory(shut_out, true), at(3)).await;
        publish(&store, &inventory(user(), true), at(4)).await;
        assert_eq!(revisions(&store).await, (2, 0));
        publish(&store, &inventory(user(), false), at(5)).await;
        publish(&store, &inventory(user(), true), at(6)).await;
        assert_eq!(revisions(&store).await, (4, 2));
        // Said: of the user alone, but for whoever comes or goes.
        let of_user = || word(("User", user().external_id.as_str()), None);
        let becomes = async |becomes| {
            let said = ScimSaid { becomes, ..of_user() };
            store.keep_scim(&id("s"), "anna", &said, at(7)).await.unwrap();
            revisions(&store).await
        };
        assert_eq!(becomes(ScimBecomes::Kept).await, (5, 2));
        assert_eq!(becomes(ScimBecomes::Deleted).await, (6, 3));
        assert_eq!(becomes(ScimBecomes::Made).await, (7, 4));
        assert_eq!(becomes(ScimBecomes::Kept).await, (8, 4));
        // Done, and not seen by an import yet.
        store.create_job(&job(vec![about(None)]), at(8)).await.unwrap();
        let claimed = claim(&store, 8).await;
        write(&store, &claimed.lease, attempt(1), 8).await.unwrap();
        let mut event = outcome(1, StepState::Applied);
        if let JournalEvent::Outcome { claims, .. } = &mut event {
            *claims = vec![ClaimFact::NotInGroup { group: group(1, 0).name }];
        }
        write(&store, &claimed.lease, event, 8).await.unwrap();
        write(&store, &claimed.lease, finish(TaskState::Succeeded), 8).await.unwrap();
        assert_eq!(revisions(&store).await, (9, 5));
        store.close().await;
    }
}

/// An import that began before says nothing of whom AWS had no more.
#[tokio::test]
async fn whoever_was_seen_to_be_gone_is_seen_again_by_a_later_import_alone() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let user = account(1, 0);
        publish(&store, &inventory(user.clone(), false), at(5)).await;
        let enabled = async || store.scim_standing(&id("s")).await.unwrap().enabled;
        for (becomes, seen) in [(ScimBecomes::Deleted, true), (ScimBecomes::Gone, false)] {
            let gone = ScimSaid { becomes, ..word(("User", user.external_id.as_str()), None) };
            store.keep_scim(&id("s"), "anna", &gone, at(6)).await.unwrap();
            assert_eq!(!enabled().await.is_empty(), seen, "{becomes:?}");
        }
        publish(&store, &inventory(user.clone(), true), at(7)).await;
        assert_eq!(enabled().await, [user.external_id]);
        store.close().await;
    }
}

#[tokio::test]
async fn what_is_against_a_user_and_not_begun_is_known_to_its_client() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let user = account(1, 0);
        let name = || user.name.clone();
        let unbegun = async |client| store.scim_unbegun(&id("s"), client, &user.external_id).await.unwrap();
        let off = || about(Some(Wish::DeactivateAccount { account: name() }));
        let waits = |tasks| NewJob { approval_because: vec!["many".to_owned()], ..job(tasks) };
        let said = |becomes| ScimSaid { becomes, ..word(("User", user.external_id.as_str()), None) };
        let shut_out = ask(&store, &waits(vec![off(), about(None)]), &said(ScimBecomes::Kept)).await.unwrap();
        let gone = ask(&store, &waits(vec![off()]), &said(ScimBecomes::Deleted)).await.unwrap();
        let deleted = about(Some(Wish::DeleteAccount { account: name() }));
        let deleted = store.create_job(&waits(vec![deleted]), at(3)).await.unwrap();
        // Nothing that shuts out, somebody else besides, and somebody else alone.
        store.create_job(&waits(vec![about(None)]), at(3)).await.unwrap();
        store.create_job(&waits(vec![off(), task("bob")]), at(3)).await.unwrap();
        store.create_job(&waits(vec![creation("eve")]), at(3)).await.unwrap();
        let expected = [(shut_out.id, false), (gone.id, false), (deleted.id, true)];
        let expected = expected.map(|(job, deletes)| ScimUnbegun { job, deletes });
        assert_eq!(unbegun("anna").await, expected);
        assert_eq!(unbegun("okta").await, []);
        // Approved, it is still not begun; until it is.
        for job in [deleted.id, shut_out.id] {
            store.cancel_job(job, "anna", at(4)).await.unwrap();
        }
        let approved = store.decide_job(gone.id, true, "second", None, at(4)).await.unwrap();
        assert_eq!(approved.state, JobState::Queued);
        assert_eq!(unbegun("anna").await, [ScimUnbegun { job: gone.id, deletes: false }]);
        claim(&store, 5).await;
        assert_eq!(unbegun("anna").await, []);
        store.close().await;
    }
}
