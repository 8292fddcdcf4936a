//! The listing of policies and its filters.

use aws_sdk_iam::types::{Policy, PolicyScopeType, PolicyUsageType};

use super::seed::READ_ONLY;
use super::world::{World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "list_policies.scope_local_is_customer_only", "IAM API Reference, ListPolicies" => local;
    "list_policies.scope_aws_is_aws_only", "IAM API Reference, ListPolicies" => aws;
    "list_policies.catalogue_has_over_a_thousand", "AWS Managed Policy Reference Guide" => catalogue;
    "list_policies.only_attached", "IAM API Reference, ListPolicies" => attached;
    "list_policies.usage_filter_is_honoured", "IAM API Reference, ListPolicies, PolicyUsageFilter" => boundaries;
    "list_policies.bogus_scope_is_refused", "service model, policyScopeType: All, AWS, Local" => bogus;
    "list_policies.ids_are_anpa", "IAM User Guide, IAM identifiers, unique IDs" => ids;
];

async fn whole(world: &World, scope: PolicyScopeType, attached: bool) -> Result<Vec<Policy>, String> {
    let (mut found, mut marker) = (Vec::new(), None);
    for _ in 0..100 {
        let request = world.admin.iam.list_policies().scope(scope.clone()).only_attached(attached);
        let page = answered(request.max_items(1000).set_marker(marker).send().await)?;
        found.extend(page.policies().iter().cloned());
        marker = page.marker().map(str::to_owned);
        if !page.is_truncated() {
            return Ok(found);
        }
    }
    Err("the listing does not end".into())
}

fn is_aws(policy: &Policy) -> bool {
    policy.arn().is_some_and(|arn| arn.starts_with("arn:aws:iam::aws:policy/"))
}

async fn local(world: &World) -> Outcome {
    let found = whole(world, PolicyScopeType::Local, false).await?;
    ensure(found.len() == 3 && !found.iter().any(is_aws), || format!("it gives {} policies", found.len()))
}

async fn aws(world: &World) -> Outcome {
    let found = whole(world, PolicyScopeType::Aws, false).await?;
    ensure(!found.is_empty() && found.iter().all(is_aws), || "it gives others too".into())
}

async fn catalogue(world: &World) -> Outcome {
    let found = whole(world, PolicyScopeType::Aws, false).await?.len();
    ensure(found > 1000, || format!("it has only {found}"))
}

async fn attached(world: &World) -> Outcome {
    let found = whole(world, PolicyScopeType::All, true).await?;
    let has = |end: &str| found.iter().any(|policy| policy.arn().is_some_and(|arn| arn.ends_with(end)));
    ensure(has("policy/team/attached") && has(READ_ONLY), || "it leaves out an attached policy".into())?;
    ensure(!has("policy/unused"), || "it gives policies that are attached to nobody".into())
}

async fn boundaries(world: &World) -> Outcome {
    let request = world.admin.iam.list_policies().scope(PolicyScopeType::Local);
    let request = request.policy_usage_filter(PolicyUsageType::PermissionsBoundary);
    let page = answered(request.send().await)?;
    let found: Vec<_> = page.policies().iter().filter_map(Policy::policy_name).collect();
    ensure(found == ["boundary"], || format!("it gives {found:?}"))
}

async fn bogus(world: &World) -> Outcome {
    let request = world.admin.iam.list_policies().scope(PolicyScopeType::from("Everything"));
    refused(request.send().await, 400, "ValidationError")
}

async fn ids(world: &World) -> Outcome {
    let found = whole(world, PolicyScopeType::Local, false).await?;
    let odd = found.iter().filter_map(Policy::policy_id).find(|id| !super::validation::is_id("ANPA", id));
    ensure(odd.is_none(), || format!("an id is {}", odd.unwrap_or_default()))
}
