//! Memberships, attached policies and inline ones.

use aws_sdk_iam::Client;

use super::fresh::{SERVICE_LINKED, group, iam, policy, user};
use super::seed::{DOCUMENT, READ_ONLY};
use super::world::{World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "add_user_to_group.twice_is_no_error", "AWS answers 200; cloud-custodian pull request 4730" => add_twice;
    "add_user_to_group.unknown_user_is_refused", "AWS answers 404 NoSuchEntity" => add_nobody;
    "add_user_to_group.unknown_group_is_refused", "AWS answers 404 NoSuchEntity" => add_nowhere;
    "remove_user_from_group.removes", "AWS answers GetGroup without the user" => removes;
    "remove_user_from_group.of_a_stranger_is_no_error", "AWS answers 200" => stranger;
    "remove_user_from_group.unknown_group_is_refused", "AWS answers 404 NoSuchEntity" => remove_nowhere;
    "attach_user_policy.twice_is_no_error", "every look-alike agrees; AWS's own word is missing" => attach_twice;
    "attach_user_policy.twice_counts_once", "IAM API Reference, Policy.AttachmentCount: principal entities" => counts_once;
    "attach_user_policy.unknown_policy_is_refused", "AWS answers 404 NoSuchEntity" => attach_unknown;
    "attach_user_policy.service_linked_is_refused", "service model, PolicyNotAttachable: 400" => attach_linked;
    "attach_user_policy.unknown_user_is_refused", "service model, AttachUserPolicy: NoSuchEntity" => attach_nobody;
    "detach_user_policy.detaches", "AWS answers ListAttachedUserPolicies without it" => detaches;
    "detach_user_policy.twice_is_refused", "AWS answers 404 NoSuchEntity" => detach_twice;
    "attach_group_policy.unknown_policy_is_refused", "service model, AttachGroupPolicy: NoSuchEntity" => attach_unknown_to_group;
    "detach_group_policy.twice_is_refused", "AWS answers 404 NoSuchEntity" => detach_group_twice;
    "put_user_policy.replaces", "IAM API Reference, PutUserPolicy: adds or updates" => put_replaces;
    "put_user_policy.malformed_document_is_refused", "service model, PutUserPolicy: MalformedPolicyDocument" => malformed;
    "delete_user_policy.unknown_policy_is_refused", "service model, DeleteUserPolicy: NoSuchEntity" => delete_inline_unknown;
    "delete_user_policy.takes_it_away", "AWS answers ListUserPolicies without it" => delete_inline;
    "put_group_policy.malformed_document_is_refused", "service model, PutGroupPolicy: MalformedPolicyDocument" => malformed_for_group;
    "delete_group_policy.unknown_policy_is_refused", "service model, DeleteGroupPolicy: NoSuchEntity" => delete_group_inline_unknown;
];

async fn add(iam: &Client, user: &str, group: &str) -> Outcome {
    answered(iam.add_user_to_group().user_name(user).group_name(group).send().await).map(|_| ())
}

async fn remove(iam: &Client, user: &str, group: &str) -> Outcome {
    answered(iam.remove_user_from_group().user_name(user).group_name(group).send().await).map(|_| ())
}

async fn attach(iam: &Client, user: &str, arn: &str) -> Outcome {
    answered(iam.attach_user_policy().user_name(user).policy_arn(arn).send().await).map(|_| ())
}

async fn add_twice(world: &World) -> Outcome {
    user(world, "as-twice").await?;
    group(world, "as-twice").await?;
    add(iam(world), "as-twice", "as-twice").await?;
    add(iam(world), "as-twice", "as-twice").await
}

async fn add_nobody(world: &World) -> Outcome {
    group(world, "as-lonely").await?;
    let request = iam(world).add_user_to_group().user_name("as-nobody").group_name("as-lonely");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn add_nowhere(world: &World) -> Outcome {
    user(world, "as-nowhere").await?;
    let request = iam(world).add_user_to_group().user_name("as-nowhere").group_name("as-nothing");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn removes(world: &World) -> Outcome {
    user(world, "as-leaver").await?;
    group(world, "as-left").await?;
    add(iam(world), "as-leaver", "as-left").await?;
    remove(iam(world), "as-leaver", "as-left").await?;
    let answer = answered(iam(world).get_group().group_name("as-left").send().await)?;
    ensure(answer.users().is_empty(), || format!("the group has {:?}", answer.users()))
}

async fn stranger(world: &World) -> Outcome {
    user(world, "as-stranger").await?;
    group(world, "as-strange").await?;
    remove(iam(world), "as-stranger", "as-strange").await
}

async fn remove_nowhere(world: &World) -> Outcome {
    user(world, "as-remove").await?;
    let request = iam(world).remove_user_from_group().user_name("as-remove").group_name("as-nothing");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn attach_twice(world: &World) -> Outcome {
    user(world, "as-attached").await?;
    attach(iam(world), "as-attached", READ_ONLY).await?;
    attach(iam(world), "as-attached", READ_ONLY).await
}

async fn counts_once(world: &World) -> Outcome {
    user(world, "as-counted").await?;
    let arn = policy(world, "as-counted").await?;
    attach(iam(world), "as-counted", &arn).await?;
    attach(iam(world), "as-counted", &arn).await?;
    let answer = answered(iam(world).get_policy().policy_arn(arn).send().await)?;
    let count = answer.policy().and_then(|policy| policy.attachment_count());
    ensure(count == Some(1), || format!("it counts {count:?}"))
}

async fn attach_unknown(world: &World) -> Outcome {
    user(world, "as-unknown").await?;
    let request = iam(world).attach_user_policy().user_name("as-unknown");
    let request = request.policy_arn("arn:aws:iam::aws:policy/NoSuchPolicy");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn attach_linked(world: &World) -> Outcome {
    user(world, "as-linked").await?;
    let request = iam(world).attach_user_policy().user_name("as-linked").policy_arn(SERVICE_LINKED);
    refused(request.send().await, 400, "PolicyNotAttachable")
}

async fn attach_nobody(world: &World) -> Outcome {
    let request = iam(world).attach_user_policy().user_name("as-nobody").policy_arn(READ_ONLY);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn detaches(world: &World) -> Outcome {
    user(world, "as-detached").await?;
    attach(iam(world), "as-detached", READ_ONLY).await?;
    let request = iam(world).detach_user_policy().user_name("as-detached").policy_arn(READ_ONLY);
    answered(request.send().await)?;
    let answer = answered(iam(world).list_attached_user_policies().user_name("as-detached").send().await)?;
    ensure(answer.attached_policies().is_empty(), || format!("it has {:?}", answer.attached_policies()))
}

async fn detach_twice(world: &World) -> Outcome {
    user(world, "as-detach").await?;
    let arn = policy(world, "as-detach").await?;
    let request = iam(world).detach_user_policy().user_name("as-detach").policy_arn(arn);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn attach_unknown_to_group(world: &World) -> Outcome {
    group(world, "as-unknown").await?;
    let request = iam(world).attach_group_policy().group_name("as-unknown");
    let request = request.policy_arn("arn:aws:iam::aws:policy/NoSuchPolicy");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn detach_group_twice(world: &World) -> Outcome {
    group(world, "as-detach").await?;
    let arn = policy(world, "as-detach-group").await?;
    let request = iam(world).detach_group_policy().group_name("as-detach").policy_arn(arn);
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn put(iam: &Client, user: &str, document: &str) -> Outcome {
    let request = iam.put_user_policy().user_name(user).policy_name("own").policy_document(document);
    answered(request.send().await).map(|_| ())
}

async fn put_replaces(world: &World) -> Outcome {
    user(world, "as-inline").await?;
    put(iam(world), "as-inline", DOCUMENT).await?;
    put(iam(world), "as-inline", &DOCUMENT.replace("Allow", "Deny")).await?;
    let request = iam(world).get_user_policy().user_name("as-inline").policy_name("own");
    let answer = answered(request.send().await)?;
    ensure(answer.policy_document().contains("Deny"), || format!("it is {}", answer.policy_document()))
}

async fn malformed(world: &World) -> Outcome {
    user(world, "as-malformed").await?;
    let request = iam(world).put_user_policy().user_name("as-malformed").policy_name("own");
    refused(request.policy_document("{}").send().await, 400, "MalformedPolicyDocument")
}

async fn delete_inline_unknown(world: &World) -> Outcome {
    user(world, "as-no-inline").await?;
    let request = iam(world).delete_user_policy().user_name("as-no-inline").policy_name("own");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn delete_inline(world: &World) -> Outcome {
    user(world, "as-uninline").await?;
    put(iam(world), "as-uninline", DOCUMENT).await?;
    answered(iam(world).delete_user_policy().user_name("as-uninline").policy_name("own").send().await)?;
    let answer = answered(iam(world).list_user_policies().user_name("as-uninline").send().await)?;
    ensure(answer.policy_names().is_empty(), || format!("it has {:?}", answer.policy_names()))
}

async fn malformed_for_group(world: &World) -> Outcome {
    group(world, "as-malformed").await?;
    let request = iam(world).put_group_policy().group_name("as-malformed").policy_name("own");
    refused(request.policy_document("{}").send().await, 400, "MalformedPolicyDocument")
}

async fn delete_group_inline_unknown(world: &World) -> Outcome {
    group(world, "as-no-inline").await?;
    let request = iam(world).delete_group_policy().group_name("as-no-inline").policy_name("own");
    refused(request.send().await, 404, "NoSuchEntity")
}
