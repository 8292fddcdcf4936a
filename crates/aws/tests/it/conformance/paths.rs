//! Paths: as prefixes of a listing, and as text.

use super::seed::{ODD_PATH, ODD_TAG};
use super::world::{World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "list_users.path_prefix_is_a_string_prefix", "AWS answers a partial path with all that begin with it" => users;
    "list_users.path_prefix_without_slash_is_refused", "service model, pathPrefixType: \\u002F[\\u0021-\\u007F]*" => no_slash;
    "list_groups.path_prefix_is_a_string_prefix", "IAM API Reference, ListGroups" => groups;
    "list_policies.path_prefix_is_a_string_prefix", "IAM API Reference, ListPolicies" => policies;
    "list_users.paths_are_escaped", "XML 1.0, section 2.4; service model, pathType allows & and <" => escaped;
    "details.tag_values_are_escaped", "XML 1.0, section 2.4" => escaped_tag;
    "list_users.without_match_is_empty", "IAM API Reference, ListUsers: \"If there are none, the operation returns an empty list\"" => none;
];

async fn names(world: &World, prefix: &str) -> Result<Vec<String>, String> {
    let page = answered(world.admin.iam.list_users().path_prefix(prefix).send().await)?;
    let mut names: Vec<_> = page.users().iter().map(|user| user.user_name().to_owned()).collect();
    names.sort();
    Ok(names)
}

async fn users(world: &World) -> Outcome {
    for (prefix, expected) in
        [("/sta", vec!["ana", "bob"]), ("/staff/eng/", vec!["ana"]), ("/contractors/", vec!["carol"])]
    {
        let found = names(world, prefix).await?;
        ensure(found == expected, || format!("the prefix {prefix} gives {found:?}"))?;
    }
    Ok(())
}

async fn none(world: &World) -> Outcome {
    let found = names(world, "/nobody/").await?;
    ensure(found.is_empty(), || format!("it gives {found:?}"))
}

async fn no_slash(world: &World) -> Outcome {
    refused(world.admin.iam.list_users().path_prefix("staff/").send().await, 400, "ValidationError")
}

async fn groups(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_groups().path_prefix("/sta").send().await)?;
    let mut found: Vec<_> = page.groups().iter().map(|group| group.group_name()).collect();
    found.sort_unstable();
    ensure(found == ["devs", "ops"], || format!("the prefix /sta gives {found:?}"))
}

async fn policies(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_policies().path_prefix("/team/").send().await)?;
    let found: Vec<_> = page.policies().iter().filter_map(|policy| policy.policy_name()).collect();
    ensure(found == ["attached"], || format!("the prefix /team/ gives {found:?}"))
}

async fn escaped(world: &World) -> Outcome {
    let page = answered(world.odd_text.iam.list_users().send().await)?;
    let odd = page.users().iter().find(|user| user.user_name() == "odd").ok_or("the user is not readable")?;
    ensure(odd.path() == ODD_PATH, || format!("the path came back as {:?}", odd.path()))
}

async fn escaped_tag(world: &World) -> Outcome {
    let request = world.odd_text.iam.get_account_authorization_details();
    let page = answered(request.filter(aws_sdk_iam::types::EntityType::User).send().await)?;
    let mut users = page.user_detail_list().iter();
    let odd = users.find(|user| user.user_name() == Some("odd")).ok_or("the user is not readable")?;
    let value = odd.tags().first().map(|tag| tag.value()).unwrap_or_default();
    ensure(value == ODD_TAG, || format!("the value came back as {value:?}"))
}
