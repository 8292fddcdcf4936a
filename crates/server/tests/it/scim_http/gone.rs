//! Users that AWS has no more and no import has missed yet, and users whose creation stopped half way.

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule, Mutation};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::users::{USER, USERS, ada, at, created, post};
use super::{answered, each, encoded, refused};
use crate::place::{PROD_ACCOUNT, Place};

async fn called(place: &Place, name: &str) -> Value {
    let filter = encoded(&format!("userName eq \"{name}\""));
    place.get(&format!("{USERS}?filter={filter}")).await
}

#[tokio::test]
async fn whoever_is_gone_in_aws_is_gone_by_a_delete_before_any_import() {
    let place = Place::start().await;
    let people = place.people().await;
    let (gone, again) = (called(&place, &people[0]).await, called(&place, &people[1]).await);
    let (gone, again) = (&gone["Resources"][0], &again["Resources"][0]);
    let mutations = [
        Mutation::DeleteUser { name: people[0].clone() },
        Mutation::DeleteAndRecreateUser { name: people[1].clone() },
    ];
    place.sandbox.mutate(PROD_ACCOUNT, &mutations).unwrap();
    let (newcomer, writes) = (place.in_aws(&people[1]).unwrap(), place.writes());
    let delete = |user: &Value| place.request(Method::DELETE, &at(user), Some(place.admin()));
    for user in [gone, again] {
        assert_eq!(delete(user).send().await.unwrap().status(), StatusCode::NO_CONTENT);
        let (status, _) = place.ask(&at(user), Some(place.admin())).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "the last import says that it has a way in");
        assert_eq!(refused(delete(user)).await.0, 404);
    }
    assert_eq!((place.in_aws(&people[1]).unwrap(), place.writes()), (newcomer.clone(), writes));
    let rows = place.all("/api/v1/audit", 1000).await;
    let said = rows.iter().filter(|row| row["action"] == "scim_resource_deleted");
    assert_eq!(said.filter(|row| row["subject"]["gone"] == true).count(), 2);
    // The name of the one is free, that of the other is a newcomer's.
    let body = |name: &str| json!({"schemas": [USER], "userName": name});
    let back = created(&place, place.admin(), &body(&people[0])).await;
    assert_ne!(back["id"], gone["id"]);
    assert_eq!(each(&called(&place, &people[0]).await, "id"), [back["id"].as_str().unwrap()]);
    assert_eq!(refused(post(&place, place.admin(), &body(&people[1]))).await, (409, "uniqueness".to_owned()));
    place.import("prod").await;
    assert_eq!(each(&called(&place, &people[0]).await, "id"), [back["id"].as_str().unwrap()]);
    assert_eq!(each(&called(&place, &people[1]).await, "id"), [newcomer["id"].as_str().unwrap()]);
    place.stop().await;
}

#[tokio::test]
async fn whoever_was_renamed_in_aws_is_not_gone() {
    let place = Place::start().await;
    let people = place.people().await;
    let user = called(&place, &people[0]).await["Resources"][0].clone();
    let renamed = Mutation::RenameUser { name: people[0].clone(), new_name: "renamed".to_owned() };
    place.sandbox.mutate(PROD_ACCOUNT, &[renamed]).unwrap();
    let delete = || place.request(Method::DELETE, &at(&user), Some(place.admin()));
    assert_eq!(refused(delete()).await.0, 409);
    assert_eq!(place.get(&at(&user)).await["id"], user["id"]);
    place.stop().await;
}

#[tokio::test]
async fn whoever_made_half_a_user_is_told_so_and_can_begin_anew() {
    let place = Place::start().await;
    let entra = place.token_of("entra", Role::Operator, &["prod"]).await;
    let okta = place.token_of("okta", Role::Operator, &["prod"]).await;
    let denied = || FaultRule::new("CreateLoginProfile", Effect::AccessDenied).times(1).min_fires(1);
    place.sandbox.add_fault(denied());
    assert_eq!(refused(post(&place, &entra, &ada())).await.0, 403);
    let half = place.in_aws("ada.scim").expect("half of it is there");
    let (status, own) = answered(post(&place, &entra, &ada())).await;
    assert_eq!((status, &own["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")));
    let detail = own["detail"].as_str().unwrap();
    let id = half["id"].as_str().unwrap();
    for said in ["your own request", "half way", "job 1 ", "/jobs/1/retry", id, &format!("{USERS}/{id}")] {
        assert!(detail.contains(said), "{said}: {detail}");
    }
    let (_, others) = answered(post(&place, &okta, &ada())).await;
    assert!(others["detail"].as_str().unwrap().ends_with("not taken over"), "{others}");
    // As it is said: away with it, and once more.
    let address = format!("{USERS}/{id}");
    let away = place.request(Method::DELETE, &address, Some(&entra)).send().await.unwrap();
    assert_eq!(away.status(), StatusCode::NO_CONTENT);
    let back = created(&place, &entra, &ada()).await;
    assert_eq!((&back["id"], &back["active"], &back["externalId"]), (&half["id"], &json!(true), &json!("7")));
    // Or an operator tries the job again.
    place.sandbox.add_fault(denied());
    let eve = json!({"schemas": [USER], "userName": "eve"});
    assert_eq!(refused(post(&place, &entra, &eve)).await.0, 403);
    let (_, told) = answered(post(&place, &entra, &eve)).await;
    let detail = told["detail"].as_str().unwrap().to_owned();
    let retry = detail.split('`').nth(1).unwrap().strip_prefix("POST ").unwrap();
    let (status, job) = place.post(retry, &json!({})).await;
    assert!(status.is_success(), "{status} {job}");
    place.ended(retry.strip_suffix("/retry").unwrap()).await;
    let (_, told) = answered(post(&place, &entra, &eve)).await;
    assert!(told["detail"].as_str().unwrap().contains("which you have asked for"), "{told}");
    assert_eq!(place.sandbox.unfired().len(), 0);
    place.stop().await;
}
