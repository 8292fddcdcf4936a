//! What must be gone before something can be deleted.

use super::fresh::{
    PASSWORD, certificate, device, enable, group, iam, policy, ssh_key, tag, user, user_with_key,
};
use super::seed::{DOCUMENT, READ_ONLY};
use super::world::{World, answered, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "delete_user.with_login_profile_is_refused", "IAM API Reference, DeleteUser: DeleteConflict" => login_profile;
    "delete_user.with_access_key_is_refused", "IAM API Reference, DeleteUser: DeleteConflict" => access_key;
    "delete_user.with_signing_certificate_is_refused", "IAM API Reference, DeleteUser: DeleteConflict; aws-nuke issue 671" => signing_certificate;
    "delete_user.with_ssh_key_is_refused", "IAM API Reference, DeleteUser: DeleteConflict; aws-nuke pull request 319" => ssh;
    "delete_user.with_service_credential_is_refused", "IAM API Reference, DeleteUser: DeleteConflict" => service_credential;
    "delete_user.with_mfa_device_is_refused", "IAM API Reference, DeleteUser: DeleteConflict; aws-nuke issue 281" => mfa;
    "delete_user.with_inline_policy_is_refused", "AWS answers 409 DeleteConflict" => inline;
    "delete_user.with_attached_policy_is_refused", "AWS answers 409 DeleteConflict" => attached;
    "delete_user.in_a_group_is_refused", "IAM API Reference, DeleteUser: DeleteConflict; userplex issue 17" => member;
    "delete_user.with_tags_and_boundary_is_no_error", "IAM API Reference, DeleteUser names neither" => tags_and_boundary;
    "delete_group.with_a_member_is_refused", "service model, DeleteGroup: DeleteConflict" => group_member;
    "delete_group.with_attached_policy_is_refused", "service model, DeleteGroup: DeleteConflict" => group_attached;
    "delete_group.with_inline_policy_is_refused", "service model, DeleteGroup: DeleteConflict" => group_inline;
    "delete_policy.attached_is_refused", "service model, DeletePolicy: DeleteConflict" => policy_attached;
    "delete_policy.as_a_boundary_is_refused", "service model, DeletePolicy: DeleteConflict" => policy_boundary;
    "delete_policy.with_other_versions_is_refused", "IAM API Reference, DeletePolicy: all versions but the default first" => policy_versions;
    "delete_policy_version.default_is_refused", "IAM API Reference, DeletePolicyVersion: not the default version" => default_version;
    "delete_virtual_mfa_device.in_use_is_refused", "service model, DeleteVirtualMFADevice: DeleteConflict" => device_in_use;
];

async fn conflict(world: &World, name: &str) -> Outcome {
    refused(iam(world).delete_user().user_name(name).send().await, 409, "DeleteConflict")
}

async fn login_profile(world: &World) -> Outcome {
    user(world, "dc-login").await?;
    answered(iam(world).create_login_profile().user_name("dc-login").password(PASSWORD).send().await)?;
    conflict(world, "dc-login").await
}

async fn access_key(world: &World) -> Outcome {
    user_with_key(world, "dc-key").await?;
    conflict(world, "dc-key").await
}

async fn signing_certificate(world: &World) -> Outcome {
    user(world, "dc-cert").await?;
    let request = iam(world).upload_signing_certificate().user_name("dc-cert");
    answered(request.certificate_body(certificate(1)).send().await)?;
    conflict(world, "dc-cert").await
}

async fn ssh(world: &World) -> Outcome {
    user(world, "dc-ssh").await?;
    let request = iam(world).upload_ssh_public_key().user_name("dc-ssh");
    answered(request.ssh_public_key_body(ssh_key(1)).send().await)?;
    conflict(world, "dc-ssh").await
}

async fn service_credential(world: &World) -> Outcome {
    user(world, "dc-service").await?;
    let request = iam(world).create_service_specific_credential().user_name("dc-service");
    answered(request.service_name("codecommit.amazonaws.com").send().await)?;
    conflict(world, "dc-service").await
}

async fn mfa(world: &World) -> Outcome {
    user(world, "dc-mfa").await?;
    enable(world, "dc-mfa", &device(world, "dc-mfa").await?).await?;
    conflict(world, "dc-mfa").await
}

async fn inline(world: &World) -> Outcome {
    user(world, "dc-inline").await?;
    let request = iam(world).put_user_policy().user_name("dc-inline").policy_name("own");
    answered(request.policy_document(DOCUMENT).send().await)?;
    conflict(world, "dc-inline").await
}

async fn attached(world: &World) -> Outcome {
    user(world, "dc-attached").await?;
    let request = iam(world).attach_user_policy().user_name("dc-attached").policy_arn(READ_ONLY);
    answered(request.send().await)?;
    conflict(world, "dc-attached").await
}

/// A group with a member of the same name.
async fn with_member(world: &World, name: &str) -> Outcome {
    user(world, name).await?;
    group(world, name).await?;
    answered(iam(world).add_user_to_group().user_name(name).group_name(name).send().await).map(|_| ())
}

async fn member(world: &World) -> Outcome {
    with_member(world, "dc-member").await?;
    conflict(world, "dc-member").await
}

async fn tags_and_boundary(world: &World) -> Outcome {
    let request = iam(world).create_user().user_name("dc-free").tags(tag("team", "eng"));
    answered(request.permissions_boundary(READ_ONLY).send().await)?;
    answered(iam(world).delete_user().user_name("dc-free").send().await).map(|_| ())
}

async fn group_conflict(world: &World, name: &str) -> Outcome {
    refused(iam(world).delete_group().group_name(name).send().await, 409, "DeleteConflict")
}

async fn group_member(world: &World) -> Outcome {
    with_member(world, "dc-full").await?;
    group_conflict(world, "dc-full").await
}

async fn group_attached(world: &World) -> Outcome {
    group(world, "dc-attached").await?;
    let request = iam(world).attach_group_policy().group_name("dc-attached").policy_arn(READ_ONLY);
    answered(request.send().await)?;
    group_conflict(world, "dc-attached").await
}

async fn group_inline(world: &World) -> Outcome {
    group(world, "dc-inline").await?;
    let request = iam(world).put_group_policy().group_name("dc-inline").policy_name("own");
    answered(request.policy_document(DOCUMENT).send().await)?;
    group_conflict(world, "dc-inline").await
}

async fn policy_conflict(world: &World, arn: &str) -> Outcome {
    refused(iam(world).delete_policy().policy_arn(arn).send().await, 409, "DeleteConflict")
}

async fn policy_attached(world: &World) -> Outcome {
    user(world, "dc-holder").await?;
    let arn = policy(world, "dc-held").await?;
    answered(iam(world).attach_user_policy().user_name("dc-holder").policy_arn(&arn).send().await)?;
    policy_conflict(world, &arn).await
}

async fn policy_boundary(world: &World) -> Outcome {
    let arn = policy(world, "dc-limit").await?;
    let request = iam(world).create_user().user_name("dc-limited").permissions_boundary(&arn);
    answered(request.send().await)?;
    policy_conflict(world, &arn).await
}

/// A policy with a second version, which is not the default.
async fn with_versions(world: &World, name: &str) -> Result<String, String> {
    let arn = policy(world, name).await?;
    let request = iam(world).create_policy_version().policy_arn(&arn).policy_document(DOCUMENT);
    answered(request.send().await)?;
    Ok(arn)
}

async fn policy_versions(world: &World) -> Outcome {
    let arn = with_versions(world, "dc-versions").await?;
    policy_conflict(world, &arn).await
}

async fn default_version(world: &World) -> Outcome {
    let arn = with_versions(world, "dc-default").await?;
    let request = iam(world).delete_policy_version().policy_arn(arn).version_id("v1");
    refused(request.send().await, 409, "DeleteConflict")
}

async fn device_in_use(world: &World) -> Outcome {
    user(world, "dc-device").await?;
    let serial = device(world, "dc-device").await?;
    enable(world, "dc-device", &serial).await?;
    let request = iam(world).delete_virtual_mfa_device().serial_number(serial);
    refused(request.send().await, 409, "DeleteConflict")
}
