//! Trouble on the way to AWS, and on the way to the credentials.

use std::time::Duration;

use keyreeve_aws::{AwsConnector, ConnectError, Credential, PermissionState};
use keyreeve_connector::{Cause, Connector, Inventory};

use crate::canned::{Canned, Reply, access_key, connector, options};

/// An address where nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_host_are_not_sent() {
    let error = connector(&nobody()).await.list_groups(None).await.unwrap_err();
    assert_eq!(error.cause, Cause::NotSent, "{error}");
    let error = connector("http://keyreeve.invalid").await.list_groups(None).await.unwrap_err();
    assert_eq!(error.cause, Cause::NotSent, "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_unknown() {
    let server = Canned::start(Reply::Close).await;
    let error = server.connector().await.list_groups(None).await.unwrap_err();
    assert_eq!(error.cause, Cause::Unknown, "{error}");
    assert_eq!(server.requests(), 1, "not sent again");
}

#[tokio::test]
async fn no_answer_in_time_is_unknown() {
    let server = Canned::start(Reply::Hang).await;
    let mut options = options(&server.url);
    options.request_timeout = Duration::from_millis(200);
    let connector = AwsConnector::connect(options).await.unwrap();
    let error = connector.list_groups(None).await.unwrap_err();
    assert_eq!(error.cause, Cause::Unknown, "{error}");
    assert!(error.message.contains("in time"), "{error}");
}

#[tokio::test]
async fn a_plain_server_behind_https_is_not_sent() {
    let server = Canned::start(Reply::Close).await;
    let url = server.url.replace("http://", "https://");
    let error = connector(&url).await.list_groups(None).await.unwrap_err();
    assert_eq!(error.cause, Cause::NotSent, "{error}");
    assert_eq!(server.requests(), 0);
}

fn role(base: Credential) -> Credential {
    let role_arn = "arn:aws:iam::444455556666:role/keyreeve".into();
    Credential::Role { role_arn, external_id: Some("e-1".into()), base: Box::new(base) }
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_a_bad_credential_and_not_a_denied_user() {
    let server =
        Canned::start(Reply::refusal(403, "AccessDenied", "not authorized to perform: sts:AssumeRole")).await;
    let mut options = options(&server.url);
    options.credential = role(access_key());
    let connector = AwsConnector::connect(options).await.unwrap();
    let error = connector.get_login_profile("ana").await.unwrap_err();
    assert_eq!(error.cause, Cause::CredentialBad, "{error}");
    assert_eq!(error.code.as_deref(), Some("AccessDenied"));
    assert!(error.message.contains("sts:AssumeRole"), "{error}");
    assert!(matches!(connector.identify().await.unwrap_err().cause, Cause::CredentialBad));
}

#[tokio::test]
async fn trouble_on_the_way_to_sts_is_not_sent() {
    for (url, cause) in [(nobody(), Cause::NotSent)] {
        let mut options = options(&url);
        options.credential = role(access_key());
        let connector = AwsConnector::connect(options).await.unwrap();
        assert_eq!(connector.list_groups(None).await.unwrap_err().cause, cause);
    }
    let throttled = Canned::start(Reply::refusal(400, "Throttling", "Rate exceeded")).await;
    let mut options = options(&throttled.url);
    options.credential = role(access_key());
    let connector = AwsConnector::connect(options).await.unwrap();
    assert_eq!(connector.list_groups(None).await.unwrap_err().cause, Cause::Throttled(None));
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_said_before_anything_is_sent() {
    let server = Canned::start(Reply::Close).await;
    let mut options = options(&server.url);
    options.credential = Credential::Profile { name: "keyreeve-no-such-profile".into() };
    let error = AwsConnector::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoProfile { .. }), "{error}");
    assert!(error.to_string().contains("\"keyreeve-no-such-profile\" is neither in"), "{error}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_missing_certificate_bundle_is_said_at_once() {
    let mut options = options("https://127.0.0.1:1");
    options.environment.insert("AWS_CA_BUNDLE".into(), "/nonexistent/ca.pem".into());
    let error = AwsConnector::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::CertificateBundle { .. }), "{error}");
}

#[tokio::test]
async fn nothing_shows_the_secret() {
    let options = options(&nobody());
    let shown = format!("{options:?}");
    let connector = AwsConnector::connect(options).await.unwrap();
    let error = connector.list_groups(None).await.unwrap_err();
    for text in [shown, format!("{connector:?}"), format!("{error:?}")] {
        assert!(!text.contains("CANARY"), "{text}");
    }
}

#[tokio::test]
async fn probes_tell_denied_from_unknown() {
    for (reply, state) in [
        (Reply::refusal(403, "AccessDenied", "no"), PermissionState::Denied),
        (Reply::refusal(500, "ServiceFailure", "no"), PermissionState::Unknown),
    ] {
        let server = Canned::start(reply).await;
        let probes = server.connector().await.probe_reads().await;
        assert_eq!(probes.iter().map(|probe| probe.action).collect::<Vec<_>>(), keyreeve_aws::READ_ACTIONS);
        assert!(probes.iter().all(|probe| probe.state == state && probe.message.is_some()), "{probes:?}");
        assert_eq!(server.requests(), 5);
        let extra = server.connector().await.probe_extra_reads().await;
        assert_eq!(
            extra.iter().map(|probe| probe.action).collect::<Vec<_>>(),
            keyreeve_aws::EXTRA_READ_ACTIONS
        );
        assert!(extra.iter().all(|probe| probe.state == state && probe.message.is_some()), "{extra:?}");
        assert_eq!(server.requests(), 9);
    }
}

#[tokio::test]
async fn a_probe_for_a_login_profile_is_allowed_when_nobody_has_the_name() {
    let server = Canned::start(Reply::refusal(404, "NoSuchEntity", "no")).await;
    let probes = server.connector().await.probe_reads().await;
    assert_eq!(probes[4].state, PermissionState::Allowed);
    assert_eq!(probes[0].state, PermissionState::Unknown);
}

#[tokio::test]
async fn a_probe_for_a_credential_report_is_allowed_when_there_is_none_yet() {
    for (status, code) in [(410, "ReportNotPresent"), (410, "ReportExpired"), (404, "ReportInProgress")] {
        let server = Canned::start(Reply::refusal(status, code, "no")).await;
        let probes = server.connector().await.probe_extra_reads().await;
        assert_eq!(probes[3].state, PermissionState::Allowed, "{code}: {probes:?}");
    }
}
