//! Changes that a test or the admin port can make to an organization.

use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::{DEFAULT_ROLE, Member, MemberRole, MemberSeed, MemberState, Organization, OrganizationSeed};
use crate::error::Error;
use crate::protocol::error::ApiError;
use crate::seed;
use crate::state::{State, Trust};
use crate::world::World;

/// One change to the organization. In JSON: `{"op": "set_state", "account": "444455556666", "state": "SUSPENDED"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs)] // The fields are named for what they hold.
pub enum OrganizationChange {
    /// An account joins; it is made if the sandbox does not have it.
    AddAccount(MemberSeed),
    /// An account leaves; the sandbox keeps it.
    RemoveAccount { account: String },
    /// Another state in its life.
    SetState { account: String, state: MemberState },
    /// Another name.
    RenameAccount { account: String, name: String },
    /// Into another organizational unit, which is made if it is missing.
    MoveAccount { account: String, unit: String },
    /// Sets a tag.
    TagAccount { account: String, key: String, value: String },
    /// Makes the role in all members but the management account, in place of one of that name, as a stack set does.
    PutRole(MemberRole),
}

impl World {
    /// Makes an organization in place of the one there is.
    pub(crate) fn organize(&self, seed: &OrganizationSeed) -> Result<(), Error> {
        self.account(&seed.management_account)?;
        let made = seed.organization(&self.options.partition, self.options.seed, self.clock.now());
        for member in &seed.accounts {
            self.admit(member)?;
        }
        *self.organization.write().unwrap_or_else(PoisonError::into_inner) = Some(made);
        self.put_role(&seed.role)
    }

    /// The organization as it is.
    pub(crate) fn organization(&self) -> Option<Organization> {
        self.organization.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes one change after the other, up to the first that is refused.
    pub(crate) fn reorganize(&self, changes: &[OrganizationChange]) -> Result<(), Error> {
        changes.iter().try_for_each(|change| self.reorganize_once(change))
    }

    fn reorganize_once(&self, change: &OrganizationChange) -> Result<(), Error> {
        match change {
            OrganizationChange::PutRole(role) => self.put_role(role),
            OrganizationChange::AddAccount(seed) => {
                self.admit(seed)?;
                let now = self.clock.now();
                self.change_organization(|organization| {
                    organization.add_member(seed, now);
                    Ok(())
                })
            }
            OrganizationChange::RemoveAccount { account } => self.change_organization(|organization| {
                organization.members.remove(account).map(drop).ok_or_else(|| unknown(account))
            }),
            OrganizationChange::SetState { account, state } => {
                self.change_member(account, |_, member| member.state = *state)
            }
            OrganizationChange::RenameAccount { account, name } => {
                self.change_member(account, |_, member| member.name.clone_from(name))
            }
            OrganizationChange::MoveAccount { account, unit } => {
                self.change_member(account, |organization, member| {
                    member.parent = organization.place(unit);
                })
            }
            OrganizationChange::TagAccount { account, key, value } => {
                self.change_member(account, |_, member| {
                    member.tags.insert(key.clone(), value.clone());
                })
            }
        }
    }

    fn change_organization(
        &self,
        change: impl FnOnce(&mut Organization) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut organization = self.organization.write().unwrap_or_else(PoisonError::into_inner);
        change(organization.as_mut().ok_or(Error::NoOrganization)?)
    }

    fn change_member(
        &self,
        account: &str,
        change: impl FnOnce(&mut Organization, &mut Member),
    ) -> Result<(), Error> {
        self.change_organization(|organization| {
            let mut member = organization.members.get(account).cloned().ok_or_else(|| unknown(account))?;
            change(organization, &mut member);
            organization.members.insert(account.to_owned(), member);
            Ok(())
        })
    }

    /// Makes the account of a member, unless the sandbox has it.
    fn admit(&self, member: &MemberSeed) -> Result<(), Error> {
        if self.account(&member.account_id).is_ok() {
            return Ok(());
        }
        let trusted = [member.account_id.clone()];
        let state = seed::account(&self.options, &member.account_id, &trusted, member.population)?;
        self.add_account(state)
    }

    fn put_role(&self, role: &MemberRole) -> Result<(), Error> {
        let organization = self.organization().ok_or(Error::NoOrganization)?;
        let management = &organization.management_account;
        for id in organization.members.keys().filter(|id| *id != management) {
            let external_id =
                role.external_id.as_ref().map(|text| text.replace("${AWS::AccountId}", id.as_str()));
            let trust = Trust { principals: vec![management.clone()], external_id };
            let now = self.clock.now();
            let put = |state: &mut State| put_role(state, role, trust, now);
            self.account(id)?.history.write(now, put).map_err(Error::refused)?;
        }
        Ok(())
    }
}

fn unknown(account: &str) -> Error {
    Error::UnknownAccount(account.to_owned())
}

/// Makes the role anew. What it may do is what such roles have: the one of Organizations everything, ours all of IAM.
fn put_role(
    state: &mut State,
    role: &MemberRole,
    trust: Trust,
    now: jiff::Timestamp,
) -> Result<(), ApiError> {
    if state.role(&role.name).is_some() {
        state.remove_role(&role.name)?;
    }
    state.create_role(&role.name, &role.path, trust, now)?;
    if role.name == DEFAULT_ROLE {
        let arn = format!("arn:{}:iam::aws:policy/AdministratorAccess", state.partition);
        return state.attach_role_policy(&role.name, &arn).map(drop);
    }
    let everything = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}],
    });
    state.change_role(&role.name, |role| role.inline.insert("iam".to_owned(), everything.to_string()))?;
    Ok(())
}
