//! Everything that bears on what a caller may do.

use keyreeve_policy::{PolicySet, Principal, Target};

use crate::actions::Call;
use crate::state::{Role, State, User};
use crate::world::Session;

/// A caller with its policies.
pub(super) struct Rights {
    pub(super) arn: String,
    pub(super) principal: Principal,
    pub(super) policies: PolicySet,
    pub(super) tags: Vec<(String, String)>,
    /// `aws:PrincipalArn`: of a session the role's.
    pub(super) principal_arn: String,
    /// None for a user's long-lived key.
    pub(super) session: Option<Session>,
    /// The password policy lets all users change their own password, whatever their policies say.
    changes_own_password: bool,
}

impl Rights {
    pub(super) fn of(call: &Call<'_>, state: &State) -> Self {
        let caller = call.caller;
        let user = caller.user.as_deref().and_then(|name| state.user(name).ok());
        let role = caller.role.as_deref().and_then(|name| state.role(name));
        let session = role.and_then(|_| call.world.session(&caller.access_key_id));
        let mut policies = PolicySet::default();
        if let Some(user) = user {
            of_user(call, state, user, &mut policies);
        }
        if let Some(role) = role {
            of_role(call, state, role, &mut policies);
        }
        let passed = session.iter().flat_map(|session| &session.policies);
        policies.session = passed
            .map(|(name, text)| call.world.documents.policy(&format!("session policy {name}"), text))
            .collect();
        let arn = caller.arn.clone();
        let tags = user.map(|user| user.tags.clone()).or(role.map(|role| role.tags.clone()));
        Self {
            principal: match &caller.user {
                Some(_) => Principal::User { arn: arn.clone() },
                None => Principal::RoleSession { arn: arn.clone() },
            },
            principal_arn: role.map_or_else(|| arn.clone(), |role| state.role_arn(role)),
            policies,
            tags: tags.unwrap_or_default(),
            session,
            changes_own_password: state
                .password_policy
                .as_ref()
                .is_some_and(|policy| policy.allow_users_to_change),
            arn,
        }
    }

    /// What the account lets every user do without any policy (`AllowUsersToChangePassword` in the API reference of
    /// `UpdateAccountPasswordPolicy`).
    pub(super) fn grants_to_itself(&self, action: &str, target: &Target) -> bool {
        let own = || *target == Target::Arn(self.arn.clone());
        self.changes_own_password
            && matches!(self.principal, Principal::User { .. })
            && ((action == "iam:ChangePassword" && own()) || action == "iam:GetAccountPasswordPolicy")
    }
}

fn of_user(call: &Call<'_>, state: &State, user: &User, policies: &mut PolicySet) {
    let documents = &call.world.documents;
    let inline = |holder: String, held: &std::collections::BTreeMap<String, String>| -> Vec<_> {
        held.iter().map(|(name, text)| documents.policy(&format!("{name} of {holder}"), text)).collect()
    };
    policies.identity.extend(inline(format!("user {}", user.name), &user.inline));
    policies.identity.extend(user.attached.iter().map(|arn| documents.managed(state, arn)));
    for group in user.groups.iter().filter_map(|id| state.group_by_id(id)) {
        policies.identity.extend(inline(format!("group {}", group.name), &group.inline));
        policies.identity.extend(group.attached.iter().map(|arn| documents.managed(state, arn)));
    }
    policies.boundary = user.boundary.as_deref().map(|arn| boundary(call, state, arn));
}

fn of_role(call: &Call<'_>, state: &State, role: &Role, policies: &mut PolicySet) {
    let documents = &call.world.documents;
    let inline = role.inline.iter();
    policies
        .identity
        .extend(inline.map(|(name, text)| documents.policy(&format!("{name} of role {}", role.name), text)));
    policies.identity.extend(role.attached.iter().map(|arn| documents.managed(state, arn)));
    policies.boundary = role.boundary.as_deref().map(|arn| boundary(call, state, arn));
}

fn boundary(call: &Call<'_>, state: &State, arn: &str) -> keyreeve_policy::Policy {
    let mut policy = call.world.documents.managed(state, arn);
    policy.name = format!("permissions boundary {arn}");
    policy
}
