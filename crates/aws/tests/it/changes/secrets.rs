//! A password is shown by no error, whatever the other side does with it.

use std::error::Error as _;

use keyreeve_connector::{Cause, Connector, Error};
use keyreeve_model::{Secret, StepCall};

use super::{PASSWORD, answer_to, performed};
use crate::canned::{Canned, NAMESPACE, Reply};

/// The password as a form holds it.
const ENCODED: &str = "CANARY%2Bpass%27word%257B%7C%7B%7D";

fn calls() -> [StepCall; 2] {
    let account = || "ana".to_owned();
    [StepCall::CreateLoginProfile { account: account() }, StepCall::UpdateLoginProfile { account: account() }]
}

/// Everything an error can be made to say.
fn told(error: &Error) -> String {
    let mut text = format!("{error} / {error:?} / {error:#?}");
    let mut source = error.source();
    while let Some(link) = source {
        text.push_str(&format!(" / {link} / {link:?}"));
        source = link.source();
    }
    text
}

fn echoes() -> Vec<Reply> {
    let xml = PASSWORD.replace('&', "&amp;").replace('<', "&lt;");
    let far = format!("{} {xml}", "x".repeat(385));
    let mut echoes = vec![
        Reply::xml(format!(
            "<CreateLoginProfileResponse><Password>{xml}</Password></CreateLoginProfileResponse>"
        )),
        Reply::xml(xml.clone()),
        Reply::xml(format!("<{xml}/>")),
        Reply::Answer { status: 400, headers: format!("x-amzn-requestid: {PASSWORD}\r\n"), body: vec![] },
        Reply::status(
            400,
            format!(
                "<ErrorResponse{NAMESPACE}><Error><Code>ValidationError</Code><Message>m</Message></Error><RequestId>{xml}</RequestId></ErrorResponse>"
            ),
        ),
        Reply::BreakOff { promised: 4000, body: xml.clone().into_bytes() },
    ];
    for status in [200, 400, 403, 404, 409, 500, 503] {
        echoes.push(Reply::status(status, format!("no, {xml}")));
        for said in [&*xml, ENCODED, &far] {
            echoes.push(Reply::refusal(status, "ValidationError", said));
            echoes.push(Reply::refusal(status, said, "m"));
            echoes.push(Reply::refusal(status, said, said));
        }
    }
    echoes
}

#[tokio::test]
async fn an_answer_that_repeats_the_password_is_not_repeated() {
    for call in calls() {
        for echo in echoes() {
            let error = performed(&call, echo).await.unwrap_err();
            let text = told(&error);
            assert!(!text.contains("CANARY"), "{text}");
            assert!(error.to_string().contains("(ana) failed: "), "{text}");
        }
    }
}

#[tokio::test]
async fn words_without_the_password_are_kept() {
    let said = "Password should have at least one uppercase letter";
    for call in calls() {
        let error = performed(&call, Reply::refusal(400, "PasswordPolicyViolation", said)).await.unwrap_err();
        assert_eq!(error.cause, Cause::PasswordRefused);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_success_does_not_show_the_password_either() {
    let [create, _] = calls();
    let server = Canned::start(Reply::xml(answer_to("CreateLoginProfile", "ana"))).await;
    let connector = server.connector().await;
    let password = Secret::new(PASSWORD.into());
    let performed = connector.provisioning().unwrap().perform(&create, Some(&password)).await.unwrap();
    assert!(server.forms()[0].contains(ENCODED), "the canary was sent");
    for text in [format!("{performed:?}"), format!("{connector:?}"), format!("{create:?}")] {
        assert!(!text.contains("CANARY"), "{text}");
    }
}
