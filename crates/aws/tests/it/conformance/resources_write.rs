//! Making and changing groups, policies and roles.

use super::fresh::{group, iam, policy};
use super::seed::{DOCUMENT, READ_ONLY, trust};
use super::world::{World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "create_group.duplicate_is_refused", "AWS answers 409 EntityAlreadyExists" => group_duplicate;
    "create_group.other_case_is_refused", "IAM API Reference, CreateGroup: \"Names are not distinguished by case\"" => group_case;
    "create_group.name_with_a_space_is_refused", "service model, groupNameType: [\\w+=,.@-]+" => group_space;
    "update_group.renames_and_moves_and_keeps_the_id", "AWS answers GetGroup of the new name with the same GroupId" => group_renamed;
    "update_group.taken_name_is_refused", "AWS answers 409 EntityAlreadyExists" => group_taken;
    "delete_group.unknown_is_refused", "AWS answers 404 NoSuchEntity" => group_unknown;
    "create_policy.duplicate_is_refused", "service model, CreatePolicy: EntityAlreadyExists" => policy_duplicate;
    "create_policy.other_case_is_refused", "IAM API Reference, CreatePolicy: \"Names are not distinguished by case\"" => policy_case;
    "create_policy.malformed_document_is_refused", "service model, CreatePolicy: MalformedPolicyDocument" => policy_malformed;
    "create_policy.odd_path_is_refused", "service model, policyPathType: ((/[A-Za-z0-9\\.,\\+@=_-]+)*)/" => policy_path;
    "create_policy_version.becomes_default_only_if_asked", "IAM API Reference, CreatePolicyVersion, SetAsDefault" => version_default;
    "create_policy_version.numbers_do_not_come_back", "IAM User Guide, Versioning IAM policies" => version_numbers;
    "set_default_policy_version.sets", "IAM API Reference, SetDefaultPolicyVersion" => version_set;
    "set_default_policy_version.unknown_is_refused", "service model, SetDefaultPolicyVersion: NoSuchEntity" => version_unknown;
    "delete_policy.unknown_is_refused", "service model, DeletePolicy: NoSuchEntity" => policy_unknown;
    "create_role.duplicate_is_refused", "service model, CreateRole: EntityAlreadyExists" => role_duplicate;
    "update_assume_role_policy.replaces", "IAM API Reference, UpdateAssumeRolePolicy" => role_trust;
    "delete_role.with_attached_policy_is_refused", "service model, DeleteRole: DeleteConflict" => role_attached;
    "detach_role_policy.twice_is_refused", "service model, DetachRolePolicy: NoSuchEntity" => role_detach;
];

async fn group_duplicate(world: &World) -> Outcome {
    group(world, "rw-twice").await?;
    refused(iam(world).create_group().group_name("rw-twice").send().await, 409, "EntityAlreadyExists")
}

async fn group_case(world: &World) -> Outcome {
    group(world, "rw-case").await?;
    refused(iam(world).create_group().group_name("RW-Case").send().await, 409, "EntityAlreadyExists")
}

async fn group_space(world: &World) -> Outcome {
    refused(iam(world).create_group().group_name("rw space").send().await, 400, "ValidationError")
}

async fn group_renamed(world: &World) -> Outcome {
    let made = answered(iam(world).create_group().group_name("rw-before").send().await)?;
    let id = made.group().map(|group| group.group_id()).ok_or("it shows no group")?;
    let request = iam(world).update_group().group_name("rw-before").new_group_name("rw-after");
    answered(request.new_path("/moved/").send().await)?;
    let answer = answered(iam(world).get_group().group_name("rw-after").send().await)?;
    let group = answer.group().ok_or("it shows no group")?;
    let same = group.group_id() == id && group.arn().ends_with(":group/moved/rw-after");
    ensure(same, || format!("it is {group:?}"))
}

async fn group_taken(world: &World) -> Outcome {
    group(world, "rw-first").await?;
    group(world, "rw-second").await?;
    let request = iam(world).update_group().group_name("rw-second").new_group_name("rw-first");
    refused(request.send().await, 409, "EntityAlreadyExists")
}

async fn group_unknown(world: &World) -> Outcome {
    refused(iam(world).delete_group().group_name("rw-nothing").send().await, 404, "NoSuchEntity")
}

async fn policy_refused(world: &World, name: &str, document: &str, status: u16, code: &str) -> Outcome {
    let request = iam(world).create_policy().policy_name(name).policy_document(document);
    refused(request.send().await, status, code)
}

async fn policy_duplicate(world: &World) -> Outcome {
    policy(world, "rw-twice").await?;
    policy_refused(world, "rw-twice", DOCUMENT, 409, "EntityAlreadyExists").await
}

async fn policy_case(world: &World) -> Outcome {
    policy(world, "rw-case").await?;
    policy_refused(world, "RW-Case", DOCUMENT, 409, "EntityAlreadyExists").await
}

async fn policy_malformed(world: &World) -> Outcome {
    policy_refused(world, "rw-malformed", "{}", 400, "MalformedPolicyDocument").await
}

async fn policy_path(world: &World) -> Outcome {
    let request = iam(world).create_policy().policy_name("rw-path").path("/a b/").policy_document(DOCUMENT);
    refused(request.send().await, 400, "ValidationError")
}

/// Adds a version; gives its id.
async fn version(world: &World, arn: &str, default: bool) -> Result<String, String> {
    let request = iam(world).create_policy_version().policy_arn(arn).policy_document(DOCUMENT);
    let made = answered(request.set_as_default(default).send().await)?;
    let version = made.policy_version().and_then(|version| version.version_id());
    version.map(str::to_owned).ok_or_else(|| "it shows no version".into())
}

async fn default_of(world: &World, arn: &str) -> Result<String, String> {
    let answer = answered(iam(world).get_policy().policy_arn(arn).send().await)?;
    let default = answer.policy().and_then(|policy| policy.default_version_id());
    default.map(str::to_owned).ok_or_else(|| "it shows no default version".into())
}

async fn version_default(world: &World) -> Outcome {
    let arn = policy(world, "rw-default").await?;
    version(world, &arn, false).await?;
    let before = default_of(world, &arn).await?;
    version(world, &arn, true).await?;
    let after = default_of(world, &arn).await?;
    ensure(before == "v1" && after == "v3", || format!("it is {before}, then {after}"))
}

async fn version_numbers(world: &World) -> Outcome {
    let arn = policy(world, "rw-numbers").await?;
    let second = version(world, &arn, false).await?;
    answered(iam(world).delete_policy_version().policy_arn(&arn).version_id(second).send().await)?;
    let next = version(world, &arn, false).await?;
    ensure(next == "v3", || format!("it is {next}"))
}

async fn version_set(world: &World) -> Outcome {
    let arn = policy(world, "rw-set").await?;
    version(world, &arn, false).await?;
    answered(iam(world).set_default_policy_version().policy_arn(&arn).version_id("v2").send().await)?;
    let default = default_of(world, &arn).await?;
    ensure(default == "v2", || format!("it is {default}"))
}

async fn version_unknown(world: &World) -> Outcome {
    let arn = policy(world, "rw-unset").await?;
    let request = iam(world).set_default_policy_version().policy_arn(&arn).version_id("v9");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn policy_unknown(world: &World) -> Outcome {
    let arn = policy(world, "rw-gone").await?;
    answered(iam(world).delete_policy().policy_arn(&arn).send().await)?;
    refused(iam(world).delete_policy().policy_arn(&arn).send().await, 404, "NoSuchEntity")
}

async fn role(world: &World, name: &str) -> Outcome {
    let request = iam(world).create_role().role_name(name);
    let request = request.assume_role_policy_document(trust(&world.account_id));
    answered(request.send().await).map(|_| ())
}

async fn role_duplicate(world: &World) -> Outcome {
    role(world, "rw-twice").await?;
    let request = iam(world).create_role().role_name("rw-twice");
    let request = request.assume_role_policy_document(trust(&world.account_id));
    refused(request.send().await, 409, "EntityAlreadyExists")
}

async fn role_trust(world: &World) -> Outcome {
    role(world, "rw-trust").await?;
    let request = iam(world).update_assume_role_policy().role_name("rw-trust");
    answered(request.policy_document(trust("999988887777")).send().await)?;
    let answer = answered(iam(world).get_role().role_name("rw-trust").send().await)?;
    let document = answer.role().and_then(|role| role.assume_role_policy_document()).unwrap_or_default();
    ensure(document.contains("999988887777"), || format!("it is {document}"))
}

async fn role_attached(world: &World) -> Outcome {
    role(world, "rw-attached").await?;
    answered(iam(world).attach_role_policy().role_name("rw-attached").policy_arn(READ_ONLY).send().await)?;
    refused(iam(world).delete_role().role_name("rw-attached").send().await, 409, "DeleteConflict")
}

async fn role_detach(world: &World) -> Outcome {
    role(world, "rw-detach").await?;
    let arn = policy(world, "rw-detach").await?;
    let request = iam(world).detach_role_policy().role_name("rw-detach").policy_arn(arn);
    refused(request.send().await, 404, "NoSuchEntity")
}
