//! The tasks of the bench, what is in the account before them, and what they must cost by that alone.
//!
//! Nothing here is taken from what the engine counts or plans: the calls of each kind follow from the tasks of the
//! product and from how IAM works. `CONTRIBUTING.md` has the table.

use serde_json::{Value, json};

/// Entries of one page of a listing, at most.
const PAGE: u32 = 1_000;
/// Groups that are made for the bench.
const GROUPS: u32 = 2;
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const SECURITY_AUDIT: &str = "arn:aws:iam::aws:policy/SecurityAudit";
const CHANGE_PASSWORD: &str = "arn:aws:iam::aws:policy/IAMUserChangePassword";

/// The kinds that take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Update,
    Add,
    Remove,
    ResetPassword,
    Deactivate,
    Delete,
}

const KINDS: [Kind; 7] = [
    Kind::Create,
    Kind::Update,
    Kind::Add,
    Kind::Remove,
    Kind::ResetPassword,
    Kind::Deactivate,
    Kind::Delete,
];

/// The fewest calls, and the least time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Floor {
    pub(super) calls: u64,
    pub(super) critical_path_seconds: f64,
}

impl Kind {
    /// Calls about the account that planning needs: (in all, one after the other).
    fn planning(self) -> u32 {
        match self {
            Self::Create | Self::Update | Self::Add | Self::Remove => 0,
            // GetLoginProfile.
            Self::ResetPassword => 1,
            // GetLoginProfile, and a listing for each of four kinds of credentials.
            Self::Deactivate => 5,
            // The same, and ListMFADevices; the authorization details have the rest.
            Self::Delete => 6,
        }
    }

    /// Calls of carrying it out; but for a creation, the first looks whose the name is.
    fn carrying_out(self) -> u32 {
        match self {
            // CreateUser, CreateLoginProfile, AddUserToGroup, AttachUserPolicy.
            Self::Create => 4,
            // GetUser, then UpdateUser, AttachUserPolicy, RemoveUserFromGroup, or UpdateLoginProfile.
            Self::Update | Self::Add | Self::Remove | Self::ResetPassword => 2,
            // GetUser, UpdateAccessKey, DeleteLoginProfile; then GetLoginProfile and the four listings once more: what is
            // called off is read back.
            Self::Deactivate => 8,
            // GetUser, UpdateAccessKey, DeleteLoginProfile, RemoveUserFromGroup twice, DetachUserPolicy,
            // DeleteAccessKey, GetUser once more, DeleteUser: the name may have become a newcomer's meanwhile, and
            // nothing brings a deleted user back.
            Self::Delete => 9,
        }
    }
}

fn kinds(tasks: u32) -> impl Iterator<Item = (u32, Kind)> {
    (0..tasks).zip(KINDS.into_iter().cycle())
}

fn account(number: u32) -> String {
    format!("bench-{number:05}")
}

/// What is made in the account before, for the sandbox's admin port. Each account there is has a console password, an
/// access key, two groups and a policy; the first group lets its members change their passwords.
pub(super) fn state(tasks: u32) -> Value {
    let mut changes = vec![
        json!({"op": "create_group", "name": "bench-people"}),
        json!({"op": "create_group", "name": "bench-readers"}),
        json!({"op": "attach_group_policy", "group": "bench-people", "arn": CHANGE_PASSWORD}),
    ];
    for (number, _) in kinds(tasks).filter(|(_, kind)| *kind != Kind::Create) {
        let user = account(number);
        changes.extend([
            json!({"op": "create_user", "name": user}),
            json!({"op": "create_login_profile", "user": user}),
            json!({"op": "create_access_key", "user": user}),
            json!({"op": "add_to_group", "user": user, "group": "bench-people"}),
            json!({"op": "add_to_group", "user": user, "group": "bench-readers"}),
            json!({"op": "attach_user_policy", "user": user, "arn": READ_ONLY}),
        ]);
    }
    json!(changes)
}

/// The file of wishes.
pub(super) fn wishes(system: &str, tasks: u32) -> Value {
    let wish = |(number, kind)| {
        let account = account(number);
        match kind {
            Kind::Create => {
                json!({"task": "create_account", "name": account, "path": "/", "policies": [READ_ONLY],
                "groups": ["bench-people"]})
            }
            Kind::Update => json!({"task": "update_account", "account": account, "new_path": "/moved/"}),
            Kind::Add => json!({"task": "add_assignment", "account": account, "policy": SECURITY_AUDIT}),
            Kind::Remove => {
                json!({"task": "remove_assignment", "account": account, "group": "bench-readers"})
            }
            Kind::ResetPassword => json!({"task": "reset_password", "account": account}),
            Kind::Deactivate => json!({"task": "deactivate_account", "account": account}),
            Kind::Delete => json!({"task": "delete_account", "account": account}),
        }
    };
    json!({"system": system, "wishes": kinds(tasks).map(wish).collect::<Vec<_>>()})
}

/// What the tasks must cost, where `others` users and groups are in the account besides.
pub(super) fn floor(tasks: u32, others: u32, latency_seconds: f64, slots: u32) -> Floor {
    let existing = kinds(tasks).filter(|(_, kind)| *kind != Kind::Create).count() as u32;
    let pages = (existing + others).div_ceil(PAGE).max(1) + (existing + others + GROUPS).div_ceil(PAGE);
    // Whose credentials these are; the password policy; the documents that decide about the first sign-in.
    let common = 3;
    let sum = |of: fn(Kind) -> u32| kinds(tasks).map(|(_, kind)| of(kind)).sum::<u32>();
    let longest = |of: fn(Kind) -> u32| kinds(tasks).map(|(_, kind)| of(kind)).max().unwrap_or(0);
    let (planning, carrying_out) = (sum(Kind::planning), sum(Kind::carrying_out));
    let rounds = common
        + pages
        + longest(Kind::planning).max(planning.div_ceil(slots))
        + longest(Kind::carrying_out).max(carrying_out.div_ceil(slots));
    Floor {
        calls: u64::from(common + pages + planning + carrying_out),
        critical_path_seconds: f64::from(rounds) * latency_seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_tasks_cost_what_their_kinds_do() {
        let floor = floor(7, 10, 0.02, 50);
        assert_eq!(floor.calls, 3 + 2 + (1 + 5 + 6) + (4 + 4 * 2 + 8 + 9));
        assert!((floor.critical_path_seconds - f64::from(3 + 2 + 6 + 9) * 0.02).abs() < 1e-9);
    }

    #[test]
    fn there_is_a_wish_for_each_task_and_an_account_for_all_but_creations() {
        assert_eq!(wishes("bench", 15)["wishes"].as_array().map(Vec::len), Some(15));
        assert_eq!(state(15).as_array().map(Vec::len), Some(3 + 6 * 12));
    }
}
