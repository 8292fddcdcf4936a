//! Systems registered over REST, and the credentials that they are given: once, sealed, and nothing of the machine.

use keyreeve_model::Role;
use keyreeve_sandbox::{Mutation, Trust};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{PROD_ACCOUNT, Place, system};

const TEST_ACCOUNT: &str = "444455556666";

/// The access key of an AWS account, and its secret.
fn key(place: &Place, account: &str) -> (Value, String) {
    let key = place.sandbox.connector_key(account).unwrap();
    let secret = key.secret_access_key;
    let given = json!({
        "kind": "access_key", "access_key_id": key.access_key_id, "secret_access_key": secret.clone(),
    });
    (given, secret)
}

fn new(id: &str, credential: &Value) -> Value {
    json!({"system_id": id, "name": format!("System {id}"), "region": "eu-central-1", "credential": credential})
}

async fn with_key(place: &Place, idempotency: &str, body: &Value) -> (StatusCode, Value) {
    let request = place.request(Method::POST, "/api/v1/systems", Some(place.admin()));
    let answer = request.header("idempotency-key", idempotency).json(body).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_is_registered_once_and_its_secret_stands_nowhere() {
    let place = Place::start().await;
    let (given, secret) = key(&place, PROD_ACCOUNT);
    let (status, made) = with_key(&place, "k1", &new("more", &given)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["aws_account_id"], &made["category"]), (&PROD_ACCOUNT.into(), &"AWS".into()));
    assert_eq!((&made["same_account"], &made["repeated"]), (&json!(["prod"]), &false.into()));
    assert!(made["signs_in_as"].as_str().unwrap().contains(":user/"), "{made}");
    let (status, again) = with_key(&place, "k1", &new("more", &given)).await;
    assert_eq!((status, &again["repeated"]), (StatusCode::CREATED, &true.into()), "{again}");
    assert_eq!(again["system_id"], made["system_id"]);
    for other in [new("others", &given), new("more", &key(&place, TEST_ACCOUNT).0)] {
        let (status, problem) = with_key(&place, "k1", &other).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &"key_reused".into()), "{problem}");
    }
    let (status, problem) = place.post("/api/v1/systems", &new("more", &given)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"already_there".into()));
    // It is a system like any other.
    let (status, run) = place.post("/api/v1/systems/more/import-runs", &json!({})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{run}");
    assert_eq!(place.ended(&format!("/api/v1/import-runs/{}", run["id"])).await["state"], "published");
    let audit = place.get("/api/v1/audit?system_id=more").await;
    let rows = audit["items"].as_array().unwrap();
    let registered = rows.iter().find(|row| row["action"] == "system_registered").unwrap();
    assert_eq!(registered["actor"], "admin-");
    for said in [made.to_string(), again.to_string(), audit.to_string(), problem.to_string()] {
        assert!(!said.contains(&secret));
    }
    assert_eq!(place.files_with(&secret), 0, "the secret is sealed");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_aws_refuses_is_not_registered_and_no_refusal_repeats_a_secret() {
    let place = Place::start().await;
    let (mut given, _) = key(&place, PROD_ACCOUNT);
    given["secret_access_key"] = "canaryCanaryCanaryCanaryCanaryCanary1234".into();
    let (status, problem) = place.post("/api/v1/systems", &new("bad", &given)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &"credentials_refused".into()),
        "{problem}"
    );
    let mut said = vec![problem];
    for (field, value) in [
        ("secret_access_key", json!(443_322_110)),
        ("secret_access_key", json!({"canary": 443_322_110})),
        ("access_key_id", json!("canaryCanaryCanaryCanaryCanaryCanary1234")),
        ("endpoint_url", json!("http://169.254.169.254/")),
    ] {
        let mut given = given.clone();
        given[field] = value;
        let (status, problem) = place.post("/api/v1/systems", &new("bad", &given)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}: {problem}");
        said.push(problem);
    }
    for problem in said {
        let text = problem.to_string();
        assert!(!text.contains("canary") && !text.contains("443322110"), "{text}");
    }
    let (given, _) = key(&place, PROD_ACCOUNT);
    let mut elsewhere = new("bad", &given);
    elsewhere["region"] = "cn-north-1".into();
    assert_eq!(place.post("/api/v1/systems", &elsewhere).await.0, StatusCode::BAD_REQUEST);
    elsewhere["region"] = "example.org".into();
    assert_eq!(place.post("/api/v1/systems", &elsewhere).await.0, StatusCode::BAD_REQUEST);
    assert!(place.store.get_system(&system("bad")).await.is_err());
    // Nor is AWS asked for a system that could not be registered.
    place.sandbox.clear_trace();
    for (id, said) in [("Prod", "the System ID Prod is taken"), ("other", "belongs to another system")] {
        let mut taken = new(id, &given);
        taken["name"] = place.get("/api/v1/systems/prod").await["name"].clone();
        let (status, problem) = place.post("/api/v1/systems", &taken).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"already_there".into()), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    assert!(place.sandbox.trace().is_empty());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_machines_own_credentials_are_not_lent_unless_its_configuration_says_so() {
    let place = Place::start().await;
    let role = format!("arn:aws:iam::{PROD_ACCOUNT}:role/reader");
    for (given, code) in [
        (json!({"kind": "ambient"}), "not_lent"),
        (json!({"kind": "role", "role_arn": role}), "not_lent"),
        (json!({"kind": "profile", "name": "default"}), "bad_request"),
        (json!({"kind": "role", "role_arn": role, "base": {"kind": "profile", "name": "x"}}), "bad_request"),
        (json!({"kind": "ambient", "role_arn": role}), "bad_request"),
    ] {
        let (_, problem) = place.post("/api/v1/systems", &new("own", &given)).await;
        assert_eq!(problem["code"], code, "{given}: {problem}");
        let body = json!({"credential": given});
        let (_, problem) =
            place.send(Method::PUT, "/api/v1/systems/prod/credential", place.admin(), &body).await;
        assert_eq!(problem["code"], code, "{given}: {problem}");
    }
    assert_eq!(place.sandbox.trace().len(), 0, "nothing is asked of AWS");
    assert!(place.store.get_system(&system("own")).await.is_err());
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_credentials_must_be_of_the_same_account_and_end_a_quarantine() {
    let place = Place::start().await;
    let address = "/api/v1/systems/prod/credential";
    let put = async |token: &str, body: &Value| place.send(Method::PUT, address, token, body).await;
    let (given, secret) = key(&place, TEST_ACCOUNT);
    let (status, problem) = put(place.admin(), &json!({"credential": given})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"other_aws_account".into()), "{problem}");
    assert!(!problem.to_string().contains(&secret));
    let (given, _) = key(&place, PROD_ACCOUNT);
    // An admin of this system alone may.
    let of_prod = place.token(Role::Admin, &["prod"]).await;
    let (status, set) = put(&of_prod, &json!({"credential": given})).await;
    assert!(status == StatusCode::OK && set["trust"].is_null(), "{set}");
    assert!(set["signs_in_as"].as_str().unwrap().contains(PROD_ACCOUNT), "{set}");
    let rows = place.get("/api/v1/audit?system_id=prod").await;
    assert!(rows.to_string().contains("credentials"), "{rows}");
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_given_twice_and_is_refused_to_a_second_system() {
    let place = Place::start().await;
    let address = "/api/v1/systems/prod/credential";
    let put = async |body: &Value| place.send(Method::PUT, address, place.admin(), body).await;
    let (base, secret) = key(&place, PROD_ACCOUNT);
    let arn = format!("arn:aws:iam::{PROD_ACCOUNT}:role/connector");
    let given = json!({"kind": "role", "role_arn": arn, "base": base});
    let (status, first) = put(&json!({"credential": given})).await;
    assert!(status == StatusCode::OK && first["signs_in_as"].is_null(), "{first}");
    assert_eq!(first["credential"]["kind"], "access_key", "nothing was changed yet");
    let id = first["trust"]["external_id"].as_str().unwrap().to_owned();
    assert_eq!(
        first["trust"]["policy"]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"],
        id.as_str()
    );
    let again = json!({"credential": given, "external_id": id});
    assert_eq!(put(&again).await.1["code"], "credentials_refused", "there is no such role");
    let trust = |external_id| Trust { principals: vec![PROD_ACCOUNT.into()], external_id };
    let make = |name: &str, external_id| {
        let role = Mutation::CreateRole { name: name.into(), path: "/".into(), trust: trust(external_id) };
        place.sandbox.mutate(PROD_ACCOUNT, &[role]).unwrap();
    };
    make("connector", Some(id.clone()));
    make("open", None);
    let (status, set) = put(&again).await;
    assert_eq!((status, &set["lets_in_anybody"]), (StatusCode::OK, &false.into()), "{set}");
    assert!(set["signs_in_as"].as_str().unwrap().contains("assumed-role/connector"), "{set}");
    let mut open = given.clone();
    open["role_arn"] = format!("arn:aws:iam::{PROD_ACCOUNT}:role/open").into();
    let (_, set) = put(&json!({"credential": open})).await;
    assert_eq!(set["lets_in_anybody"], true, "{set}");
    // Its external id is this system's for good, and no other's.
    let other = json!({"credential": given, "external_id": uuid::Uuid::new_v4()});
    assert_eq!(put(&other).await.0, StatusCode::BAD_REQUEST);
    place.not_imported("second").await;
    let (status, problem) =
        place.send(Method::PUT, "/api/v1/systems/second/credential", place.admin(), &again).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    let (status, made) = place.post("/api/v1/systems", &new("third", &given)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_ne!(made["trust"]["external_id"], id.as_str());
    assert_eq!(place.files_with(&secret), 0, "the secret is sealed");
    place.stop().await;
}

#[tokio::test]
async fn an_account_in_no_organization_has_none_to_discover() {
    let place = Place::start().await;
    let asked = json!({"by_system": "prod", "preview": true});
    let (status, problem) = place.post("/api/v1/organization/discover", &asked).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &"no_organization".into()), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("in no organization"), "{problem}");
}
