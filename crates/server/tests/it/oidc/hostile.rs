//! S42: each way in which what comes from a provider, or is said to, can lie is refused, has its row, and leads nowhere.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use keyreeve_store::AuditFilter;
use openidconnect::PrivateSigningKey;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::browser::Browser;
use super::liar::{Liar, OUT_OF_ORDER, key, signed, unsigned};
use super::{CLIENT, CLIENT_SECRET, place_of};
use crate::place::Place;

/// What a token says instead, from the claims it should have and the time.
type Made = Box<dyn Fn(&Value, i64) -> String>;

/// Sets out, and gives the state and the nonce that the provider is told.
async fn set_out(place: &Place, browser: &mut Browser) -> (String, String) {
    let told = told(place, browser).await;
    (told["state"].clone(), told["nonce"].clone())
}

/// Sets out, and gives all that the provider is told.
async fn told(place: &Place, browser: &mut Browser) -> BTreeMap<String, String> {
    let answer = browser.get(&Url::parse(&format!("{}/signin/oidc", place.url)).unwrap()).await;
    let status = answer.status();
    let Some(location) = answer.headers().get("location").cloned() else {
        panic!("{status}: {}", answer.text().await.unwrap());
    };
    let url = Url::parse(location.to_str().unwrap()).unwrap();
    let told: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!((told["response_type"].as_str(), told["code_challenge_method"].as_str()), ("code", "S256"));
    assert_eq!(told["scope"], "openid profile groups");
    assert_eq!(told["redirect_uri"], format!("{}/signin/oidc/callback", place.url));
    told
}

/// Comes back with this, and gives the status and the code of the problem.
async fn come_back(place: &Place, browser: &mut Browser, query: &str) -> (StatusCode, Value) {
    let answer =
        browser.get(&Url::parse(&format!("{}/signin/oidc/callback?{query}", place.url)).unwrap()).await;
    let status = answer.status();
    assert!(status == StatusCode::SEE_OTHER || !browser.cookies.contains_key("keyreeve"), "{query}");
    (status, answer.json().await.unwrap_or_default())
}

fn truth(liar: &Liar, nonce: &str, now: i64) -> Value {
    json!({
        "iss": liar.issuer, "aud": CLIENT, "sub": "ada", "exp": now + 300, "iat": now, "nonce": nonce,
        "groups": ["iam-admins"],
    })
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

/// What HMAC makes of a token under a secret.
fn hs256(secret: &[u8], claims: &Value) -> String {
    let text = unsigned(&json!({"alg": "HS256", "typ": "JWT", "kid": "one"}), claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

type Lie = (&'static str, &'static str, Made);

fn lies(liar: &Liar) -> Vec<Lie> {
    let head = |more: Value| {
        let mut head = json!({"alg": "EdDSA", "typ": "JWT", "kid": "one"});
        for (name, value) in more.as_object().unwrap() {
            head[name] = value.clone();
        }
        head
    };
    let claim = |name: &'static str, value: fn(i64) -> Value| -> Made {
        Box::new(move |truth, now| {
            signed(&key(7, "one"), &json!({"alg": "EdDSA", "kid": "one"}), &with(truth, name, value(now)))
        })
    };
    // Signed with a key of somebody else's, which the head says where to find.
    let forged = |more: Value| -> Made {
        let head = head(more);
        Box::new(move |truth, _| signed(&key(9, "mine"), &head, truth))
    };
    let public = serde_json::to_value(key(7, "one").as_verification_key()).unwrap();
    let raw = BASE64_URL_SAFE_NO_PAD.decode(public["x"].as_str().unwrap()).unwrap();
    let lure = format!("{}/lure", liar.issuer);
    vec![
        (
            "alg none",
            "algorithm",
            Box::new(|truth, _| format!("{}.", unsigned(&json!({"alg": "none", "typ": "JWT"}), truth))),
        ),
        (
            "alg None",
            "malformed",
            Box::new(|truth, _| format!("{}.", unsigned(&json!({"alg": "None", "kid": "one"}), truth))),
        ),
        ("HS256 with the public key", "algorithm", Box::new(move |truth, _| hs256(&raw, truth))),
        ("HS256 with the text of the public key", "algorithm", {
            let public = public.to_string();
            Box::new(move |truth, _| hs256(public.as_bytes(), truth))
        }),
        (
            "HS256 with the client's secret",
            "algorithm",
            Box::new(|truth, _| hs256(CLIENT_SECRET.as_bytes(), truth)),
        ),
        (
            "RS256 that is none",
            "signature",
            Box::new(|truth, _| signed(&key(7, "one"), &json!({"alg": "RS256", "kid": "one"}), truth)),
        ),
        ("another key", "signature", forged(json!({}))),
        ("kid with a path", "signature", forged(json!({"kid": "../../../../dev/null"}))),
        ("kid of its own", "signature", forged(json!({"kid": "mine"}))),
        ("jku", "signature", forged(json!({"kid": "mine", "jku": lure}))),
        ("x5u", "signature", forged(json!({"kid": "mine", "x5u": lure}))),
        (
            "jwk",
            "signature",
            forged(json!({"jwk": serde_json::to_value(key(9, "mine").as_verification_key()).unwrap()})),
        ),
        ("crit", "algorithm", {
            let head = head(json!({"crit": ["exp"]}));
            Box::new(move |truth, _| signed(&key(7, "one"), &head, truth))
        }),
        ("another issuer", "issuer", claim("iss", |_| json!("https://id.example.org"))),
        ("the issuer with a slash", "issuer", claim("iss", |_| json!("http://127.0.0.1/"))),
        ("for somebody else", "audience", claim("aud", |_| json!("another"))),
        ("for others too", "audience", claim("aud", |_| json!([CLIENT, "another"]))),
        ("for nobody", "audience", claim("aud", |_| json!([]))),
        ("by way of somebody else", "audience", claim("azp", |_| json!("another"))),
        ("another nonce", "nonce", claim("nonce", |_| json!("another"))),
        ("no nonce", "nonce", claim("nonce", |_| Value::Null)),
        ("expired", "expired", claim("exp", |now| json!(now - 1))),
        ("not yet valid", "not_yet", claim("nbf", |now| json!(now + 600))),
        ("valid from a word on", "not_yet", claim("nbf", |_| json!("tomorrow"))),
        ("issued tomorrow", "not_yet", claim("iat", |now| json!(now + 86_400))),
        ("no text", "malformed", claim("sub", |_| json!("a\u{7}b"))),
        ("of no group", "no_role", claim("groups", |_| json!(["staff"]))),
        ("no token at all", "malformed", Box::new(|_, _| "nonsense".to_owned())),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s42_each_lie_is_refused_and_has_its_row() {
    let liar = Liar::start().await;
    let place = place_of(&liar.issuer, &["127.0.0.1/32"]).await;
    let now = place.clock.now().as_second();
    let mut refused: BTreeMap<&str, u64> = BTreeMap::new();
    for (number, (lie, word, made)) in lies(&liar).into_iter().enumerate() {
        let mut browser = Browser::new();
        let (state, nonce) = set_out(&place, &mut browser).await;
        let code = format!("code{number}");
        liar.gives(&code, made(&truth(&liar, &nonce, now), now));
        let (status, body) = come_back(&place, &mut browser, &format!("code={code}&state={state}")).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("sign_in_refused")),
            "{lie}: {body}"
        );
        *refused.entry(word).or_default() += 1;
    }
    assert_eq!(liar.lured(), 0, "somebody was asked whom a token named");

    // What is true lets in, with the verifier of the challenge, and once.
    let mut browser = Browser::new();
    let set_out_with = told(&place, &mut browser).await;
    let (state, nonce) = (&set_out_with["state"], &set_out_with["nonce"]);
    let (attempt, told) = (browser.cookies.clone(), format!("code=good&state={state}&session_state=x"));
    let good = signed(&key(7, "one"), &json!({"alg": "EdDSA", "kid": "one"}), &truth(&liar, nonce, now));
    liar.gives("good", good.clone());
    assert_eq!(come_back(&place, &mut browser, &told).await.0, StatusCode::SEE_OTHER);
    let asked = liar.asked().pop().unwrap();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&asked["code_verifier"]));
    assert!(asked["code_verifier"].len() >= 43 && challenge == set_out_with["code_challenge"]);
    let mut again = Browser::new();
    again.cookies = attempt;
    liar.gives("good", good.clone());
    assert_eq!(come_back(&place, &mut again, &told).await.1["code"], "sign_in_refused", "it came back twice");
    // A code that was used: the provider does not take it.
    let mut other = Browser::new();
    let (state, nonce) = set_out(&place, &mut other).await;
    let _ = nonce;
    let (status, _) = come_back(&place, &mut other, &format!("code=used&state={state}")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    // A provider that is out of order has judged nobody.
    let (state, _) = set_out(&place, &mut other).await;
    let (status, body) = come_back(&place, &mut other, &format!("code={OUT_OF_ORDER}&state={state}")).await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_GATEWAY, &json!("provider_unreachable")), "{body}");
    // What belongs to another attempt, another browser or another provider.
    let (mut mine, mut theirs) = (Browser::new(), Browser::new());
    let (mine_state, _) = set_out(&place, &mut mine).await;
    let (their_state, _) = set_out(&place, &mut theirs).await;
    let asked = liar.asked().len();
    for (browser, query) in [
        (&mut mine, format!("code=x&state={their_state}")),
        (&mut Browser::new(), format!("code=x&state={mine_state}")),
        (&mut Browser::new(), "code=x".to_owned()),
        (&mut theirs, format!("code=x&state={their_state}&state={their_state}")),
    ] {
        let (status, body) = come_back(&place, browser, &query).await;
        assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("sign_in_refused")), "{query}");
    }
    for more in ["code=x&iss=https%3A%2F%2Fid.example.org", "error=access_denied", "other=1"] {
        let mut browser = Browser::new();
        let (state, _) = set_out(&place, &mut browser).await;
        let (status, _) = come_back(&place, &mut browser, &format!("state={state}&{more}")).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{more}");
    }
    assert_eq!(liar.asked().len(), asked, "a code of another attempt was sent on");
    for (word, count) in [
        ("twice", 1),
        ("code", 1),
        ("no_attempt", 4),
        ("other_issuer", 1),
        ("denied", 1),
        ("no_code", 1),
        ("unreachable", 1),
    ] {
        refused.insert(word, count);
    }
    let store = std::sync::Arc::clone(&place.store);
    place.stop().await;
    let filter = AuditFilter { action: Some("sign_in_failed".to_owned()), ..AuditFilter::default() };
    let mut noted: BTreeMap<String, u64> = BTreeMap::new();
    for row in store.audit(&filter, 200).await.unwrap() {
        for (word, count) in row.subject["provider"].as_object().unwrap() {
            *noted.entry(word.clone()).or_default() += count.as_u64().unwrap();
        }
    }
    let refused: BTreeMap<String, u64> =
        refused.into_iter().map(|(word, count)| (word.to_owned(), count)).collect();
    assert_eq!(noted, refused);
    assert_eq!(store.people().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s28_a_provider_leads_to_no_inner_address() {
    for (says, networks) in [
        (json!({"jwks_uri": "http://169.254.169.254/keys"}), &["127.0.0.1/32"][..]),
        (json!({"jwks_uri": "file:///etc/passwd"}), &["127.0.0.1/32"]),
        (json!({"authorization_endpoint": "http://example.org/authorize"}), &["127.0.0.1/32"]),
        (json!({"issuer": "https://id.example.org"}), &["127.0.0.1/32"]),
        (json!({}), &[]),
    ] {
        let liar = Liar::start().await;
        liar.says(says.clone());
        let redirected = json!({"jwks_uri": format!("{}/elsewhere", liar.issuer)});
        let place = place_of(&liar.issuer, networks).await;
        let answer = Browser::new().get(&Url::parse(&format!("{}/signin/oidc", place.url)).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{says}");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("169.254") && text.contains("provider_unreachable"), "{text}");
        liar.says(redirected);
        let answer = Browser::new().get(&Url::parse(&format!("{}/signin/oidc", place.url)).unwrap()).await;
        assert_eq!((answer.status(), liar.lured()), (StatusCode::BAD_GATEWAY, 0));
        // Its own keys, as somebody: whoever is named in an address is none of ours.
        let named = liar.issuer.replace("http://", "http://me@");
        liar.says(json!({"jwks_uri": format!("{named}/keys")}));
        let answer = Browser::new().get(&Url::parse(&format!("{}/signin/oidc", place.url)).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{says}");
        place.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_leads_to_the_page_that_was_asked_for_and_to_no_other_site() {
    let liar = Liar::start().await;
    let place = place_of(&liar.issuer, &["127.0.0.0/8"]).await;
    for (number, (next, leads_to)) in [
        ("/systems/prod/accounts%3Fq%3Dada", "/systems/prod/accounts?q=ada"),
        ("https%3A%2F%2Fevil.example%2F", "/"),
        ("%2F%2Fevil.example", "/"),
        ("/sign-out", "/"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut browser = Browser::new();
        let set_out = Url::parse(&format!("{}/signin/oidc?next={next}", place.url)).unwrap();
        let answer = browser.get(&set_out).await;
        let there = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let told: BTreeMap<String, String> = there.query_pairs().into_owned().collect();
        let now = place.clock.now().as_second();
        let claims = truth(&liar, &told["nonce"], now);
        let code = format!("code-{number}");
        liar.gives(&code, signed(&key(7, "one"), &json!({"alg": "EdDSA", "kid": "one"}), &claims));
        let back = format!("{}/signin/oidc/callback?code={code}&state={}", place.url, told["state"]);
        let answer = browser.get(&Url::parse(&back).unwrap()).await;
        assert_eq!(answer.headers()["location"].to_str().unwrap(), leads_to, "{next}");
    }
    // What a browser brings of its own is held against the same rule.
    let page = crate::console::Browser::new(&place).get("/sign-in?next=%2Fjobs").await;
    page.has(&["href=\"/signin/oidc?next=%2Fjobs\""]);
    place.stop().await;
}
