//! What a plan rests on: plain data, gathered once and then only looked at.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use keyreeve_connector::{MfaDevice, PasswordPolicy, PolicyDocument};
use keyreeve_model::{
    AccountCredential, AccountStatus, AwsAccountId, ExternalId, ImportRunId, JobId, Manifest, Protection,
    System, SystemId, SystemSettings, TaskKind, TaskMapping, TaskState,
};
use keyreeve_policy::PolicySet;
use keyreeve_store::Signer;
use serde::Serialize;

use super::everything::Texts;
use super::lately::Lately;

/// Everything a plan may look at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The system.
    pub system_id: SystemId,
    /// The system as it is registered: what expressions of task mappings may use.
    pub system: System,
    /// Its task mappings.
    pub mappings: Vec<TaskMapping>,
    /// Its settings.
    pub settings: SystemSettings,
    /// The AWS account it is pinned to.
    pub account_id: AwsAccountId,
    /// The partition of its ARNs.
    pub partition: String,
    /// The last published run.
    pub run: ImportRunId,
    /// The accounts as they are now, by lower-cased name.
    pub accounts: BTreeMap<String, AccountFact>,
    /// Of names of the last import that nobody has now, by lower-cased name: the name that the account has now, `None`
    /// when it is gone.
    pub left: BTreeMap<String, Option<String>>,
    /// Of names that another account has now than at the last import, by lower-cased name: the id that the import knows.
    /// Not of those that this store's systems have made, or given the name, since.
    pub passed_on: BTreeMap<String, ExternalId>,
    /// The same of groups, which nobody makes from here.
    pub groups_passed_on: BTreeMap<String, ExternalId>,
    /// Of names of groups of the last import that nobody has now, by lower-cased name: the name that the group has now.
    pub groups_renamed: BTreeMap<String, String>,
    /// Of groups that are wished by a name which none has now and one had at an earlier import, by lower-cased name: the name
    /// that it has now.
    pub groups_once: BTreeMap<String, String>,
    /// The ARNs of the policies that the last import saw anybody have, of its resources or not.
    pub policies_seen: BTreeSet<String>,
    /// The groups of the last import as they are now, by lower-cased name.
    pub groups: BTreeMap<String, GroupFact>,
    /// Policies attached to the groups that the last import has not seen, by name: what accounts hold through them counts.
    pub new_groups: BTreeMap<String, BTreeSet<String>>,
    /// The policies of the last import, by ARN.
    pub policies: BTreeMap<String, PolicyFact>,
    /// Who the connector is over there.
    pub connector: ConnectorFact,
    /// The accounts that systems of this store sign in with, this one and others.
    pub signers: Vec<Signer>,
    /// What nobody may change.
    pub protections: Vec<Protection>,
    /// The password policy, where somebody needed to know it.
    pub password_policy: Seen<Option<PasswordPolicy>>,
    /// The documents of inline and customer managed policies, where somebody needed them; those of AWS only where the
    /// connector itself holds one.
    pub documents: Seen<Vec<PolicyDocument>>,
    /// What policies and groups say by the last import, where somebody may be given them.
    pub texts: Texts,
    /// Deletions begun in the last hour, or still open.
    pub recent_deletes: u64,
    /// Deactivations begun in the last hour, or still open.
    pub recent_deactivations: u64,
    /// What was done to accounts of this AWS account a short time ago.
    pub lately: Lately,
    /// When all this was read.
    pub read_at: Timestamp,
}

/// An account as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFact {
    /// Its id; `None` for one that an earlier task of the same job makes.
    pub external_id: Option<ExternalId>,
    /// Its name in the exact case.
    pub name: String,
    /// Its path.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Names of its groups.
    pub groups: BTreeSet<String>,
    /// ARNs of its attached policies.
    pub policies: BTreeSet<String>,
    /// Names of its inline policies.
    pub inline_policies: BTreeSet<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its permissions boundary; `None` does not prove that there is none.
    pub permissions_boundary: Option<String>,
    /// Whether it has a console password, where somebody needed to know.
    pub login_profile: Seen<bool>,
    /// Its credentials and whether each is active, where somebody needed to know.
    pub credentials: Seen<BTreeMap<AccountCredential, bool>>,
    /// Its multi-factor devices, where somebody needed to know.
    pub mfa_devices: Seen<Vec<MfaDevice>>,
    /// Whether it has a console password or an active key, where that was looked at for the guard of the last
    /// administrator.
    pub comes_in: Option<bool>,
    /// Its status at the last import; `None` for one that it did not see.
    pub imported_status: Option<AccountStatus>,
    /// How many access keys the last import saw, and none where we made it since; `None` when that is not known.
    pub imported_access_keys: Option<usize>,
    /// Whether the last import saw a multi-factor device; `None` when it could not see.
    pub imported_mfa: Option<bool>,
    /// Documents of its inline policies by name, where somebody needed to know.
    pub inline_documents: BTreeMap<String, Option<String>>,
    /// What the last deactivation switched off, if it has not been given back, where somebody needed to know.
    pub manifest: Option<Manifest>,
    /// Whether another system of the same AWS account switched it off, where somebody needed to know.
    pub switched_off_elsewhere: bool,
    /// The job of a deactivation that has not succeeded, where somebody needed to know.
    pub unfinished_deactivation: Option<(JobId, TaskState)>,
    /// What the connector may not read of it, of what somebody needed to know.
    pub unreadable: Option<Unreadable>,
}

/// Something the connector may not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What could not be read, and of whom.
    pub message: String,
    /// The call that was refused.
    pub operation: &'static str,
    /// Why, in the connected system's words.
    pub why: String,
}

/// A group of the last import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupFact {
    /// The id of whichever group has its name now.
    pub external_id: ExternalId,
    /// Its name in the exact case.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// ARNs of the policies attached to it.
    pub policies: BTreeSet<String>,
}

/// A policy of the last import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyFact {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Whether it can be attached.
    pub attachable: bool,
}

/// Who the connector is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorFact {
    /// The ARN it acts as.
    pub arn: String,
    /// The unique id it acts as: of a user its `UserId`.
    pub external_id: String,
    /// The policies of the user or role it acts as, where they say something about what it may do.
    pub policies: Option<PolicySet>,
}

/// Something that may not have been looked at, or may not be visible with the granted permissions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Seen<T> {
    /// It was read.
    Read(T),
    /// Nobody needed it.
    #[default]
    NotRead,
    /// The connector may not read it; the permissions that are missing.
    NotVisible(Vec<&'static str>),
}

impl<T> Seen<T> {
    /// The value, if it was read.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::NotRead | Self::NotVisible(_) => None,
        }
    }

    /// The permissions that are missing.
    pub fn missing(&self) -> &[&'static str] {
        match self {
            Self::NotVisible(missing) => missing,
            Self::Read(_) | Self::NotRead => &[],
        }
    }
}

impl Facts {
    /// The account of a name: the exact one, or none. A name in another case is no match, because the connected
    /// system need not find it.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&AccountFact> {
        self.accounts.get(&name.to_ascii_lowercase()).filter(|account| account.name == name)
    }

    /// Whether an account name is taken, ignoring case.
    #[must_use]
    pub fn is_taken(&self, name: &str) -> bool {
        self.accounts.contains_key(&name.to_ascii_lowercase())
    }

    /// The task mapping that serves a kind of task; none does for deactivations and reactivations.
    #[must_use]
    pub fn mapping(&self, kind: TaskKind, of_group: bool) -> Option<&TaskMapping> {
        let name = TaskMapping::serving(kind, of_group)?;
        self.mappings.iter().find(|mapping| mapping.name == name)
    }

    /// The group of a name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&GroupFact> {
        self.groups.get(&name.to_ascii_lowercase()).filter(|group| group.name == name)
    }

    /// The ARN of an AWS managed policy in the system's partition.
    #[must_use]
    pub fn aws_policy(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.partition)
    }
}
