//! Users, and what changes about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use keyreeve_model::Secret;
use serde::Serialize;

use super::credentials::{
    AccessKey, KeyStatus, LoginProfile, MfaDevice, ServiceCredential, SigningCertificate, SshKey,
};
use super::{Entity, State, ids, name_key};
use crate::protocol::error::ApiError;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) created: Timestamp,
    pub(crate) password_last_used: Option<Timestamp>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) boundary: Option<String>,
    pub(crate) login_profile: Option<LoginProfile>,
    pub(crate) keys: Vec<AccessKey>,
    pub(crate) mfa: Vec<MfaDevice>,
    pub(crate) ssh_keys: Vec<SshKey>,
    pub(crate) certificates: Vec<SigningCertificate>,
    pub(crate) service_credentials: Vec<ServiceCredential>,
    pub(crate) inline: BTreeMap<String, String>,
    /// ARNs of the managed policies attached.
    pub(crate) attached: BTreeSet<String>,
    /// Ids of the groups.
    pub(crate) groups: BTreeSet<String>,
}

/// What a new user begins with.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewUser<'a> {
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) boundary: Option<&'a str>,
}

impl State {
    /// Makes a user; the name must be free, ignoring case.
    pub(crate) fn create_user(&mut self, new: NewUser<'_>, now: Timestamp) -> Result<Arc<User>, ApiError> {
        let key = name_key(new.name);
        if self.users.contains_key(&key) {
            return Err(taken("User", new.name));
        }
        if let Some(arn) = new.boundary {
            self.require_policy(arn)?;
            self.count_boundary(arn, 1);
        }
        let user = Arc::new(User {
            id: self.new_id("AIDA"),
            name: new.name.to_owned(),
            path: new.path.to_owned(),
            created: now,
            password_last_used: None,
            tags: new.tags,
            boundary: new.boundary.map(str::to_owned),
            login_profile: None,
            keys: Vec::new(),
            mfa: Vec::new(),
            ssh_keys: Vec::new(),
            certificates: Vec::new(),
            service_credentials: Vec::new(),
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            groups: BTreeSet::new(),
        });
        self.by_id.insert(Arc::from(ids::suffix(&user.id)), Entity::User(Arc::clone(&key)));
        self.users.insert(key, Arc::clone(&user));
        Ok(user)
    }

    /// Changes a user in place. Not for names, keys' ids, groups or policies, which others refer to.
    pub(crate) fn change_user<T>(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut User) -> T,
    ) -> Result<T, ApiError> {
        let user = self.users.get_mut(&*name_key(name)).ok_or_else(|| ApiError::no_such_user(name))?;
        Ok(change(Arc::make_mut(user)))
    }

    /// Removes a user with everything it holds.
    pub(crate) fn remove_user(&mut self, name: &str, now: Timestamp) -> Result<Arc<User>, ApiError> {
        let user = Arc::clone(self.user(name)?);
        for group in &user.groups {
            self.change_members(group, |members| {
                members.remove(user.id.as_str());
            });
        }
        for arn in &user.attached {
            self.count_attachment(arn, -1);
        }
        if let Some(arn) = &user.boundary {
            self.count_boundary(arn, -1);
        }
        for key in &user.keys {
            self.keys.remove(key.id.as_str());
        }
        self.by_id.remove(ids::suffix(&user.id));
        self.users.remove(&*name_key(name));
        self.deleted_users.insert(name_key(name), now);
        Ok(user)
    }

    /// Gives a user another name; a change of case alone is refused as a clash, as IAM does.
    pub(crate) fn rename_user(&mut self, name: &str, new_name: &str) -> Result<(), ApiError> {
        let user = Arc::clone(self.user(name)?);
        let key = name_key(new_name);
        if self.users.contains_key(&key) {
            return Err(taken("User", new_name));
        }
        self.users.remove(&*name_key(name));
        let mut renamed = user.as_ref().clone();
        renamed.name = new_name.to_owned();
        for held in &renamed.keys {
            self.keys.insert(Arc::from(held.id.as_str()), Arc::clone(&key));
        }
        self.by_id.insert(Arc::from(ids::suffix(&renamed.id)), Entity::User(Arc::clone(&key)));
        self.users.insert(key, Arc::new(renamed));
        Ok(())
    }

    /// Puts a user into a group; false when it is there already.
    pub(crate) fn add_to_group(&mut self, user: &str, group: &str) -> Result<bool, ApiError> {
        let group_id = self.group(group)?.id.clone();
        let user_id = self.user(user)?.id.clone();
        self.change_members(&group_id, |members| {
            members.insert(Arc::from(user_id));
        });
        self.change_user(user, |user| user.groups.insert(group_id))
    }

    /// Takes a user out of a group; false when it is not in it, which is no error at AWS.
    pub(crate) fn remove_from_group(&mut self, user: &str, group: &str) -> Result<bool, ApiError> {
        let group_id = self.group(group)?.id.clone();
        let user_id = self.user(user)?.id.clone();
        self.change_members(&group_id, |members| {
            members.remove(user_id.as_str());
        });
        self.change_user(user, |user| user.groups.remove(&group_id))
    }

    /// Attaches a managed policy; false when it is attached already.
    pub(crate) fn attach_user_policy(&mut self, user: &str, arn: &str) -> Result<bool, ApiError> {
        self.require_attachable(arn)?;
        let new = self.change_user(user, |user| user.attached.insert(arn.to_owned()))?;
        if new {
            self.count_attachment(arn, 1);
        }
        Ok(new)
    }

    /// Detaches a managed policy, which must be attached.
    pub(crate) fn detach_user_policy(&mut self, user: &str, arn: &str) -> Result<(), ApiError> {
        if !self.change_user(user, |user| user.attached.remove(arn))? {
            return Err(ApiError::no_such_entity(format!("Policy {arn} was not found.")));
        }
        self.count_attachment(arn, -1);
        Ok(())
    }

    /// Sets or takes away the permissions boundary; false when it is so already.
    pub(crate) fn set_boundary(&mut self, user: &str, arn: Option<&str>) -> Result<bool, ApiError> {
        if let Some(arn) = arn {
            self.require_policy(arn)?;
        }
        let before =
            self.change_user(user, |user| std::mem::replace(&mut user.boundary, arn.map(str::to_owned)))?;
        let new = before.as_deref() != arn;
        if let Some(arn) = before {
            self.count_boundary(&arn, -1);
        }
        if let Some(arn) = arn {
            self.count_boundary(arn, 1);
        }
        Ok(new)
    }

    /// Makes an access key.
    pub(crate) fn create_access_key(&mut self, user: &str, now: Timestamp) -> Result<AccessKey, ApiError> {
        let mut chance = self.next_chance();
        let key = AccessKey {
            id: chance.base32("AKIA", 16),
            secret: Secret::new(chance.base64(40)),
            status: KeyStatus::Active,
            created: now,
            last_used: None,
        };
        self.change_user(user, |user| user.keys.push(key.clone()))?;
        self.keys.insert(Arc::from(key.id.as_str()), name_key(user));
        Ok(key)
    }

    /// Changes an access key wherever it is.
    pub(crate) fn change_key(
        &mut self,
        key_id: &str,
        change: impl FnOnce(&mut AccessKey),
    ) -> Result<(), ApiError> {
        let owner = self.keys.get(key_id).cloned().ok_or_else(|| no_such_key(key_id))?;
        let found = self.change_user(&owner, |user| {
            user.keys.iter_mut().find(|key| key.id == key_id).map(change).is_some()
        })?;
        if found { Ok(()) } else { Err(no_such_key(key_id)) }
    }

    /// Deletes an access key wherever it is.
    pub(crate) fn remove_key(&mut self, key_id: &str) -> Result<(), ApiError> {
        let owner = self.keys.remove(key_id).ok_or_else(|| no_such_key(key_id))?;
        self.change_user(&owner, |user| user.keys.retain(|key| key.id != key_id))
    }
}

pub(crate) fn taken(kind: &str, name: &str) -> ApiError {
    ApiError::new(409, "EntityAlreadyExists", format!("{kind} with name {name} already exists."))
}

pub(crate) fn no_such_key(key_id: &str) -> ApiError {
    ApiError::no_such_entity(format!("The Access Key with id {key_id} cannot be found."))
}

pub(crate) fn no_such_login_profile(user: &str) -> ApiError {
    ApiError::no_such_entity(format!("Login Profile for User {user} cannot be found."))
}
