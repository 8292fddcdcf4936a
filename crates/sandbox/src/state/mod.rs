//! What one account holds. A copy costs nothing (the maps share their parts), so every read works on a
//! fixed state while writers go on, and the past stays readable.

mod change;
mod credentials;
mod group;
mod history;
mod ids;
pub(crate) mod password;
mod policy;
pub(crate) mod quotas;
mod role;
mod user;
mod view;

use std::ops::Bound;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;

pub use self::credentials::KeyStatus;
pub(crate) use self::credentials::{
    AccessKey, KeyUse, LoginProfile, MfaDevice, ServiceCredential, SigningCertificate, SshKey, is_virtual,
};
pub(crate) use self::group::Group;
pub(crate) use self::history::History;
pub use self::password::PasswordPolicy;
pub(crate) use self::policy::{Policy, no_such_policy};
pub use self::role::Trust;
pub(crate) use self::role::{Role, no_such_role};
pub(crate) use self::user::{NewUser, User, no_such_key, no_such_login_profile};
use crate::catalogue::{self, ManagedPolicy};
use crate::protocol::error::ApiError;

/// A name in lower case: IAM's names are unique ignoring case.
pub(crate) type NameKey = Arc<str>;

pub(crate) fn name_key(name: &str) -> NameKey {
    Arc::from(name.to_ascii_lowercase())
}

/// What a unique id stands for.
#[derive(Debug, Clone)]
pub(crate) enum Entity {
    User(NameKey),
    Group(NameKey),
    Policy(NameKey),
    Role(NameKey),
}

/// How often a managed policy is used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub(crate) attachments: u32,
    pub(crate) boundaries: u32,
}

/// All of one account.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) account_id: Arc<str>,
    pub(crate) partition: Arc<str>,
    pub(crate) created: Timestamp,
    pub(crate) users: OrdMap<NameKey, Arc<User>>,
    pub(crate) groups: OrdMap<NameKey, Arc<Group>>,
    pub(crate) policies: OrdMap<NameKey, Arc<Policy>>,
    pub(crate) roles: OrdMap<NameKey, Arc<Role>>,
    /// By the unique id without its four-letter prefix: a mixed order, in which IAM's details come.
    pub(crate) by_id: OrdMap<Arc<str>, Entity>,
    /// The owner of each access key.
    pub(crate) keys: OrdMap<Arc<str>, NameKey>,
    /// Managed policies in use, by ARN.
    pub(crate) usage: OrdMap<Arc<str>, Usage>,
    /// Virtual MFA devices that nobody uses, by serial number; those in use are with their users.
    pub(crate) spare_devices: OrdSet<Arc<str>>,
    /// When a user of this name was last deleted.
    pub(crate) deleted_users: OrdMap<NameKey, Timestamp>,
    pub(crate) password_policy: Option<PasswordPolicy>,
    seed: u64,
    serial: u64,
}

impl State {
    pub(crate) fn new(account_id: &str, partition: &str, seed: u64, created: Timestamp) -> Self {
        Self {
            account_id: Arc::from(account_id),
            partition: Arc::from(partition),
            created,
            users: OrdMap::new(),
            groups: OrdMap::new(),
            policies: OrdMap::new(),
            roles: OrdMap::new(),
            by_id: OrdMap::new(),
            keys: OrdMap::new(),
            usage: OrdMap::new(),
            spare_devices: OrdSet::new(),
            deleted_users: OrdMap::new(),
            password_policy: None,
            seed,
            serial: 0,
        }
    }

    pub(crate) fn user(&self, name: &str) -> Result<&Arc<User>, ApiError> {
        self.users.get(&*name_key(name)).ok_or_else(|| ApiError::no_such_user(name))
    }

    pub(crate) fn group(&self, name: &str) -> Result<&Arc<Group>, ApiError> {
        self.groups.get(&*name_key(name)).ok_or_else(|| ApiError::no_such_group(name))
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.get(&*name_key(name))
    }

    pub(crate) fn user_by_id(&self, id: &str) -> Option<&Arc<User>> {
        match self.by_id.get(ids::suffix(id))? {
            Entity::User(key) => self.users.get(key),
            _ => None,
        }
    }

    pub(crate) fn group_by_id(&self, id: &str) -> Option<&Arc<Group>> {
        match self.by_id.get(ids::suffix(id))? {
            Entity::Group(key) => self.groups.get(key),
            _ => None,
        }
    }

    /// The customer policy with this ARN.
    pub(crate) fn customer_policy(&self, arn: &str) -> Option<&Arc<Policy>> {
        let name = arn.rsplit('/').next()?;
        self.policies.get(&*name_key(name)).filter(|policy| self.policy_arn(policy) == arn)
    }

    /// The AWS managed policy with this ARN, in the partition of the account.
    pub(crate) fn aws_policy(&self, arn: &str) -> Option<&'static ManagedPolicy> {
        let path_and_name = arn.strip_prefix(&format!("arn:{}:iam::aws:policy", self.partition))?;
        catalogue::find(path_and_name)
    }

    pub(crate) fn arn(&self, kind: &str, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{kind}{path}{name}", self.partition, self.account_id)
    }

    pub(crate) fn user_arn(&self, user: &User) -> String {
        self.arn("user", &user.path, &user.name)
    }

    pub(crate) fn group_arn(&self, group: &Group) -> String {
        self.arn("group", &group.path, &group.name)
    }

    pub(crate) fn policy_arn(&self, policy: &Policy) -> String {
        self.arn("policy", &policy.path, &policy.name)
    }

    pub(crate) fn role_arn(&self, role: &Role) -> String {
        self.arn("role", &role.path, &role.name)
    }

    pub(crate) fn aws_policy_arn(&self, policy: &ManagedPolicy) -> String {
        format!("arn:{}:iam::aws:policy{}{}", self.partition, policy.path, policy.name)
    }

    pub(crate) fn usage_of(&self, arn: &str) -> Usage {
        self.usage.get(arn).copied().unwrap_or_default()
    }
}

/// The values of a map from just after a key.
pub(crate) fn after<'a, V: Clone>(
    map: &'a OrdMap<Arc<str>, V>,
    key: Option<&str>,
) -> impl Iterator<Item = (&'a Arc<str>, &'a V)> + use<'a, V> {
    let from = key.map_or(Bound::Unbounded, |key| Bound::Excluded(Arc::<str>::from(key)));
    map.range((from, Bound::<Arc<str>>::Unbounded))
}
