//! Carries out a [`Mutation`] on a state.

use jiff::Timestamp;

use super::{
    KeyStatus, KeyUse, LoginProfile, MfaDevice, NewUser, ServiceCredential, SigningCertificate, SshKey, State,
};
use crate::mutation::Mutation;
use crate::protocol::error::ApiError;
use crate::protocol::kind::constraint;
use crate::protocol::params::Kind;

impl State {
    /// Makes one change; an error leaves the state half changed, so the caller works on a copy.
    pub(crate) fn apply(&mut self, change: &Mutation, now: Timestamp) -> Result<(), ApiError> {
        match change {
            Mutation::CreateUser { name, path, tags, boundary } => {
                check(Kind::NewUserName, "userName", name)?;
                check(Kind::Path, "path", path)?;
                tags.iter().try_for_each(|(key, value)| check_tag(key, value))?;
                let new = NewUser { name, path, tags: tags.clone(), boundary: boundary.as_deref() };
                self.create_user(new, now).map(|_| ())
            }
            Mutation::DeleteUser { name } => self.remove_user(name, now).map(|_| ()),
            Mutation::DeleteAndRecreateUser { name } => {
                let old = self.remove_user(name, now)?;
                let new = NewUser { name: &old.name, path: &old.path, ..NewUser::default() };
                self.create_user(new, now).map(|_| ())
            }
            Mutation::RenameUser { name, new_name } => {
                check(Kind::NewUserName, "userName", new_name)?;
                self.rename_user(name, new_name)
            }
            Mutation::SetPath { name, path } => {
                check(Kind::Path, "path", path)?;
                self.change_user(name, |user| user.path.clone_from(path))
            }
            Mutation::SetPasswordLastUsed { name, at } => {
                self.change_user(name, |user| user.password_last_used = *at)
            }
            Mutation::SetCreated { name, at } => self.change_user(name, |user| user.created = *at),
            Mutation::SetBoundary { name, arn } => self.set_boundary(name, arn.as_deref()).map(|_| ()),
            Mutation::TagUser { name, key, value } => {
                check_tag(key, value)?;
                self.change_user(name, |user| {
                    user.tags.retain(|(held, _)| !held.eq_ignore_ascii_case(key));
                    user.tags.push((key.clone(), value.clone()));
                })
            }
            Mutation::UntagUser { name, key } => {
                self.change_user(name, |user| user.tags.retain(|(held, _)| !held.eq_ignore_ascii_case(key)))
            }
            Mutation::AddToGroup { user, group } => self.add_to_group(user, group).map(|_| ()),
            Mutation::RemoveFromGroup { user, group } => self.remove_from_group(user, group).map(|_| ()),
            Mutation::AttachUserPolicy { user, arn } => self.attach_user_policy(user, arn).map(|_| ()),
            Mutation::DetachUserPolicy { user, arn } => self.detach_user_policy(user, arn),
            Mutation::AttachGroupPolicy { group, arn } => self.attach_group_policy(group, arn).map(|_| ()),
            Mutation::DetachGroupPolicy { group, arn } => self.detach_group_policy(group, arn),
            Mutation::AttachRolePolicy { role, arn } => self.attach_role_policy(role, arn).map(|_| ()),
            Mutation::CreateGroup { name, path } => {
                check(Kind::Name, "groupName", name)?;
                check(Kind::Path, "path", path)?;
                self.create_group(name, path, now)
            }
            Mutation::DeleteGroup { name } => self.remove_group(name),
            Mutation::RenameGroup { name, new_name } => {
                check(Kind::Name, "groupName", new_name)?;
                self.rename_group(name, new_name)
            }
            Mutation::CreatePolicy { name, path, document } => {
                check(Kind::Name, "policyName", name)?;
                check(Kind::PolicyPath, "path", path)?;
                self.create_policy(name, path, document, now).map(|_| ())
            }
            Mutation::CreatePolicyVersion { arn, document } => self.add_policy_version(arn, document, now),
            Mutation::DeletePolicy { arn } => self.remove_policy(arn),
            Mutation::CreateRole { name, path, trust } => {
                check(Kind::Name, "roleName", name)?;
                self.create_role(name, path, trust.clone(), now)
            }
            Mutation::SetTrust { role, trust } => self.change_role(role, |role| {
                role.trust = trust.clone();
                role.trust_document = None;
            }),
            Mutation::DeleteRole { name } => self.remove_role(name),
            Mutation::SetPasswordPolicy { policy } => {
                self.password_policy.clone_from(policy);
                Ok(())
            }
            other => self.apply_to_credentials(other, now),
        }
    }

    /// The changes to inline policies and to what users prove themselves with.
    fn apply_to_credentials(&mut self, change: &Mutation, now: Timestamp) -> Result<(), ApiError> {
        match change {
            Mutation::PutUserInline { user, name, document } => {
                check(Kind::Name, "policyName", name)?;
                self.change_user(user, |user| user.inline.insert(name.clone(), document.clone())).map(|_| ())
            }
            Mutation::DeleteUserInline { user, name } => {
                self.change_user(user, |user| user.inline.remove(name)).map(|_| ())
            }
            Mutation::PutGroupInline { group, name, document } => {
                check(Kind::Name, "policyName", name)?;
                let put =
                    self.change_group(group, |group| group.inline.insert(name.clone(), document.clone()));
                put.map(|_| ())
            }
            Mutation::DeleteGroupInline { group, name } => {
                self.change_group(group, |group| group.inline.remove(name)).map(|_| ())
            }
            Mutation::CreateLoginProfile { user, reset_required } => {
                let profile = LoginProfile::without_password(now, *reset_required);
                self.change_user(user, |user| user.login_profile = Some(profile))
            }
            Mutation::DeleteLoginProfile { user } => self.change_user(user, |user| user.login_profile = None),
            Mutation::CreateAccessKey { user } => self.create_access_key(user, now).map(|_| ()),
            Mutation::SetKeyStatus { key_id, status } => self.change_key(key_id, |key| key.status = *status),
            Mutation::SetKeyUsed { key_id, at, region, service } => {
                let used = KeyUse { at: *at, region: region.clone(), service: service.clone() };
                self.change_key(key_id, |key| key.last_used = Some(used))
            }
            Mutation::DeleteAccessKey { key_id } => self.remove_key(key_id),
            Mutation::AddMfa { user, is_virtual } => self.add_mfa(user, *is_virtual, now),
            Mutation::RemoveMfa { user } => self.change_user(user, |user| user.mfa.clear()),
            Mutation::AddSshKey { user } => {
                let mut chance = self.next_chance();
                let id = chance.base32("APKA", 17);
                let body = format!("ssh-rsa {}", chance.base64(64));
                let key = SshKey { id, body, status: KeyStatus::Active, uploaded: now };
                self.change_user(user, |user| user.ssh_keys.push(key))
            }
            Mutation::AddSigningCertificate { user } => self.add_certificate(user, now),
            Mutation::AddServiceCredential { user } => {
                let id = self.next_chance().base32("ACCA", 17);
                let user_name = format!("{user}-at-{}", self.account_id);
                let service = "codecommit.amazonaws.com".to_owned();
                let status = KeyStatus::Active;
                let credential =
                    ServiceCredential { id, service, user_name, status, created: now, expires: None };
                self.change_user(user, |user| user.service_credentials.push(credential))
            }
            // Every other change was made before this one was asked.
            _ => Ok(()),
        }
    }

    pub(crate) fn add_mfa(&mut self, user: &str, is_virtual: bool, now: Timestamp) -> Result<(), ApiError> {
        let name = self.user(user)?.name.clone();
        let serial = if is_virtual {
            format!("arn:{}:iam::{}:mfa/{name}", self.partition, self.account_id)
        } else {
            self.next_chance().base32("GAHT", 8)
        };
        self.change_user(user, |user| user.mfa.push(MfaDevice { serial, enabled: now }))
    }

    fn add_certificate(&mut self, user: &str, now: Timestamp) -> Result<(), ApiError> {
        let mut chance = self.next_chance();
        let id = chance.base32("", 24);
        let body = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", chance.base64(64));
        let certificate = SigningCertificate { id, body, status: KeyStatus::Active, uploaded: now };
        self.change_user(user, |user| user.certificates.push(certificate))
    }
}

/// Tags may be odder here than IAM lets them be made, so that readers can be tried; but no answer can hold what XML
/// forbids.
fn check_tag(key: &str, value: &str) -> Result<(), ApiError> {
    for (name, text) in [("key", key), ("value", value)] {
        if text.chars().any(char::is_control) {
            return Err(constraint(name, "Member must not hold control characters"));
        }
    }
    Ok(())
}

fn check(kind: Kind, name: &str, value: &str) -> Result<(), ApiError> {
    kind.check(name, value)
}
