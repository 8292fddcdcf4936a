//! A pretend IAM for the simulation: what the calls do, and what reads show some time later.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::{Effect, ExternalId, Failure, FailureKind, StepCall};

/// A user as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) created: Option<Timestamp>,
    pub(super) mark: Option<String>,
    pub(super) login_profile: Option<Timestamp>,
    pub(super) groups: BTreeSet<String>,
    pub(super) policies: BTreeSet<String>,
    pub(super) credentials: BTreeMap<String, bool>,
    pub(super) mfa: BTreeSet<String>,
}

pub(super) type Users = BTreeMap<String, User>;

/// One write that had an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) id: String,
    pub(super) call: StepCall,
}

/// The account, its past, and every write that had an effect.
pub(super) struct Iam {
    past: Vec<(Timestamp, Users)>,
    next_id: u64,
    pub(super) writes: Vec<Write>,
}

impl Iam {
    pub(super) fn new(users: Users, now: Timestamp) -> Self {
        Self { past: vec![(now, users)], next_id: 1_000, writes: Vec::new() }
    }

    /// As it is.
    pub(super) fn present(&self) -> &Users {
        &self.past.last().unwrap().1
    }

    /// As a read sees it that lags behind.
    pub(super) fn seen(&self, now: Timestamp, lag: SignedDuration) -> &Users {
        let at = now - lag;
        &self.past.iter().rev().find(|(since, _)| *since <= at).unwrap_or(&self.past[0]).1
    }

    /// Makes the account again under the same name, behind everybody's back.
    pub(super) fn replace(&mut self, name: &str, now: Timestamp) {
        let mut users = self.present().clone();
        let path = users.get(name).map_or_else(|| "/".to_owned(), |user| user.path.clone());
        let user = User { id: self.new_id(), path, created: Some(now), ..User::default() };
        users.insert(name.to_owned(), user);
        self.past.push((now, users));
    }

    fn new_id(&mut self) -> String {
        self.next_id += 1;
        format!("AIDA{}", self.next_id)
    }

    /// Carries a call out. `Ok` says whether it changed anything, and the id of a user that was made.
    pub(super) fn perform(
        &mut self,
        call: &StepCall,
        now: Timestamp,
    ) -> Result<(bool, Option<ExternalId>), Failure> {
        let mut users = self.present().clone();
        let name = call.account().to_owned();
        let before = users.get(&name).map(|user| user.id.clone());
        let made = match call {
            StepCall::CreateAccount { path, tags, .. } => {
                if users.contains_key(&name) {
                    return refuse(FailureKind::AlreadyThere, now);
                }
                let user = User {
                    id: self.new_id(),
                    path: path.clone(),
                    created: Some(now),
                    mark: tags.values().next().cloned(),
                    ..User::default()
                };
                let id = user.id.clone();
                users.insert(name.clone(), user);
                Some(id)
            }
            StepCall::DeleteAccount { .. } => {
                if let Some(user) = users.get(&name) {
                    let bare = user.login_profile.is_none()
                        && user.groups.is_empty()
                        && user.policies.is_empty()
                        && user.credentials.is_empty()
                        && user.mfa.is_empty();
                    if !bare {
                        return refuse(FailureKind::Dependants, now);
                    }
                }
                users.remove(&name);
                None
            }
            StepCall::UpdateAccount { new_name, new_path, .. } => {
                let Some(mut user) = users.remove(&name) else { return refuse(FailureKind::Gone, now) };
                user.path = new_path.clone().unwrap_or(user.path);
                users.insert(new_name.clone().unwrap_or(name.clone()), user);
                None
            }
            other => {
                let removal = matches!(
                    other,
                    StepCall::DeleteLoginProfile { .. }
                        | StepCall::RemoveFromGroup { .. }
                        | StepCall::DetachPolicy { .. }
                        | StepCall::DeleteCredential { .. }
                        | StepCall::DeactivateMfaDevice { .. }
                        | StepCall::DeleteVirtualMfaDevice { .. }
                );
                match users.get_mut(&name) {
                    Some(user) => change(user, other, now)?,
                    None if removal => {}
                    None => return refuse(FailureKind::Gone, now),
                }
                None
            }
        };
        let changed = users != *self.present();
        if changed || matches!(call, StepCall::UpdateLoginProfile { .. }) {
            let id = made.clone().or(before).unwrap_or_default();
            self.writes.push(Write { id, call: call.clone() });
            self.past.push((now, users));
        }
        Ok((changed, made.map(|id| ExternalId::new(id).unwrap())))
    }
}

fn change(user: &mut User, call: &StepCall, now: Timestamp) -> Result<(), Failure> {
    match call {
        StepCall::CreateLoginProfile { .. } => {
            if user.login_profile.is_some() {
                return refuse(FailureKind::AlreadyThere, now);
            }
            user.login_profile = Some(now);
        }
        StepCall::UpdateLoginProfile { .. } if user.login_profile.is_none() => {
            return refuse(FailureKind::Gone, now);
        }
        StepCall::DeleteLoginProfile { .. } => user.login_profile = None,
        StepCall::AddToGroup { group, .. } => {
            user.groups.insert(group.clone());
        }
        StepCall::RemoveFromGroup { group, .. } => {
            user.groups.remove(group);
        }
        StepCall::AttachPolicy { policy_arn, .. } => {
            user.policies.insert(policy_arn.clone());
        }
        StepCall::DetachPolicy { policy_arn, .. } => {
            user.policies.remove(policy_arn);
        }
        StepCall::SetCredential { credential, active, .. } => {
            match user.credentials.get_mut(&credential.id) {
                Some(held) => *held = *active,
                None => return refuse(FailureKind::Gone, now),
            }
        }
        StepCall::DeleteCredential { credential, .. } => {
            user.credentials.remove(&credential.id);
        }
        StepCall::DeactivateMfaDevice { serial, .. } => {
            user.mfa.remove(serial);
        }
        _ => {}
    }
    Ok(())
}

fn refuse<T>(kind: FailureKind, now: Timestamp) -> Result<T, Failure> {
    Err(Failure { kind, message: format!("refused: {kind:?}"), effect: Effect::None, at: now })
}
