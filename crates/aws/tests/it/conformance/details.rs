//! The authorization details.

use aws_sdk_iam::operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput;
use aws_sdk_iam::types::{EntityType, UserDetail};

use super::seed::{READ_ONLY, policy_arn};
use super::world::{RawBody, World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "details.filter_user_gives_users_only", "IAM API Reference, GetAccountAuthorizationDetails" => only_users;
    "details.filter_group_gives_groups_only", "IAM API Reference, GetAccountAuthorizationDetails" => only_groups;
    "details.filter_local_policies_gives_those_only", "IAM API Reference, GetAccountAuthorizationDetails" => only_local;
    "details.bogus_filter_is_refused", "service model, EntityType" => bogus;
    "details.documents_are_percent_encoded", "IAM API Reference, UserDetail: \"URL-encoded JSON compliant with RFC 3986\"" => encoded;
    "details.tags_are_given", "service model, UserDetail.Tags; AWS answers with them" => tags;
    "details.groups_are_given_by_name", "service model, UserDetail.GroupList" => groups;
    "details.attached_policies_are_given", "service model, AttachedManagedPolicies" => attached;
    "details.inline_policies_of_groups_are_given", "service model, GroupDetail.GroupPolicyList" => group_inline;
    "details.unfiltered_brings_roles_and_policies", "IAM API Reference, GetAccountAuthorizationDetails" => unfiltered;
];

/// All pages with one filter, joined.
async fn read(
    world: &World,
    filter: Option<EntityType>,
) -> Result<Vec<GetAccountAuthorizationDetailsOutput>, String> {
    let (mut pages, mut marker) = (Vec::new(), None);
    for _ in 0..100 {
        let mut request =
            world.admin.iam.get_account_authorization_details().max_items(1000).set_marker(marker);
        if let Some(filter) = filter.clone() {
            request = request.filter(filter);
        }
        let page = answered(request.send().await)?;
        marker = page.marker().map(str::to_owned);
        let goes_on = page.is_truncated();
        pages.push(page);
        if !goes_on {
            return Ok(pages);
        }
    }
    Err("the listing does not end".into())
}

/// How many users, groups, roles and policies.
async fn counts(world: &World, filter: Option<EntityType>) -> Result<[usize; 4], String> {
    let pages = read(world, filter).await?;
    Ok(pages.iter().fold([0; 4], |[users, groups, roles, policies], page| {
        [
            users + page.user_detail_list().len(),
            groups + page.group_detail_list().len(),
            roles + page.role_detail_list().len(),
            policies + page.policies().len(),
        ]
    }))
}

async fn ana(world: &World) -> Result<UserDetail, String> {
    let pages = read(world, Some(EntityType::User)).await?;
    let mut users = pages.into_iter().flat_map(|page| page.user_detail_list.unwrap_or_default());
    users.find(|user| user.user_name() == Some("ana")).ok_or_else(|| "ana is missing".into())
}

async fn only_users(world: &World) -> Outcome {
    let found = counts(world, Some(EntityType::User)).await?;
    ensure(found == [16, 0, 0, 0], || format!("it gives {found:?}"))
}

async fn only_groups(world: &World) -> Outcome {
    let found = counts(world, Some(EntityType::Group)).await?;
    ensure(found == [0, 3, 0, 0], || format!("it gives {found:?}"))
}

async fn only_local(world: &World) -> Outcome {
    let found = counts(world, Some(EntityType::LocalManagedPolicy)).await?;
    ensure(found == [0, 0, 0, 3], || format!("it gives {found:?}"))
}

async fn unfiltered(world: &World) -> Outcome {
    let [users, groups, roles, policies] = counts(world, None).await?;
    ensure(users == 16 && groups == 3 && roles >= 1 && policies >= 3, || {
        format!("it gives {users} users, {groups} groups, {roles} roles, {policies} policies")
    })
}

async fn bogus(world: &World) -> Outcome {
    let request = world.admin.iam.get_account_authorization_details().filter(EntityType::from("Everything"));
    refused(request.send().await, 400, "ValidationError")
}

async fn encoded(world: &World) -> Outcome {
    let raw = RawBody::default();
    let request = world.admin.iam.get_account_authorization_details().filter(EntityType::User);
    answered(request.customize().interceptor(raw.clone()).send().await)?;
    let text = raw.text();
    let after = text.split("<PolicyDocument>").skip(1);
    let documents: Vec<&str> = after
        .filter_map(|after| after.split_once("</PolicyDocument>"))
        .map(|(document, _)| document)
        .collect();
    // The connector may hold one of its own.
    let with = |part: &str| documents.iter().filter(|one| one.to_ascii_uppercase().contains(part)).count();
    let escaped = with("%7B%22") == documents.len() && with("A%20B%2BC%25D%26E") == 1;
    ensure(escaped, || {
        format!("documents are {}", documents.join(", ").chars().take(400).collect::<String>())
    })
}

async fn tags(world: &World) -> Outcome {
    let ana = ana(world).await?;
    let found: Vec<_> = ana.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    ensure(found == [("team", "eng")], || format!("it gives {found:?}"))
}

async fn groups(world: &World) -> Outcome {
    let ana = ana(world).await?;
    ensure(ana.group_list() == ["devs"], || format!("it gives {:?}", ana.group_list()))
}

async fn attached(world: &World) -> Outcome {
    let ana = ana(world).await?;
    let found: Vec<_> =
        ana.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
    ensure(found == [policy_arn(&world.account_id, 0)], || format!("ana has {found:?}"))?;
    let pages = read(world, Some(EntityType::Group)).await?;
    let groups = pages.iter().flat_map(|page| page.group_detail_list());
    let found: Vec<_> = groups
        .flat_map(|group| group.attached_managed_policies())
        .filter_map(|policy| policy.policy_arn())
        .collect();
    ensure(found == [READ_ONLY], || format!("the groups have {found:?}"))
}

async fn group_inline(world: &World) -> Outcome {
    let pages = read(world, Some(EntityType::Group)).await?;
    let groups = pages.iter().flat_map(|page| page.group_detail_list());
    let found: Vec<_> = groups
        .flat_map(|group| group.group_policy_list())
        .filter_map(|policy| policy.policy_name())
        .collect();
    ensure(found == ["theirs"], || format!("the groups have {found:?}"))
}
