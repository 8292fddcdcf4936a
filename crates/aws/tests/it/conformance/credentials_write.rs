//! Keys, MFA devices, certificates and credentials for one service.

use aws_sdk_iam::types::StatusType;

use super::fresh::{INACTIVE, certificate, device, enable, iam, ssh_key, user, user_with_key};
use super::world::{Clients, Key, World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "create_access_key.shows_a_secret_that_signs", "IAM API Reference, CreateAccessKey" => signs;
    "create_access_key.unknown_user_is_refused", "AWS answers 404 NoSuchEntity" => key_of_nobody;
    "update_access_key.switches_off_and_on", "AWS answers ListAccessKeys with the status" => key_status;
    "update_access_key.of_another_user_is_refused", "AWS answers 404 NoSuchEntity" => key_of_another;
    "delete_access_key.twice_is_refused", "AWS answers 404 NoSuchEntity" => key_twice;
    "create_virtual_mfa_device.duplicate_is_refused", "AWS answers 409 EntityAlreadyExists" => device_duplicate;
    "create_virtual_mfa_device.path_without_slash_is_refused", "AWS answers 400 ValidationError" => device_path;
    "enable_mfa_device.shows_at_the_user", "AWS answers ListMFADevices with it" => enabled;
    "enable_mfa_device.in_use_is_refused", "AWS answers 409 EntityAlreadyExists" => device_in_use;
    "deactivate_mfa_device.takes_it_from_the_user", "AWS answers ListMFADevices without it" => deactivated;
    "deactivate_mfa_device.unknown_device_is_refused", "AWS answers 404 NoSuchEntity" => deactivate_unknown;
    "delete_virtual_mfa_device.unknown_is_refused", "AWS answers 404 NoSuchEntity" => device_unknown;
    "upload_ssh_public_key.shows_and_lists", "AWS answers with id, fingerprint and status" => ssh_uploaded;
    "upload_ssh_public_key.garbage_is_refused", "service model, UnrecognizedPublicKeyEncoding: 400" => ssh_garbage;
    "update_ssh_public_key.switches_off", "AWS answers with the status" => ssh_status;
    "update_ssh_public_key.unknown_is_refused", "AWS answers 404 NoSuchEntity" => ssh_update_unknown;
    "delete_ssh_public_key.unknown_is_refused", "AWS answers 404 NoSuchEntity" => ssh_delete_unknown;
    "upload_signing_certificate.garbage_is_refused", "AWS answers 400 MalformedCertificate" => certificate_garbage;
    "update_signing_certificate.switches_off", "AWS answers ListSigningCertificates with the status" => certificate_status;
    "delete_signing_certificate.unknown_is_refused", "AWS answers 404 NoSuchEntity" => certificate_unknown;
    "create_service_specific_credential.shows_user_name_and_password", "IAM API Reference, CreateServiceSpecificCredential" => service_created;
    "create_service_specific_credential.unknown_service_is_refused", "service model, ServiceNotSupportedException: 404 NotSupportedService" => service_unknown;
    "update_service_specific_credential.switches_off", "IAM API Reference, UpdateServiceSpecificCredential" => service_status;
    "delete_service_specific_credential.takes_it_away", "IAM API Reference, DeleteServiceSpecificCredential" => service_deleted;
];

const UNKNOWN_SERIAL: &str = "arn:aws:iam::111122223333:mfa/no-such-device";
const UNKNOWN_SSH_KEY: &str = "APKAXXXXXXXXXXXXXXXXX";
const UNKNOWN_CERTIFICATE: &str = "NONEXISTENTCERTID12345678901";

async fn signs(world: &World) -> Outcome {
    user(world, "cw-signs").await?;
    let made = answered(iam(world).create_access_key().user_name("cw-signs").send().await)?;
    let key = made.access_key().ok_or("it shows no key")?;
    let key = Key::new(key.access_key_id(), key.secret_access_key());
    let identity = answered(Clients::new(&world.endpoint, &key).sts.get_caller_identity().send().await)?;
    let arn = identity.arn().unwrap_or_default();
    ensure(arn.ends_with(":user/cw-signs"), || format!("the key is of {arn}"))
}

async fn key_of_nobody(world: &World) -> Outcome {
    refused(iam(world).create_access_key().user_name("cw-nobody").send().await, 404, "NoSuchEntity")
}

async fn set_key(world: &World, user: &str, id: &str, status: StatusType) -> Outcome {
    let request = iam(world).update_access_key().user_name(user).access_key_id(id).status(status);
    answered(request.send().await).map(|_| ())
}

async fn key_status(world: &World) -> Outcome {
    let id = user_with_key(world, "cw-status").await?;
    for status in [INACTIVE, StatusType::Active] {
        set_key(world, "cw-status", &id, status.clone()).await?;
        let answer = answered(iam(world).list_access_keys().user_name("cw-status").send().await)?;
        let found = answer.access_key_metadata().first().and_then(|key| key.status()).cloned();
        ensure(found.as_ref() == Some(&status), || format!("it is {found:?}"))?;
    }
    Ok(())
}

async fn key_of_another(world: &World) -> Outcome {
    let id = user_with_key(world, "cw-owner").await?;
    user(world, "cw-other").await?;
    let request = iam(world).update_access_key().user_name("cw-other").access_key_id(id).status(INACTIVE);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn key_twice(world: &World) -> Outcome {
    let id = user_with_key(world, "cw-twice").await?;
    answered(iam(world).delete_access_key().user_name("cw-twice").access_key_id(&id).send().await)?;
    let request = iam(world).delete_access_key().user_name("cw-twice").access_key_id(id);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn device_duplicate(world: &World) -> Outcome {
    device(world, "cw-duplicate").await?;
    let request = iam(world).create_virtual_mfa_device().virtual_mfa_device_name("cw-duplicate");
    refused(request.send().await, 409, "EntityAlreadyExists")
}

async fn device_path(world: &World) -> Outcome {
    let request = iam(world).create_virtual_mfa_device().virtual_mfa_device_name("cw-path").path("/no-end");
    refused(request.send().await, 400, "ValidationError")
}

async fn devices_of(world: &World, name: &str) -> Result<Vec<String>, String> {
    let answer = answered(iam(world).list_mfa_devices().user_name(name).send().await)?;
    Ok(answer.mfa_devices().iter().map(|device| device.serial_number().to_owned()).collect())
}

async fn enabled(world: &World) -> Outcome {
    user(world, "cw-enabled").await?;
    let serial = device(world, "cw-enabled").await?;
    enable(world, "cw-enabled", &serial).await?;
    let found = devices_of(world, "cw-enabled").await?;
    ensure(found == [serial], || format!("the user has {found:?}"))
}

async fn device_in_use(world: &World) -> Outcome {
    user(world, "cw-holder").await?;
    let serial = device(world, "cw-in-use").await?;
    enable(world, "cw-holder", &serial).await?;
    let request = iam(world).enable_mfa_device().user_name("cw-holder").serial_number(serial);
    let request = request.authentication_code1("123456").authentication_code2("654321");
    refused(request.send().await, 409, "EntityAlreadyExists")
}

async fn deactivated(world: &World) -> Outcome {
    user(world, "cw-deactivated").await?;
    let serial = device(world, "cw-deactivated").await?;
    enable(world, "cw-deactivated", &serial).await?;
    let request = iam(world).deactivate_mfa_device().user_name("cw-deactivated").serial_number(&serial);
    answered(request.send().await)?;
    let found = devices_of(world, "cw-deactivated").await?;
    ensure(found.is_empty(), || format!("the user has {found:?}"))?;
    answered(iam(world).delete_virtual_mfa_device().serial_number(serial).send().await).map(|_| ())
}

async fn deactivate_unknown(world: &World) -> Outcome {
    user(world, "cw-no-device").await?;
    let request = iam(world).deactivate_mfa_device().user_name("cw-no-device");
    refused(request.serial_number(UNKNOWN_SERIAL).send().await, 404, "NoSuchEntity")
}

async fn device_unknown(world: &World) -> Outcome {
    let request = iam(world).delete_virtual_mfa_device().serial_number(UNKNOWN_SERIAL);
    refused(request.send().await, 404, "NoSuchEntity")
}

/// A user with an SSH key; gives the key's id.
async fn with_ssh_key(world: &World, name: &str) -> Result<String, String> {
    user(world, name).await?;
    let request = iam(world).upload_ssh_public_key().user_name(name).ssh_public_key_body(ssh_key(1));
    let made = answered(request.send().await)?;
    let key = made.ssh_public_key().ok_or("it shows no key")?;
    ensure(!key.fingerprint().is_empty() && key.status() == &StatusType::Active, || {
        format!("it is {key:?}")
    })?;
    Ok(key.ssh_public_key_id().to_owned())
}

async fn ssh_key_of(world: &World, name: &str) -> Result<(String, StatusType), String> {
    let answer = answered(iam(world).list_ssh_public_keys().user_name(name).send().await)?;
    let key = answer.ssh_public_keys().first().ok_or("it lists no key")?;
    Ok((key.ssh_public_key_id().to_owned(), key.status().clone()))
}

async fn ssh_uploaded(world: &World) -> Outcome {
    let id = with_ssh_key(world, "cw-ssh").await?;
    let found = ssh_key_of(world, "cw-ssh").await?;
    ensure(found == (id, StatusType::Active), || format!("it lists {found:?}"))
}

async fn ssh_garbage(world: &World) -> Outcome {
    user(world, "cw-ssh-garbage").await?;
    let request = iam(world).upload_ssh_public_key().user_name("cw-ssh-garbage");
    refused(request.ssh_public_key_body("garbage").send().await, 400, "UnrecognizedPublicKeyEncoding")
}

async fn ssh_status(world: &World) -> Outcome {
    let id = with_ssh_key(world, "cw-ssh-off").await?;
    let request = iam(world).update_ssh_public_key().user_name("cw-ssh-off").ssh_public_key_id(&id);
    answered(request.status(INACTIVE).send().await)?;
    let found = ssh_key_of(world, "cw-ssh-off").await?;
    ensure(found == (id, INACTIVE), || format!("it lists {found:?}"))
}

async fn ssh_update_unknown(world: &World) -> Outcome {
    user(world, "cw-ssh-update").await?;
    let request = iam(world).update_ssh_public_key().user_name("cw-ssh-update");
    let request = request.ssh_public_key_id(UNKNOWN_SSH_KEY).status(INACTIVE);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn ssh_delete_unknown(world: &World) -> Outcome {
    user(world, "cw-ssh-delete").await?;
    let request = iam(world).delete_ssh_public_key().user_name("cw-ssh-delete");
    refused(request.ssh_public_key_id(UNKNOWN_SSH_KEY).send().await, 404, "NoSuchEntity")
}

async fn certificate_garbage(world: &World) -> Outcome {
    user(world, "cw-cert-garbage").await?;
    let request = iam(world).upload_signing_certificate().user_name("cw-cert-garbage");
    refused(request.certificate_body("garbage").send().await, 400, "MalformedCertificate")
}

async fn certificate_status(world: &World) -> Outcome {
    user(world, "cw-cert").await?;
    let request = iam(world).upload_signing_certificate().user_name("cw-cert");
    let made = answered(request.certificate_body(certificate(2)).send().await)?;
    let id = made.certificate().map(|held| held.certificate_id()).ok_or("it shows no certificate")?;
    let request = iam(world).update_signing_certificate().user_name("cw-cert").certificate_id(id);
    answered(request.status(INACTIVE).send().await)?;
    let answer = answered(iam(world).list_signing_certificates().user_name("cw-cert").send().await)?;
    let found: Vec<_> =
        answer.certificates().iter().map(|held| (held.certificate_id(), held.status())).collect();
    ensure(found == [(id, &INACTIVE)], || format!("it lists {found:?}"))
}

async fn certificate_unknown(world: &World) -> Outcome {
    user(world, "cw-no-cert").await?;
    let request = iam(world).delete_signing_certificate().user_name("cw-no-cert");
    refused(request.certificate_id(UNKNOWN_CERTIFICATE).send().await, 404, "NoSuchEntity")
}

/// A user with a credential for git at CodeCommit; gives its id.
async fn with_service_credential(world: &World, name: &str) -> Result<String, String> {
    user(world, name).await?;
    let request = iam(world).create_service_specific_credential().user_name(name);
    let made = answered(request.service_name("codecommit.amazonaws.com").send().await)?;
    let held = made.service_specific_credential().ok_or("it shows no credential")?;
    let shown = !held.service_user_name().is_empty() && !held.service_password().is_empty();
    ensure(shown, || format!("it shows {held:?}"))?;
    Ok(held.service_specific_credential_id().to_owned())
}

async fn service_credentials_of(world: &World, name: &str) -> Result<Vec<(String, StatusType)>, String> {
    let answer = answered(iam(world).list_service_specific_credentials().user_name(name).send().await)?;
    let held = answer.service_specific_credentials().iter();
    Ok(held.map(|held| (held.service_specific_credential_id().to_owned(), held.status().clone())).collect())
}

async fn service_created(world: &World) -> Outcome {
    with_service_credential(world, "cw-service").await.map(|_| ())
}

async fn service_unknown(world: &World) -> Outcome {
    user(world, "cw-no-service").await?;
    let request = iam(world).create_service_specific_credential().user_name("cw-no-service");
    refused(request.service_name("nothing.amazonaws.com").send().await, 404, "NotSupportedService")
}

async fn service_status(world: &World) -> Outcome {
    let id = with_service_credential(world, "cw-service-off").await?;
    let request = iam(world).update_service_specific_credential().user_name("cw-service-off");
    answered(request.service_specific_credential_id(&id).status(INACTIVE).send().await)?;
    let found = service_credentials_of(world, "cw-service-off").await?;
    ensure(found == [(id, INACTIVE)], || format!("it lists {found:?}"))
}

async fn service_deleted(world: &World) -> Outcome {
    let id = with_service_credential(world, "cw-service-gone").await?;
    let request = iam(world).delete_service_specific_credential().user_name("cw-service-gone");
    answered(request.service_specific_credential_id(&id).send().await)?;
    let request = iam(world).delete_service_specific_credential().user_name("cw-service-gone");
    refused(request.service_specific_credential_id(id).send().await, 404, "NoSuchEntity")
}
