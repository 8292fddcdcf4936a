//! Pages: how long they are, how they go on, and what is no marker.

use std::collections::BTreeSet;

use aws_sdk_iam::types::{EntityType, PolicyScopeType};

use super::world::{RawBody, World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "list_users.max_items_is_honoured", "IAM API Reference, ListUsers" => users_max;
    "list_users.pages_join_to_the_whole", "IAM API Reference, ListUsers" => users_join;
    "list_users.bogus_marker_is_refused", "AWS answers 400 ValidationError \"Invalid Marker.\"" => users_marker;
    "list_users.max_items_0_is_refused", "service model, maxItemsType: 1 to 1000" => users_zero;
    "list_users.max_items_1001_is_refused", "service model, maxItemsType: 1 to 1000" => users_too_many;
    "list_groups.max_items_is_honoured", "IAM API Reference, ListGroups" => groups_max;
    "list_groups.is_truncated_is_given", "IAM API Reference, ListGroups" => groups_flag;
    "list_groups.bogus_marker_is_refused", "AWS answers 400 ValidationError \"Invalid Marker.\"" => groups_marker;
    "list_policies.max_items_is_honoured", "IAM API Reference, ListPolicies" => policies_max;
    "list_policies.pages_join_to_the_whole", "IAM API Reference, ListPolicies" => policies_join;
    "list_policies.bogus_marker_is_refused", "AWS answers 400 ValidationError \"Invalid Marker.\"" => policies_marker;
    "details.max_items_is_honoured", "IAM API Reference, GetAccountAuthorizationDetails" => details_max;
    "details.pages_join_to_the_whole", "IAM API Reference, GetAccountAuthorizationDetails" => details_join;
    "details.bogus_marker_is_refused", "AWS answers 400 ValidationError \"Invalid Marker.\"" => details_marker;
];

const BOGUS: &str = "bogus-marker";

fn first_page(count: usize, truncated: bool, marker: Option<&str>) -> Outcome {
    ensure(count <= 5, || format!("the page has more than MaxItems entries ({count})"))?;
    ensure(truncated && marker.is_some(), || "the page does not say that more follows".into())
}

async fn users_max(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_users().max_items(5).send().await)?;
    first_page(page.users().len(), page.is_truncated(), page.marker())
}

async fn users_join(world: &World) -> Outcome {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let page = answered(world.admin.iam.list_users().max_items(5).set_marker(marker).send().await)?;
        found.extend(page.users().iter().map(|user| user.user_name().to_owned()));
        marker = page.marker().map(str::to_owned);
        if !page.is_truncated() {
            break;
        }
        ensure(found.len() < 100, || "the listing does not end".into())?;
    }
    let whole: BTreeSet<_> = found.iter().cloned().collect();
    ensure(whole.len() == found.len(), || "an entry came twice".into())?;
    // Fifteen planned users and the one with a key.
    ensure(whole.len() == 16 && whole.contains("u12"), || format!("the pages join to {} users", whole.len()))
}

async fn users_marker(world: &World) -> Outcome {
    refused(world.admin.iam.list_users().marker(BOGUS).send().await, 400, "ValidationError")
}

async fn users_zero(world: &World) -> Outcome {
    refused(world.admin.iam.list_users().max_items(0).send().await, 400, "ValidationError")
}

async fn users_too_many(world: &World) -> Outcome {
    refused(world.admin.iam.list_users().max_items(1001).send().await, 400, "ValidationError")
}

async fn groups_max(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_groups().max_items(2).send().await)?;
    ensure(page.groups().len() <= 2, || "the page has more than MaxItems entries".into())?;
    ensure(page.is_truncated() && page.marker().is_some(), || {
        "the page does not say that more follows".into()
    })
}

async fn groups_flag(world: &World) -> Outcome {
    let raw = RawBody::default();
    answered(world.admin.iam.list_groups().customize().interceptor(raw.clone()).send().await)?;
    ensure(raw.text().contains("<IsTruncated>false</IsTruncated>"), || "there is no IsTruncated".into())
}

async fn groups_marker(world: &World) -> Outcome {
    refused(world.admin.iam.list_groups().marker(BOGUS).send().await, 400, "ValidationError")
}

async fn policies_max(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_policies().max_items(5).send().await)?;
    first_page(page.policies().len(), page.is_truncated(), page.marker())
}

async fn policies_join(world: &World) -> Outcome {
    let local = || world.admin.iam.list_policies().scope(PolicyScopeType::Local);
    let mut found = Vec::new();
    let mut marker = None;
    for _ in 0..10 {
        let page = answered(local().max_items(2).set_marker(marker).send().await)?;
        ensure(page.policies().len() <= 2, || "the page has more than MaxItems entries".into())?;
        found.extend(page.policies().iter().filter_map(|policy| policy.policy_name().map(str::to_owned)));
        marker = page.marker().map(str::to_owned);
        if !page.is_truncated() {
            break;
        }
    }
    found.sort();
    ensure(found == ["attached", "boundary", "unused"], || format!("the pages join to {found:?}"))
}

async fn policies_marker(world: &World) -> Outcome {
    refused(world.admin.iam.list_policies().marker(BOGUS).send().await, 400, "ValidationError")
}

async fn details_max(world: &World) -> Outcome {
    let request = world.admin.iam.get_account_authorization_details().filter(EntityType::User);
    let page = answered(request.max_items(5).send().await)?;
    first_page(page.user_detail_list().len(), page.is_truncated(), page.marker())
}

async fn details_join(world: &World) -> Outcome {
    let request = || {
        let both = world.admin.iam.get_account_authorization_details().filter(EntityType::User);
        both.filter(EntityType::Group).max_items(5)
    };
    let (mut found, mut pages, mut marker) = (Vec::new(), 0, None);
    loop {
        let page = answered(request().set_marker(marker).send().await)?;
        found.extend(page.user_detail_list().iter().filter_map(|user| user.arn().map(str::to_owned)));
        found.extend(page.group_detail_list().iter().filter_map(|group| group.arn().map(str::to_owned)));
        marker = page.marker().map(str::to_owned);
        pages += 1;
        if !page.is_truncated() {
            break;
        }
        ensure(pages < 100, || "the listing does not end".into())?;
    }
    let whole: BTreeSet<_> = found.iter().collect();
    ensure(whole.len() == found.len(), || "an entry came twice".into())?;
    ensure(whole.len() == 19 && pages >= 4, || format!("{pages} pages join to {} entries", whole.len()))
}

async fn details_marker(world: &World) -> Outcome {
    let request = world.admin.iam.get_account_authorization_details().marker(BOGUS);
    refused(request.send().await, 400, "ValidationError")
}
