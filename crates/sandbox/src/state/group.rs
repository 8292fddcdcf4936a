//! Groups, and who is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdSet;
use jiff::Timestamp;

use super::user::taken;
use super::{Entity, State, ids, name_key};
use crate::protocol::error::ApiError;

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) created: Timestamp,
    pub(crate) inline: BTreeMap<String, String>,
    /// ARNs of the managed policies attached.
    pub(crate) attached: BTreeSet<String>,
    /// Ids of the users.
    pub(crate) members: OrdSet<Arc<str>>,
}

impl State {
    /// Makes a group; the name must be free, ignoring case.
    pub(crate) fn create_group(&mut self, name: &str, path: &str, now: Timestamp) -> Result<(), ApiError> {
        let key = name_key(name);
        if self.groups.contains_key(&key) {
            return Err(taken("Group", name));
        }
        let group = Group {
            id: self.new_id("AGPA"),
            name: name.to_owned(),
            path: path.to_owned(),
            created: now,
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            members: OrdSet::new(),
        };
        self.by_id.insert(Arc::from(ids::suffix(&group.id)), Entity::Group(Arc::clone(&key)));
        self.groups.insert(key, Arc::new(group));
        Ok(())
    }

    /// Changes a group in place. Not for names, members or policies, which others refer to.
    pub(crate) fn change_group<T>(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Group) -> T,
    ) -> Result<T, ApiError> {
        let group = self.groups.get_mut(&*name_key(name)).ok_or_else(|| ApiError::no_such_group(name))?;
        Ok(change(Arc::make_mut(group)))
    }

    pub(crate) fn change_members(&mut self, group_id: &str, change: impl FnOnce(&mut OrdSet<Arc<str>>)) {
        if let Some(Entity::Group(key)) = self.by_id.get(ids::suffix(group_id))
            && let Some(group) = self.groups.get_mut(key)
        {
            change(&mut Arc::make_mut(group).members);
        }
    }

    /// Removes a group; its members leave it.
    pub(crate) fn remove_group(&mut self, name: &str) -> Result<(), ApiError> {
        let group = Arc::clone(self.group(name)?);
        for member in &group.members {
            if let Some(name) = self.user_by_id(member).map(|user| user.name.clone()) {
                self.change_user(&name, |user| user.groups.remove(&group.id))?;
            }
        }
        for arn in &group.attached {
            self.count_attachment(arn, -1);
        }
        self.by_id.remove(ids::suffix(&group.id));
        self.groups.remove(&*name_key(name));
        Ok(())
    }

    /// Gives a group another name.
    pub(crate) fn rename_group(&mut self, name: &str, new_name: &str) -> Result<(), ApiError> {
        let group = Arc::clone(self.group(name)?);
        let key = name_key(new_name);
        if self.groups.contains_key(&key) {
            return Err(taken("Group", new_name));
        }
        self.groups.remove(&*name_key(name));
        let mut renamed = group.as_ref().clone();
        renamed.name = new_name.to_owned();
        self.by_id.insert(Arc::from(ids::suffix(&renamed.id)), Entity::Group(Arc::clone(&key)));
        self.groups.insert(key, Arc::new(renamed));
        Ok(())
    }

    /// Attaches a managed policy; false when it is attached already.
    pub(crate) fn attach_group_policy(&mut self, group: &str, arn: &str) -> Result<bool, ApiError> {
        self.require_attachable(arn)?;
        let new = self.change_group(group, |group| group.attached.insert(arn.to_owned()))?;
        if new {
            self.count_attachment(arn, 1);
        }
        Ok(new)
    }

    /// Detaches a managed policy, which must be attached.
    pub(crate) fn detach_group_policy(&mut self, group: &str, arn: &str) -> Result<(), ApiError> {
        if !self.change_group(group, |group| group.attached.remove(arn))? {
            return Err(ApiError::no_such_entity(format!("Policy {arn} was not found.")));
        }
        self.count_attachment(arn, -1);
        Ok(())
    }
}
