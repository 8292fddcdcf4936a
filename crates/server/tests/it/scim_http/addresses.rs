//! Addresses in answers begin where people reach the server, and nowhere else.

use reqwest::header::{HOST, LOCATION};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::answered;
use super::users::{ada, at, patch, post};
use crate::place::Place;

const PUBLIC: &str = "https://keys.example.org/iam";

/// All addresses of this server that are in an answer.
fn addresses(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if ["location", "$ref"].contains(&name.as_str()) => into.push(text.to_owned()),
                    _ => addresses(value, into),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| addresses(value, into)),
        _ => {}
    }
}

#[tokio::test]
async fn addresses_begin_with_the_public_url_whatever_the_request_names() {
    let place = Place::start_as(|server, _| server.public_url(&PUBLIC.parse().unwrap())).await;
    let root = format!("{PUBLIC}/scim/v2/prod/");
    let named = |request: reqwest::RequestBuilder| request.header(HOST, "evil.example");
    let answer = named(post(&place, place.admin(), &ada())).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert!(answer.headers()[LOCATION].to_str().unwrap().starts_with(&format!("{root}Users/")));
    let made: Value = answer.json().await.unwrap();
    let groups = place.get("/scim/v2/prod/Groups").await;
    let group = format!("/scim/v2/prod/Groups/{}", groups["Resources"][0]["id"].as_str().unwrap());
    let joined = json!([{"op": "add", "path": "members", "value": [{"value": made["id"]}]}]);
    let (status, joined) = answered(named(patch(&place, place.admin(), &group, joined))).await;
    assert_eq!(status, StatusCode::OK);
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": "/Groups/NOBODY"}],
    });
    let (mut found, mut seen) = (Vec::new(), vec![made.clone(), joined]);
    for (method, path, body) in [
        (Method::GET, at(&made), None),
        (Method::GET, "/scim/v2/prod/Users?count=5".to_owned(), None),
        (Method::GET, "/scim/v2/prod/".to_owned(), None),
        (Method::GET, "/scim/v2/prod/ServiceProviderConfig".to_owned(), None),
        (Method::GET, "/scim/v2/prod/ResourceTypes".to_owned(), None),
        (Method::GET, "/scim/v2/prod/Schemas".to_owned(), None),
        (Method::POST, "/scim/v2/prod/Bulk".to_owned(), Some(bulk)),
    ] {
        let request = named(place.request(method, &path, Some(place.admin())));
        let request = body.iter().fold(request, |request, body| request.json(body));
        let (_, answer) = answered(request).await;
        let before = found.len();
        addresses(&answer, &mut found);
        assert!(found.len() > before, "{path} names none: {answer}");
        assert!(!answer.to_string().contains("evil.example"), "{path}");
        seen.push(answer);
    }
    seen.iter().for_each(|answer| addresses(answer, &mut found));
    assert!(found.iter().any(|address| address.contains("/Groups/")), "a user says where its groups are");
    for address in &found {
        assert!(address.starts_with(&root), "{address}");
    }
    place.stop().await;
}

/// Without one, an answer names the place that its own request named, and nobody else's.
#[tokio::test]
async fn without_a_public_url_addresses_begin_as_the_client_named_the_server() {
    let place = Place::start().await;
    let config = "/scim/v2/prod/ServiceProviderConfig";
    for (host, expected) in [
        ("keys.example.org:8420", "http://keys.example.org:8420/scim/v2/prod/"),
        ("a\"b", "/scim/v2/prod/"),
        ("a/b", "/scim/v2/prod/"),
    ] {
        let request = place.request(Method::GET, config, Some(place.admin())).header(HOST, host);
        let answer = request.send().await.unwrap();
        if answer.status() == StatusCode::BAD_REQUEST {
            continue;
        }
        let answer: Value = answer.json().await.unwrap();
        let location = answer["meta"]["location"].as_str().unwrap();
        assert_eq!(location, format!("{expected}ServiceProviderConfig"), "{host}");
    }
    place.stop().await;
}
