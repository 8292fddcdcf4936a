use crate::client::{ACCOUNT, Client, sandbox};
use crate::material::{DOCUMENT, PASSWORD, READ_ONLY, certificate, ssh_key, user};

const BOB: (&str, &str) = ("UserName", "bob");

/// Refused with the message that names what must go first, then without it.
async fn blocks(client: &Client, first: &str, remove: &str, params: &[(&str, &str)]) {
    let refused = client.iam("DeleteUser", &[BOB]).await;
    refused.fails(409, "DeleteConflict");
    let message = format!("Cannot delete entity, must {first} first.");
    assert_eq!(refused.one("Message").unwrap(), message);
    client.iam(remove, params).await.ok();
    client.iam("DeleteUser", &[BOB]).await.ok();
    user(client, "bob").await;
}

#[tokio::test]
async fn each_of_nine_things_keeps_a_user_from_being_deleted() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;

    client.iam("CreateLoginProfile", &[BOB, ("Password", PASSWORD)]).await.ok();
    blocks(&client, "delete login profile", "DeleteLoginProfile", &[BOB]).await;

    let key = client.iam("CreateAccessKey", &[BOB]).await.ok().one("AccessKeyId").unwrap();
    client.iam("UpdateAccessKey", &[BOB, ("AccessKeyId", &key), ("Status", "Inactive")]).await.ok();
    blocks(&client, "delete access keys", "DeleteAccessKey", &[BOB, ("AccessKeyId", &key)]).await;

    let body = certificate(1);
    let uploaded = client.iam("UploadSigningCertificate", &[BOB, ("CertificateBody", &body)]).await.ok();
    let id = uploaded.one("CertificateId").unwrap();
    let named = [BOB, ("CertificateId", id.as_str())];
    blocks(&client, "delete certificates", "DeleteSigningCertificate", &named).await;

    let uploaded = client.iam("UploadSSHPublicKey", &[BOB, ("SSHPublicKeyBody", &ssh_key(1))]).await.ok();
    let id = uploaded.one("SSHPublicKeyId").unwrap();
    let named = [BOB, ("SSHPublicKeyId", id.as_str())];
    blocks(&client, "remove referenced objects", "DeleteSSHPublicKey", &named).await;

    let service = ("ServiceName", "codecommit.amazonaws.com");
    let made = client.iam("CreateServiceSpecificCredential", &[BOB, service]).await.ok();
    let id = made.one("ServiceSpecificCredentialId").unwrap();
    let named = [BOB, ("ServiceSpecificCredentialId", id.as_str())];
    blocks(&client, "remove tokens from principal", "DeleteServiceSpecificCredential", &named).await;

    let device = ("SerialNumber", "GAHT12345678");
    let codes = [("AuthenticationCode1", "123456"), ("AuthenticationCode2", "654321")];
    client.iam("EnableMFADevice", &[BOB, device, codes[0], codes[1]]).await.ok();
    blocks(&client, "delete MFA device", "DeactivateMFADevice", &[BOB, device]).await;

    let named = [BOB, ("PolicyName", "own")];
    client.iam("PutUserPolicy", &[named[0], named[1], ("PolicyDocument", DOCUMENT)]).await.ok();
    blocks(&client, "delete policies", "DeleteUserPolicy", &named).await;

    let attached = [BOB, ("PolicyArn", READ_ONLY)];
    client.iam("AttachUserPolicy", &attached).await.ok();
    blocks(&client, "detach all policies", "DetachUserPolicy", &attached).await;

    client.iam("CreateGroup", &[("GroupName", "team")]).await.ok();
    let member = [BOB, ("GroupName", "team")];
    client.iam("AddUserToGroup", &member).await.ok();
    blocks(&client, "remove users from group", "RemoveUserFromGroup", &member).await;
}

#[tokio::test]
async fn tags_and_a_boundary_go_along_and_a_name_comes_back_with_another_id() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    let id = async || client.iam("GetUser", &[BOB]).await.ok().one("UserId").unwrap();
    let before = id().await;
    client.iam("TagUser", &[BOB, ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "")]).await.ok();
    client.iam("PutUserPermissionsBoundary", &[BOB, ("PermissionsBoundary", READ_ONLY)]).await.ok();
    client.iam("DeleteUser", &[BOB]).await.ok();
    client.iam("DeleteUser", &[BOB]).await.fails(404, "NoSuchEntity");
    let shown = client.iam("GetPolicy", &[("PolicyArn", READ_ONLY)]).await.ok();
    assert_eq!(shown.one("PermissionsBoundaryUsageCount").as_deref(), Some("0"));
    user(&client, "bob").await;
    assert_ne!(id().await, before);
}
