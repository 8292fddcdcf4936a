//! How much there may be of something.

use super::fresh::{certificate, device, enable, group, iam, policy, ssh_key, user, user_with_key};
use super::seed::DOCUMENT;
use super::world::{World, answered, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "quota.eleventh_group_of_a_user_is_refused", "IAM User Guide, IAM and AWS STS quotas; service model, LimitExceeded: 409" => groups;
    "quota.eleventh_policy_of_a_user_is_refused", "IAM User Guide, IAM and AWS STS quotas; service model, LimitExceeded: 409" => policies;
    "quota.third_access_key_is_refused", "AWS answers 409 LimitExceeded" => keys;
    "quota.sixth_ssh_key_is_refused", "IAM User Guide, IAM and AWS STS quotas; service model, LimitExceeded: 409" => ssh_keys;
    "quota.third_signing_certificate_is_refused", "AWS answers 409 LimitExceeded" => certificates;
    "quota.ninth_mfa_device_is_refused", "IAM User Guide, IAM and AWS STS quotas; service model, LimitExceeded: 409" => devices;
    "quota.third_service_credential_is_refused", "IAM API Reference, CreateServiceSpecificCredential: two for each service" => service_credentials;
    "quota.sixth_policy_version_is_refused", "IAM API Reference, CreatePolicyVersion: up to five versions" => versions;
    "quota.inline_policies_of_2049_characters_are_refused", "IAM User Guide, IAM and AWS STS quotas: 2,048 for a user" => inline;
    "quota.blanks_in_inline_policies_do_not_count", "IAM User Guide, IAM and AWS STS quotas: white space is not counted" => blanks;
    "quota.managed_policy_of_6145_characters_is_refused", "IAM User Guide, IAM and AWS STS quotas: 6,144" => managed;
];

async fn groups(world: &World) -> Outcome {
    user(world, "qu-groups").await?;
    for number in 0..=10 {
        let name = format!("qu-group{number}");
        group(world, &name).await?;
        let request = iam(world).add_user_to_group().user_name("qu-groups").group_name(name).send().await;
        if number == 10 {
            return refused(request, 409, "LimitExceeded");
        }
        answered(request)?;
    }
    Ok(())
}

async fn policies(world: &World) -> Outcome {
    user(world, "qu-policies").await?;
    for number in 0..=10 {
        let arn = policy(world, &format!("qu-policy{number}")).await?;
        let request = iam(world).attach_user_policy().user_name("qu-policies").policy_arn(arn).send().await;
        if number == 10 {
            return refused(request, 409, "LimitExceeded");
        }
        answered(request)?;
    }
    Ok(())
}

async fn keys(world: &World) -> Outcome {
    user_with_key(world, "qu-keys").await?;
    answered(iam(world).create_access_key().user_name("qu-keys").send().await)?;
    refused(iam(world).create_access_key().user_name("qu-keys").send().await, 409, "LimitExceeded")
}

async fn ssh_keys(world: &World) -> Outcome {
    user(world, "qu-ssh").await?;
    for digit in 0..=5 {
        let request = iam(world).upload_ssh_public_key().user_name("qu-ssh");
        let answer = request.ssh_public_key_body(ssh_key(digit)).send().await;
        if digit == 5 {
            return refused(answer, 409, "LimitExceeded");
        }
        answered(answer)?;
    }
    Ok(())
}

async fn certificates(world: &World) -> Outcome {
    user(world, "qu-certs").await?;
    for digit in 7..=9 {
        let request = iam(world).upload_signing_certificate().user_name("qu-certs");
        let answer = request.certificate_body(certificate(digit)).send().await;
        if digit == 9 {
            return refused(answer, 409, "LimitExceeded");
        }
        answered(answer)?;
    }
    Ok(())
}

async fn devices(world: &World) -> Outcome {
    user(world, "qu-mfa").await?;
    for number in 0..8 {
        enable(world, "qu-mfa", &device(world, &format!("qu-mfa{number}")).await?).await?;
    }
    let serial = device(world, "qu-mfa8").await?;
    let request = iam(world).enable_mfa_device().user_name("qu-mfa").serial_number(serial);
    let request = request.authentication_code1("123456").authentication_code2("654321");
    refused(request.send().await, 409, "LimitExceeded")
}

async fn service_credentials(world: &World) -> Outcome {
    user(world, "qu-service").await?;
    let request = || {
        let request = iam(world).create_service_specific_credential().user_name("qu-service");
        request.service_name("codecommit.amazonaws.com")
    };
    answered(request().send().await)?;
    answered(request().send().await)?;
    refused(request().send().await, 409, "LimitExceeded")
}

async fn versions(world: &World) -> Outcome {
    let arn = policy(world, "qu-versions").await?;
    let request = || iam(world).create_policy_version().policy_arn(&arn).policy_document(DOCUMENT);
    for _ in 0..4 {
        answered(request().send().await)?;
    }
    refused(request().send().await, 409, "LimitExceeded")
}

/// A document of this many characters.
fn document(length: usize) -> String {
    let empty = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::"}]}"#;
    empty.replace(":::", &format!(":::{}", "x".repeat(length - empty.len())))
}

async fn inline(world: &World) -> Outcome {
    user(world, "qu-inline").await?;
    let request = iam(world).put_user_policy().user_name("qu-inline").policy_name("own");
    refused(request.policy_document(document(2049)).send().await, 409, "LimitExceeded")
}

async fn blanks(world: &World) -> Outcome {
    user(world, "qu-blanks").await?;
    let request = iam(world).put_user_policy().user_name("qu-blanks").policy_name("own");
    let spaced = document(2048).replace(',', ",\n    ");
    answered(request.policy_document(spaced).send().await).map(|_| ())
}

async fn managed(world: &World) -> Outcome {
    let request = iam(world).create_policy().policy_name("qu-large").policy_document(document(6145));
    refused(request.send().await, 409, "LimitExceeded")
}
