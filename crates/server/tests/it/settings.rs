//! Systems, their settings, task mappings and profiles are changed over REST as by the command line.

use keyreeve_model::{Failure, FailureKind, MappingName, TaskMapping};
use keyreeve_store::AuditFilter;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::place::{Place, system};

const PROD: &str = "/api/v1/systems/prod";

async fn patch(place: &Place, version: Option<&str>, body: &Value) -> (StatusCode, Value) {
    send_seen(place, (Method::PATCH, PROD), version, body).await
}

/// Changes something as it was seen; `None` says nothing of what was seen.
async fn send_seen(
    place: &Place,
    (method, address): (Method, &str),
    seen: Option<&str>,
    body: &Value,
) -> (StatusCode, Value) {
    let mut request = place.request(method, address, Some(place.admin())).json(body);
    if let Some(seen) = seen {
        request = request.header(IF_MATCH, seen);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

async fn version(place: &Place, address: &str) -> String {
    let answer = place.request(Method::GET, address, Some(place.admin())).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.headers()[ETAG].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_is_changed_as_it_was_seen_whole_or_not_at_all() {
    let place = Place::start().await;
    let seen = version(&place, PROD).await;
    assert!(seen.starts_with('"'), "{seen}");
    let body = json!({"name": "Production", "category": "Cloud", "settings": {"max_deletes": 7, "deny_all_policy": null}});
    let (status, problem) = patch(&place, None, &body).await;
    assert_eq!((status, &problem["code"]), (StatusCode::PRECONDITION_REQUIRED, &"version_required".into()));
    for stale in ["\"0\"", "", &format!("W/{seen}")] {
        let (status, problem) = patch(&place, Some(stale), &body).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::PRECONDITION_FAILED, &"changed_since".into()),
            "{stale}"
        );
    }
    let before = place.get(PROD).await;
    for bad in [
        json!({"name": "Production", "settings": {"colour": "red"}}),
        json!({"name": "Production", "settings": {"max_deletes": "7"}}),
        json!({"name": "Production", "settings": {"name": "x"}}),
        json!({"name": "Production", "system_id": "other"}),
        json!({"name": "Production", "region": "cn-north-1"}),
        json!({"name": "Production", "region": "example.org"}),
        json!({"name": "Production", "settings": {"region": "eu-west-1"}}),
        json!({"name": "Production", "category": " x"}),
        json!({"name": ""}),
        json!({"name": null, "category": "Cloud"}),
        json!({"category": null}),
        json!({"region": 1}),
        json!({"settings": null}),
        json!({"settings": {"max_deletes": 4_294_967_296_u64}}),
    ] {
        let (status, problem) = patch(&place, Some(&seen), &bad).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &"bad_request".into()), "{bad}");
    }
    for (bad, said) in [("name", "a name is a text"), ("category", "a category is a text")] {
        let (_, problem) = patch(&place, Some(&seen), &json!({bad: null})).await;
        assert_eq!(problem["detail"], said, "{problem}");
    }
    assert_eq!(place.get(PROD).await, before);
    let (status, changed) = patch(&place, Some(&seen), &body).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!((&changed["name"], &changed["settings"]["max_deletes"]), (&"Production".into(), &7.into()));
    assert_eq!(changed, place.get(PROD).await);
    let row = &place.store.audit(&AuditFilter::default(), 1).await.unwrap()[0];
    assert_eq!((row.action.as_str(), row.actor.as_str()), ("system_changed", "admin-"));
    assert_eq!(row.subject["settings.max_deletes"], json!({"from": 1, "to": 7}));
    let (status, _) = patch(&place, Some(&seen), &json!({"name": "Again"})).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    // What is left out stays; null takes the region away.
    for (body, region) in [
        (json!({"region": "eu-west-1"}), json!("eu-west-1")),
        (json!({"category": "AWS"}), json!("eu-west-1")),
        (json!({"region": null}), Value::Null),
    ] {
        let seen = version(&place, PROD).await;
        let (status, changed) = patch(&place, Some(&seen), &body).await;
        assert_eq!((status, &changed["region"]), (StatusCode::OK, &region), "{body}: {changed}");
    }
    place.stop().await;
}

#[tokio::test]
async fn a_system_that_is_set_as_it_was_is_the_same_version_and_has_no_row() {
    let place = Place::start().await;
    let (seen, system) = (version(&place, PROD).await, place.get(PROD).await);
    let rows = async || place.store.audit(&AuditFilter::default(), 100).await.unwrap().len();
    let before = rows().await;
    for body in [
        json!({}),
        json!({"settings": {}}),
        json!({"name": system["name"], "category": system["category"], "region": system["region"]}),
        json!({"settings": {"max_deletes": system["settings"]["max_deletes"]}}),
    ] {
        let (status, changed) = patch(&place, Some(&seen), &body).await;
        assert_eq!((status, &changed), (StatusCode::OK, &system), "{body}");
        assert_eq!(version(&place, PROD).await, seen, "{body}");
    }
    assert_eq!(rows().await, before);
    assert_eq!(patch(&place, Some(&seen), &json!({"category": "Other"})).await.0, StatusCode::OK);
    assert_ne!(version(&place, PROD).await, seen);
    assert_eq!(rows().await, before + 1);
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_changes_at_once_one_is_made_and_the_others_are_told() {
    let place = Place::start().await;
    let seen = version(&place, PROD).await;
    let bodies: Vec<Value> = (1..=6).map(|most| json!({"settings": {"max_deletes": most + 10}})).collect();
    let answers = futures_of(&place, &seen, &bodies).await;
    let made = answers.iter().filter(|status| **status == StatusCode::OK).count();
    let refused = answers.iter().filter(|status| **status == StatusCode::PRECONDITION_FAILED).count();
    assert_eq!((made, refused), (1, 5), "{answers:?}");
    place.stop().await;
}

async fn futures_of(place: &Place, seen: &str, bodies: &[Value]) -> Vec<StatusCode> {
    let mut asked = tokio::task::JoinSet::new();
    for body in bodies {
        let request = place.request(Method::PATCH, PROD, Some(place.admin()));
        let request = request.header(IF_MATCH, seen).json(body);
        asked.spawn(async move { request.send().await.unwrap().status() });
    }
    asked.join_all().await
}

#[tokio::test]
async fn what_one_has_already_is_not_sent_again() {
    let place = Place::start().await;
    let run = place.store.latest_published(&system("prod")).await.unwrap().unwrap().id;
    let account =
        place.all(&format!("{PROD}/accounts"), 100).await[0]["external_id"].as_str().unwrap().to_owned();
    for address in [
        PROD.to_owned(),
        format!("{PROD}/accounts/{account}"),
        format!("{PROD}/import-profiles/default"),
        format!("{PROD}/mappings/AWS%20-%20User"),
        format!("/api/v1/import-runs/{run}"),
    ] {
        let seen = version(&place, &address).await;
        for (known, status) in [
            (seen.clone(), StatusCode::NOT_MODIFIED),
            (format!("\"x\", W/{seen}"), StatusCode::NOT_MODIFIED),
            ("\"x\"".to_owned(), StatusCode::OK),
        ] {
            let request =
                place.request(Method::GET, &address, Some(place.admin())).header(IF_NONE_MATCH, known);
            let answer = request.send().await.unwrap();
            assert_eq!((answer.status(), answer.headers()[ETAG].to_str().unwrap()), (status, seen.as_str()));
            assert_eq!(answer.bytes().await.unwrap().is_empty(), status == StatusCode::NOT_MODIFIED);
        }
    }
    place.stop().await;
}

#[tokio::test]
async fn task_mappings_are_tried_set_and_put_back() {
    let place = Place::start().await;
    let address = format!("{PROD}/mappings/AWS%20-%20User");
    let default = place.get(&address).await;
    assert_eq!(default, json!(TaskMapping::default_of(MappingName::User)));
    let mut own = default.clone();
    own["rows"] = json!([
        {"property": "user_name", "operator": "Expression", "source": "first + '.' + last"},
        {"property": "path", "operator": "Constant", "source": "/staff/"},
    ]);
    let attributes = json!({"first": "ada", "last": "byron"});
    let (status, tried) =
        place.post(&format!("{address}/try"), &json!({"attributes": attributes, "mapping": own})).await;
    assert_eq!(status, StatusCode::OK, "{tried}");
    assert_eq!(
        (&tried["account"], &tried["path"], &tried["imported"]),
        (&"ada.byron".into(), &"/staff/".into(), &true.into())
    );
    assert_eq!(place.get(&address).await, default);
    let seen = version(&place, &address).await;
    let (status, set) = send_seen(&place, (Method::PUT, &address), Some(&seen), &own).await;
    assert_eq!(
        (status, &set["updated_by"], &set["default"]),
        (StatusCode::OK, &"admin-".into(), &false.into()),
        "{set}"
    );
    assert_eq!(place.get(&address).await["rows"], own["rows"]);
    let listed = place.get(&format!("{PROD}/mappings")).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
    own["rows"][0]["source"] = json!("first + ");
    let (status, problem) = send_seen(&place, (Method::PUT, &address), Some("*"), &own).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &"bad_request".into()));
    for method in [Method::PUT, Method::DELETE] {
        for (stale, status) in [(None, 428), (Some(seen.as_str()), 412)] {
            let (answered, problem) = send_seen(&place, (method.clone(), &address), stale, &default).await;
            assert_eq!(answered.as_u16(), status, "{method} {problem}");
        }
    }
    let seen = version(&place, &address).await;
    let (status, _) = send_seen(&place, (Method::DELETE, &address), Some(&seen), &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(place.get(&address).await, default);
    place.stop().await;
}

#[tokio::test]
async fn profiles_are_taken_away_but_for_the_default_one() {
    let place = Place::start().await;
    let address = format!("{PROD}/import-profiles/nightly");
    let mut profile = json!(keyreeve_model::ImportProfile::default_named("nightly".parse().unwrap()));
    profile["schedule"] = json!("30 2 * * *");
    let (status, problem) = send_seen(&place, (Method::PUT, &address), None, &profile).await;
    assert_eq!((status, &problem["code"]), (StatusCode::PRECONDITION_REQUIRED, &"version_required".into()));
    assert!(problem["advice"].as_str().unwrap().contains("If-None-Match: *"), "{problem}");
    // Nothing is there yet, so no version is either.
    let (status, _) = send_seen(&place, (Method::PUT, &address), Some("*"), &profile).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    let new = || {
        place.request(Method::PUT, &address, Some(place.admin())).header(IF_NONE_MATCH, "*").json(&profile)
    };
    let made = new().send().await.unwrap();
    assert_eq!(
        (made.status(), made.headers()[ETAG].to_str().unwrap()),
        (StatusCode::OK, &*version(&place, &address).await)
    );
    assert_eq!(new().send().await.unwrap().status(), StatusCode::PRECONDITION_FAILED, "it is there");
    let seen = version(&place, &address).await;
    profile["schedule"] = json!("40 2 * * *");
    let (status, _) = send_seen(&place, (Method::PUT, &address), Some(&seen), &profile).await;
    assert_eq!(status, StatusCode::OK);
    let gone = format!("{address}?reason=never");
    for (method, address) in [(Method::PUT, &address), (Method::DELETE, &gone)] {
        let (status, problem) = send_seen(&place, (method, address), Some(&seen), &profile).await;
        assert_eq!((status, &problem["code"]), (StatusCode::PRECONDITION_FAILED, &"changed_since".into()));
    }
    assert_eq!(place.get(&address).await, profile);
    assert_eq!(send_seen(&place, (Method::DELETE, &gone), None, &Value::Null).await.0.as_u16(), 428);
    let seen = version(&place, &address).await;
    assert_eq!(send_seen(&place, (Method::DELETE, &gone), Some(&seen), &Value::Null).await.0.as_u16(), 204);
    let row = &place.store.audit(&AuditFilter::default(), 1).await.unwrap()[0];
    assert_eq!((row.action.as_str(), &row.subject["reason"]), ("profile_removed", &"never".into()));
    let schedules = place.store.import_schedules_of(&system("prod"), place.clock.now()).await.unwrap();
    assert!(schedules.is_empty());
    let (status, problem) = send_seen(&place, (Method::DELETE, &gone), Some(&seen), &Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &"import_profile_not_found".into()));
    let default = format!("{PROD}/import-profiles/default");
    let (status, problem) = send_seen(&place, (Method::DELETE, &default), Some("*"), &Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"import_profile_stays".into()));
    place.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarantine_is_ended_and_a_system_removed() {
    let place = Place::start().await;
    let failure = Failure {
        kind: FailureKind::AccountMismatch,
        message: "of another account".to_owned(),
        effect: keyreeve_model::Effect::None,
        at: place.clock.now(),
    };
    place.store.quarantine_system(&system("prod"), failure, place.clock.now()).await.unwrap();
    let (status, released) = place.post(&format!("{PROD}/release"), &json!({"reason": "looked"})).await;
    assert_eq!(
        (status, &released["state"], &released["unidentified"]),
        (StatusCode::OK, &"active".into(), &Value::Null)
    );
    let seen = version(&place, PROD).await;
    assert_eq!(patch(&place, Some(&seen), &json!({"name": "Production"})).await.0, StatusCode::OK);
    for (stale, status) in [(None, 428), (Some(seen.as_str()), 412)] {
        let (answered, problem) = send_seen(&place, (Method::DELETE, PROD), stale, &Value::Null).await;
        assert_eq!(answered.as_u16(), status, "{problem}");
    }
    let seen = version(&place, PROD).await;
    let (status, removed) = send_seen(&place, (Method::DELETE, PROD), Some(&seen), &Value::Null).await;
    assert_eq!((status, &removed["state"]), (StatusCode::OK, &"removed".into()));
    let (status, problem) = patch(&place, Some("*"), &json!({"name": "Again"})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"system_removed".into()));
    let (status, problem) = place.post(&format!("{PROD}/release"), &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &"system_removed".into()));
    assert!(!place.all(&format!("{PROD}/accounts"), 100).await.is_empty());
    place.stop().await;
}

#[tokio::test]
async fn what_does_not_show_is_refused_in_what_people_write_and_named() {
    let place = Place::start().await;
    let head = place.store.verify_audit().await.unwrap();
    for (hidden, point) in
        [('\u{202e}', "U+202E"), ('\u{200b}', "U+200B"), ('\u{2066}', "U+2066"), ('\u{ad}', "U+00AD")]
    {
        let text = format!("Prod{hidden}uction");
        let asked = [
            (Method::PATCH, PROD.to_owned(), json!({"name": text})),
            (Method::PATCH, PROD.to_owned(), json!({"category": text})),
            (Method::POST, format!("{PROD}/release"), json!({"reason": text})),
            (
                Method::POST,
                format!("{PROD}/protections"),
                json!({"kind": "path", "value": "/a/", "reason": text}),
            ),
            (
                Method::POST,
                format!("{PROD}/jobs"),
                json!({"wishes": [{"task": "create_account", "name": "eve"}], "reason": text}),
            ),
            (Method::DELETE, format!("{PROD}?reason=a%E2%80%AE"), Value::Null),
            (Method::DELETE, format!("{PROD}/mappings/AWS%20-%20User?reason=a%E2%80%AE"), Value::Null),
            (Method::POST, "/api/v1/tokens".to_owned(), json!({"owner": text, "role": "viewer"})),
        ];
        for (method, address, body) in asked {
            let point = if method == Method::DELETE { "U+202E" } else { point };
            let (status, problem) = send_seen(&place, (method, &address), Some("*"), &body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{address} {body}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(point), "{address} {problem}");
        }
    }
    assert_eq!(place.store.verify_audit().await.unwrap(), head);
    let lines = json!({"reason": "one\n\ttwo"});
    assert_eq!(place.post(&format!("{PROD}/release"), &lines).await.0, StatusCode::OK);
    place.stop().await;
}

#[tokio::test]
async fn a_deny_all_policy_is_one_that_aws_would_attach_and_a_share_is_no_more_than_all() {
    let place = Place::start().await;
    let own = place.get(PROD).await["aws_account_id"].as_str().unwrap().to_owned();
    let set =
        async |arn: &str| patch(&place, Some("*"), &json!({"settings": {"deny_all_policy": arn}})).await;
    for (arn, why) in [
        ("AWSDenyAll", "policy/name"),
        ("arn:aws:iam::aws:policy/*", "policy/name"),
        ("arn:aws:iam::999999999999:policy/Nothing", "of the AWS account 999999999999"),
    ] {
        let (status, problem) = set(arn).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("deny_all_policy") && detail.contains(why), "{detail}");
    }
    for arn in ["arn:aws:iam::aws:policy/AWSDenyAll", &format!("arn:aws:iam::{own}:policy/Nothing")] {
        assert_eq!(set(arn).await.0, StatusCode::OK, "{arn}");
    }
    let address = format!("{PROD}/import-profiles/default");
    let mut profile = place.get(&address).await;
    profile["thresholds"]["large"]["deleted_percent"] = json!(101);
    let (status, problem) = send_seen(&place, (Method::PUT, &address), Some("*"), &profile).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("thresholds.large.deleted_percent cannot be 101"), "{detail}");
    place.stop().await;
}
