use crate::client::{ACCOUNT, Client, sandbox};
use crate::material::{DOCUMENT, READ_ONLY, policy, user};

const SERVICE_LINKED: &str = "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy";

#[tokio::test]
async fn adding_twice_and_removing_a_stranger_are_no_errors() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    client.iam("CreateGroup", &[("GroupName", "team")]).await.ok();
    let both = [("UserName", "bob"), ("GroupName", "team")];
    client.iam("RemoveUserFromGroup", &both).await.ok();
    client.iam("AddUserToGroup", &both).await.ok();
    client.iam("AddUserToGroup", &both).await.ok();
    let groups = client.iam("ListGroupsForUser", &[("UserName", "bob")]).await.ok();
    assert_eq!(groups.all("GroupName"), ["team"]);
    client.iam("RemoveUserFromGroup", &both).await.ok();
    client.iam("RemoveUserFromGroup", &both).await.ok();
    assert!(client.iam("GetGroup", &[("GroupName", "team")]).await.ok().all("UserName").is_empty());
    for action in ["AddUserToGroup", "RemoveUserFromGroup"] {
        for both in [("bob", "nothing"), ("nobody", "team"), ("nobody", "nothing")] {
            let answer = client.iam(action, &[("UserName", both.0), ("GroupName", both.1)]).await;
            answer.fails(404, "NoSuchEntity");
            // The user is looked for first.
            assert_eq!(answer.body.contains("nobody"), both.0 == "nobody", "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn attaching_twice_is_no_error_and_detaching_twice_is() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    client.iam("CreateGroup", &[("GroupName", "team")]).await.ok();
    let own = policy(&client, "own").await;
    for (holder, name, attach, detach) in [
        ("UserName", "bob", "AttachUserPolicy", "DetachUserPolicy"),
        ("GroupName", "team", "AttachGroupPolicy", "DetachGroupPolicy"),
    ] {
        let both = [(holder, name), ("PolicyArn", own.as_str())];
        client.iam(attach, &both).await.ok();
        client.iam(attach, &both).await.ok();
        let shown = client.iam("GetPolicy", &[both[1]]).await.ok();
        assert_eq!(shown.one("AttachmentCount").as_deref(), Some("1"));
        client.iam(detach, &both).await.ok();
        client.iam(detach, &both).await.fails(404, "NoSuchEntity");
        let nothing = format!("arn:aws:iam::{ACCOUNT}:policy/nothing");
        client.iam(attach, &[both[0], ("PolicyArn", &nothing)]).await.fails(404, "NoSuchEntity");
        client.iam(attach, &[both[0], ("PolicyArn", "nothing")]).await.fails(400, "ValidationError");
        // The form of a parameter comes before the question whether somebody is there.
        client
            .iam(attach, &[(holder, "nobody"), ("PolicyArn", "nothing")])
            .await
            .fails(400, "ValidationError");
        client.iam(attach, &[both[0], ("PolicyArn", SERVICE_LINKED)]).await.fails(400, "PolicyNotAttachable");
        client.iam(attach, &[(holder, "nobody"), both[1]]).await.fails(404, "NoSuchEntity");
        client.iam(detach, &[(holder, "nobody"), both[1]]).await.fails(404, "NoSuchEntity");
        client.iam(attach, &[both[0], ("PolicyArn", READ_ONLY)]).await.ok();
    }
}

#[tokio::test]
async fn inline_policies_are_written_replaced_and_deleted() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    client.iam("CreateGroup", &[("GroupName", "team")]).await.ok();
    for (holder, name, kind) in [("UserName", "bob", "User"), ("GroupName", "team", "Group")] {
        let (put, get, delete) =
            (format!("Put{kind}Policy"), format!("Get{kind}Policy"), format!("Delete{kind}Policy"));
        let named = [(holder, name), ("PolicyName", "own")];
        let with = |document: &'static str| [named[0], named[1], ("PolicyDocument", document)];
        client.iam(&put, &with(DOCUMENT)).await.ok();
        client.iam(&put, &with(DOCUMENT)).await.ok();
        let document = client.iam(&get, &named).await.ok().one("PolicyDocument").unwrap();
        assert!(document.starts_with("%7B%22Version%22"));
        client.iam(&delete, &named).await.ok();
        client.iam(&delete, &named).await.fails(404, "NoSuchEntity");
        for bad in [
            "{}",
            "nothing",
            "[]",
            r#"{"Version":"2012-10-17","Statement":[]}"#,
            r#"{"Version":"2012","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}"#,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}"#,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*"}}"#,
            r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}"#,
        ] {
            client.iam(&put, &with(bad)).await.fails(400, "MalformedPolicyDocument");
        }
        client.iam(&put, &with("{\u{202f}}")).await.fails(400, "ValidationError");
        client
            .iam(&put, &[(holder, "nobody"), named[1], ("PolicyDocument", DOCUMENT)])
            .await
            .fails(404, "NoSuchEntity");
        let once = r#"{"Statement":{"Effect":"Deny","NotAction":["iam:Get*"],"NotResource":["*"]}}"#;
        client.iam(&put, &with(once)).await.ok();
    }
}
