//! Names that cannot be, and ids as AWS makes them.

use super::world::{World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "get_user.name_with_a_space_is_refused", "service model, existingUserNameType: [\\w+=,.@-]+" => space;
    "get_user.name_of_129_is_refused", "service model, existingUserNameType: 1 to 128" => long;
    "get_login_profile.name_with_a_slash_is_refused", "service model, userNameType: [\\w+=,.@-]+" => slash;
    "get_login_profile.name_outside_ascii_is_refused", "AWS reads \\w as ASCII" => outside_ascii;
    "list_users.ids_are_aida", "IAM User Guide, IAM identifiers, unique IDs" => user_ids;
    "list_groups.ids_are_agpa", "IAM User Guide, IAM identifiers, unique IDs" => group_ids;
    "list_users.dates_are_recent", "IAM API Reference, User.CreateDate" => dates;
];

/// Whether an id is the prefix and at least twelve more capital letters and digits.
pub(super) fn is_id(prefix: &str, id: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|rest| {
        rest.len() >= 12 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

async fn space(world: &World) -> Outcome {
    refused(world.admin.iam.get_user().user_name("a b").send().await, 400, "ValidationError")
}

async fn long(world: &World) -> Outcome {
    refused(world.admin.iam.get_user().user_name("a".repeat(129)).send().await, 400, "ValidationError")
}

async fn slash(world: &World) -> Outcome {
    refused(world.admin.iam.get_login_profile().user_name("a/b").send().await, 400, "ValidationError")
}

async fn outside_ascii(world: &World) -> Outcome {
    refused(world.admin.iam.get_login_profile().user_name("jürgen").send().await, 400, "ValidationError")
}

async fn user_ids(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_users().send().await)?;
    let odd = page.users().iter().map(|user| user.user_id()).find(|id| !is_id("AIDA", id));
    ensure(odd.is_none(), || format!("an id is {}", odd.unwrap_or_default()))
}

async fn group_ids(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_groups().send().await)?;
    let odd = page.groups().iter().map(|group| group.group_id()).find(|id| !is_id("AGPA", id));
    ensure(odd.is_none(), || format!("an id is {}", odd.unwrap_or_default()))
}

async fn dates(world: &World) -> Outcome {
    let page = answered(world.admin.iam.list_users().send().await)?;
    let old = page.users().iter().find(|user| user.create_date().secs() < 1_500_000_000);
    ensure(old.is_none(), || format!("{:?}", old.map(|user| user.create_date())))
}
