//! What tests upload and write.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::Client;

pub(crate) const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]}"#;
pub(crate) const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
pub(crate) const PASSWORD: &str = "Corr3ct-h0rse!battery";

/// A different key for each number.
pub(crate) fn ssh_key(number: u8) -> String {
    let bytes = [b"\0\0\0\x07ssh-rsa".as_slice(), &[number; 32]].concat();
    format!("ssh-rsa {} somebody@example.com", STANDARD.encode(bytes))
}

/// A different certificate for each number.
pub(crate) fn certificate(number: u8) -> String {
    let bytes = STANDARD.encode([[0x30, 0x82].as_slice(), &[number; 64]].concat());
    format!("-----BEGIN CERTIFICATE-----\n{bytes}\n-----END CERTIFICATE-----")
}

/// Makes a user.
pub(crate) async fn user(client: &Client, name: &str) {
    client.iam("CreateUser", &[("UserName", name)]).await.ok();
}

/// Makes a customer policy; gives its ARN.
pub(crate) async fn policy(client: &Client, name: &str) -> String {
    let made = client.iam("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", DOCUMENT)]).await.ok();
    made.one("Arn").unwrap()
}

/// Gives a user an access key, and the client that signs with it.
pub(crate) async fn as_user(client: &Client, name: &str) -> Client {
    let made = client.iam("CreateAccessKey", &[("UserName", name)]).await.ok();
    Client {
        key: made.one("AccessKeyId").unwrap(),
        secret: made.one("SecretAccessKey").unwrap(),
        ..client.clone()
    }
}
