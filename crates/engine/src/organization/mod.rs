//! Finds the AWS accounts of an organization, and keeps one system for each that is in use.
//!
//! [`Discoverer::survey`] reads the organization and what is known, and writes nothing; `plan::decide` is the
//! pure part that says what becomes of each account; [`Discoverer::carry_out`] registers and marks, account by account,
//! and tries the way into each. What one account refuses, or never answers, is a matter of that account alone.
//!
//! Nothing is deleted, and nothing that a person set is changed: a system is found again by its AWS account, whatever
//! its name, credentials and category are by now.

mod carry_out;
mod filter;
mod plan;
mod read;
mod words;

use std::collections::BTreeMap;

use keyreeve_connector::OrganizationEntry;
use keyreeve_model::{AwsAccountId, Category, CredentialKind, MemberState, RoleBase, SystemId, SystemName};
use keyreeve_store::{KnownOrganization, StoreError};
use serde::{Deserialize, Serialize};

pub use carry_out::Discoverer;
pub use filter::Filter;
pub use words::{RoleName, SystemIdPattern};

/// The role that AWS Organizations makes in accounts it creates (Organizations User Guide, "Accessing member accounts").
pub const DEFAULT_ROLE: &str = "OrganizationAccountAccessRole";

/// What discovery is to do.
#[derive(Debug, Clone)]
pub struct DiscoveryRequest {
    /// The role in each member account.
    pub role: RoleName,
    /// What that role is assumed with; `None` is the ambient chain.
    pub base: Option<RoleBase>,
    /// Which accounts.
    pub filter: Filter,
    /// What System IDs look like.
    pub system_id: SystemIdPattern,
    /// What new systems are filed under.
    pub category: Category,
    /// The region of new systems, if one was given.
    pub region: Option<String>,
    /// What the external ids of an organization that is seen for the first time begin with.
    pub fresh_external_id: String,
    /// Who asks.
    pub actor: String,
    /// How many accounts are tried at once.
    pub at_once: usize,
    /// Whether an account is left out whose role lets in who brings another external id: whoever asks from afar could make
    /// use of it through us.
    pub refuses_open: bool,
}

/// What was read of the organization and of the store, and what is to become of each account.
#[derive(Debug)]
pub struct Survey {
    /// The organization.
    pub organization: OrganizationEntry,
    /// What the external ids begin with.
    pub(crate) known: KnownOrganization,
    /// Whether the organization is seen for the first time.
    pub first: bool,
    /// The accounts, by their id.
    pub accounts: Vec<Discovered>,
    /// What a person should know, in sentences.
    pub notices: Vec<String>,
}

impl Survey {
    /// How many accounts each thing is done with.
    #[must_use]
    pub fn counts(&self) -> Vec<(DiscoveryAction, usize)> {
        counts(&self.accounts)
    }

    /// The same as it is told to who asks for it.
    #[must_use]
    pub fn report(&self) -> DiscoveryReport {
        DiscoveryReport {
            organization_id: self.organization.id.clone(),
            management_account: self.organization.management_account.clone(),
            partition: self.organization.partition.clone(),
            first: self.first,
            external_id: self.known.external_id.clone(),
            accounts: self.accounts.clone(),
            notices: self.notices.clone(),
        }
    }
}

/// An organization, and what is to become, or became, of each of its accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DiscoveryReport {
    /// The id of the organization, `o-…`.
    pub organization_id: String,
    /// The AWS account that owns it.
    pub management_account: AwsAccountId,
    /// Its partition.
    pub partition: String,
    /// Whether it is seen for the first time: what external ids begin with is kept when it is carried out, and is another
    /// one then than in a preview.
    pub first: bool,
    /// What the external ids of all its accounts begin with; a colon and the account's id follow.
    pub external_id: String,
    /// The accounts, by their id.
    pub accounts: Vec<Discovered>,
    /// What a person should know, in sentences.
    pub notices: Vec<String>,
}

impl DiscoveryReport {
    /// What the external id of every account of this organization is, with the account's id at the end.
    #[must_use]
    pub fn external_id_of(&self, account: &str) -> String {
        external_id(&self.external_id, account)
    }

    /// How many accounts each thing is done with.
    #[must_use]
    pub fn counts(&self) -> Vec<(DiscoveryAction, usize)> {
        counts(&self.accounts)
    }
}

fn counts(accounts: &[Discovered]) -> Vec<(DiscoveryAction, usize)> {
    use DiscoveryAction::{Add, Exclude, Failed, Keep, Resume, Skip, Suspend};
    let count = |action| accounts.iter().filter(|account| account.action == action).count();
    let all = [Add, Keep, Suspend, Resume, Skip, Exclude, Failed];
    all.into_iter().map(|action| (action, count(action))).filter(|(_, count)| *count > 0).collect()
}

/// The external id of the role in an account: one for each, of our making, and yet one template for all accounts.
pub(crate) fn external_id(beginning: &str, account: &str) -> String {
    format!("{beginning}:{account}")
}

/// One account of the organization, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Discovered {
    /// The AWS account.
    pub account_id: AwsAccountId,
    /// Its name in the organization.
    pub name: String,
    /// The path of its organizational unit; `None` when it could not be read.
    pub unit: Option<String>,
    /// Where it is in its life.
    pub account_state: MemberState,
    /// What is done about it.
    pub action: DiscoveryAction,
    /// Its system, if it has one by now.
    pub system_id: Option<SystemId>,
    /// The role that is assumed in it.
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy must ask for.
    pub external_id: Option<String>,
    /// Whether the way into it works.
    pub access: Access,
    /// Whether the role also lets in who does not send the external id; `None` when that was not found out.
    pub open_without_external_id: Option<bool>,
    /// What is different from when it was last seen, and why something was not done or failed.
    pub reason: Option<String>,
    #[serde(skip)]
    pub(crate) step: Step,
}

impl Discovered {
    /// Whether something failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.action == DiscoveryAction::Failed || self.access == Access::Failed
    }
}

/// What is done about an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DiscoveryAction {
    /// A system is registered for it.
    Add,
    /// Its system stays as it is.
    Keep,
    /// Its system is suspended, because the account is not in use.
    Suspend,
    /// Its system is active again, because the account is.
    Resume,
    /// It is left out, because it is not in use or cannot have a system.
    Skip,
    /// It is left out, because that was asked for.
    Exclude,
    /// Something failed.
    Failed,
}

impl DiscoveryAction {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Keep => "keep",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Skip => "skip",
            Self::Exclude => "exclude",
            Self::Failed => "failed",
        }
    }
}

/// Whether the way into an account works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nobody tried.
    NotTried,
    /// The role was assumed, and it is of that account.
    Entered,
    /// The role could not be assumed, or is of another account.
    Failed,
}

impl Access {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotTried => "not_tried",
            Self::Entered => "entered",
            Self::Failed => "failed",
        }
    }
}

/// What has to be written for an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Step {
    /// Nothing.
    #[default]
    Nothing,
    /// Register a system.
    Register { system_id: SystemId, name: SystemName, credential: CredentialKind },
    /// Note what the organization says, and suspend or resume accordingly.
    Note { system_id: SystemId },
}

/// An account as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) account_id: AwsAccountId,
    pub(crate) name: String,
    pub(crate) state: MemberState,
    pub(crate) unit: Option<String>,
    /// The id of its unit and of those it lies in.
    pub(crate) unit_ids: Vec<String>,
    /// Its tags, where they are asked for; else why they could not be read.
    pub(crate) tags: Result<BTreeMap<String, String>, String>,
}

/// The organization could not be looked at; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The connector cannot read organizations.
    #[error("this connection cannot read organizations")]
    NoOrganization,
    /// Whoever asks is in no organization.
    #[error(
        "these credentials are of an AWS account that is in no organization, so nothing was changed: {0}"
    )]
    Outside(#[source] Box<keyreeve_connector::Error>),
    /// Who asks could not be found out.
    #[error("whose credentials these are could not be found out: {0}")]
    Identify(#[source] Box<keyreeve_connector::Error>),
    /// Something that is needed could not be read whole.
    #[error("{what} could not be read, so nothing was changed: {why}")]
    Unreadable {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// A list that cannot be all of it.
    #[error("{0}: it is not whole, so nothing was changed; run the same command again")]
    NotWhole(String),
    /// A filter names what is not there.
    #[error("{0}")]
    Filter(String),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl DiscoveryError {
    /// What to do when something could not be read.
    pub const RIGHTS: &'static str = "whoever asks must be allowed what the guide's page about many accounts lists, in the \
                                      account that owns the organization or is delegated to";
}
