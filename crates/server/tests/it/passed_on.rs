//! S10 over REST: what is asked for by name is not done to whoever has the name by now, and an id that is also a name
//! means nobody.

use keyreeve_sandbox::Mutation;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::place::{PROD_ACCOUNT, Place};

const ACCOUNTS: &str = "/api/v1/systems/prod/accounts";

fn wishes(name: &str) -> [Value; 3] {
    [
        json!({"wishes": [{"task": "delete_account", "account": name}]}),
        json!({"wishes": [{"task": "deactivate_account", "account": name}]}),
        json!({"wishes": [{"task": "reset_password", "account": name}]}),
    ]
}

#[tokio::test]
async fn s10_a_name_that_is_another_users_since_the_last_import_is_refused_over_rest() {
    let place = Place::start().await;
    let name = place.people().await.remove(0);
    let was = place.get(&format!("{ACCOUNTS}/{name}")).await["external_id"].as_str().unwrap().to_owned();
    let again = Mutation::DeleteAndRecreateUser { name: name.clone() };
    place.sandbox.mutate(PROD_ACCOUNT, &[again]).unwrap();
    let (before, writes) = (place.in_aws(&name), place.writes());
    for body in wishes(&name) {
        let (status, plan) = place.post("/api/v1/systems/prod/plans", &body).await;
        assert_eq!(
            (status, &plan["tasks"][0]["obstacles"][0]["kind"]),
            (StatusCode::OK, &"identity_changed".into()),
            "{plan}"
        );
        let (status, refused) = place.post("/api/v1/systems/prod/jobs", &body).await;
        assert!(status.is_client_error() && refused.to_string().contains(&was), "{status} {refused}");
    }
    assert_eq!((place.in_aws(&name), place.writes()), (before, writes));
    place.import("prod").await;
    let (_, plan) = place.post("/api/v1/systems/prod/plans", &wishes(&name)[0]).await;
    assert_eq!(plan["tasks"][0]["obstacles"], json!([]), "{plan}");
    place.stop().await;
}

#[tokio::test]
async fn s10_an_id_that_is_also_a_name_is_refused_over_rest_for_reads_as_for_changes() {
    let place = Place::start().await;
    let name = place.people().await.remove(0);
    let id = place.get(&format!("{ACCOUNTS}/{name}")).await["external_id"].as_str().unwrap().to_owned();
    let (_, plan) = place.post("/api/v1/systems/prod/plans", &wishes(&id)[0]).await;
    assert_eq!(plan["tasks"][0]["account"], name.as_str(), "{plan}");
    let other = Mutation::CreateUser { name: id.clone(), path: "/".into(), tags: vec![], boundary: None };
    place.sandbox.mutate(PROD_ACCOUNT, &[other]).unwrap();
    place.import("prod").await;
    let read = place.request(reqwest::Method::GET, &format!("{ACCOUNTS}/{id}"), Some(place.admin()));
    let read = read.send().await.unwrap();
    assert_eq!(read.status(), StatusCode::CONFLICT);
    let read: Value = read.json().await.unwrap();
    assert!(read["code"] == "ambiguous" && read["detail"].to_string().contains(&name), "{read}");
    let (_, plan) = place.post("/api/v1/systems/prod/plans", &wishes(&id)[0]).await;
    assert_eq!(plan["tasks"][0]["obstacles"][0]["kind"], "ambiguous", "{plan}");
    let named = place.in_aws(&id).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(place.get(&format!("{ACCOUNTS}/{named}")).await["name"], id.as_str());
    place.stop().await;
}
