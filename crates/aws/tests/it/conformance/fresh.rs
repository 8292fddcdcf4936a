//! Things that checks of writes make for themselves, in an account where nothing else is looked at.

use aws_sdk_iam::types::{StatusType, Tag};

use super::seed::DOCUMENT;
use super::world::{World, answered};

/// Long enough, of four kinds of characters, and not the one that the seed uses.
pub(super) const PASSWORD: &str = "Fresh-passw0rd-of-a-check";
pub(super) const INACTIVE: StatusType = StatusType::Inactive;
/// A policy of a service-linked role, which nobody else can have.
pub(super) const SERVICE_LINKED: &str =
    "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy";

pub(super) fn iam(world: &World) -> &aws_sdk_iam::Client {
    &world.writes
}

/// A user of this name; gives the unique id.
pub(super) async fn user(world: &World, name: &str) -> Result<String, String> {
    let made = answered(iam(world).create_user().user_name(name).send().await)?;
    made.user().map(|user| user.user_id().to_owned()).ok_or_else(|| "it shows no user".into())
}

pub(super) async fn group(world: &World, name: &str) -> Result<(), String> {
    answered(iam(world).create_group().group_name(name).send().await).map(|_| ())
}

/// A customer policy; gives the ARN.
pub(super) async fn policy(world: &World, name: &str) -> Result<String, String> {
    let request = iam(world).create_policy().policy_name(name).policy_document(DOCUMENT);
    let made = answered(request.send().await)?;
    made.policy().and_then(|policy| policy.arn()).map(str::to_owned).ok_or_else(|| "it shows no ARN".into())
}

/// A user with a login profile whose password must be changed.
pub(super) async fn user_with_password(world: &World, name: &str) -> Result<(), String> {
    user(world, name).await?;
    let request = iam(world).create_login_profile().user_name(name).password(PASSWORD);
    answered(request.password_reset_required(true).send().await).map(|_| ())
}

/// A user with an access key; gives the key's id.
pub(super) async fn user_with_key(world: &World, name: &str) -> Result<String, String> {
    user(world, name).await?;
    let made = answered(iam(world).create_access_key().user_name(name).send().await)?;
    made.access_key().map(|key| key.access_key_id().to_owned()).ok_or_else(|| "it shows no key".into())
}

/// A virtual MFA device; gives its serial number.
pub(super) async fn device(world: &World, name: &str) -> Result<String, String> {
    let request = iam(world).create_virtual_mfa_device().virtual_mfa_device_name(name);
    let made = answered(request.send().await)?;
    let device = made.virtual_mfa_device().ok_or("it shows no device")?;
    Ok(device.serial_number().to_owned())
}

/// Gives a user an MFA device, with codes that only AWS would find wrong.
pub(super) async fn enable(world: &World, name: &str, serial: &str) -> Result<(), String> {
    let request = iam(world).enable_mfa_device().user_name(name).serial_number(serial);
    let request = request.authentication_code1("123456").authentication_code2("654321");
    answered(request.send().await).map(|_| ())
}

pub(super) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

/// A public key of 2048-bit RSA, another one for each digit; nobody has the private half.
pub(super) fn ssh_key(digit: u8) -> String {
    format!(
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDJ5haLpywx+yFlnJYXJMd4oP53J6K4bbih098wPhqcJpiPieF2QuOTqzITcWfnnkiD\
         6fAZL1nnYEUPs0PkjdB2xR1Akmg2Mi0fC5oB3w9tbeAuDKlq5CTSY7JQawwZL/7mqr7k+ulh+TsQ1VEuPVW6\
         {digit}\
         EUmFnJyQUJ8jvO5/vkbl4+kLPWF2w+FToaZ1MZUIdqwHim1xlNqJHnPuSvtoBDPYtF9c3AhP+/FxvyQFlfDiQkKXDz8lTEP0\
         KTBUs2AVOEQTMuNUv6L9bfxFwlK2RMceJ0o93hGjqJPOnCF5dlPfyEfoOq2L3H7FlaFnX+X6+cBWqZy/p0kD2S2RVJs2Hcx keyreeve"
    )
}

/// A certificate that nobody can use, another one for each digit.
pub(super) fn certificate(digit: u8) -> String {
    CERTIFICATE.replace("vsPzFTqN", &format!("vsPzFTq{digit}"))
}

const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBjDCCATGgAwIBAgIUJWSqppHAelYdpD58szQjJcrghLMwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPa2V5cmVldmUtdGVzdC0xMCAXDTI2MTEyNDE0NDY1NFoYDzIx
MjYxMDMxMTQ0NjU0WjAaMRgwFgYDVQQDDA9rZXlyZWV2ZS10ZXN0LTEwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASXRcG4bugHznwRAfhJ7H/h0NpSKJIm5glnYZep
IGvrt8l6iJlU70K3KjQDj65U95Xto5XkRle60ov4Z2xvjLLVo1MwUTAdBgNVHQ4E
FgQUPKAeK3jalw4CCYoGfws2t0MzTCEwHwYDVR0jBBgwFoAUPKAeK3jalw4CCYoG
fws2t0MzTCEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAvcaO
VDAMIdorRd97ozmUZ9arLd6uo5xaAktuHylvhWUCIQDVKCf/5PVRwkDQBQw4NJ8P
vsPzFTqN4G8tzXV9kee9mg==
-----END CERTIFICATE-----
";
