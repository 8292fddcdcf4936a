//! SCIM from the front door: requests over a socket, answered from a store that an import from the sandbox filled.

mod access;
mod addresses;
mod again;
mod beside;
mod bulk;
mod deleting;
mod discovery;
mod gone;
mod groups;
mod lists;
mod mirroring;
mod one;
mod passwords;
mod racing;
mod refusals;
mod same_names;
mod settling;
mod since_the_import;
mod users;
mod vendors;
mod versions;
mod withdrawing;

use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use crate::place::Place;

/// What was answered: always in SCIM's media type, and a refusal in SCIM's form.
pub(crate) async fn answered(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/scim+json", "{status}");
    let body: Value = answer.json().await.unwrap();
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        assert_eq!(body["status"], status.as_str(), "the status is text (RFC 7644 §3.12)");
        assert!(body["detail"].as_str().unwrap().len() > 10, "{body}");
    }
    (status, body)
}

/// The first group of the system `prod`, as SCIM lists it.
pub(crate) struct FirstGroup {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) members: Vec<Value>,
}

impl FirstGroup {
    pub(crate) async fn of(place: &Place) -> Self {
        let groups = place.get("/scim/v2/prod/Groups?count=1").await;
        let group = &groups["Resources"][0];
        Self {
            name: group["displayName"].as_str().unwrap().to_owned(),
            address: format!("/scim/v2/prod/Groups/{}", group["id"].as_str().unwrap()),
            members: group["members"].as_array().cloned().unwrap_or_default(),
        }
    }
}

/// Status and `scimType` of a refusal.
pub(crate) async fn refused(request: RequestBuilder) -> (u16, String) {
    let (status, body) = answered(request).await;
    assert!(status.is_client_error() || status.is_server_error(), "{status} {body}");
    (status.as_u16(), body["scimType"].as_str().unwrap_or_default().to_owned())
}

/// Each byte as an address has it.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// One attribute of each resource of a list.
pub(crate) fn each(list: &Value, name: &str) -> Vec<String> {
    let resources = list["Resources"].as_array().unwrap();
    resources.iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
}
