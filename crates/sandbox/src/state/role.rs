//! Roles, and whom they trust.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::user::taken;
use super::{Entity, State, ids, name_key};
use crate::protocol::error::ApiError;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Role {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) created: Timestamp,
    pub(crate) trust: Trust,
    /// The trust as it was written, where it came as a document.
    #[serde(skip)]
    pub(crate) trust_document: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) boundary: Option<String>,
    pub(crate) inline: BTreeMap<String, String>,
    pub(crate) attached: BTreeSet<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) max_session_seconds: u32,
}

/// Who may assume a role.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// Account ids (everyone in the account) or ARNs of users and roles; `*` for everyone; a name that ends
    /// in `.amazonaws.com` for an AWS service.
    pub principals: Vec<String>,
    /// What the caller must send as `ExternalId`.
    pub external_id: Option<String>,
}

impl Role {
    /// The trust policy, as it was written or made from the trust.
    pub(crate) fn trust_text(&self, partition: &str) -> String {
        self.trust_document.clone().unwrap_or_else(|| self.trust.document(partition))
    }
}

impl Trust {
    /// The trust as a policy document.
    pub(crate) fn document(&self, partition: &str) -> String {
        let service = |name: &&String| name.ends_with(".amazonaws.com");
        let services: Vec<_> = self.principals.iter().filter(service).collect();
        let people: Vec<_> = self.principals.iter().filter(|name| !service(name)).collect();
        let people: Vec<String> = people
            .into_iter()
            .map(|name| {
                let account = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
                if account { format!("arn:{partition}:iam::{name}:root") } else { name.clone() }
            })
            .collect();
        let mut principal = serde_json::Map::new();
        if !people.is_empty() {
            principal.insert("AWS".to_owned(), json!(people));
        }
        if !services.is_empty() {
            principal.insert("Service".to_owned(), json!(services));
        }
        let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
        if let (Some(id), Some(fields)) = (&self.external_id, statement.as_object_mut()) {
            fields.insert("Condition".to_owned(), json!({"StringEquals": {"sts:ExternalId": id}}));
        }
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    }
}

impl State {
    /// Makes a role; the name must be free, ignoring case.
    pub(crate) fn create_role(
        &mut self,
        name: &str,
        path: &str,
        trust: Trust,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let key = name_key(name);
        if self.roles.contains_key(&key) {
            return Err(taken("Role", name));
        }
        let role = Role {
            id: self.new_id("AROA"),
            name: name.to_owned(),
            path: path.to_owned(),
            created: now,
            trust,
            trust_document: None,
            description: None,
            boundary: None,
            inline: BTreeMap::new(),
            attached: BTreeSet::new(),
            tags: Vec::new(),
            max_session_seconds: 3600,
        };
        self.by_id.insert(Arc::from(ids::suffix(&role.id)), Entity::Role(Arc::clone(&key)));
        self.roles.insert(key, Arc::new(role));
        Ok(())
    }

    pub(crate) fn change_role<T>(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Role) -> T,
    ) -> Result<T, ApiError> {
        let role = self.roles.get_mut(&*name_key(name)).ok_or_else(|| no_such_role(name))?;
        Ok(change(Arc::make_mut(role)))
    }

    /// Attaches a managed policy to a role; false when it is attached already.
    pub(crate) fn attach_role_policy(&mut self, role: &str, arn: &str) -> Result<bool, ApiError> {
        self.require_policy(arn)?;
        let new = self.change_role(role, |role| role.attached.insert(arn.to_owned()))?;
        if new {
            self.count_attachment(arn, 1);
        }
        Ok(new)
    }

    /// Detaches a managed policy from a role, which must be attached.
    pub(crate) fn detach_role_policy(&mut self, role: &str, arn: &str) -> Result<(), ApiError> {
        if !self.change_role(role, |role| role.attached.remove(arn))? {
            return Err(super::policy::no_such_policy(arn));
        }
        self.count_attachment(arn, -1);
        Ok(())
    }

    /// Removes a role with everything it holds.
    pub(crate) fn remove_role(&mut self, name: &str) -> Result<(), ApiError> {
        let role = Arc::clone(self.role(name).ok_or_else(|| no_such_role(name))?);
        for arn in &role.attached {
            self.count_attachment(arn, -1);
        }
        if let Some(arn) = &role.boundary {
            self.count_boundary(arn, -1);
        }
        self.by_id.remove(ids::suffix(&role.id));
        self.roles.remove(&*name_key(name));
        Ok(())
    }
}

pub(crate) fn no_such_role(name: &str) -> ApiError {
    ApiError::no_such_entity(format!("The role with name {name} cannot be found."))
}
