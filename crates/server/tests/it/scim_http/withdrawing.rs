//! What waits, or was approved and has not begun, is taken back when its client says the opposite: nobody is shut out whom
//! a client has asked for since.

use keyreeve_model::{JobId, JobState, PermissionProfile, Role, ScimDelete, SystemSettings};
use keyreeve_sandbox::Mutation;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{USER, ada, at, created, patch, post};
use super::{answered, refused};
use crate::place::{PROD_ACCOUNT, Place};

async fn place() -> Place {
    let permission_profile = PermissionProfile::Full;
    Place::with(SystemSettings { permission_profile, max_deactivations: 0, ..SystemSettings::default() })
        .await
}

fn active(value: bool) -> Value {
    json!([{"op": "replace", "path": "active", "value": value}])
}

/// Asks for a DELETE that a second person must approve, and gives its job.
async fn deletion(place: &Place, token: &str, user: &Value) -> JobId {
    waiting(answered(place.request(Method::DELETE, &at(user), Some(token))).await)
}

fn waiting((status, body): (StatusCode, Value)) -> JobId {
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    let detail = body["detail"].as_str().unwrap();
    let number = detail.split_once("job ").unwrap().1.split(' ').next().unwrap();
    JobId(number.parse().unwrap())
}

async fn state(place: &Place, job: JobId) -> JobState {
    place.store.job(job).await.unwrap().state
}

fn has_a_password(place: &Place) -> bool {
    !place.in_aws("ada.scim").unwrap()["login_profile"].is_null()
}

/// A change is made as a whole or not at all, and so is what it takes back.
#[tokio::test]
async fn a_change_that_is_refused_takes_nothing_back() {
    let place = place().await;
    let entra = place.token_of("entra", Role::Operator, &["prod"]).await;
    let made = created(&place, &entra, &ada()).await;
    let taken = place.people().await.remove(0);
    let off = waiting(answered(patch(&place, &entra, &at(&made), active(false))).await);
    let both = json!([
        {"op": "replace", "path": "active", "value": true},
        {"op": "replace", "path": "userName", "value": taken},
    ]);
    assert_eq!(refused(patch(&place, &entra, &at(&made), both)).await.0, 409);
    assert_eq!(state(&place, off).await, JobState::AwaitingApproval);
    let (status, body) = answered(patch(&place, &entra, &at(&made), active(true))).await;
    assert_eq!((status, state(&place, off).await), (StatusCode::OK, JobState::Cancelled), "{body}");
    place.stop().await;
}

#[tokio::test]
async fn a_deletion_that_waits_is_taken_back_when_its_client_posts_the_name_again() {
    let place = place().await;
    let entra = place.token_of("entra", Role::Operator, &["prod"]).await;
    let okta = place.token_of("okta", Role::Operator, &["prod"]).await;
    let made = created(&place, &entra, &ada()).await;
    let job = deletion(&place, &entra, &made).await;
    // Another client's word is not this one's.
    let (_, others) = answered(post(&place, &okta, &ada())).await;
    assert!(others["detail"].as_str().unwrap().ends_with("it is not taken over"), "{others}");
    assert_eq!(state(&place, job).await, JobState::AwaitingApproval);
    let (status, answer) = answered(post(&place, &entra, &ada())).await;
    assert_eq!((status, &answer["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")), "{answer}");
    let detail = answer["detail"].as_str().unwrap();
    for said in ["you have made", made["id"].as_str().unwrap(), &format!("job {job}"), "is withdrawn"] {
        assert!(detail.contains(said), "{said}: {detail}");
    }
    assert_eq!(state(&place, job).await, JobState::Cancelled);
    let approver = place.token(Role::Approver, &["prod"]).await;
    let approve = format!("/api/v1/jobs/{job}/approve");
    assert_eq!(place.send(Method::POST, &approve, &approver, &json!({})).await.0, StatusCode::CONFLICT);
    assert!(has_a_password(&place));
    // Of one that it has not made, too, and that one is not taken over for it.
    let mut before = json!({"schemas": [USER], "userName": "ada.scim"});
    let job = deletion(&place, &okta, &made).await;
    let (status, answer) = answered(post(&place, &okta, &before)).await;
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("not taken over") && detail.contains(&format!("job {job}")), "{status} {detail}");
    assert_eq!(state(&place, job).await, JobState::Cancelled);
    // Who wants the user there without a way in wants no deletion, and may want the deactivation.
    before["active"] = json!(false);
    let off = waiting(answered(patch(&place, &okta, &at(&made), active(false))).await);
    assert_eq!(refused(post(&place, &okta, &before)).await.0, 409);
    assert_eq!(state(&place, off).await, JobState::AwaitingApproval);
    before["active"] = json!(true);
    assert_eq!(refused(post(&place, &okta, &before)).await.0, 409);
    assert_eq!(state(&place, off).await, JobState::Cancelled);
    // A DELETE deactivates: it shuts out whom that client wants shut out.
    let job = deletion(&place, &okta, &made).await;
    before["active"] = json!(false);
    assert_eq!(refused(post(&place, &okta, &before)).await.0, 409);
    assert_eq!(state(&place, job).await, JobState::AwaitingApproval);
    place.stop().await;
}

#[tokio::test]
async fn a_deletion_in_aws_that_waits_is_taken_back_by_whoever_wants_the_user_there_without_a_way_in() {
    let permission_profile = PermissionProfile::Full;
    let (scim_delete, max_deletes) = (ScimDelete::Delete, 0);
    let settings =
        SystemSettings { permission_profile, scim_delete, max_deletes, ..SystemSettings::default() };
    let place = Place::with(settings).await;
    let made = created(&place, place.admin(), &ada()).await;
    let job = deletion(&place, place.admin(), &made).await;
    let mut inactive = ada();
    inactive["active"] = json!(false);
    assert_eq!(refused(post(&place, place.admin(), &inactive)).await.0, 409);
    assert_eq!(state(&place, job).await, JobState::Cancelled);
    place.stop().await;
}

#[tokio::test]
async fn what_was_approved_and_has_not_begun_is_taken_back_by_active_true_and_by_a_post() {
    let place = place().await;
    let made = created(&place, place.admin(), &ada()).await;
    // Approved, and no worker has been told of it.
    let approved = async |job| {
        let now = place.clock.now();
        let job = place.store.decide_job(job, true, "local:second", None, now).await.unwrap();
        assert_eq!(job.state, JobState::Queued);
        job.id
    };
    let off = waiting(answered(patch(&place, place.admin(), &at(&made), active(false))).await);
    let off = approved(off).await;
    // What cannot be done as a whole takes nothing back.
    let wrong = json!([{"op": "replace", "path": "active", "value": true}, {"op": "replace", "path": "id",
        "value": "x"}]);
    let answer = refused(patch(&place, place.admin(), &at(&made), wrong)).await;
    assert_eq!(answer, (400, "mutability".to_owned()));
    assert_eq!(state(&place, off).await, JobState::Queued);
    let (status, now) = answered(patch(&place, place.admin(), &at(&made), active(true))).await;
    assert_eq!((status, &now["active"]), (StatusCode::OK, &json!(true)), "{now}");
    assert_eq!(state(&place, off).await, JobState::Cancelled);
    let gone = approved(deletion(&place, place.admin(), &made).await).await;
    let (status, answer) = answered(post(&place, place.admin(), &ada())).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains(&format!("job {gone}")), "{answer}");
    assert_eq!(state(&place, gone).await, JobState::Cancelled);
    assert!(has_a_password(&place));
    place.stop().await;
}

/// A job has the names of its users, and nobody can approve one whose user has another name by now: it gives way to one of
/// the same user, by its id.
#[tokio::test]
async fn a_deactivation_that_waits_gives_way_when_its_user_has_another_name_and_it_is_asked_again() {
    let place = place().await;
    let entra = place.token_of("entra", Role::Operator, &["prod"]).await;
    let made = created(&place, &entra, &ada()).await;
    place.import("prod").await;
    let off = waiting(answered(patch(&place, &entra, &at(&made), active(false))).await);
    let rename = Mutation::RenameUser { name: "ada.scim".to_owned(), new_name: "ada.king".to_owned() };
    place.sandbox.mutate(PROD_ACCOUNT, &[rename]).unwrap();
    place.import("prod").await;
    let again = waiting(answered(patch(&place, &entra, &at(&made), active(false))).await);
    assert_ne!(again, off);
    assert_eq!(state(&place, off).await, JobState::Cancelled);
    assert_eq!(waiting(answered(patch(&place, &entra, &at(&made), active(false))).await), again);
    let approver = place.token(Role::Approver, &["prod"]).await;
    let approve = format!("/api/v1/jobs/{again}/approve");
    assert_eq!(place.send(Method::POST, &approve, &approver, &json!({})).await.0, StatusCode::OK);
    place.ended(&format!("/api/v1/jobs/{again}")).await;
    assert!(place.in_aws("ada.king").unwrap()["login_profile"].is_null());
    place.stop().await;
}
