//! How a sandbox is to be.

use serde::{Deserialize, Serialize};

use crate::organization::OrganizationSeed;

/// What [`crate::Sandbox::start`] needs to know. The default is one small seeded account.
#[derive(Debug, Clone)]
pub struct Options {
    /// The accounts to begin with.
    pub accounts: Vec<AccountSeed>,
    /// The same seed makes the same ids, keys, people and short pages.
    pub seed: u64,
    /// Port of the AWS side on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Port of the admin side on 127.0.0.1; 0 takes a free one.
    pub admin_port: u16,
    /// What the connector of each account may do, and the role it may assume.
    pub connector_policy: ConnectorPolicy,
    /// The partition in every ARN: `aws`, `aws-cn`, `aws-us-gov`, ….
    pub partition: String,
    /// Refuse requests whose signature does not fit, as AWS does.
    pub verify_signatures: bool,
    /// How `GetAccountAuthorizationDetails` cuts its pages.
    pub details_pages: PageStyle,
    /// How all other listings cut their pages.
    pub list_pages: PageStyle,
    /// How the credential report behaves.
    pub report: ReportStyle,
    /// How long writes take to settle; [`crate::Running::set_consistency`] changes it later.
    pub consistency: Consistency,
    /// The organization that the accounts are in; [`crate::Running::organize`] makes one later.
    pub organization: Option<OrganizationSeed>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accounts: vec![AccountSeed::default()],
            seed: 1,
            port: 0,
            admin_port: 0,
            connector_policy: ConnectorPolicy::default(),
            partition: "aws".to_owned(),
            verify_signatures: true,
            details_pages: PageStyle { short: true, empty: false },
            list_pages: PageStyle::default(),
            report: ReportStyle::default(),
            consistency: Consistency::default(),
            organization: None,
        }
    }
}

/// One account to begin with.
#[derive(Debug, Clone)]
pub struct AccountSeed {
    /// Twelve digits.
    pub account_id: String,
    /// Who and what is in it.
    pub population: Population,
}

impl Default for AccountSeed {
    fn default() -> Self {
        Self { account_id: "111122223333".to_owned(), population: Population::default() }
    }
}

impl AccountSeed {
    /// An account with nothing in it but the connector.
    #[must_use]
    pub fn empty(account_id: &str) -> Self {
        let population = Population { users: 0, groups: 0, customer_policies: 0, roles: 0 };
        Self { account_id: account_id.to_owned(), population }
    }
}

/// What the connector may do. It holds it like anybody else, so an import shows it and IAM can change it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConnectorPolicy {
    /// All of IAM and STS, by an inline policy: nothing in the account is counted that was not made up.
    #[default]
    Everything,
    /// These documents, each as an attached policy of the account's own.
    Documents(Vec<String>),
}

/// How many of each are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Population {
    /// Users, besides the connector's own.
    pub users: u32,
    /// Groups.
    pub groups: u32,
    /// Customer managed policies.
    pub customer_policies: u32,
    /// Roles, besides the one the connector may assume.
    pub roles: u32,
}

impl Default for Population {
    fn default() -> Self {
        Self { users: 60, groups: 12, customer_policies: 15, roles: 6 }
    }
}

/// How a listing is cut into pages. IAM may give fewer entries than asked for although more follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageStyle {
    /// Pages are shorter than `MaxItems`, by chance but the same for the same seed.
    pub short: bool,
    /// Some pages are empty although more follow.
    pub empty: bool,
}

/// How the credential report behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportStyle {
    /// `GenerateCredentialReport` answers `INPROGRESS` this often between `STARTED` and `COMPLETE`.
    pub asks_in_progress: u32,
    /// Quote fields that hold a comma or a quote, as RFC 4180 has it; otherwise a comma in a name makes one
    /// more field, as with common emulators.
    pub quoted: bool,
}

impl Default for ReportStyle {
    fn default() -> Self {
        Self { asks_in_progress: 1, quoted: true }
    }
}

/// How long writes take to settle, on the sandbox's clock. By default they do so at once.
///
/// IAM is eventually consistent ("Changes that I make are not always immediately visible" in the IAM user
/// guide), and refuses some changes for a while with `EntityTemporarilyUnmodifiable` (service model).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consistency {
    /// Reads see the account as it was so many seconds ago, and writes do not find users that have been made
    /// since.
    pub read_lag_seconds: u32,
    /// A login profile cannot be changed or deleted for so long after it has been made.
    pub login_profile_settles_seconds: u32,
    /// The name of a deleted user cannot be taken again for so long, and a user who has such a name cannot
    /// be changed for so long after having been made.
    pub user_name_settles_seconds: u32,
}
