//! S14: whose token it is decides what is answered, also to who asks what the server can do.

use jiff::SignedDuration;
use keyreeve_model::{Role, TokenId};
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Method, StatusCode};

use super::{answered, refused};
use crate::place::Place;

const ADDRESSES: &[&str] = &[
    "",
    "/",
    "/Users",
    "/Groups/AGPANOBODY",
    "/Groups",
    "/Policies",
    "/Me",
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
];

#[tokio::test]
async fn s14_a_token_reaches_its_systems_alone() {
    let place = Place::start().await;
    let limited = place.token(Role::Viewer, &["prod"]).await;
    for address in ADDRESSES {
        let on =
            |system: &str| format!("/scim/v2/{system}{}", if address.is_empty() { "/" } else { address });
        let own = place.request(Method::GET, &on("prod"), Some(&limited)).send().await.unwrap().status();
        assert!(![401, 403].contains(&own.as_u16()), "{address}");
        for other in ["test", "none"] {
            let request = place.request(Method::GET, &on(other), Some(&limited));
            assert_eq!(refused(request).await.0, 403, "{address} of {other}");
        }
        assert_eq!(refused(place.request(Method::GET, &on("prod"), None)).await.0, 401, "{address}");
    }
    for of in ["", "/Users", "/Groups", "/Policies"] {
        let search = format!("{of}/.search");
        let body = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 1}"#;
        let post = |system: &str, token| {
            place.request(Method::POST, &format!("/scim/v2/{system}{search}"), token).body(body)
        };
        assert_eq!(answered(post("prod", Some(&limited))).await.0, StatusCode::OK, "{search}");
        assert_eq!(refused(post("test", Some(&limited))).await.0, 403, "{search}");
        assert_eq!(refused(post("prod", None)).await.0, 401, "{search}");
    }
    place.stop().await;
}

#[tokio::test]
async fn s14_expired_and_revoked_tokens_let_nobody_in() {
    let place = Place::start().await;
    let past = place.clock.now().checked_sub(SignedDuration::from_secs(1)).unwrap();
    let expired = place.token_until(Role::Admin, &[], Some(past)).await;
    let revoked = place.token(Role::Admin, &[]).await;
    let get = |token: &str| place.request(Method::GET, "/scim/v2/prod/Users", Some(token));
    assert_eq!(answered(get(&revoked)).await.0, StatusCode::OK);
    let id = TokenId(revoked.split('_').nth(2).unwrap().to_owned());
    place.store.revoke_token(&id, "local:test", None, place.clock.now()).await.unwrap();
    for token in [&expired, &revoked] {
        let answer = get(token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().contains_key(WWW_AUTHENTICATE));
        let (status, error) = answered(get(token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let said = error["detail"].as_str().unwrap();
        assert!(said.contains("send a valid token") && !said.contains("sign in"), "{said}");
    }
    place.stop().await;
}
