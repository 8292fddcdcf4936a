//! A provider that says whatever a test has it say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// For this code the provider answers that it is out of order.
pub(crate) const OUT_OF_ORDER: &str = "out-of-order";

pub(crate) struct Liar {
    pub(crate) issuer: String,
    said: Arc<Mutex<Said>>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Said {
    /// What it says of itself besides the truth.
    metadata: Value,
    issuer: String,
    /// The token for each code, once.
    tokens: BTreeMap<String, String>,
    /// What was asked for that nobody should ask for.
    lured: usize,
    /// What came with each code.
    asked: Vec<BTreeMap<String, String>>,
}

type Shared = Arc<Mutex<Said>>;

/// A key of Ed25519, made from one byte.
pub(crate) fn key(seed: u8, kid: &str) -> CoreEdDsaPrivateSigningKey {
    // RFC 8410 section 7.
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([seed; 32]);
    let text = BASE64_STANDARD.encode(der);
    let pem = format!("-----BEGIN PRIVATE {0}-----\n{text}\n-----END PRIVATE {0}-----\n", "KEY");
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(kid.to_owned()))).unwrap()
}

/// A token with this head and these claims, before its signature.
pub(crate) fn unsigned(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(head), part(claims))
}

/// The same, signed with a key.
pub(crate) fn signed(key: &CoreEdDsaPrivateSigningKey, head: &Value, claims: &Value) -> String {
    let text = unsigned(head, claims);
    let signature = key.sign(&CoreJwsSigningAlgorithm::EdDsa, text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

impl Liar {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let said =
            Arc::new(Mutex::new(Said { issuer: issuer.clone(), metadata: json!({}), ..Said::default() }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(|| async { Json(json!({"keys": [key(7, "one").as_verification_key()]})) }))
            .route("/token", post(token))
            .route("/lure", get(lure).post(lure))
            .route("/elsewhere", get(|| async { Redirect::temporary("/lure") }))
            .with_state(Arc::clone(&said));
        let server = tokio::spawn(async move { axum_serve(listener, router).await });
        Self { issuer, said, server }
    }

    /// From now on it says this of itself besides.
    pub(crate) fn says(&self, metadata: Value) {
        self.said.lock().unwrap().metadata = metadata;
    }

    /// For this code it will give this token.
    pub(crate) fn gives(&self, code: &str, token: String) {
        self.said.lock().unwrap().tokens.insert(code.to_owned(), token);
    }

    pub(crate) fn lured(&self) -> usize {
        self.said.lock().unwrap().lured
    }

    pub(crate) fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.said.lock().unwrap().asked.clone()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn axum_serve(listener: TcpListener, router: Router) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let stream = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
        });
    }
}

async fn metadata(State(said): State<Shared>) -> Json<Value> {
    let said = said.lock().unwrap();
    let issuer = &said.issuer;
    let mut all = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // It would be pleased to be believed whatever it signs with.
        "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "EdDSA"],
    });
    for (name, value) in said.metadata.as_object().unwrap() {
        all[name] = value.clone();
    }
    Json(all)
}

async fn token(State(said): State<Shared>, Form(form): Form<BTreeMap<String, String>>) -> Response {
    let mut said = said.lock().unwrap();
    if form["code"] == OUT_OF_ORDER {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"error": "server_error"}))).into_response();
    }
    let found = said.tokens.remove(&form["code"]);
    said.asked.push(form);
    match found {
        Some(token) => {
            Json(json!({"access_token": "a", "token_type": "Bearer", "id_token": token})).into_response()
        }
        None => (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response(),
    }
}

async fn lure(State(said): State<Shared>) -> Json<Value> {
    said.lock().unwrap().lured += 1;
    Json(json!({"keys": [key(9, "mine").as_verification_key()]}))
}
