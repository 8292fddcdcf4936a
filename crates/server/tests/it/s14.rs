//! S14: whoever holds a token and is refused stands in the audit log, over REST and over SCIM.

use jiff::SignedDuration;
use keyreeve_model::{Role, TokenId};
use keyreeve_store::{AuditFilter, AuditRow};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::place::Place;

async fn refused(place: &Place) -> Vec<AuditRow> {
    let filter = AuditFilter { action: Some("access_refused".to_owned()), ..AuditFilter::default() };
    let mut rows = place.store.audit(&filter, 1_000).await.unwrap();
    rows.reverse();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s14_each_refusal_of_a_token_has_a_row_and_a_flood_has_few() {
    let place = Place::start().await;
    let viewer = place.token(Role::Viewer, &["prod"]).await;
    let expired = place.clock.now().checked_sub(SignedDuration::from_secs(1)).unwrap();
    let expired = place.token_until(Role::Operator, &[], Some(expired)).await;
    let revoked = place.token(Role::Approver, &[]).await;
    let id = TokenId(revoked.split('_').nth(2).unwrap().to_owned());
    place.store.revoke_token(&id, "local:test", None, place.clock.now()).await.unwrap();
    let run = place.store.latest_published(&crate::place::system("test")).await.unwrap().unwrap().id;
    let wishes = json!({"wishes": [{"task": "create_account", "name": "eve"}]});
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "eve"});
    let cases = [
        (Method::GET, "/api/v1/systems/test/accounts".to_owned(), &viewer, 403, "is not for system test"),
        (Method::POST, "/api/v1/systems/prod/jobs".to_owned(), &viewer, 403, "has the role viewer"),
        (Method::GET, "/api/v1/tokens".to_owned(), &viewer, 403, "has the role viewer"),
        (Method::GET, format!("/api/v1/import-runs/{run}"), &viewer, 404, "is not for system test"),
        (Method::GET, "/scim/v2/test/Users".to_owned(), &viewer, 403, "is not for system test"),
        (Method::POST, "/scim/v2/prod/Users".to_owned(), &viewer, 403, "has the role viewer"),
        (Method::GET, "/api/v1/systems".to_owned(), &expired, 401, "has expired"),
        (Method::GET, "/scim/v2/prod/Users".to_owned(), &revoked, 401, "was revoked"),
    ];
    for (number, (method, address, token, status, why)) in cases.iter().enumerate() {
        let mut request = place.request(method.clone(), address, Some(token));
        if *method == Method::POST {
            request = request.json(if address.starts_with("/scim") { &user } else { &wishes });
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), *status, "{address}");
        let rows = refused(&place).await;
        let row = &rows[number];
        assert_eq!(rows.len(), number + 1, "{address}: {rows:?}");
        assert!(row.subject["why"].as_str().unwrap().contains(why), "{address}: {row:?}");
        assert!(row.subject["asked"].as_str().unwrap().starts_with(method.as_str()), "{row:?}");
        assert_eq!(row.subject["token"], token.split('_').nth(2).unwrap());
        assert!(!row.subject.to_string().contains(token.split('_').next_back().unwrap()));
    }
    assert_eq!(refused(&place).await[0].actor, "viewer-prod");
    let before = refused(&place).await.len();
    for _ in 0..50 {
        let answer = place.ask("/api/v1/systems/test/accounts", Some(&viewer)).await;
        assert_eq!(answer.0, StatusCode::FORBIDDEN);
    }
    // Who has no token is nobody, and what is allowed or not there is no refusal.
    for (address, token) in [
        ("/api/v1/systems", None),
        ("/api/v1/systems", Some("keyreeve_pat_0000000000000000_x")),
        ("/api/v1/systems/prod/accounts", Some(viewer.as_str())),
        ("/api/v1/import-runs/999", Some(&viewer)),
        ("/api/v1/nothing", Some(&viewer)),
    ] {
        place.ask(address, token).await;
    }
    assert_eq!(refused(&place).await.len(), before);
    place.store.verify_audit().await.unwrap();
    place.stop().await;
}
