//! The whole truth about an account as JSON, for the oracles of tests. Secrets are left out.

use serde_json::{Value, json};

use super::State;

impl State {
    /// Users, groups (members by name), customer policies, roles and the password policy.
    pub(crate) fn to_json(&self) -> Value {
        let users: Vec<Value> = self.users.values().map(|user| self.user_json(user)).collect();
        let groups: Vec<Value> = self
            .groups
            .values()
            .map(|group| {
                let members: Vec<&str> = group
                    .members
                    .iter()
                    .filter_map(|id| self.user_by_id(id))
                    .map(|user| user.name.as_str())
                    .collect();
                json!({
                    "id": group.id, "name": group.name, "path": group.path, "arn": self.group_arn(group),
                    "created": group.created, "inline": group.inline, "attached": group.attached,
                    "members": members,
                })
            })
            .collect();
        let policies: Vec<Value> = self
            .policies
            .values()
            .map(|policy| with(json!(**policy), "arn", json!(self.policy_arn(policy))))
            .collect();
        let roles: Vec<Value> =
            self.roles.values().map(|role| with(json!(**role), "arn", json!(self.role_arn(role)))).collect();
        json!({
            "account_id": &*self.account_id, "users": users, "groups": groups, "policies": policies,
            "roles": roles, "password_policy": self.password_policy,
            "spare_mfa_devices": self.spare_devices.iter().map(|serial| &**serial).collect::<Vec<_>>(),
        })
    }

    fn user_json(&self, user: &super::User) -> Value {
        let groups: Vec<&str> = user
            .groups
            .iter()
            .filter_map(|id| self.group_by_id(id))
            .map(|group| group.name.as_str())
            .collect();
        let value = with(json!(user), "arn", json!(self.user_arn(user)));
        with(value, "groups", json!(groups))
    }
}

fn with(mut value: Value, name: &str, field: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert(name.to_owned(), field);
    }
    value
}
