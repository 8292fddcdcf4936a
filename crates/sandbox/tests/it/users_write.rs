use crate::client::{ACCOUNT, Client, sandbox};
use crate::material::{READ_ONLY, as_user, policy, user};

#[tokio::test]
async fn a_user_is_made_with_path_tags_and_boundary_and_shown_so() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let boundary = policy(&client, "limit").await;
    let params = [
        ("UserName", "ada"),
        ("Path", "/staff/r&d/"),
        ("PermissionsBoundary", boundary.as_str()),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "zoo + co"),
    ];
    let made = client.iam("CreateUser", &params).await.ok();
    let read = client.iam("GetUser", &[("UserName", "ada")]).await.ok();
    for tag in ["UserId", "Arn", "Path", "PermissionsBoundaryArn", "Key", "Value"] {
        assert_eq!(made.one(tag), read.one(tag), "{tag}");
        assert!(made.one(tag).is_some(), "{tag}");
    }
    assert!(made.one("UserId").unwrap().starts_with("AIDA"));
    assert_eq!(read.one("Arn").unwrap(), format!("arn:aws:iam::{ACCOUNT}:user/staff/r&d/ada"));
    let policy = client.iam("GetPolicy", &[("PolicyArn", &boundary)]).await.ok();
    assert_eq!(policy.one("PermissionsBoundaryUsageCount").as_deref(), Some("1"));
}

#[tokio::test]
async fn names_and_paths_that_cannot_be_are_refused() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    for name in ["", "a b", "a/b", "jürgen", &"x".repeat(65)] {
        client.iam("CreateUser", &[("UserName", name)]).await.fails(400, "ValidationError");
    }
    client.iam("CreateUser", &[]).await.fails(400, "ValidationError");
    for path in ["", "x", "/x", "x/", "//", "/a b/", &format!("/{}/", "x".repeat(511))] {
        client.iam("CreateUser", &[("UserName", "ada"), ("Path", path)]).await.fails(400, "ValidationError");
    }
    for path in ["/", "/a/", "/a//b/", "/\"<script>/", &format!("/{}/", "x".repeat(510))] {
        client.iam("CreateUser", &[("UserName", "ada"), ("Path", path)]).await.ok();
        client.iam("DeleteUser", &[("UserName", "ada")]).await.ok();
    }
    let nothing = [("UserName", "ada"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/Nothing")];
    client.iam("CreateUser", &nothing).await.fails(404, "NoSuchEntity");
    client.iam("GetUser", &[("UserName", "ada")]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn names_are_unique_ignoring_case_also_when_renaming() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "Bob").await;
    user(&client, "eve").await;
    for name in ["Bob", "bob", "BOB"] {
        client.iam("CreateUser", &[("UserName", name)]).await.fails(409, "EntityAlreadyExists");
    }
    for name in ["bob", "EVE", "eve"] {
        let rename = [("UserName", "Bob"), ("NewUserName", name)];
        client.iam("UpdateUser", &rename).await.fails(409, "EntityAlreadyExists");
    }
    client.iam("UpdateUser", &[("UserName", "nobody"), ("NewPath", "/")]).await.fails(404, "NoSuchEntity");
    client.iam("DeleteUser", &[("UserName", "nobody")]).await.fails(404, "NoSuchEntity");
    // In its exact case only, as reads do.
    client.iam("DeleteUser", &[("UserName", "bob")]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn a_renamed_and_moved_user_stays_the_same_and_keeps_everything() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    client.iam("CreateGroup", &[("GroupName", "team")]).await.ok();
    client.iam("AddUserToGroup", &[("UserName", "bob"), ("GroupName", "team")]).await.ok();
    let own = as_user(&client, "bob").await;
    let before = own.sts("GetCallerIdentity", &[]).await.ok();
    // The same name beside another path is no clash.
    client
        .iam("UpdateUser", &[("UserName", "bob"), ("NewUserName", "bob"), ("NewPath", "/moved/")])
        .await
        .ok();
    client.iam("UpdateUser", &[("UserName", "bob"), ("NewUserName", "rob")]).await.ok();
    let after = own.sts("GetCallerIdentity", &[]).await.ok();
    assert_eq!(before.one("UserId"), after.one("UserId"));
    assert_eq!(after.one("Arn").unwrap(), format!("arn:aws:iam::{ACCOUNT}:user/moved/rob"));
    client.iam("GetUser", &[("UserName", "bob")]).await.fails(404, "NoSuchEntity");
    let members = client.iam("GetGroup", &[("GroupName", "team")]).await.ok();
    assert_eq!(members.all("UserName"), ["rob"]);
    let keys = client.iam("ListAccessKeys", &[("UserName", "rob")]).await.ok();
    assert_eq!(keys.all("AccessKeyId"), [own.key]);
}

#[tokio::test]
async fn a_boundary_is_put_replaced_and_deleted() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    let own = policy(&client, "limit").await;
    for arn in [own.as_str(), READ_ONLY] {
        let put = [("UserName", "bob"), ("PermissionsBoundary", arn)];
        client.iam("PutUserPermissionsBoundary", &put).await.ok();
        let user = client.iam("GetUser", &[("UserName", "bob")]).await.ok();
        assert_eq!(user.one("PermissionsBoundaryArn").as_deref(), Some(arn));
    }
    let nothing = [("UserName", "bob"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/Nothing")];
    client.iam("PutUserPermissionsBoundary", &nothing).await.fails(404, "NoSuchEntity");
    client.iam("DeletePolicy", &[("PolicyArn", &own)]).await.ok();
    client.iam("DeleteUserPermissionsBoundary", &[("UserName", "bob")]).await.ok();
    let user = client.iam("GetUser", &[("UserName", "bob")]).await.ok();
    assert_eq!(user.one("PermissionsBoundaryArn"), None);
}

#[tokio::test]
async fn writes_can_be_denied_by_name_and_others_may_not_write() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    let bob = as_user(&client, "bob").await;
    bob.iam("CreateUser", &[("UserName", "eve")]).await.fails(403, "AccessDenied");
    sandbox.deny("keyreeve-connector", &["iam:DeleteUser", "AddUserToGroup"]);
    client.iam("DeleteUser", &[("UserName", "bob")]).await.fails(403, "AccessDenied");
    let group = "engineering";
    let denied = client.iam("AddUserToGroup", &[("UserName", "bob"), ("GroupName", group)]).await;
    denied.fails(403, "AccessDenied");
    let resource = format!("on resource: arn:aws:iam::{ACCOUNT}:group/");
    assert!(denied.body.contains(&resource) && denied.body.contains(group), "{}", denied.body);
    sandbox.deny("keyreeve-connector", &[]);
    client.iam("CreateUser", &[("UserName", "eve")]).await.ok();
    let users = client.iam("ListUsers", &[]).await.ok();
    assert_eq!(users.all("UserName"), ["bob", "eve", "keyreeve-connector"]);
}

#[tokio::test]
async fn a_write_without_a_user_name_is_about_the_caller() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let made = client.iam("CreateAccessKey", &[]).await.ok();
    assert_eq!(made.one("UserName").as_deref(), Some("keyreeve-connector"));
    let role = format!("arn:aws:iam::{ACCOUNT}:role/keyreeve/keyreeve-reader");
    let answer = client.sts("AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "it")]).await.ok();
    let session = Client {
        key: answer.one("AccessKeyId").unwrap(),
        secret: answer.one("SecretAccessKey").unwrap(),
        token: answer.one("SessionToken"),
        ..client.clone()
    };
    let id = made.one("AccessKeyId").unwrap();
    session.iam("DeleteAccessKey", &[("AccessKeyId", &id)]).await.fails(400, "ValidationError");
    session.iam("CreateLoginProfile", &[("Password", "Abcdefg1!")]).await.fails(400, "ValidationError");
    client.iam("DeleteAccessKey", &[("AccessKeyId", &id)]).await.ok();
}
