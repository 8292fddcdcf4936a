//! The whole way through a provider that nobody here wrote, npm's `oidc-provider`: its page, consent, code, session.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keyreeve_store::AuditFilter;
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::browser::Browser;
use super::{CLIENT, CLIENT_SECRET, place_of};
use crate::place::Place;

const CALLBACK: &str = "/signin/oidc/callback";

/// The provider, running.
struct Running {
    child: Child,
    issuer: String,
}

impl Running {
    /// Nobody listens yet on the port that it will be at.
    fn port() -> u16 {
        keyreeve_sandbox::free_port().unwrap()
    }

    async fn start(port: u16, place: &Place) -> Self {
        let peers = std::env::var_os("KEYREEVE_TEST_PEERS").map(PathBuf::from).expect(
            "KEYREEVE_TEST_PEERS names no folder with the provider in it: `cargo xtask test` makes one and sets it",
        );
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../xtask/peers/oidc_provider.mjs");
        let redirect = format!("{}{CALLBACK}", place.url);
        let mut node = Command::new("node");
        node.arg(script).arg(peers.join("node")).arg(port.to_string());
        node.args([CLIENT, CLIENT_SECRET, &redirect]).stdin(Stdio::null()).stdout(Stdio::null());
        let child = node.spawn().expect("node can be started");
        let running = Self { child, issuer: format!("http://127.0.0.1:{port}") };
        let url = format!("{}/.well-known/openid-configuration", running.issuer);
        for _ in 0..600 {
            if reqwest::get(&url).await.is_ok() {
                return running;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the provider does not answer");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Signs somebody in over there and comes back; the answer to that.
async fn sign_in(place: &Place, browser: &mut Browser, name: &str) -> (StatusCode, Value) {
    let from = Url::parse(&format!("{}/signin/oidc", place.url)).unwrap();
    let back = browser.go(&from, &[("login", name), ("password", "any")], CALLBACK).await;
    assert!(back.query_pairs().any(|(name, _)| name == "code"), "{back}");
    let answer = browser.get(&back).await;
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

async fn who(place: &Place, browser: &mut Browser) -> (StatusCode, Value) {
    let answer = browser.get(&Url::parse(&format!("{}/api/v1/session", place.url)).unwrap()).await;
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_in_over_there_has_a_session_and_the_role_that_they_have_then() {
    let port = Running::port();
    let place = place_of(&format!("http://127.0.0.1:{port}"), &["127.0.0.1/32"]).await;
    let provider = Running::start(port, &place).await;
    let mut ada = Browser::new();
    let (status, body) = sign_in(&place, &mut ada, "ada").await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{body}");
    assert!(!ada.cookies.contains_key("keyreeve-attempt"), "it is used up: {:?}", ada.cookies.keys());
    let (status, body) = who(&place, &mut ada).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let name = format!("oidc:ada@http://127.0.0.1:{port}");
    assert_eq!(
        (&body["name"], &body["role"], &body["by"]),
        (&json!(name), &json!("admin"), &json!("provider"))
    );
    assert_eq!((&body["shown_as"], &body["systems"]), (&json!("ada <b>"), &json!([])));

    // Somebody of another group, and somebody of none.
    let mut bea = Browser::new();
    assert_eq!(sign_in(&place, &mut bea, "bea").await.0, StatusCode::SEE_OTHER);
    let (_, body) = who(&place, &mut bea).await;
    assert_eq!((&body["role"], &body["systems"]), (&json!("viewer"), &json!(["prod"])));
    let mut cleo = Browser::new();
    let (status, body) = sign_in(&place, &mut cleo, "cleo").await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("sign_in_refused")));
    assert!(body["detail"].as_str().unwrap().contains("gives you no role here"), "{body}");
    assert_eq!(who(&place, &mut cleo).await.0, StatusCode::UNAUTHORIZED);

    // S41: the role is read anew each time, and another one ends what was begun with the one before.
    let change = |group: &str| reqwest::get(format!("{}/groups/ada/{group}", provider.issuer));
    change("iam-readers").await.unwrap();
    let mut elsewhere = Browser::new();
    assert_eq!(sign_in(&place, &mut elsewhere, "ada").await.0, StatusCode::SEE_OTHER);
    assert_eq!(who(&place, &mut elsewhere).await.1["role"], "viewer");
    assert_eq!(who(&place, &mut ada).await.0, StatusCode::UNAUTHORIZED, "it had another role");
    change("staff").await.unwrap();
    let mut again = Browser::new();
    assert_eq!(sign_in(&place, &mut again, "ada").await.0, StatusCode::FORBIDDEN);
    assert_eq!(who(&place, &mut elsewhere).await.0, StatusCode::UNAUTHORIZED, "there is no role any more");

    // An administrator here keeps somebody out, whatever the provider says.
    place
        .store
        .let_in(&format!("oidc:bea@http://127.0.0.1:{port}"), false, "local:test", place.clock.now())
        .await
        .unwrap();
    assert_eq!(who(&place, &mut bea).await.0, StatusCode::UNAUTHORIZED);
    let (status, body) = sign_in(&place, &mut Browser::new(), "bea").await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("person_disabled")));
    let (store, url) = (std::sync::Arc::clone(&place.store), place.url.clone());
    place.stop().await;
    let rows = store.audit(&AuditFilter::default(), 200).await.unwrap();
    let of = |action: &str| rows.iter().filter(|row| row.action == action).count();
    assert_eq!((of("signed_in"), of("person_added"), of("person_changed")), (3, 2, 1), "{url}");
}
