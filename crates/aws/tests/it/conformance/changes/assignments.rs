//! Groups and policies of a user.

use keyreeve_connector::{Cause, PolicyReference};
use keyreeve_model::StepCall;

use super::super::seed::{READ_ONLY, policy_arn};
use super::super::world::{World, ensure};
use super::super::{Check, Outcome, checks};
use super::{Changes, said, user, whole};

pub(super) const CHECKS: &[Check] = checks![
    "add_to_group.shows_and_again_succeeds", "AWS answers 200, whether the user was in the group or not" => adds;
    "add_to_group.without_a_group_is_gone", "service model, AddUserToGroup: NoSuchEntity" => adds_to_none;
    "add_to_group.nobody_is_gone", "service model, AddUserToGroup: NoSuchEntity" => adds_nobody;
    "remove_from_group.takes_the_user_out", "IAM API Reference, RemoveUserFromGroup" => removes;
    "remove_from_group.not_in_it_is_no_failure", "AWS answers 200, look-alikes 404" => removes_again;
    "remove_from_group.nobody_is_gone", "service model, RemoveUserFromGroup: NoSuchEntity" => removes_nobody;
    "attach_policy.shows_and_again_succeeds", "AWS answers 200, whether it was attached or not" => attaches;
    "attach_policy.unknown_is_gone", "AWS answers 404 NoSuchEntity" => attaches_unknown;
    "attach_policy.nobody_is_gone", "service model, AttachUserPolicy: NoSuchEntity" => attaches_to_nobody;
    "attach_policy.a_policy_for_service_roles_is_refused", "service model, AttachUserPolicy: PolicyNotAttachable" => attaches_service_role;
    "detach_policy.again_is_unchanged", "AWS answers 404 NoSuchEntity" => detaches;
    "detach_policy.nobody_is_gone", "service model, DetachUserPolicy: NoSuchEntity" => detaches_from_nobody;
];

fn add(account: &str, group: &str) -> StepCall {
    StepCall::AddToGroup { account: account.into(), group: group.into() }
}

fn remove(account: &str, group: &str) -> StepCall {
    StepCall::RemoveFromGroup { account: account.into(), group: group.into() }
}

fn attach(account: &str, policy_arn: &str) -> StepCall {
    StepCall::AttachPolicy { account: account.into(), policy_arn: policy_arn.into() }
}

fn detach(account: &str, policy_arn: &str) -> StepCall {
    StepCall::DetachPolicy { account: account.into(), policy_arn: policy_arn.into() }
}

async fn groups(changes: &Changes, account: &str) -> Result<Vec<String>, String> {
    whole(async |after| changes.provisioning().list_groups_of(account, after).await).await
}

async fn policies(changes: &Changes, account: &str) -> Result<Vec<PolicyReference>, String> {
    whole(async |after| changes.provisioning().list_policies_of(account, after).await).await
}

async fn adds(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-member").await?;
    for _ in 0..2 {
        changes.changed(&add("c-member", "ops")).await?;
        let groups = groups(&changes, "c-member").await?;
        ensure(groups == ["ops"], || format!("its groups are {groups:?}"))?;
    }
    Ok(())
}

async fn adds_to_none(world: &World) -> Outcome {
    user(world, "c-lonely").await?;
    Changes::of(world).await.fails(&add("c-lonely", "no-such-group"), Cause::Gone).await
}

async fn adds_nobody(world: &World) -> Outcome {
    Changes::of(world).await.fails(&add("nobody", "ops"), Cause::Gone).await
}

async fn removes(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-leaver").await?;
    for group in ["ops", "admins"] {
        changes.changed(&add("c-leaver", group)).await?;
    }
    changes.changed(&remove("c-leaver", "ops")).await?;
    let groups = groups(&changes, "c-leaver").await?;
    ensure(groups == ["admins"], || format!("its groups are {groups:?}"))
}

async fn removes_again(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-outsider").await?;
    for call in [remove("c-outsider", "ops"), remove("c-outsider", "no-such-group")] {
        changes.perform(&call).await.map_err(|error| said(&error))?;
    }
    Ok(())
}

async fn removes_nobody(world: &World) -> Outcome {
    Changes::of(world).await.fails(&remove("nobody", "ops"), Cause::Gone).await
}

async fn attaches(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-holder").await?;
    let own = policy_arn(&world.account_id, 0);
    for arn in [READ_ONLY, &own, READ_ONLY] {
        changes.changed(&attach("c-holder", arn)).await?;
    }
    let mut found = policies(&changes, "c-holder").await?;
    found.sort();
    let reference = |arn: &str, name: &str| PolicyReference { arn: arn.into(), name: name.into() };
    let mut expected = [reference(READ_ONLY, "ReadOnlyAccess"), reference(&own, "attached")];
    expected.sort();
    ensure(found == expected, || format!("it holds {found:?}"))
}

async fn attaches_unknown(world: &World) -> Outcome {
    user(world, "c-unknown").await?;
    let arn = format!("arn:aws:iam::{}:policy/no-such-policy", world.account_id);
    Changes::of(world).await.fails(&attach("c-unknown", &arn), Cause::Gone).await
}

async fn attaches_to_nobody(world: &World) -> Outcome {
    Changes::of(world).await.fails(&attach("nobody", READ_ONLY), Cause::Gone).await
}

async fn attaches_service_role(world: &World) -> Outcome {
    user(world, "c-service").await?;
    let arn = "arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy";
    Changes::of(world).await.fails(&attach("c-service", arn), Cause::Permanent).await
}

async fn detaches(world: &World) -> Outcome {
    let changes = Changes::of(world).await;
    user(world, "c-detached").await?;
    changes.changed(&attach("c-detached", READ_ONLY)).await?;
    changes.changed(&detach("c-detached", READ_ONLY)).await?;
    let left = policies(&changes, "c-detached").await?;
    ensure(left.is_empty(), || format!("it holds {left:?}"))?;
    changes.unchanged(&detach("c-detached", READ_ONLY)).await
}

async fn detaches_from_nobody(world: &World) -> Outcome {
    Changes::of(world).await.fails(&detach("nobody", READ_ONLY), Cause::Gone).await
}
