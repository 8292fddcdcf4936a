//! AWS says no: each way of saying it has its cause, its words, and no secret.

use std::time::Duration;

use keyreeve_connector::{Cause, Connector, Error, Inventory};
use keyreeve_model::{Effect, FailureKind};

use crate::canned::{Canned, Reply};

fn chain(error: &Error) -> String {
    let mut text = format!("{error} / {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(link) = source {
        text.push_str(&format!(" / {link} / {link:?}"));
        source = link.source();
    }
    text
}

async fn refused(reply: Reply) -> Error {
    let server = Canned::start(reply).await;
    let error = server.connector().await.list_groups(None).await.unwrap_err();
    assert_eq!(server.requests(), 1, "never repeated by itself");
    error
}

#[tokio::test]
async fn a_refusal_keeps_its_code_its_words_and_its_request_id() {
    let error = refused(Reply::refusal(
        403,
        "AccessDenied",
        "User: arn:x is not authorized to perform: iam:ListGroups",
    ))
    .await;
    assert_eq!(
        (error.cause, error.kind(), error.effect()),
        (Cause::Denied, FailureKind::Denied, Effect::None)
    );
    assert_eq!((error.code.as_deref(), error.request_id.as_deref()), (Some("AccessDenied"), Some("req-1")));
    assert!(error.message.contains("iam:ListGroups"), "{error}");
}

#[tokio::test]
async fn refusals_are_told_apart_by_code_and_status() {
    for (status, code, cause) in [
        (400, "Throttling", Cause::Throttled(None)),
        (403, "AccessDeniedException", Cause::Denied),
        (403, "ExpiredToken", Cause::CredentialBad),
        (403, "InvalidClientTokenId", Cause::CredentialBad),
        (400, "ValidationError", Cause::Permanent),
        (404, "NoSuchEntityException", Cause::Gone),
        (500, "ServiceFailure", Cause::Unknown),
        (503, "ServiceUnavailable", Cause::Unknown),
        (400, "NeverSeenBefore", Cause::Permanent),
    ] {
        assert_eq!(refused(Reply::refusal(status, code, "m")).await.cause, cause, "{code}");
    }
}

#[tokio::test]
async fn refusals_of_other_shapes_are_understood() {
    let bare = "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>";
    let twice = "<ErrorResponse><Error><message>x</message><Code>Throttling</Code><Message>a</Message><Message>b</Message>\
                 <Detail/></Error></ErrorResponse>";
    assert_eq!(refused(Reply::status(404, bare)).await.cause, Cause::Gone);
    assert_eq!(refused(Reply::status(400, twice)).await.cause, Cause::Throttled(None));
    let waiting = Reply::Answer { status: 429, headers: "retry-after: 3\r\n".into(), body: vec![] };
    assert_eq!(refused(waiting).await.cause, Cause::Throttled(Some(Duration::from_secs(3))));
}

#[tokio::test]
async fn answers_of_something_in_between_are_judged_by_status() {
    let html = "<!DOCTYPE html><html><body><h1>Bad<br>Gateway</h1></body></html>";
    for (status, body, cause) in [
        (500, html, Cause::Unknown),
        (502, "", Cause::Unknown),
        (503, "no", Cause::Unknown),
        (403, html, Cause::Permanent),
        (407, "", Cause::Permanent),
        (404, html, Cause::Permanent),
        (302, "", Cause::Permanent),
        (429, html, Cause::Throttled(None)),
    ] {
        let error = refused(Reply::status(status, body)).await;
        assert_eq!(error.cause, cause, "{status}");
        assert!(error.message.contains(&status.to_string()) || status == 429, "{error}");
    }
}

#[tokio::test]
async fn half_a_refusal_is_not_believed() {
    let half = "<ErrorResponse><Error><Code>NoSuchEntity</Code>";
    assert_eq!(refused(Reply::status(404, half)).await.cause, Cause::Unknown);
}

#[tokio::test]
async fn no_login_profile_is_an_answer_and_no_permission_is_none() {
    let gone =
        Canned::start(Reply::refusal(404, "NoSuchEntity", "Login Profile for User ana cannot be found."))
            .await;
    assert_eq!(gone.connector().await.get_login_profile("ana").await.unwrap(), None);
    assert_eq!(gone.connector().await.get_account("ana").await.unwrap(), None);
    let denied = Canned::start(Reply::refusal(403, "AccessDenied", "no")).await;
    let error = denied.connector().await.get_login_profile("ana").await.unwrap_err();
    assert!(error.cause == Cause::Denied && error.to_string().contains("GetLoginProfile (ana)"), "{error}");
}

#[tokio::test]
async fn an_empty_name_is_never_sent() {
    let server = Canned::start(Reply::refusal(500, "ServiceFailure", "m")).await;
    let connector = server.connector().await;
    for name in ["", "a\nb"] {
        assert_eq!(connector.get_login_profile(name).await.unwrap_err().cause, Cause::Permanent);
        assert_eq!(connector.get_account(name).await.unwrap_err().cause, Cause::Permanent);
    }
    assert_eq!(connector.list_accounts("staff", None).await.unwrap_err().cause, Cause::Permanent);
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn no_refusal_shows_what_was_signed() {
    let message = "The request signature we calculated does not match the signature you provided.\n\
        The Canonical String for this request should have been\n'POST\n/\nSIGNED-CANARY'\n\
        The String-to-Sign should have been\n'AWS4-HMAC-SHA256\nSIGNED-CANARY'";
    let error = refused(Reply::refusal(403, "SignatureDoesNotMatch", message)).await;
    assert_eq!(error.cause, Cause::CredentialBad);
    let text = chain(&error);
    assert!(!text.contains("CANARY") && text.contains("secret access key"), "{text}");
}

#[tokio::test]
async fn a_login_profile_of_somebody_else_is_refused() {
    let body = "<GetLoginProfileResponse><GetLoginProfileResult><LoginProfile><UserName>bob</UserName>\
        <CreateDate>2024-01-01T00:00:00Z</CreateDate></LoginProfile></GetLoginProfileResult></GetLoginProfileResponse>";
    let server = Canned::start(Reply::xml(body)).await;
    let connector = server.connector().await;
    assert_eq!(connector.get_login_profile("ana").await.unwrap_err().cause, Cause::Unknown);
    let profile = connector.get_login_profile("bob").await.unwrap().unwrap();
    assert!(!profile.password_reset_required);
}

#[tokio::test]
async fn sts_refusing_the_identity_is_a_bad_credential() {
    for (code, status) in [("AccessDenied", 403), ("InvalidClientTokenId", 403), ("ExpiredToken", 403)] {
        let server = Canned::start(Reply::refusal(status, code, "m")).await;
        assert_eq!(
            server.connector().await.identify().await.unwrap_err().cause,
            Cause::CredentialBad,
            "{code}"
        );
    }
}
