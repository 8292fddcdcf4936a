//! R36: a `POST` that comes again because its answer was lost is told what came of the first one, and makes nothing.

use std::time::Duration;

use keyreeve_model::Role;
use keyreeve_sandbox::{Effect, FaultRule};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::answered;
use super::racing::{Second, jobs, waiting};
use super::users::{USER, USERS, ada, at, created, post};
use crate::place::Place;

/// What a name that is taken is told.
async fn taken(place: &Place, token: &str, body: &Value) -> String {
    let (status, answer) = answered(post(place, token, body)).await;
    assert_eq!((status, &answer["scimType"]), (StatusCode::CONFLICT, &json!("uniqueness")), "{answer}");
    answer["detail"].as_str().unwrap().to_owned()
}

fn says_who_made(detail: &str, user: &Value) {
    let meta = &user["meta"];
    let parts = [&json!("you have made"), &user["id"], &meta["location"], &meta["created"]];
    for part in parts {
        assert!(detail.contains(part.as_str().unwrap()), "{part}: {detail}");
    }
}

#[tokio::test]
async fn r36_whoever_made_a_user_is_told_so_when_the_post_comes_again() {
    let place = Place::start().await;
    let entra = place.token_of("entra", Role::Operator, &["prod"]).await;
    let made = created(&place, &entra, &ada()).await;
    let bare = json!({"schemas": [USER], "userName": "ADA.scim"});
    // The externalId that came with it is taken for that reason, too, and a renewed token is the same client.
    let renewed = place.token_of("entra", Role::Operator, &["prod"]).await;
    for (token, body) in [(&entra, &ada()), (&entra, &bare), (&renewed, &ada())] {
        says_who_made(&taken(&place, token, body).await, &made);
    }
    // Others are not told whose it is, and of whoever was there before nobody is.
    let okta = place.token_of("okta", Role::Operator, &["prod"]).await;
    let before = json!({"schemas": [USER], "userName": place.people().await[0]});
    for (token, body) in [(&okta, &ada()), (&entra, &before)] {
        let detail = taken(&place, token, body).await;
        assert!(detail.contains("not taken over") && !detail.contains("AIDA"), "{detail}");
    }
    assert_eq!((place.calls("CreateUser"), jobs(&place).await), (1, 1));
    // Whoever deleted it makes it again, and is then told the same; others still are not.
    let delete = place.request(Method::DELETE, &at(&made), Some(&entra));
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(taken(&place, &okta, &ada()).await.contains("not taken over"));
    let back = created(&place, &entra, &ada()).await;
    assert_eq!(back["id"], made["id"]);
    says_who_made(&taken(&place, &entra, &ada()).await, &back);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_while_the_first_post_is_under_way_the_next_one_is_told_its_job() {
    let place = Place::with(waiting(1)).await;
    let slow = FaultRule::new("CreateLoginProfile", Effect::Latency { ms: 4_000 }).times(1).min_fires(1);
    place.sandbox.add_fault(slow);
    let (status, first) = answered(post(&place, place.admin(), &ada())).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{first}");
    assert!(first["detail"].as_str().unwrap().contains("job 1 "), "{first}");
    let okta = place.token_of("okta", Role::Operator, &["prod"]).await;
    let operations = json!([{"method": "POST", "path": "/Users", "bulkId": "one", "data": ada()}]);
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    let bulk = place.request(Method::POST, "/scim/v2/prod/Bulk", Some(place.admin())).json(&body);
    let (own, others, bulk) = tokio::join!(
        answered(post(&place, place.admin(), &ada())),
        answered(post(&place, &okta, &ada())),
        answered(bulk)
    );
    let of_bulk = &bulk.1["Operations"][0];
    assert_eq!(of_bulk["status"], "503", "{of_bulk}");
    for answer in [&own.1, &of_bulk["response"]] {
        let detail = answer["detail"].as_str().unwrap();
        assert!(
            detail.contains("became job 1, which has not ended") && detail.contains("ask again"),
            "{detail}"
        );
    }
    assert_eq!((own.0, others.0), (StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE));
    assert!(others.1["detail"].as_str().unwrap().starts_with("nothing was begun"), "{}", others.1);
    let last = loop {
        let (status, last) = answered(post(&place, place.admin(), &ada())).await;
        if status == StatusCode::CONFLICT {
            break last;
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{last}");
    };
    assert!(last["detail"].as_str().unwrap().contains("you have made"), "{last}");
    assert_eq!((place.calls("CreateUser"), jobs(&place).await), (1, 1));
    assert_eq!(place.sandbox.unfired().len(), 0);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r36_a_post_that_comes_again_at_another_server_waits_for_the_first_one() {
    let (place, second) = Second::beside_the_first().await;
    let slow = FaultRule::new("CreateLoginProfile", Effect::Latency { ms: 1_500 }).times(1).min_fires(1);
    place.sandbox.add_fault(slow);
    let eve = json!({"schemas": [USER], "userName": "eve"});
    let first = tokio::spawn(answered(post(&place, place.admin(), &eve)));
    while place.calls("CreateLoginProfile") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let request = reqwest::Client::new().post(format!("{}{USERS}", second.url)).bearer_auth(place.admin());
    let (status, again) = answered(request.json(&eve)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{again}");
    let (status, made) = first.await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let detail = again["detail"].as_str().unwrap();
    assert!(detail.contains("you have made") && detail.contains(made["id"].as_str().unwrap()), "{detail}");
    assert_eq!((place.calls("CreateUser"), jobs(&place).await), (1, 1));
    second.stop().await;
    place.stop().await;
}
