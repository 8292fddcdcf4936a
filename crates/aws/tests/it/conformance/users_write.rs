//! Making, changing and deleting users.

use super::fresh::{group, iam, policy, tag, user};
use super::seed::READ_ONLY;
use super::world::{World, answered, ensure, refused};
use super::{Check, Outcome, checks};

pub(super) const CHECKS: &[Check] = checks![
    "create_user.shows_path_arn_and_tags", "AWS answers with Path, Arn, UserId and Tags" => shows;
    "create_user.duplicate_is_refused", "AWS answers 409 EntityAlreadyExists" => duplicate;
    "create_user.other_case_is_refused", "IAM API Reference, CreateUser: \"Names are not distinguished by case\"" => other_case;
    "create_user.name_with_a_space_is_refused", "service model, userNameType: [\\w+=,.@-]+" => space;
    "create_user.name_of_65_is_refused", "service model, userNameType: 1 to 64" => long;
    "create_user.path_without_first_slash_is_refused", "service model, pathType; AWS answers 400 ValidationError" => path_start;
    "create_user.path_without_last_slash_is_refused", "service model, pathType; AWS answers 400 ValidationError" => path_end;
    "create_user.boundary_is_kept", "IAM API Reference, CreateUser, PermissionsBoundary" => boundary;
    "create_user.unknown_boundary_is_refused", "service model, CreateUser: NoSuchEntity" => unknown_boundary;
    "update_user.renames_and_moves_and_keeps_the_id", "AWS answers GetUser of the new name with the same UserId" => rename;
    "update_user.the_old_name_is_gone", "AWS answers 404 NoSuchEntity" => old_name;
    "update_user.keeps_groups", "IAM User Guide, Rename an IAM user: groups and policies stay with the user" => keeps_groups;
    "update_user.keeps_keys_under_the_new_name", "AWS answers ListAccessKeys with the new UserName" => keeps_keys;
    "update_user.keeps_the_login_profile_under_the_new_name", "AWS answers GetLoginProfile with the new UserName" => keeps_profile;
    "update_user.taken_name_is_refused", "service model, UpdateUser: EntityAlreadyExists" => taken;
    "update_user.case_alone_is_refused", "noobaa/noobaa-core issue 9323: AWS answers EntityAlreadyExists" => case_alone;
    "update_user.unknown_user_is_refused", "AWS answers 404 NoSuchEntity" => update_unknown;
    "delete_user.unknown_user_is_refused", "AWS answers 404 NoSuchEntity" => delete_unknown;
    "delete_user.the_name_comes_back_with_another_id", "IAM User Guide, IAM identifiers, unique IDs" => comes_back;
    "put_user_permissions_boundary.replaces", "IAM API Reference, PutUserPermissionsBoundary" => replaces;
    "put_user_permissions_boundary.unknown_policy_is_refused", "service model, PutUserPermissionsBoundary: NoSuchEntity" => put_unknown;
    "delete_user_permissions_boundary.takes_it_away", "IAM API Reference, DeleteUserPermissionsBoundary" => takes_away;
];

async fn shows(world: &World) -> Outcome {
    let request = iam(world).create_user().user_name("wu-shown").path("/staff/eng/").tags(tag("team", "eng"));
    let made = answered(request.send().await)?;
    let user = made.user().ok_or("it shows no user")?;
    let tags: Vec<_> = user.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    ensure(
        user.path() == "/staff/eng/"
            && user.arn().ends_with(":user/staff/eng/wu-shown")
            && !user.user_id().is_empty()
            && tags == [("team", "eng")],
        || format!("it shows {user:?}"),
    )
}

async fn duplicate(world: &World) -> Outcome {
    user(world, "wu-twice").await?;
    refused(iam(world).create_user().user_name("wu-twice").send().await, 409, "EntityAlreadyExists")
}

async fn other_case(world: &World) -> Outcome {
    user(world, "wu-case").await?;
    refused(iam(world).create_user().user_name("WU-Case").send().await, 409, "EntityAlreadyExists")
}

async fn space(world: &World) -> Outcome {
    refused(iam(world).create_user().user_name("wu space").send().await, 400, "ValidationError")
}

async fn long(world: &World) -> Outcome {
    refused(iam(world).create_user().user_name("w".repeat(65)).send().await, 400, "ValidationError")
}

async fn with_path(world: &World, name: &str, path: &str) -> Outcome {
    refused(iam(world).create_user().user_name(name).path(path).send().await, 400, "ValidationError")
}

async fn path_start(world: &World) -> Outcome {
    with_path(world, "wu-start", "staff/").await
}

async fn path_end(world: &World) -> Outcome {
    with_path(world, "wu-end", "/staff").await
}

/// The ARN of the boundary that `GetUser` shows.
async fn boundary_of(world: &World, name: &str) -> Result<Option<String>, String> {
    let answer = answered(iam(world).get_user().user_name(name).send().await)?;
    let boundary = answer.user().and_then(|user| user.permissions_boundary());
    Ok(boundary.and_then(|boundary| boundary.permissions_boundary_arn()).map(str::to_owned))
}

async fn boundary(world: &World) -> Outcome {
    let arn = policy(world, "wu-boundary").await?;
    let request = iam(world).create_user().user_name("wu-bounded").permissions_boundary(&arn);
    answered(request.send().await)?;
    let found = boundary_of(world, "wu-bounded").await?;
    ensure(found == Some(arn), || format!("the boundary is {found:?}"))
}

async fn unknown_boundary(world: &World) -> Outcome {
    let request = iam(world).create_user().user_name("wu-unbounded");
    let request = request.permissions_boundary("arn:aws:iam::aws:policy/NoSuchPolicy");
    refused(request.send().await, 404, "NoSuchEntity")
}

/// A user with this name, then with another one.
async fn renamed(world: &World, name: &str, new_name: &str) -> Outcome {
    let request = iam(world).update_user().user_name(name).new_user_name(new_name);
    answered(request.send().await).map(|_| ())
}

async fn rename(world: &World) -> Outcome {
    let id = user(world, "wu-before").await?;
    let request = iam(world).update_user().user_name("wu-before").new_user_name("wu-after");
    answered(request.new_path("/moved/").send().await)?;
    let answer = answered(iam(world).get_user().user_name("wu-after").send().await)?;
    let user = answer.user().ok_or("it shows no user")?;
    ensure(user.user_id() == id && user.arn().ends_with(":user/moved/wu-after"), || format!("it is {user:?}"))
}

async fn old_name(world: &World) -> Outcome {
    user(world, "wu-old").await?;
    renamed(world, "wu-old", "wu-new").await?;
    refused(iam(world).get_user().user_name("wu-old").send().await, 404, "NoSuchEntity")
}

async fn keeps_groups(world: &World) -> Outcome {
    user(world, "wu-member").await?;
    group(world, "wu-team").await?;
    answered(iam(world).add_user_to_group().user_name("wu-member").group_name("wu-team").send().await)?;
    renamed(world, "wu-member", "wu-member2").await?;
    let answer = answered(iam(world).get_group().group_name("wu-team").send().await)?;
    let members: Vec<_> = answer.users().iter().map(|user| user.user_name()).collect();
    ensure(members == ["wu-member2"], || format!("the group has {members:?}"))
}

async fn keeps_keys(world: &World) -> Outcome {
    let id = super::fresh::user_with_key(world, "wu-keyed").await?;
    renamed(world, "wu-keyed", "wu-keyed2").await?;
    let answer = answered(iam(world).list_access_keys().user_name("wu-keyed2").send().await)?;
    let keys: Vec<_> =
        answer.access_key_metadata().iter().map(|key| (key.access_key_id(), key.user_name())).collect();
    ensure(keys == [(Some(id.as_str()), Some("wu-keyed2"))], || format!("the keys are {keys:?}"))
}

async fn keeps_profile(world: &World) -> Outcome {
    super::fresh::user_with_password(world, "wu-pass").await?;
    renamed(world, "wu-pass", "wu-pass2").await?;
    let answer = answered(iam(world).get_login_profile().user_name("wu-pass2").send().await)?;
    let name = answer.login_profile().map(|profile| profile.user_name());
    ensure(name == Some("wu-pass2"), || format!("the profile is of {name:?}"))
}

async fn taken(world: &World) -> Outcome {
    user(world, "wu-first").await?;
    user(world, "wu-second").await?;
    let request = iam(world).update_user().user_name("wu-second").new_user_name("wu-first");
    refused(request.send().await, 409, "EntityAlreadyExists")
}

async fn case_alone(world: &World) -> Outcome {
    user(world, "wu-small").await?;
    let request = iam(world).update_user().user_name("wu-small").new_user_name("WU-Small");
    refused(request.send().await, 409, "EntityAlreadyExists")
}

async fn update_unknown(world: &World) -> Outcome {
    let request = iam(world).update_user().user_name("wu-nobody").new_path("/x/");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn delete_unknown(world: &World) -> Outcome {
    refused(iam(world).delete_user().user_name("wu-nobody").send().await, 404, "NoSuchEntity")
}

async fn comes_back(world: &World) -> Outcome {
    let before = user(world, "wu-back").await?;
    answered(iam(world).delete_user().user_name("wu-back").send().await)?;
    let after = user(world, "wu-back").await?;
    ensure(after != before, || format!("the id is {before} again"))
}

async fn put(world: &World, name: &str, arn: &str) -> Outcome {
    let request = iam(world).put_user_permissions_boundary().user_name(name).permissions_boundary(arn);
    answered(request.send().await).map(|_| ())
}

async fn replaces(world: &World) -> Outcome {
    user(world, "wu-put").await?;
    put(world, "wu-put", &policy(world, "wu-limit").await?).await?;
    put(world, "wu-put", READ_ONLY).await?;
    let found = boundary_of(world, "wu-put").await?;
    ensure(found.as_deref() == Some(READ_ONLY), || format!("the boundary is {found:?}"))
}

async fn put_unknown(world: &World) -> Outcome {
    user(world, "wu-put-unknown").await?;
    let request = iam(world).put_user_permissions_boundary().user_name("wu-put-unknown");
    let request = request.permissions_boundary("arn:aws:iam::aws:policy/NoSuchPolicy");
    refused(request.send().await, 404, "NoSuchEntity")
}

async fn takes_away(world: &World) -> Outcome {
    user(world, "wu-unput").await?;
    put(world, "wu-unput", READ_ONLY).await?;
    answered(iam(world).delete_user_permissions_boundary().user_name("wu-unput").send().await)?;
    let found = boundary_of(world, "wu-unput").await?;
    ensure(found.is_none(), || format!("the boundary is {found:?}"))
}
