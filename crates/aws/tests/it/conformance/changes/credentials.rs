//! Credentials and devices of a user.

use aws_sdk_iam::Client;
use keyreeve_connector::{AccountCredentialEntry, Cause, MfaDevice};
use keyreeve_model::AccountCredentialKind::{AccessKey, ServiceCredential, SigningCertificate, SshKey};
use keyreeve_model::{AccountCredential, AccountCredentialKind, StepCall};

use super::super::fresh;
use super::super::world::{World, answered, ensure};
use super::super::{Check, Outcome, checks};
use super::{Changes, user, whole};

pub(super) const CHECKS: &[Check] = checks![
    "access_key.is_listed_switched_and_deleted", "IAM API Reference, UpdateAccessKey" => access_key;
    "ssh_key.is_listed_switched_and_deleted", "IAM API Reference, UpdateSSHPublicKey" => ssh_key;
    "signing_certificate.is_listed_switched_and_deleted", "IAM API Reference, UpdateSigningCertificate" => signing_certificate;
    "service_credential.is_listed_switched_and_deleted", "IAM API Reference, UpdateServiceSpecificCredential" => service_credential;
    "access_key.unknown_is_gone_or_unchanged", "AWS answers 404 NoSuchEntity" => unknown_access_key;
    "ssh_key.unknown_is_gone_or_unchanged", "service model, UpdateSSHPublicKey: NoSuchEntity" => unknown_ssh_key;
    "signing_certificate.unknown_is_gone_or_unchanged", "service model, UpdateSigningCertificate: NoSuchEntity" => unknown_certificate;
    "service_credential.unknown_is_gone_or_unchanged", "service model, UpdateServiceSpecificCredential: NoSuchEntity" => unknown_service_credential;
    "mfa_device.is_listed_deactivated_and_deleted", "IAM API Reference, DeactivateMFADevice and DeleteVirtualMFADevice" => device;
    "mfa_device.cannot_be_deleted_while_in_use", "service model, DeleteVirtualMFADevice: DeleteConflict" => device_in_use;
];

/// Makes a credential behind the connector's back; gives its id.
pub(super) async fn make(
    iam: &Client,
    account: &str,
    kind: AccountCredentialKind,
) -> Result<AccountCredential, String> {
    let id = match kind {
        AccessKey => {
            let made = answered(iam.create_access_key().user_name(account).send().await)?;
            made.access_key().map(|key| key.access_key_id().to_owned())
        }
        SshKey => {
            let upload =
                iam.upload_ssh_public_key().user_name(account).ssh_public_key_body(fresh::ssh_key(1));
            let made = answered(upload.send().await)?;
            made.ssh_public_key().map(|key| key.ssh_public_key_id().to_owned())
        }
        SigningCertificate => {
            let upload =
                iam.upload_signing_certificate().user_name(account).certificate_body(fresh::certificate(1));
            let made = answered(upload.send().await)?;
            made.certificate().map(|certificate| certificate.certificate_id().to_owned())
        }
        ServiceCredential => {
            let create = iam.create_service_specific_credential().user_name(account);
            let made = answered(create.service_name("codecommit.amazonaws.com").send().await)?;
            made.service_specific_credential().map(|made| made.service_specific_credential_id().to_owned())
        }
    };
    Ok(AccountCredential { kind, id: id.ok_or("nothing came back")? })
}

/// Makes a virtual device and gives it to the user; gives its serial number.
pub(super) async fn make_device(iam: &Client, account: &str) -> Result<String, String> {
    let made = answered(iam.create_virtual_mfa_device().virtual_mfa_device_name(account).send().await)?;
    let serial = made.virtual_mfa_device().map(|device| device.serial_number().to_owned());
    let serial = serial.ok_or("nothing came back")?;
    let enable = iam.enable_mfa_device().user_name(account).serial_number(&serial);
    answered(enable.authentication_code1("123456").authentication_code2("654321").send().await)?;
    Ok(serial)
}

async fn listed(
    changes: &Changes,
    account: &str,
    kind: AccountCredentialKind,
) -> Result<Vec<AccountCredentialEntry>, String> {
    whole(async |after| changes.provisioning().list_credentials(account, kind, after).await).await
}

async fn switched_and_deleted(world: &World, account: &str, kind: AccountCredentialKind) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, account).await?;
    let none = listed(&changes, account, kind).await?;
    ensure(none.is_empty(), || format!("at first it has {none:?}"))?;
    let credential = make(&world.admin.iam, account, kind).await?;
    for active in [true, false, false, true] {
        let call =
            StepCall::SetCredential { account: account.into(), credential: credential.clone(), active };
        changes.changed(&call).await?;
        let found = listed(&changes, account, kind).await?;
        let fits = found.len() == 1
            && found.iter().all(|entry| entry.credential == credential && entry.active == active);
        ensure(fits && found[0].created_at.is_some(), || format!("it has {found:?}"))?;
    }
    let delete = StepCall::DeleteCredential { account: account.into(), credential };
    changes.changed(&delete).await?;
    let left = listed(&changes, account, kind).await?;
    ensure(left.is_empty(), || format!("{left:?} is left"))?;
    changes.unchanged(&delete).await
}

async fn access_key(world: &World) -> Outcome {
    switched_and_deleted(world, "c-access-key", AccessKey).await
}

async fn ssh_key(world: &World) -> Outcome {
    switched_and_deleted(world, "c-ssh-key", SshKey).await
}

async fn signing_certificate(world: &World) -> Outcome {
    switched_and_deleted(world, "c-certificate", SigningCertificate).await
}

async fn service_credential(world: &World) -> Outcome {
    switched_and_deleted(world, "c-service-credential", ServiceCredential).await
}

async fn unknown(world: &World, account: &str, kind: AccountCredentialKind, id: &str) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, account).await?;
    let credential = AccountCredential { kind, id: id.into() };
    let set =
        |active| StepCall::SetCredential { account: account.into(), credential: credential.clone(), active };
    changes.fails(&set(true), Cause::Gone).await?;
    // What is not there is off.
    changes.unchanged(&set(false)).await?;
    changes
        .unchanged(&StepCall::DeleteCredential { account: account.into(), credential: credential.clone() })
        .await
}

async fn unknown_access_key(world: &World) -> Outcome {
    unknown(world, "c-no-access-key", AccessKey, "AKIAIOSFODNN7NOTHING").await
}

async fn unknown_ssh_key(world: &World) -> Outcome {
    unknown(world, "c-no-ssh-key", SshKey, "APKAIOSFODNN7NOTHING").await
}

async fn unknown_certificate(world: &World) -> Outcome {
    unknown(world, "c-no-certificate", SigningCertificate, "TA7SMP42TDN5Z26OBPJE7NOTHING2345").await
}

async fn unknown_service_credential(world: &World) -> Outcome {
    unknown(world, "c-no-service-credential", ServiceCredential, "ACCAIOSFODNN7NOTHING").await
}

async fn device(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-device").await?;
    let serial = make_device(&world.admin.iam, "c-device").await?;
    let devices =
        async || whole(async |after| changes.provisioning().list_mfa_devices("c-device", after).await).await;
    let found = devices().await?;
    let expected = [MfaDevice { serial: serial.clone(), is_virtual: true }];
    ensure(found == expected, || format!("it has {found:?}"))?;
    let account = || "c-device".to_owned();
    let deactivate = StepCall::DeactivateMfaDevice { account: account(), serial: serial.clone() };
    let delete = StepCall::DeleteVirtualMfaDevice { account: account(), serial };
    changes.changed(&deactivate).await?;
    let left = devices().await?;
    ensure(left.is_empty(), || format!("{left:?} is left"))?;
    changes.unchanged(&deactivate).await?;
    changes.changed(&delete).await?;
    changes.unchanged(&delete).await
}

async fn device_in_use(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-device-used").await?;
    let serial = make_device(&world.admin.iam, "c-device-used").await?;
    let delete = StepCall::DeleteVirtualMfaDevice { account: "c-device-used".into(), serial };
    changes.fails(&delete, Cause::Dependants).await
}
