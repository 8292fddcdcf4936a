use keyreeve_sandbox::Mutation;

use crate::client::{ACCOUNT, Answer, Client, OTHER, sandbox};
use crate::material::{DOCUMENT, certificate, policy, ssh_key, user};

const BOB: (&str, &str) = ("UserName", "bob");

#[track_caller]
fn exceeds(answer: &Answer, message: &str) {
    answer.fails(409, "LimitExceeded");
    assert_eq!(answer.one("Message").unwrap(), message);
}

#[tokio::test]
async fn what_one_user_holds_is_limited() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    for number in 0..=10 {
        let group = format!("group{number}");
        client.iam("CreateGroup", &[("GroupName", &group)]).await.ok();
        let added = client.iam("AddUserToGroup", &[BOB, ("GroupName", &group)]).await;
        let attached =
            client.iam("AttachUserPolicy", &[BOB, ("PolicyArn", &policy(&client, &group).await)]).await;
        if number < 10 {
            added.ok();
            attached.ok();
        } else {
            exceeds(&added, "Cannot exceed quota for GroupsPerUser: 10");
            exceeds(&attached, "Cannot exceed quota for PoliciesPerUser: 10");
        }
    }
    // What is held already is not one more.
    client.iam("AddUserToGroup", &[BOB, ("GroupName", "group0")]).await.ok();

    for _ in 0..2 {
        client.iam("CreateAccessKey", &[BOB]).await.ok();
    }
    exceeds(&client.iam("CreateAccessKey", &[BOB]).await, "Cannot exceed quota for AccessKeysPerUser: 2");

    for number in 0..5 {
        client.iam("UploadSSHPublicKey", &[BOB, ("SSHPublicKeyBody", &ssh_key(number))]).await.ok();
    }
    let sixth = client.iam("UploadSSHPublicKey", &[BOB, ("SSHPublicKeyBody", &ssh_key(5))]).await;
    exceeds(&sixth, "Cannot exceed quota for SSHPublicKeysPerUser: 5");

    for number in 0..2 {
        let body = certificate(number);
        client.iam("UploadSigningCertificate", &[BOB, ("CertificateBody", &body)]).await.ok();
    }
    let third = client.iam("UploadSigningCertificate", &[BOB, ("CertificateBody", &certificate(2))]).await;
    exceeds(&third, "Cannot exceed quota for CertificatesPerUser: 2");

    for number in 0..=8 {
        let serial = format!("GAHT0000000{number}");
        let codes = [("AuthenticationCode1", "123456"), ("AuthenticationCode2", "654321")];
        let params = [BOB, ("SerialNumber", serial.as_str()), codes[0], codes[1]];
        let enabled = client.iam("EnableMFADevice", &params).await;
        if number < 8 {
            enabled.ok();
        } else {
            exceeds(&enabled, "Cannot exceed quota for MFADevicesPerUser: 8");
        }
    }

    let service = ("ServiceName", "codecommit.amazonaws.com");
    for _ in 0..2 {
        client.iam("CreateServiceSpecificCredential", &[BOB, service]).await.ok();
    }
    client.iam("CreateServiceSpecificCredential", &[BOB, service]).await.fails(409, "LimitExceeded");
}

#[tokio::test]
async fn policies_are_limited_in_size_and_versions() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    client.iam("CreateGroup", &[("GroupName", "team")]).await.ok();
    let of_size = |size: usize| {
        let document = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::"}}"#;
        document.replace("::\"", &format!("::{}\"", "x".repeat(size - document.len())))
    };
    assert_eq!(of_size(2048).len(), 2048);
    let put = async |name: &str, document: &str| {
        client.iam("PutUserPolicy", &[BOB, ("PolicyName", name), ("PolicyDocument", document)]).await
    };
    exceeds(&put("big", &of_size(2049)).await, "Maximum policy size of 2048 bytes exceeded for user bob");
    // Blanks do not count, and what is replaced does not count either.
    put("own", &format!("  {}\n\n", of_size(2048))).await.ok();
    put("own", &of_size(2048)).await.ok();
    put("more", DOCUMENT).await.fails(409, "LimitExceeded");
    let group = [("GroupName", "team"), ("PolicyName", "own")];
    let put = async |document: &str| {
        client.iam("PutGroupPolicy", &[group[0], group[1], ("PolicyDocument", document)]).await
    };
    put(&of_size(5120)).await.ok();
    put(&of_size(5121)).await.fails(409, "LimitExceeded");
    let large = [("PolicyName", "large"), ("PolicyDocument", &of_size(6145))];
    exceeds(&client.iam("CreatePolicy", &large).await, "Cannot exceed quota for PolicySize: 6144");
    let arn = policy(&client, "own").await;
    let version = [("PolicyArn", arn.as_str()), ("PolicyDocument", DOCUMENT)];
    for _ in 0..4 {
        client.iam("CreatePolicyVersion", &version).await.ok();
    }
    client.iam("CreatePolicyVersion", &version).await.fails(409, "LimitExceeded");
    let versions = client.iam("ListPolicyVersions", &version[..1]).await.ok();
    assert_eq!(versions.all("VersionId").len(), 5);
}

#[tokio::test]
async fn an_account_holds_five_thousand_users_and_three_hundred_groups() {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, OTHER);
    let create =
        |name: String| Mutation::CreateUser { name, path: "/".to_owned(), tags: Vec::new(), boundary: None };
    let users: Vec<Mutation> = (0..4_998).map(|number| create(format!("u{number}"))).collect();
    sandbox.mutate(OTHER, &users).unwrap();
    let group = |name: String| Mutation::CreateGroup { name, path: "/".to_owned() };
    let groups: Vec<Mutation> = (0..299).map(|number| group(format!("g{number}"))).collect();
    sandbox.mutate(OTHER, &groups).unwrap();
    client.iam("CreateUser", &[("UserName", "last")]).await.ok();
    let refused = client.iam("CreateUser", &[("UserName", "one-more")]).await;
    exceeds(&refused, "Cannot exceed quota for UsersPerAccount: 5000");
    client.iam("CreateGroup", &[("GroupName", "last")]).await.ok();
    let refused = client.iam("CreateGroup", &[("GroupName", "one-more")]).await;
    exceeds(&refused, "Cannot exceed quota for GroupsPerAccount: 300");
}
