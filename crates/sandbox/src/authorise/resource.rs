//! The resources that a call is about, by their ARNs.

use keyreeve_policy::Target;

use super::rules::About;
use crate::actions::Call;
use crate::state::{Group, State, User};

/// A resource, and what conditions can ask of it.
pub(super) struct Resource {
    pub(super) target: Target,
    /// As AWS's messages name it.
    pub(super) words: String,
    pub(super) tags: Vec<(String, String)>,
    pub(super) boundary: Option<String>,
    /// Whether its tags are also found as `iam:ResourceTag/…`.
    pub(super) by_iam_tag: bool,
}

impl Resource {
    pub(super) fn nothing(words: String) -> Self {
        let (target, tags, boundary) = (Target::NoResource, Vec::new(), None);
        Self { target, words, tags, boundary, by_iam_tag: false }
    }

    fn plain(arn: String) -> Self {
        let words = arn.clone();
        Self { target: Target::Arn(arn), words, tags: Vec::new(), boundary: None, by_iam_tag: false }
    }

    fn user(state: &State, user: &User) -> Self {
        Self {
            tags: user.tags.clone(),
            boundary: user.boundary.clone(),
            by_iam_tag: true,
            ..Self::plain(state.user_arn(user))
        }
    }

    /// Something named that is not there: AWS knows no path of it, and says its bare name.
    fn missing(state: &State, kind: &str, name: &str) -> Self {
        Self { words: format!("{kind} {name}"), ..Self::plain(state.arn(kind, "/", name)) }
    }
}

/// What the call is about. Several resources must all be allowed.
pub(super) fn of(call: &Call<'_>, state: &State, about: About) -> Vec<Resource> {
    let param = |name: &str| call.params.get(name);
    let path = || param("Path").unwrap_or("/");
    let made =
        |kind: &str, name: &str| Resource::plain(state.arn(kind, path(), param(name).unwrap_or_default()));
    vec![match about {
        About::Nothing => Resource::nothing(of_listing(call, state)),
        About::User => user(call, state),
        About::RenamedUser => {
            let renamed = param("UserName").and_then(|name| state.user(name).ok()).map(|user| {
                let name = param("NewUserName").unwrap_or(&user.name);
                let arn = state.arn("user", param("NewPath").unwrap_or(&user.path), name);
                Resource { words: arn.clone(), target: Target::Arn(arn), ..Resource::user(state, user) }
            });
            return [user(call, state)].into_iter().chain(renamed).collect();
        }
        About::OwnerOfKey => {
            let owner = param("AccessKeyId").and_then(|id| state.keys.get(id));
            let owner = owner.and_then(|name| state.users.get(name));
            owner.map_or_else(|| Resource::nothing("*".to_owned()), |user| Resource::user(state, user))
        }
        About::NewUser => made("user", "UserName"),
        About::Group => group(call, state),
        About::RenamedGroup => {
            let renamed = param("GroupName").and_then(|name| state.group(name).ok()).map(|group| {
                let name = param("NewGroupName").unwrap_or(&group.name);
                Resource::plain(state.arn("group", param("NewPath").unwrap_or(&group.path), name))
            });
            return [group(call, state)].into_iter().chain(renamed).collect();
        }
        About::NewGroup => made("group", "GroupName"),
        About::Policy => {
            let arn = param("PolicyArn").unwrap_or_default();
            let tags = state.customer_policy(arn).map(|policy| policy.tags.clone()).unwrap_or_default();
            let words = format!("policy {arn}");
            Resource { words, tags, ..Resource::plain(arn.to_owned()) }
        }
        About::NewPolicy => made("policy", "PolicyName"),
        About::Role => {
            let name = param("RoleName").unwrap_or_default();
            let role = state.role(name).map(|role| Resource::role(state, role));
            role.unwrap_or_else(|| Resource::missing(state, "role", name))
        }
        About::NewRole => made("role", "RoleName"),
        About::Device => Resource::plain(param("SerialNumber").unwrap_or_default().to_owned()),
        About::NewDevice => made("mfa", "VirtualMFADeviceName"),
    }]
}

/// What AWS's message names for actions that support no resources.
fn of_listing(call: &Call<'_>, state: &State) -> String {
    match call.action {
        "ListUsers" => state.arn("user", "/", ""),
        "ListGroups" => state.arn("group", "/", ""),
        "ListRoles" => state.arn("role", "/", ""),
        "ListPolicies" => "policy path /".to_owned(),
        _ => "*".to_owned(),
    }
}

/// The user named; without a name the caller, where the caller is a user.
fn user(call: &Call<'_>, state: &State) -> Resource {
    let Some(name) = call.params.get("UserName").or(call.caller.user.as_deref()) else {
        return Resource::nothing("*".to_owned());
    };
    let known = state.user(name).map(|user| Resource::user(state, user));
    known.unwrap_or_else(|_| Resource::missing(state, "user", name))
}

fn group(call: &Call<'_>, state: &State) -> Resource {
    let name = call.params.get("GroupName").unwrap_or_default();
    let known =
        state.group(name).map(|group: &std::sync::Arc<Group>| Resource::plain(state.group_arn(group)));
    known.unwrap_or_else(|_| Resource::missing(state, "group", name))
}
