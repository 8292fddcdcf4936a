use crate::client::{ACCOUNT, Client, sandbox};
use crate::material::{as_user, certificate, ssh_key, user};

const BOB: (&str, &str) = ("UserName", "bob");
const EVE: (&str, &str) = ("UserName", "eve");
const CODES: [(&str, &str); 2] = [("AuthenticationCode1", "123456"), ("AuthenticationCode2", "654321")];

async fn client() -> (keyreeve_sandbox::Running, Client) {
    let sandbox = sandbox(0).await;
    let client = Client::of(&sandbox, ACCOUNT);
    user(&client, "bob").await;
    user(&client, "eve").await;
    (sandbox, client)
}

#[tokio::test]
async fn an_access_key_works_until_it_is_switched_off_or_deleted() {
    let (_sandbox, client) = client().await;
    let bob = as_user(&client, "bob").await;
    let key = ("AccessKeyId", bob.key.as_str());
    bob.sts("GetCallerIdentity", &[]).await.ok();
    client.iam("UpdateAccessKey", &[BOB, key, ("Status", "Inactive")]).await.ok();
    bob.sts("GetCallerIdentity", &[]).await.fails(403, "InvalidClientTokenId");
    let listed = client.iam("ListAccessKeys", &[BOB]).await.ok();
    assert_eq!(listed.one("Status").as_deref(), Some("Inactive"));
    client.iam("UpdateAccessKey", &[BOB, key, ("Status", "Active")]).await.ok();
    bob.sts("GetCallerIdentity", &[]).await.ok();
    client.iam("UpdateAccessKey", &[EVE, key, ("Status", "Active")]).await.fails(404, "NoSuchEntity");
    client.iam("DeleteAccessKey", &[EVE, key]).await.fails(404, "NoSuchEntity");
    client.iam("UpdateAccessKey", &[BOB, key, ("Status", "Expired")]).await.fails(400, "InvalidInput");
    client.iam("UpdateAccessKey", &[BOB, key, ("Status", "Gone")]).await.fails(400, "ValidationError");
    client.iam("UpdateAccessKey", &[BOB, key]).await.fails(400, "ValidationError");
    client.iam("DeleteAccessKey", &[BOB, key]).await.ok();
    client.iam("DeleteAccessKey", &[BOB, key]).await.fails(404, "NoSuchEntity");
    bob.sts("GetCallerIdentity", &[]).await.fails(403, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_virtual_device_goes_from_made_to_enabled_and_back() {
    let (_sandbox, client) = client().await;
    let name = [("VirtualMFADeviceName", "phone"), ("Path", "/mfa/")];
    let made = client.iam("CreateVirtualMFADevice", &name).await.ok();
    let serial = made.one("SerialNumber").unwrap();
    assert_eq!(serial, format!("arn:aws:iam::{ACCOUNT}:mfa/mfa/phone"));
    client.iam("CreateVirtualMFADevice", &name).await.fails(409, "EntityAlreadyExists");
    let device = ("SerialNumber", serial.as_str());
    let listed = async |status: &str| {
        let answer = client.iam("ListVirtualMFADevices", &[("AssignmentStatus", status)]).await.ok();
        (answer.all("SerialNumber").len(), answer.one("UserName"))
    };
    assert_eq!((listed("Unassigned").await, listed("Assigned").await), ((1, None), (0, None)));
    client.iam("DeactivateMFADevice", &[BOB, device]).await.fails(404, "NoSuchEntity");
    client.iam("EnableMFADevice", &[BOB, device, CODES[0], CODES[1]]).await.ok();
    assert_eq!(listed("Unassigned").await, (0, None));
    assert_eq!(listed("Assigned").await, (1, Some("bob".to_owned())));
    client.iam("EnableMFADevice", &[EVE, device, CODES[0], CODES[1]]).await.fails(409, "EntityAlreadyExists");
    client.iam("CreateVirtualMFADevice", &name).await.fails(409, "EntityAlreadyExists");
    client.iam("DeleteVirtualMFADevice", &[device]).await.fails(409, "DeleteConflict");
    client.iam("DeactivateMFADevice", &[EVE, device]).await.fails(404, "NoSuchEntity");
    client.iam("DeactivateMFADevice", &[BOB, device]).await.ok();
    assert!(client.iam("ListMFADevices", &[BOB]).await.ok().all("SerialNumber").is_empty());
    assert_eq!(listed("Any").await, (1, None));
    client.iam("DeleteVirtualMFADevice", &[device]).await.ok();
    client.iam("DeleteVirtualMFADevice", &[device]).await.fails(404, "NoSuchEntity");
    client.iam("EnableMFADevice", &[BOB, device, CODES[0], CODES[1]]).await.fails(404, "NoSuchEntity");
    let hardware = ("SerialNumber", "GAHT12345678");
    let bad_code = ("AuthenticationCode1", "12345x");
    client.iam("EnableMFADevice", &[BOB, hardware, bad_code, CODES[1]]).await.fails(400, "ValidationError");
    client.iam("EnableMFADevice", &[BOB, hardware, CODES[0], CODES[1]]).await.ok();
    client.iam("DeactivateMFADevice", &[BOB, hardware]).await.ok();
    assert_eq!(listed("Any").await, (0, None));
}

#[tokio::test]
async fn ssh_keys_are_checked_switched_and_deleted() {
    let (_sandbox, client) = client().await;
    let body = ssh_key(1);
    let upload = [BOB, ("SSHPublicKeyBody", body.as_str())];
    let made = client.iam("UploadSSHPublicKey", &upload).await.ok();
    let id = made.one("SSHPublicKeyId").unwrap();
    assert!(id.starts_with("APKA") && made.one("Fingerprint").unwrap().split(':').count() == 16);
    client.iam("UploadSSHPublicKey", &upload).await.fails(400, "DuplicateSSHPublicKey");
    for (body, code) in [
        ("something", "UnrecognizedPublicKeyEncoding"),
        ("ssh-rsa something", "InvalidPublicKey"),
        ("-----BEGIN PUBLIC KEY-----\nsomething", "InvalidPublicKey"),
    ] {
        client.iam("UploadSSHPublicKey", &[BOB, ("SSHPublicKeyBody", body)]).await.fails(400, code);
    }
    let key = ("SSHPublicKeyId", id.as_str());
    client.iam("UpdateSSHPublicKey", &[BOB, key, ("Status", "Inactive")]).await.ok();
    let listed = client.iam("ListSSHPublicKeys", &[BOB]).await.ok();
    assert_eq!(listed.one("Status").as_deref(), Some("Inactive"));
    client.iam("UpdateSSHPublicKey", &[EVE, key, ("Status", "Active")]).await.fails(404, "NoSuchEntity");
    client.iam("DeleteSSHPublicKey", &[EVE, key]).await.fails(404, "NoSuchEntity");
    client.iam("DeleteSSHPublicKey", &[BOB, key]).await.ok();
    client.iam("DeleteSSHPublicKey", &[BOB, key]).await.fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn certificates_are_checked_switched_and_deleted() {
    let (_sandbox, client) = client().await;
    let body = certificate(1);
    let made = client.iam("UploadSigningCertificate", &[BOB, ("CertificateBody", &body)]).await.ok();
    let id = made.one("CertificateId").unwrap();
    for who in [BOB, EVE] {
        let again = client.iam("UploadSigningCertificate", &[who, ("CertificateBody", &body)]).await;
        again.fails(409, "DuplicateCertificate");
    }
    let bad = client.iam("UploadSigningCertificate", &[BOB, ("CertificateBody", "something")]).await;
    bad.fails(400, "MalformedCertificate");
    let named = ("CertificateId", id.as_str());
    client.iam("UpdateSigningCertificate", &[BOB, named, ("Status", "Inactive")]).await.ok();
    let listed = client.iam("ListSigningCertificates", &[BOB]).await.ok();
    assert_eq!(
        (listed.one("Status").as_deref(), listed.one("CertificateBody")),
        (Some("Inactive"), Some(body))
    );
    client.iam("DeleteSigningCertificate", &[EVE, named]).await.fails(404, "NoSuchEntity");
    client.iam("DeleteSigningCertificate", &[BOB, named]).await.ok();
    client
        .iam("UpdateSigningCertificate", &[BOB, named, ("Status", "Active")])
        .await
        .fails(404, "NoSuchEntity");
}

#[tokio::test]
async fn service_credentials_are_made_for_the_services_that_have_them() {
    let (_sandbox, client) = client().await;
    let service = ("ServiceName", "codecommit.amazonaws.com");
    let made = client.iam("CreateServiceSpecificCredential", &[BOB, service]).await.ok();
    assert_eq!(made.one("ServiceUserName").unwrap(), format!("bob-at-{ACCOUNT}"));
    assert!(made.one("ServicePassword").is_some());
    let id = made.one("ServiceSpecificCredentialId").unwrap();
    let named = ("ServiceSpecificCredentialId", id.as_str());
    client.iam("UpdateServiceSpecificCredential", &[BOB, named, ("Status", "Inactive")]).await.ok();
    let listed = client.iam("ListServiceSpecificCredentials", &[BOB]).await.ok();
    assert_eq!(listed.one("Status").as_deref(), Some("Inactive"));
    let other =
        client.iam("CreateServiceSpecificCredential", &[BOB, ("ServiceName", "s3.amazonaws.com")]).await;
    other.fails(404, "NotSupportedService");
    let bedrock = [BOB, ("ServiceName", "bedrock.amazonaws.com"), ("CredentialAgeDays", "30")];
    let made = client.iam("CreateServiceSpecificCredential", &bedrock).await.ok();
    assert!(made.one("ServiceCredentialSecret").is_some() && made.one("ExpirationDate").is_some());
    client.iam("DeleteServiceSpecificCredential", &[EVE, named]).await.fails(404, "NoSuchEntity");
    client.iam("DeleteServiceSpecificCredential", &[BOB, named]).await.ok();
    client.iam("DeleteServiceSpecificCredential", &[BOB, named]).await.fails(404, "NoSuchEntity");
}
