//! A change whose answer was lost, came broken, or answers something else may have happened.

use std::time::Duration;

use keyreeve_aws::AwsConnector;
use keyreeve_connector::{Cause, Error, Retry};
use keyreeve_model::{Effect, StepCall};

use super::{answer_to, every_call, operation, perform, performed};
use crate::canned::{Canned, Reply, options};

fn assert_unknown(error: &Error, call: &StepCall, how: &str) {
    assert_eq!(error.cause, Cause::Unknown, "{how}: {call:?}: {error}");
    assert_eq!(error.effect(), Effect::Unknown, "{how}: {call:?}");
    assert_eq!(error.retry(), Retry::Never, "{how}: {call:?}");
    assert!(error.write && error.to_string().contains("(ana"), "{how}: {error}");
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_outcome_open() {
    for call in every_call("ana") {
        let whole = answer_to(operation(&call).await, "ana");
        assert_unknown(&performed(&call, Reply::Close).await.unwrap_err(), &call, "closed");
        for kept in [0, 1, whole.len() / 2, whole.len() - 1] {
            let reply = Reply::BreakOff { promised: whole.len(), body: whole.as_bytes()[..kept].to_vec() };
            assert_unknown(&performed(&call, reply).await.unwrap_err(), &call, "broken off");
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_leaves_the_outcome_open() {
    for call in every_call("ana") {
        let server = Canned::start(Reply::Hang).await;
        let mut options = options(&server.url);
        options.request_timeout = Duration::from_millis(100);
        let connector = AwsConnector::connect(options).await.unwrap();
        assert_unknown(&perform(&connector, &call).await.unwrap_err(), &call, "no answer");
        assert_eq!(server.requests(), 1, "{call:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_whole_answer_leaves_the_outcome_open() {
    for call in every_call("ana") {
        let operation = operation(&call).await;
        let whole = answer_to(operation, "ana");
        let other = if operation == "DeleteUser" { "DeleteLoginProfile" } else { "DeleteUser" };
        let bodies: Vec<(&str, String)> = vec![
            ("empty", String::new()),
            ("half", whole[..whole.len() / 2].to_owned()),
            ("all but the last byte", whole[..whole.len() - 1].to_owned()),
            ("html", "<html><body>Welcome</body></html>".into()),
            ("json", "{}".into()),
            ("the answer to another call", answer_to(other, "ana")),
            (
                "an error with status 200",
                "<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>".into(),
            ),
            ("malformed", whole.replace("<RequestId>", "<RequestId><")),
            ("two answers", whole.repeat(2)),
        ];
        for (how, body) in bodies {
            assert_unknown(&performed(&call, Reply::xml(body)).await.unwrap_err(), &call, how);
        }
    }
}

#[tokio::test]
async fn a_failure_on_their_side_leaves_the_outcome_open() {
    for call in every_call("ana") {
        for (status, code) in [(500, "ServiceFailure"), (500, "NoSuchEntity"), (503, "ServiceUnavailable")] {
            let error = performed(&call, Reply::refusal(status, code, "m")).await.unwrap_err();
            assert_unknown(&error, &call, code);
            assert_eq!(error.request_id.as_deref(), Some("req-1"), "{call:?}");
        }
        for (status, body) in [(500, "<html>oops</html>"), (502, ""), (504, "no"), (408, "")] {
            let error = performed(&call, Reply::status(status, body)).await.unwrap_err();
            assert_unknown(&error, &call, body);
        }
        let half = Reply::status(404, "<ErrorResponse><Error><Code>NoSuchEntity</Code>");
        assert_unknown(&performed(&call, half).await.unwrap_err(), &call, "half a refusal");
    }
}

#[tokio::test]
async fn what_was_refused_or_never_sent_did_not_happen() {
    let refused = [
        (400, "Throttling", Cause::Throttled(None)),
        (403, "AccessDenied", Cause::Denied),
        (403, "ExpiredToken", Cause::CredentialBad),
        (400, "ValidationError", Cause::Permanent),
        (409, "ConcurrentModification", Cause::Busy),
        (409, "EntityTemporarilyUnmodifiable", Cause::Busy),
        (409, "LimitExceeded", Cause::Permanent),
        (409, "DeleteConflict", Cause::Dependants),
        (409, "EntityAlreadyExists", Cause::AlreadyThere),
        (400, "PasswordPolicyViolation", Cause::PasswordRefused),
    ];
    for call in every_call("ana") {
        for (status, code, cause) in refused {
            let error = performed(&call, Reply::refusal(status, code, "m")).await.unwrap_err();
            assert_eq!((error.cause, error.effect()), (cause, Effect::None), "{call:?} {code}");
        }
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let connector = crate::canned::connector(&format!("http://{closed}")).await;
        let error = perform(&connector, &call).await.unwrap_err();
        assert_eq!((error.cause, error.effect()), (Cause::NotSent, Effect::None), "{call:?}");
    }
}
