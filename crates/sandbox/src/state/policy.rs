//! Customer managed policies with their versions, and the use of all managed policies.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{Entity, State, Usage, ids, name_key, quotas};
use crate::protocol::error::ApiError;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Policy {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) description: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) default_version: u32,
    /// The highest number ever given to a version; numbers do not come back.
    #[serde(skip)]
    pub(crate) last_version: u32,
    /// Oldest first.
    pub(crate) versions: Vec<PolicyVersion>,
    pub(crate) tags: Vec<(String, String)>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct PolicyVersion {
    pub(crate) number: u32,
    pub(crate) document: String,
    pub(crate) created: Timestamp,
}

impl Policy {
    /// The text of the version that counts.
    pub(crate) fn default_document(&self) -> Option<&str> {
        let versions = &mut self.versions.iter();
        versions
            .find(|version| version.number == self.default_version)
            .map(|version| version.document.as_str())
    }

    /// Adds a version, and makes it the default if wanted; gives its number.
    pub(crate) fn add_version(&mut self, document: &str, default: bool, now: Timestamp) -> u32 {
        self.last_version += 1;
        let number = self.last_version;
        self.versions.push(PolicyVersion { number, document: document.to_owned(), created: now });
        if default {
            self.default_version = number;
        }
        self.updated = now;
        number
    }
}

impl State {
    /// Makes a customer policy; the name must be free among the account's own, ignoring case.
    pub(crate) fn create_policy(
        &mut self,
        name: &str,
        path: &str,
        document: &str,
        now: Timestamp,
    ) -> Result<String, ApiError> {
        let key = name_key(name);
        if self.policies.contains_key(&key) {
            return Err(ApiError::new(
                409,
                "EntityAlreadyExists",
                format!("A policy called {name} already exists. Duplicate names are not allowed."),
            ));
        }
        let policy = Policy {
            id: self.new_id("ANPA"),
            name: name.to_owned(),
            path: path.to_owned(),
            description: None,
            created: now,
            updated: now,
            default_version: 1,
            last_version: 1,
            versions: vec![PolicyVersion { number: 1, document: document.to_owned(), created: now }],
            tags: Vec::new(),
        };
        let arn = self.policy_arn(&policy);
        self.by_id.insert(Arc::from(ids::suffix(&policy.id)), Entity::Policy(Arc::clone(&key)));
        self.policies.insert(key, Arc::new(policy));
        Ok(arn)
    }

    /// Adds a version and makes it the default; the oldest other one goes when there are too many.
    pub(crate) fn add_policy_version(
        &mut self,
        arn: &str,
        document: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let policy = self.customer_policy_mut(arn)?;
        if policy.versions.len() >= quotas::VERSIONS_PER_POLICY {
            policy.versions.remove(0);
        }
        policy.add_version(document, true, now);
        Ok(())
    }

    pub(crate) fn customer_policy_mut(&mut self, arn: &str) -> Result<&mut Policy, ApiError> {
        let name = self.customer_policy(arn).map(|policy| policy.name.clone());
        let policy = name.and_then(|name| self.policies.get_mut(&*name_key(&name)));
        policy.map(Arc::make_mut).ok_or_else(|| no_such_policy(arn))
    }

    /// Removes a customer policy and detaches it everywhere.
    pub(crate) fn remove_policy(&mut self, arn: &str) -> Result<(), ApiError> {
        let policy = Arc::clone(self.customer_policy(arn).ok_or_else(|| no_such_policy(arn))?);
        let users: Vec<String> = self
            .users
            .values()
            .filter(|user| user.attached.contains(arn) || user.boundary.as_deref() == Some(arn))
            .map(|user| user.name.clone())
            .collect();
        for name in users {
            self.change_user(&name, |user| {
                user.attached.remove(arn);
                user.boundary = user.boundary.take().filter(|boundary| boundary != arn);
            })?;
        }
        let groups: Vec<String> = self
            .groups
            .values()
            .filter(|group| group.attached.contains(arn))
            .map(|group| group.name.clone())
            .collect();
        for name in groups {
            self.change_group(&name, |group| group.attached.remove(arn))?;
        }
        let roles: Vec<_> = self
            .roles
            .iter()
            .filter(|(_, role)| role.attached.contains(arn) || role.boundary.as_deref() == Some(arn))
            .map(|(key, _)| Arc::clone(key))
            .collect();
        for key in roles {
            if let Some(role) = self.roles.get_mut(&key).map(Arc::make_mut) {
                role.attached.remove(arn);
                role.boundary = role.boundary.take().filter(|boundary| boundary != arn);
            }
        }
        self.usage.remove(arn);
        self.by_id.remove(ids::suffix(&policy.id));
        self.policies.remove(&*name_key(&policy.name));
        Ok(())
    }

    /// An error unless a policy with this ARN exists, the account's own or AWS's.
    pub(crate) fn require_policy(&self, arn: &str) -> Result<(), ApiError> {
        if self.customer_policy(arn).is_some() || self.aws_policy(arn).is_some() {
            return Ok(());
        }
        Err(ApiError::no_such_entity(format!("Policy {arn} does not exist or is not attachable.")))
    }

    /// An error unless the policy exists and may be attached to users, groups and roles of the account.
    pub(crate) fn require_attachable(&self, arn: &str) -> Result<(), ApiError> {
        self.require_policy(arn)?;
        if self.aws_policy(arn).is_some_and(|policy| !policy.attachable()) {
            let message = format!("Cannot attach a Service Role Policy to a Customer Role: {arn}");
            return Err(ApiError::new(400, "PolicyNotAttachable", message));
        }
        Ok(())
    }

    pub(crate) fn count_attachment(&mut self, arn: &str, by: i32) {
        self.count(arn, |usage| usage.attachments = usage.attachments.saturating_add_signed(by));
    }

    pub(crate) fn count_boundary(&mut self, arn: &str, by: i32) {
        self.count(arn, |usage| usage.boundaries = usage.boundaries.saturating_add_signed(by));
    }

    fn count(&mut self, arn: &str, change: impl FnOnce(&mut Usage)) {
        let mut usage = self.usage_of(arn);
        change(&mut usage);
        if usage.attachments == 0 && usage.boundaries == 0 {
            self.usage.remove(arn);
        } else {
            self.usage.insert(Arc::from(arn), usage);
        }
    }
}

pub(crate) fn no_such_policy(arn: &str) -> ApiError {
    ApiError::no_such_entity(format!("Policy {arn} was not found."))
}
