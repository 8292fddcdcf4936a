//! R07: whatever changes in AWS while pages are being read, each object is published as it was before or as it is
//! after, nothing is held by nobody, and a renamed user stays the same account.

use keyreeve_model::{ImportRunState, LoginProfileSource};
use keyreeve_sandbox::{Effect, Mutation};

use crate::harness::{Setup, World, assert_legal, on_page};

/// A change, by its number; the subjects wander with the round, so that all positions in the listings are met.
fn change(world: &World, kind: usize, round: usize) -> Vec<Mutation> {
    let users = world.users();
    let groups = world.groups();
    let state = world.state();
    let name = users[(round * 7) % users.len()].clone();
    let group = groups[(round * 3) % groups.len()].clone();
    let policies = state["policies"].as_array().unwrap();
    let arn = policies[round % policies.len()]["arn"].as_str().unwrap().to_owned();
    let new_name = format!("{}{round}", ["aa-first", "mm-middle", "zz-last"][round % 3]);
    let root = "/".to_owned();
    match kind {
        0 => vec![Mutation::DeleteUser { name }],
        1 => vec![
            Mutation::CreateUser { name: new_name.clone(), path: root, tags: Vec::new(), boundary: None },
            Mutation::CreateLoginProfile { user: new_name.clone(), reset_required: true },
            Mutation::AddToGroup { user: new_name, group },
        ],
        2 => vec![Mutation::RenameUser { name, new_name }],
        3 => vec![Mutation::SetPath { name, path: format!("/moved/{round}/") }],
        4 => vec![Mutation::DeleteAndRecreateUser { name }],
        5 => {
            let user = state["users"].as_array().unwrap().iter().find(|user| user["name"] == name.as_str());
            let held = user.unwrap()["groups"].as_array().unwrap().clone();
            let mut changes: Vec<_> = (held.iter())
                .map(|group| group.as_str().unwrap().to_owned())
                .map(|group| Mutation::RemoveFromGroup { user: name.clone(), group })
                .collect();
            if !held.iter().any(|held| held == group.as_str()) {
                changes.push(Mutation::AddToGroup { user: name, group });
            }
            changes
        }
        6 => vec![
            Mutation::DeleteGroup { name: group.clone() },
            Mutation::CreateGroup { name: new_name.clone(), path: root },
            Mutation::AddToGroup { user: name, group: new_name },
        ],
        7 => vec![Mutation::RenameGroup { name: group, new_name }],
        _ => vec![Mutation::AttachUserPolicy { user: name, arn }],
    }
}

async fn changed_during_every_page(login_profiles: LoginProfileSource, kinds: &[usize]) {
    let world = World::imported(Setup { login_profiles, ..Setup::default() }).await;
    let (mut round, mut fired) = (0, 0);
    for kind in kinds {
        for (action, page) in world.pages().await {
            round += 1;
            let before = world.inventory().await;
            let ops = change(&world, *kind, round);
            let case = format!("round {round}: {action} page {page} {ops:?}");
            world.plant([on_page(&action, page, Effect::Mutate { ops }).times(1)]);
            let run = world.import().await;
            assert_eq!(run.state, ImportRunState::Published, "{case}: {run:#?}");
            if !world.sandbox.unfired().is_empty() {
                continue; // Fewer objects than at first, so the last page is no more.
            }
            fired += 1;
            let between = world.inventory().await;
            let run = world.published().await;
            let after = world.inventory().await;
            assert_legal(&before, &between, &after, &case);
            assert!(run.warnings.is_empty(), "{case}: {:?}", run.warnings);
        }
    }
    assert!(fired >= kinds.len() * 10, "only {fired} changes were made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_come_go_and_move_during_any_page() {
    changed_during_every_page(LoginProfileSource::PerUser, &[0, 1, 3, 4]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_renamed_during_any_page() {
    changed_during_every_page(LoginProfileSource::PerUser, &[2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memberships_groups_and_attachments_change_during_any_page() {
    changed_during_every_page(LoginProfileSource::CredentialReport, &[5, 6, 7, 8]).await;
}
