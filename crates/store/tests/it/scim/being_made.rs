//! Which job makes a user.

use keyreeve_model::{JobId, TaskState};
use keyreeve_store::{NewJob, ScimBecomes, ScimSaid, Store};

use super::{ask, end, word};
use crate::place::Place;
use crate::provisioning::{claim, creation, finish, job, task, with_system, write};
use crate::sample::*;

async fn making(store: &Store, client: &str, name: &str) -> Option<JobId> {
    store.scim_being_made(&id("s"), client, name).await.unwrap()
}

#[tokio::test]
async fn the_job_that_makes_a_user_is_known_to_its_client_until_it_ends() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made =
            ScimSaid { resource: None, becomes: ScimBecomes::Made, ..word(("User", "AIDANEW"), Some("1")) };
        assert_eq!(making(&store, "anna", "grace").await, None);
        for state in [TaskState::Failed, TaskState::Succeeded] {
            let asked = ask(&store, &job(vec![creation("grace")]), &made).await.unwrap();
            assert_eq!(making(&store, "anna", "gRACE").await, Some(asked.id));
            assert_eq!(making(&store, "okta", "grace").await, None, "of another client");
            assert_eq!(making(&store, "anna", "grac_").await, None);
            let claimed = claim(&store, 8).await;
            assert_eq!(making(&store, "anna", "grace").await, Some(asked.id), "it is running");
            write(&store, &claimed.lease, finish(state), 9).await.unwrap();
            assert_eq!(making(&store, "anna", "grace").await, None, "it has ended");
        }
        ask(&store, &job(vec![task("ada")]), &word(("User", "AIDAADA"), None)).await.unwrap();
        assert_eq!(making(&store, "anna", "ada").await, None, "a change makes nobody");
        end(&store, TaskState::Succeeded).await;
        let waiting = NewJob { approval_because: vec!["many".to_owned()], ..job(vec![creation("eve")]) };
        ask(&store, &waiting, &ScimSaid { external_id: None, ..made }).await.unwrap();
        assert_eq!(making(&store, "anna", "eve").await, None, "it waits for approval");
        store.close().await;
    }
}
