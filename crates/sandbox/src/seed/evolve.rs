//! What happens in an account from one day to the next.

use std::sync::Arc;

use super::names::TEAMS;
use super::people::{invent, tags};
use super::resources::{document, own_arns, some_policy};
use crate::mutation::Mutation;
use crate::seeded::Seeded;
use crate::state::{KeyStatus, State, User};
use crate::world::OWN_PATH;

/// The day's changes: joiners, leavers, movers, other groups and policies, keys rotated. About one user in
/// twenty is touched, and never the connector.
pub(crate) fn changes(state: &State, seed: u64, day: u64) -> Vec<Mutation> {
    let mut chance = Seeded::new(seed, &format!("day/{}/{day}", state.account_id));
    let mut people: Vec<&Arc<User>> = state.users.values().filter(|user| user.path != OWN_PATH).collect();
    let share = people.len() / 60 + 1;
    let mut changes = Vec::new();
    let mut after = state.clone();
    for _ in 0..share {
        join(&mut after, &mut chance, &mut changes);
    }
    // Each person is touched once at most, so that the changes do not get into each other's way.
    let mut take = |chance: &mut Seeded, count: usize| -> Vec<&Arc<User>> {
        let count = count.min(people.len());
        (0..count).map(|_| people.swap_remove(chance.below(people.len()))).collect()
    };
    for user in take(&mut chance, share) {
        changes.push(Mutation::DeleteUser { name: user.name.clone() });
    }
    for user in take(&mut chance, share) {
        move_team(state, &mut chance, user, &mut changes);
    }
    for user in take(&mut chance, share) {
        change_access(state, &mut chance, user, &mut changes);
    }
    for user in take(&mut chance, 1) {
        changes.push(Mutation::RenameUser { name: user.name.clone(), new_name: format!("{}-jr", user.name) });
    }
    change_resources(state, &mut chance, day, &mut changes);
    changes
}

fn join(after: &mut State, chance: &mut Seeded, changes: &mut Vec<Mutation>) {
    let person = invent(after, chance);
    let user = person.name.clone();
    let create = Mutation::CreateUser {
        name: user.clone(),
        path: person.path.clone(),
        tags: tags(&person, chance),
        boundary: None,
    };
    // Only so that the next joiner does not take the same name.
    let _ = after.apply(&create, jiff::Timestamp::UNIX_EPOCH);
    changes.push(create);
    if !person.is_service {
        changes.push(Mutation::CreateLoginProfile { user: user.clone(), reset_required: true });
    }
    if let Ok(group) = after.group(person.team) {
        changes.push(Mutation::AddToGroup { user, group: group.name.clone() });
    }
}

/// Another team: other groups, another path, another tag.
fn move_team(state: &State, chance: &mut Seeded, user: &User, changes: &mut Vec<Mutation>) {
    let team = chance.pick(&TEAMS);
    let name = user.name.clone();
    if user.path.starts_with("/staff/") {
        changes.push(Mutation::SetPath { name: name.clone(), path: format!("/staff/{team}/") });
    }
    changes.push(Mutation::TagUser { name: name.clone(), key: "team".to_owned(), value: team.to_owned() });
    if let Some(old) = user.groups.first().and_then(|id| state.group_by_id(id)) {
        changes.push(Mutation::RemoveFromGroup { user: name.clone(), group: old.name.clone() });
    }
    if let Ok(group) = state.group(team) {
        changes.push(Mutation::AddToGroup { user: name, group: group.name.clone() });
    }
}

/// A policy more or fewer, the password gone, a key rotated.
fn change_access(state: &State, chance: &mut Seeded, user: &User, changes: &mut Vec<Mutation>) {
    let name = user.name.clone();
    match user.attached.first() {
        Some(arn) => changes.push(Mutation::DetachUserPolicy { user: name.clone(), arn: arn.clone() }),
        None => {
            let arn = some_policy(state, chance, &own_arns(state));
            changes.push(Mutation::AttachUserPolicy { user: name.clone(), arn });
        }
    }
    if user.login_profile.is_some() && chance.percent(40) {
        changes.push(Mutation::DeleteLoginProfile { user: name.clone() });
    }
    if let Some(key) = user.keys.first() {
        changes.push(Mutation::SetKeyStatus { key_id: key.id.clone(), status: KeyStatus::Inactive });
        if user.keys.len() < 2 {
            changes.push(Mutation::CreateAccessKey { user: name });
        }
    }
}

fn change_resources(state: &State, chance: &mut Seeded, day: u64, changes: &mut Vec<Mutation>) {
    let own = own_arns(state);
    changes.push(Mutation::CreateGroup { name: format!("project-{day:03}"), path: "/projects/".to_owned() });
    changes.push(Mutation::CreatePolicy {
        name: format!("project-{day:03}-bucket"),
        path: "/company/".to_owned(),
        document: document(state, &format!("project-{day:03}"), &["s3:*"]),
    });
    let groups: Vec<_> = state.groups.values().collect();
    if let Some(group) = groups.get(chance.below(groups.len())) {
        let arn = some_policy(state, chance, &own);
        match group.attached.first() {
            Some(held) if *held != arn => {
                changes.push(Mutation::DetachGroupPolicy { group: group.name.clone(), arn: held.clone() });
            }
            _ => {}
        }
        changes.push(Mutation::AttachGroupPolicy { group: group.name.clone(), arn });
    }
    if let Some(arn) = own.get(chance.below(own.len())) {
        let text = document(state, "renewed", &["s3:GetObject"]);
        changes.push(Mutation::CreatePolicyVersion { arn: arn.clone(), document: text });
    }
}
