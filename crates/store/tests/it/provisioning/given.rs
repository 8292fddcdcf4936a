//! Passwords that came with a job: sealed, bound to their task, and gone with the job, however that ends.

use keyreeve_model::Secret;

use super::*;
use crate::place::Place;

const PASSWORD: &str = "canary-Passw0rd!";

fn given() -> Vec<(usize, Secret)> {
    vec![(1, Secret::new(PASSWORD.to_owned()))]
}

async fn ask(store: &Store, new: &NewJob) -> ProvisioningJob {
    let passwords = given();
    let with = WithJob { passwords: &passwords, ..WithJob::default() };
    store.create_job_with(new, with, at(1)).await.unwrap()
}

async fn read(store: &Store, task: TaskId) -> Option<String> {
    let found = store.given_password(&id("s"), task).await.unwrap();
    found.map(|password| password.expose().to_owned())
}

async fn rows(place: &Place) -> i64 {
    place.number("SELECT COUNT(*) FROM given_passwords").await
}

#[tokio::test]
async fn a_password_that_came_with_a_task_is_its_own_until_the_job_has_ended() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = ask(&store, &job(vec![task("ada"), creation("grace")])).await;
        let (ada, grace) = (made.tasks[0].id, made.tasks[1].id);
        assert_eq!(read(&store, ada).await, None);
        assert_eq!(read(&store, grace).await.as_deref(), Some(PASSWORD));
        // What lies in the table is no text of it, and opens at no other place.
        place.tamper(&format!("UPDATE given_passwords SET task_id = {}", ada.0)).await;
        let moved = store.given_password(&id("s"), ada).await.unwrap_err();
        assert!(matches!(moved, StoreError::SecretUnreadable { .. }), "{moved:?}");
        place.tamper(&format!("UPDATE given_passwords SET task_id = {}", grace.0)).await;
        let audit = store.audit(&AuditFilter::default(), 99).await.unwrap();
        let given = audit.iter().filter(|row| row.subject["password"] == "given");
        assert_eq!(given.map(|row| row.subject["task"].clone()).collect::<Vec<_>>(), [grace.0]);
        store.cancel_job(made.id, "anna", at(2)).await.unwrap();
        assert_eq!((read(&store, grace).await, rows(&place).await), (None, 0));
        store.close().await;
    }
}

#[tokio::test]
async fn a_password_that_came_with_a_job_is_gone_however_the_job_ends() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        // Rejected by a second person.
        let asked =
            NewJob { approval_because: vec!["many".to_owned()], ..job(vec![task("ada"), creation("grace")]) };
        let made = ask(&store, &asked).await;
        assert_eq!(rows(&place).await, 1, "it waits with the job");
        store.decide_job(made.id, false, "berta", None, at(2)).await.unwrap();
        assert_eq!(rows(&place).await, 0);
        // Ended by its worker.
        let made = ask(&store, &job(vec![task("ada"), creation("grace")])).await;
        for now in [3, 4] {
            assert_eq!(rows(&place).await, 1);
            let claimed = claim(&store, now).await;
            write(&store, &claimed.lease, finish(TaskState::Failed), now).await.unwrap();
        }
        assert_eq!(rows(&place).await, 0);
        let again = store.retry_job(made.id, &retry("anna"), at(5)).await.unwrap();
        assert_eq!(read(&store, again.tasks[1].id).await, None, "trying again brings it not back");
        // With its system.
        ask(&store, &job(vec![task("eva"), creation("edda")])).await;
        assert_eq!(rows(&place).await, 1);
        store.remove_system(&id("s"), ("local:test", None), at(6)).await.unwrap();
        assert_eq!(rows(&place).await, 0);
        store.close().await;
    }
}

#[tokio::test]
async fn a_password_that_waits_to_be_set_is_sealed_under_new_data_keys() {
    for place in Place::both().await {
        let store = with_system(&place).await;
        let made = ask(&store, &job(vec![task("ada"), creation("grace")])).await;
        let status = store.key_status().await.unwrap();
        assert_eq!(status.passwords, 1);
        let new = StoreKey::generate().unwrap();
        let key = MadeKey { key: new.clone(), sealed: None };
        let plan = RekeyPlan::new(true);
        let begun =
            store.begin_rekey(&key, "memory", status.next_version, plan, ("local:test", None), at(2)).await;
        let rekey = begun.unwrap();
        assert_eq!(store.carry_on_rekey(&rekey, "local:test", at(3)).await.unwrap().passwords, 1);
        store.finish_rekey(&rekey, "local:test", at(4)).await.unwrap();
        store.close().await;
        let store = Store::open(&place.url, new).await.unwrap();
        assert_eq!(read(&store, made.tasks[1].id).await.as_deref(), Some(PASSWORD));
        assert_eq!(place.number("SELECT MIN(version) FROM data_keys").await, 2, "the old one is gone");
        store.close().await;
    }
}
