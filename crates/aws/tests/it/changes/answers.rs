//! What whole answers mean.

use keyreeve_connector::{Cause, Error, Outcome};
use keyreeve_model::{Effect, StepCall};

use super::{answer_to, every_call, is_removal, performed};
use crate::canned::Reply;

#[tokio::test]
async fn to_remove_what_is_not_there_is_a_success() {
    let removals: Vec<_> = every_call("ana").into_iter().filter(is_removal).collect();
    assert_eq!(removals.len(), 17, "{removals:?}");
    for call in removals.into_iter().filter(|call| !matches!(call, StepCall::DeleteAccount { .. })) {
        let gone = Reply::refusal(404, "NoSuchEntity", "The user policy with name x cannot be found.");
        let performed = performed(&call, gone).await.unwrap();
        assert_eq!(performed.outcome, Outcome::Unchanged, "{call:?}");
        assert_eq!(performed.request_id.as_deref(), Some("req-1"), "{call:?}");
        assert_eq!((performed.account, performed.login_profile_created_at), (None, None), "{call:?}");
    }
}

/// One answer may come from a part of AWS that does not know the user yet, or any more.
#[tokio::test]
async fn to_remove_from_a_user_that_is_not_there_is_an_error() {
    for call in every_call("ana").into_iter().filter(is_removal) {
        if matches!(call, StepCall::DeleteVirtualMfaDevice { .. }) {
            continue;
        }
        for said in ["The user with name ana cannot be found.", ""] {
            let error = performed(&call, Reply::refusal(404, "NoSuchEntity", said)).await.unwrap_err();
            assert_eq!((error.cause, error.effect()), (Cause::Gone, Effect::None), "{call:?}: {said}");
        }
    }
}

#[tokio::test]
async fn to_add_to_or_set_what_is_not_there_is_an_error() {
    for call in every_call("ana").into_iter().filter(|call| !is_removal(call)) {
        let gone = Reply::refusal(404, "NoSuchEntity", "It cannot be found.");
        let error = performed(&call, gone).await.unwrap_err();
        assert_eq!((error.cause, error.effect()), (Cause::Gone, Effect::None), "{call:?}");
    }
}

#[tokio::test]
async fn an_error_names_the_account_and_the_object() {
    let call = StepCall::AddToGroup { account: "ana".into(), group: "devs".into() };
    let error = performed(&call, Reply::refusal(403, "AccessDenied", "no")).await.unwrap_err();
    assert_eq!(error.to_string(), "AddUserToGroup (ana, devs) failed: no [AccessDenied, request req-1]");
}

/// The answer to a creation, with one part of it replaced.
async fn created(operation: &str, part: &str, instead: &str) -> Result<(), Error> {
    let whole = answer_to(operation, "ana");
    assert!(whole.contains(part), "{part}");
    let call = every_call("ana").into_iter().find(|call| match operation {
        "CreateUser" => matches!(call, StepCall::CreateAccount { .. }),
        _ => matches!(call, StepCall::CreateLoginProfile { .. }),
    });
    performed(&call.unwrap(), Reply::xml(whole.replace(part, instead))).await.map(drop)
}

#[tokio::test]
async fn a_created_account_is_the_one_asked_for_or_the_outcome_is_open() {
    created("CreateUser", "AIDA1", "AIDA2").await.unwrap();
    for (part, instead, field) in [
        ("<UserName>ana<", "<UserName>bob<", "UserName"),
        ("<UserName>ana<", "<UserName>Ana<", "UserName"),
        ("<UserName>ana<", "<UserName><", "UserName"),
        ("<Path>/staff/<", "<Path>/<", "Path"),
        ("<UserId>AIDA1</UserId>", "<UserId></UserId>", "UserId"),
        ("<UserId>AIDA1</UserId>", "", "UserId"),
        ("<CreateDate>2024-01-01T00:00:00Z</CreateDate>", "", "CreateDate"),
        ("arn:aws:iam::111122223333:user/staff/ana", "", "Arn"),
    ] {
        let error = created("CreateUser", part, instead).await.unwrap_err();
        assert_eq!((error.cause, error.effect()), (Cause::Unknown, Effect::Unknown), "{instead}");
        assert!(error.message.contains(field), "{instead}: {error}");
        assert_eq!(error.request_id.as_deref(), Some("req-7"), "{instead}");
    }
    let whole = answer_to("CreateUser", "ana");
    let user = &whole[whole.find("<User>").unwrap()..whole.find("</CreateUserResult>").unwrap()];
    assert_eq!(created("CreateUser", user, "").await.unwrap_err().effect(), Effect::Unknown);
}

#[tokio::test]
async fn a_created_login_profile_is_the_one_asked_for_or_the_outcome_is_open() {
    created("CreateLoginProfile", "2024-01-02", "2024-01-03").await.unwrap();
    for (part, instead, field) in [
        ("<UserName>ana<", "<UserName>bob<", "UserName"),
        ("<UserName>ana<", "<UserName>ANA<", "UserName"),
        ("<CreateDate>2024-01-02T00:00:00Z</CreateDate>", "", "CreateDate"),
    ] {
        let error = created("CreateLoginProfile", part, instead).await.unwrap_err();
        assert_eq!((error.cause, error.effect()), (Cause::Unknown, Effect::Unknown), "{instead}");
        assert!(error.message.contains(field), "{instead}: {error}");
    }
}

#[tokio::test]
async fn what_was_created_is_told() {
    let calls = every_call("ana");
    let made = performed(&calls[0], Reply::xml(answer_to("CreateUser", "ana"))).await.unwrap();
    let account = made.account.unwrap();
    assert_eq!((account.name.as_str(), account.path.as_str()), ("ana", "/staff/"));
    assert_eq!((account.external_id.as_str(), made.login_profile_created_at), ("AIDA1", None));
    let profile = StepCall::CreateLoginProfile { account: "ana".into() };
    let made = performed(&profile, Reply::xml(answer_to("CreateLoginProfile", "ana"))).await.unwrap();
    assert_eq!(made.login_profile_created_at.unwrap().to_string(), "2024-01-02T00:00:00Z");
    assert_eq!(made.account, None);
}

#[tokio::test]
async fn the_request_is_named_by_its_header_or_else_by_the_body() {
    let call = StepCall::DeleteAccount { account: "ana".into() };
    let body = answer_to("DeleteUser", "ana").into_bytes();
    for (headers, expected) in [("x-amzn-requestid: from-the-head\r\n", "from-the-head"), ("", "req-7")] {
        let reply = Reply::Answer { status: 200, headers: headers.into(), body: body.clone() };
        assert_eq!(performed(&call, reply).await.unwrap().request_id.as_deref(), Some(expected));
    }
    let silent = Reply::xml("<DeleteUserResponse/>");
    assert_eq!(performed(&call, silent).await.unwrap().request_id, None);
}
