use keyreeve_sandbox::{Running, TraceEntry};

use crate::client::{ACCOUNT, Client, sandbox};
use crate::material::{DOCUMENT, PASSWORD, user};

const BOB: (&str, &str) = ("UserName", "bob");

fn last(sandbox: &Running) -> TraceEntry {
    sandbox.trace().pop().unwrap()
}

#[tokio::test]
async fn a_write_is_traced_with_whom_and_what_it_changed() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let made = client.iam("CreateUser", &[BOB]).await.ok();
    let id = made.one("UserId");
    let entry = last(&sandbox);
    assert_eq!((entry.subject.as_deref(), &entry.user_id, entry.applied), (Some("bob"), &id, Some(true)));

    client.iam("CreateGroup", &[("GroupName", "team")]).await.ok();
    let entry = last(&sandbox);
    assert_eq!((entry.user_id, entry.applied), (None, Some(true)));
    assert!(entry.resource.unwrap().starts_with("AGPA"));
    let both = [BOB, ("GroupName", "team")];
    for expected in [true, false] {
        client.iam("AddUserToGroup", &both).await.ok();
        let entry = last(&sandbox);
        assert_eq!((entry.resource.as_deref(), &entry.user_id), (Some("team"), &id));
        assert_eq!((entry.status, entry.applied), (Some(200), Some(expected)));
    }
    for expected in [true, false] {
        client.iam("RemoveUserFromGroup", &both).await.ok();
        assert_eq!(last(&sandbox).applied, Some(expected));
    }
    let put = [BOB, ("PolicyName", "own"), ("PolicyDocument", DOCUMENT)];
    for expected in [true, false] {
        client.iam("PutUserPolicy", &put).await.ok();
        let entry = last(&sandbox);
        assert_eq!((entry.resource.as_deref(), entry.applied), (Some("own"), Some(expected)));
    }

    client.iam("GetUser", &[BOB]).await.ok();
    assert_eq!((last(&sandbox).applied, last(&sandbox).user_id), (None, None));
    client.iam("DeleteUser", &[BOB]).await.fails(409, "DeleteConflict");
    let entry = last(&sandbox);
    assert_eq!(
        (entry.applied, entry.error.as_deref(), &entry.user_id),
        (Some(false), Some("DeleteConflict"), &id)
    );
    client.iam("DeleteUserPolicy", &put[..2]).await.ok();
    client.iam("DeleteUser", &[BOB]).await.ok();
    assert_eq!((last(&sandbox).applied, last(&sandbox).user_id), (Some(true), id.clone()));
    user(&client, "bob").await;
    assert_ne!(last(&sandbox).user_id, id);
}

#[tokio::test]
async fn a_key_that_is_made_and_a_write_about_oneself_are_traced_by_name() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let made = client.iam("CreateAccessKey", &[]).await.ok();
    let entry = last(&sandbox);
    assert_eq!(entry.subject.as_deref(), Some("keyreeve-connector"));
    assert_eq!((entry.resource, entry.applied), (made.one("AccessKeyId"), Some(true)));
    assert!(
        !serde_json::to_string(&sandbox.trace()).unwrap().contains(&made.one("SecretAccessKey").unwrap())
    );
}

#[tokio::test]
async fn secrets_in_parameters_are_not_traced() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    client.iam("CreateLoginProfile", &[BOB, ("Password", PASSWORD)]).await.ok();
    client.iam("UpdateLoginProfile", &[BOB, ("Password", "N3xt-canary")]).await.ok();
    let change =
        [("OldPassword", "0ld-canary"), ("NewPassword", "N3w-canary"), ("SecretAccessKey", "canary")];
    client.iam("ChangePassword", &change).await.fails(404, "NoSuchEntity");
    let trace = serde_json::to_string(&sandbox.trace()).unwrap();
    assert!(!trace.contains("canary") && !trace.contains(PASSWORD), "{trace}");
    assert!(trace.contains("\"NewPassword\":\"(secret)\""), "{trace}");
}

#[tokio::test]
async fn times_tell_which_writes_overlapped() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    for name in ["a", "b"] {
        user(&client, name).await;
    }
    let trace = sandbox.trace();
    assert!(trace.iter().all(|entry| entry.started_micros <= entry.ended_micros.unwrap()));
    assert!(trace[0].ended_micros.unwrap() <= trace[1].started_micros);
    assert!(last(&sandbox).ended_micros.unwrap() >= last(&sandbox).duration_micros);
}

#[tokio::test]
async fn writes_at_once_are_carried_out_one_after_the_other() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..40 {
        let client = client.clone();
        calls.spawn(async move {
            // Every name is asked for four times; one of the four may have it.
            let name = format!("user{}", number % 10);
            client.iam("CreateUser", &[("UserName", &name)]).await.status
        });
    }
    let statuses = calls.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 30);
    let applied = sandbox.trace().iter().filter(|entry| entry.applied == Some(true)).count();
    assert_eq!((applied, sandbox.state(ACCOUNT).unwrap()["users"].as_array().unwrap().len()), (10, 11));
}
