use crate::client::{ACCOUNT, Client, OTHER, sandbox};
use crate::material::{DOCUMENT, READ_ONLY, TRUST, policy, user};

#[tokio::test]
async fn a_policy_has_versions_of_which_one_is_the_default() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let arn = policy(&client, "Own").await;
    let named = ("PolicyArn", arn.as_str());
    let document = ("PolicyDocument", DOCUMENT);
    client.iam("CreatePolicy", &[("PolicyName", "own"), document]).await.fails(409, "EntityAlreadyExists");
    let path = [("PolicyName", "odd"), ("Path", "/a&b/"), document];
    client.iam("CreatePolicy", &path).await.fails(400, "ValidationError");
    let made = client.iam("CreatePolicyVersion", &[named, document, ("SetAsDefault", "true")]).await.ok();
    assert_eq!(made.one("VersionId").as_deref(), Some("v2"));
    client.iam("CreatePolicyVersion", &[named, document]).await.ok();
    let default = async || client.iam("GetPolicy", &[named]).await.ok().one("DefaultVersionId").unwrap();
    assert_eq!(default().await, "v2");
    client.iam("SetDefaultPolicyVersion", &[named, ("VersionId", "v3")]).await.ok();
    assert_eq!(default().await, "v3");
    client.iam("SetDefaultPolicyVersion", &[named, ("VersionId", "v9")]).await.fails(404, "NoSuchEntity");
    client.iam("SetDefaultPolicyVersion", &[named, ("VersionId", "3")]).await.fails(400, "ValidationError");
    client.iam("DeletePolicyVersion", &[named, ("VersionId", "v3")]).await.fails(409, "DeleteConflict");
    client.iam("DeletePolicy", &[named]).await.fails(409, "DeleteConflict");
    for version in ["v1", "v2"] {
        client.iam("DeletePolicyVersion", &[named, ("VersionId", version)]).await.ok();
    }
    // Numbers do not come back.
    let made = client.iam("CreatePolicyVersion", &[named, document]).await.ok();
    assert_eq!(made.one("VersionId").as_deref(), Some("v4"));
    client.iam("DeletePolicyVersion", &[named, ("VersionId", "v4")]).await.ok();
    client.iam("DeletePolicy", &[named]).await.ok();
    client.iam("DeletePolicy", &[named]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn a_policy_in_use_stays_and_awss_own_cannot_be_changed() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let arn = policy(&client, "own").await;
    user(&client, "bob").await;
    let attached = [("UserName", "bob"), ("PolicyArn", arn.as_str())];
    client.iam("AttachUserPolicy", &attached).await.ok();
    client.iam("DeletePolicy", &[attached[1]]).await.fails(409, "DeleteConflict");
    client.iam("DetachUserPolicy", &attached).await.ok();
    let boundary = [attached[0], ("PermissionsBoundary", arn.as_str())];
    client.iam("PutUserPermissionsBoundary", &boundary).await.ok();
    client.iam("DeletePolicy", &[attached[1]]).await.fails(409, "DeleteConflict");
    client.iam("DeleteUserPermissionsBoundary", &[attached[0]]).await.ok();
    let role = [("RoleName", "kept"), ("AssumeRolePolicyDocument", TRUST), boundary[1]];
    client.iam("CreateRole", &role).await.ok();
    let used = [attached[1], ("PolicyUsageFilter", "PermissionsBoundary")];
    let holders = client.iam("ListEntitiesForPolicy", &used).await.ok();
    assert_eq!(holders.all("RoleName"), ["kept"]);
    client.iam("DeletePolicy", &[attached[1]]).await.fails(409, "DeleteConflict");
    client.iam("DeleteRole", &role[..1]).await.ok();
    client.iam("DeletePolicy", &[attached[1]]).await.ok();
    client.iam("DeletePolicy", &[("PolicyArn", READ_ONLY)]).await.fails(403, "AccessDenied");
    let version = [("PolicyArn", READ_ONLY), ("PolicyDocument", DOCUMENT)];
    client.iam("CreatePolicyVersion", &version).await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn a_group_is_made_moved_renamed_and_deleted_when_empty() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let made = client.iam("CreateGroup", &[("GroupName", "Team"), ("Path", "/teams/")]).await.ok();
    assert!(made.one("GroupId").unwrap().starts_with("AGPA"));
    client.iam("CreateGroup", &[("GroupName", "team")]).await.fails(409, "EntityAlreadyExists");
    client.iam("CreateGroup", &[("GroupName", "a b")]).await.fails(400, "ValidationError");
    user(&client, "bob").await;
    let member = [("UserName", "bob"), ("GroupName", "Team")];
    client.iam("AddUserToGroup", &member).await.ok();
    client.iam("UpdateGroup", &[member[1], ("NewPath", "/"), ("NewGroupName", "crew")]).await.ok();
    client.iam("GetGroup", &[member[1]]).await.fails(404, "NoSuchEntity");
    let crew = ("GroupName", "crew");
    let read = client.iam("GetGroup", &[crew]).await.ok();
    assert_eq!((read.one("GroupId"), read.all("UserName")), (made.one("GroupId"), vec!["bob".to_owned()]));
    client.iam("DeleteGroup", &[crew]).await.fails(409, "DeleteConflict");
    client.iam("RemoveUserFromGroup", &[member[0], crew]).await.ok();
    client.iam("AttachGroupPolicy", &[crew, ("PolicyArn", READ_ONLY)]).await.ok();
    client.iam("DeleteGroup", &[crew]).await.fails(409, "DeleteConflict");
    client.iam("DetachGroupPolicy", &[crew, ("PolicyArn", READ_ONLY)]).await.ok();
    client.iam("PutGroupPolicy", &[crew, ("PolicyName", "own"), ("PolicyDocument", DOCUMENT)]).await.ok();
    client.iam("DeleteGroup", &[crew]).await.fails(409, "DeleteConflict");
    client.iam("DeleteGroupPolicy", &[crew, ("PolicyName", "own")]).await.ok();
    client.iam("DeleteGroup", &[crew]).await.ok();
    client.iam("DeleteGroup", &[crew]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn a_role_trusts_whom_its_document_names() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    let role = ("RoleName", "partner");
    client.iam("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)]).await.ok();
    client
        .iam("CreateRole", &[role, ("AssumeRolePolicyDocument", TRUST)])
        .await
        .fails(409, "EntityAlreadyExists");
    let malformed = [("RoleName", "other"), ("AssumeRolePolicyDocument", DOCUMENT)];
    client.iam("CreateRole", &malformed).await.fails(400, "MalformedPolicyDocument");
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/partner");
    let assume = [("RoleArn", arn.as_str()), ("RoleSessionName", "it"), ("ExternalId", "secret-id")];
    client.sts("AssumeRole", &assume[..2]).await.ok();
    let strict = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":["arn:aws:iam::{OTHER}:root"]}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"secret-id"}}}}}}}}"#
    );
    client.iam("UpdateAssumeRolePolicy", &[role, ("PolicyDocument", &strict)]).await.ok();
    client.sts("AssumeRole", &assume).await.fails(403, "AccessDenied");
    let other = Client::of(&sandbox, OTHER);
    other.sts("AssumeRole", &assume).await.ok();
    other.sts("AssumeRole", &assume[..2]).await.fails(403, "AccessDenied");
    let read = client.iam("GetRole", &[role]).await.ok();
    assert!(read.one("AssumeRolePolicyDocument").unwrap().contains("secret-id"));
    client.iam("AttachRolePolicy", &[role, ("PolicyArn", READ_ONLY)]).await.ok();
    let listed = client.iam("ListAttachedRolePolicies", &[role]).await.ok();
    assert_eq!(listed.all("PolicyArn"), [READ_ONLY]);
    client.iam("DeleteRole", &[role]).await.fails(409, "DeleteConflict");
    client.iam("DetachRolePolicy", &[role, ("PolicyArn", READ_ONLY)]).await.ok();
    client.iam("DetachRolePolicy", &[role, ("PolicyArn", READ_ONLY)]).await.fails(404, "NoSuchEntity");
    client.iam("DeleteRole", &[role]).await.ok();
    client.iam("DeleteRole", &[role]).await.fails(404, "NoSuchEntity");
}
