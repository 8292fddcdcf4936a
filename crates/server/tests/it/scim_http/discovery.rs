//! What clients find out about the server (RFC 7644 §4), and `/Me`.

use reqwest::Method;
use serde_json::Value;

use super::{answered, refused};
use crate::place::Place;

#[tokio::test]
async fn what_the_server_says_of_itself_leads_to_what_it_has() {
    let place = Place::start().await;
    let base = "/scim/v2/prod";
    let config = place.get(&format!("{base}/ServiceProviderConfig")).await;
    assert_eq!(config["filter"]["maxResults"], 1000);
    assert_eq!(config["pagination"]["cursor"], true);
    let root = format!("{}{base}", place.url);
    assert_eq!(config["meta"]["location"], format!("{root}/ServiceProviderConfig"));
    for list in ["ResourceTypes", "Schemas"] {
        let listed = place.get(&format!("{base}/{list}")).await;
        let resources = listed["Resources"].as_array().unwrap();
        assert_eq!(listed["totalResults"], resources.len());
        for one in resources {
            let location = one["meta"]["location"].as_str().unwrap().strip_prefix(&place.url).unwrap();
            assert_eq!(&place.get(location).await, one);
        }
    }
    for kind in place.get(&format!("{base}/ResourceTypes")).await["Resources"].as_array().unwrap() {
        let list = place.get(&format!("{base}{}", kind["endpoint"].as_str().unwrap())).await;
        assert!(list["totalResults"].as_u64().unwrap() > 0, "{kind}");
        let named = |name: &Value| name == &kind["schema"];
        assert!(list["Resources"][0]["schemas"].as_array().unwrap().iter().any(named), "{kind}");
    }
    place.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_refused_in_scims_form() {
    let place = Place::start().await;
    let get = |address: &str| place.request(Method::GET, address, Some(place.admin()));
    for (address, status) in [
        ("/scim/v2/prod/Me", 501),
        ("/scim/v2/prod/Schemas/urn:none", 404),
        ("/scim/v2/prod/ResourceTypes/Role", 404),
        ("/scim/v2/prod/Roles", 404),
        ("/scim/v2/prod/Users/AIDANOBODY", 404),
        ("/scim/v2/prod/Users/..%2f..%2fapi", 404),
        ("/scim/v2/prod/Users/a/b", 404),
        ("/scim/v2/none/Users", 404),
        ("/scim/v2/a%20b/Users", 404),
        // "… 403 (Forbidden)" for a filter (RFC 7644 §4).
        ("/scim/v2/prod/Schemas?filter=id%20pr", 403),
    ] {
        assert_eq!(refused(get(address)).await.0, status, "{address}");
    }
    let trace = place.request(Method::OPTIONS, "/scim/v2/prod/Users", Some(place.admin()));
    assert_eq!(refused(trace).await.0, 405);
    // The name that a client gives the server comes back to it alone, and only as a name.
    let strange = get("/scim/v2/prod/ServiceProviderConfig").header("host", "a\"b");
    let location = answered(strange).await.1["meta"]["location"].clone();
    assert_eq!(location, "/scim/v2/prod/ServiceProviderConfig");
    place.stop().await;
}
