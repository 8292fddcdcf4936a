//! A key of AWS KMS: on moto, and against answers of all kinds.

use std::time::Duration;

use aws_credential_types::Credentials;
use keyreeve_aws::{ConnectError, ConnectOptions, Credential, KmsKey};
use keyreeve_connector::Cause;
use keyreeve_model::Secret;

use crate::canned::{Canned, Reply};
use crate::conformance::process;

const TEXT: &str = "keyreeve-key-1 CANARYCANARYCANARYCANARYCANARYCANARYCANARY0=";
const ALIAS: &str = "arn:aws:kms:eu-west-1:123456789012:alias/keyreeve";

fn sealed_for(store: &str) -> [(&'static str, String); 2] {
    [("keyreeve:store", store.to_owned()), ("keyreeve:key", "1".to_owned())]
}

async fn connect(endpoint: &str, arn: &str) -> KmsKey {
    KmsKey::connect(arn, options(endpoint)).await.unwrap()
}

fn options(endpoint: &str) -> ConnectOptions {
    let secret_access_key = Secret::new("secret".into());
    let mut options =
        ConnectOptions::new(Credential::AccessKey { access_key_id: "AKIAEXAMPLE".into(), secret_access_key });
    options.environment.insert("AWS_ENDPOINT_URL_KMS".into(), endpoint.into());
    options.request_timeout = Duration::from_secs(10);
    options
}

/// The SDK with nothing of ours around it.
fn plain(endpoint: &str) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(aws_sdk_kms::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_kms::config::Region::from_static("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_kms::Client::from_conf(config)
}

#[tokio::test]
async fn moto_opens_what_it_sealed_for_the_same_store_and_nothing_else() {
    let (_moto, endpoint) = process::start("moto_server", |command, port| {
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    })
    .await;
    let kms = plain(&endpoint);
    let make = async || kms.create_key().send().await.unwrap().key_metadata.unwrap();
    let (one, other) = (make().await, make().await);
    let key = connect(&endpoint, one.arn().unwrap()).await;
    let sealed = key.seal(&Secret::new(TEXT.into()), &sealed_for("a")).await.unwrap();
    assert!(!sealed.windows(12).any(|window| window == &TEXT.as_bytes()[..12]));
    assert_eq!(key.open(&sealed, &sealed_for("a")).await.unwrap().expose(), TEXT);
    let refused = key.open(&sealed, &sealed_for("b")).await.unwrap_err();
    assert_eq!(refused.cause, Cause::Permanent, "another store: {refused}");
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    let refused = key.open(&altered, &sealed_for("a")).await.unwrap_err();
    assert_eq!(refused.cause, Cause::Permanent, "altered: {refused}");
    let another = connect(&endpoint, other.arn().unwrap()).await;
    let refused = another.open(&sealed, &sealed_for("a")).await.unwrap_err();
    // AWS says IncorrectKeyException, moto AccessDeniedException.
    assert!(matches!(refused.cause, Cause::Permanent | Cause::Denied), "sealed by another key: {refused}");
    // Known deviation: moto also opens with a key that is disabled; AWS's refusal of that is among the answers below.
    kms.create_alias().alias_name("alias/keyreeve").target_key_id(one.key_id()).send().await.unwrap();
    assert_eq!(connect(&endpoint, ALIAS).await.open(&sealed, &sealed_for("a")).await.unwrap().expose(), TEXT);
}

fn json(status: u16, body: &str) -> Reply {
    Reply::Answer {
        status,
        headers: "content-type: application/x-amz-json-1.1\r\n".to_owned(),
        body: body.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn answers_of_kms_are_sorted_and_no_error_holds_the_key() {
    let denied =
        r#"{"__type":"AccessDeniedException","message":"User: x is not authorized to perform: kms:Encrypt"}"#;
    let repeats = format!(r#"{{"__type":"ValidationException","message":"cannot take {TEXT}"}}"#);
    for (reply, cause) in [
        (json(400, denied), Cause::Denied),
        (json(400, r#"{"__type":"NotFoundException","message":"no such key"}"#), Cause::Permanent),
        (json(400, r#"{"__type":"DisabledException","message":"is disabled"}"#), Cause::Permanent),
        (json(400, r#"{"__type":"ThrottlingException"}"#), Cause::Throttled(None)),
        (json(500, r#"{"__type":"KMSInternalException"}"#), Cause::Unknown),
        (json(400, r#"{"__type":"ExpiredTokenException"}"#), Cause::CredentialBad),
        (json(400, &repeats), Cause::Permanent),
        (json(200, "{}"), Cause::Unknown),
        (json(200, r#"{"CiphertextBlob":""}"#), Cause::Unknown),
        (json(200, "{"), Cause::Unknown),
        (Reply::Close, Cause::Unknown),
    ] {
        let canned = Canned::start(reply).await;
        let key = connect(&canned.url, ALIAS).await;
        let refused = key.seal(&Secret::new(TEXT.into()), &sealed_for("a")).await.unwrap_err();
        let chain = format!("{refused:?} {refused}");
        assert_eq!(refused.cause, cause, "{chain}");
        assert!(!chain.contains("CANARY"), "{chain}");
    }
}

#[tokio::test]
async fn an_opened_text_that_is_none_is_refused() {
    // The second is the base64 of two bytes that are no UTF-8.
    for body in [r#"{"Plaintext":""}"#, r#"{"Plaintext":"//8="}"#, "{}"] {
        let canned = Canned::start(json(200, body)).await;
        let refused = connect(&canned.url, ALIAS).await.open(b"sealed", &sealed_for("a")).await.unwrap_err();
        assert_eq!(refused.cause, Cause::Unknown, "{body}: {refused}");
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused_before_anything_is_sent() {
    let refused = KmsKey::connect("alias/keyreeve", options("http://127.0.0.1:1")).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Credential(_)), "{refused:?}");
    let refused = KmsKey::connect(ALIAS, options("127.0.0.1:1")).await.unwrap_err();
    assert!(refused.to_string().contains("AWS_ENDPOINT_URL_KMS"), "{refused}");
    let nobody = connect("http://127.0.0.1:1", ALIAS).await;
    let refused = nobody.open(b"sealed", &sealed_for("a")).await.unwrap_err();
    assert_eq!(refused.cause, Cause::NotSent, "{refused}");
}
