//! The policies that decide on a request.

use std::sync::Arc;

use crate::Document;

/// A policy with the name it is reported under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// An ARN, or whatever else tells people which policy it is.
    pub name: String,
    /// What it says; `None` when there is such a policy, or there may be one, and what it says is not known.
    pub document: Option<Arc<Document>>,
}

/// All policies that bear on one principal, and on one resource.
///
/// Absent on purpose: policies of AWS Organizations and of VPC endpoints, which only ever take away. Where they may
/// exist, `Allow` means: allowed as far as the account's own policies go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicySet {
    /// Inline and attached policies of the user and of its groups, or of the role.
    pub identity: Vec<Policy>,
    /// The permissions boundary.
    pub boundary: Option<Policy>,
    /// The policies that were passed when the session began. None at all means no such limit, except for a federated
    /// user, who then gets nothing from the identity's policies.
    pub session: Vec<Policy>,
    /// The policy of the resource.
    pub resource: Option<ResourcePolicy>,
}

/// A policy attached to the resource that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePolicy {
    /// The policy.
    pub policy: Policy,
    /// The account of the resource; `None` when not known.
    pub account: Option<String>,
    /// Whether nothing is allowed unless this policy allows it: true of trust policies and key policies, false of
    /// others, which only add to what the principal's own account allows.
    pub must_allow: bool,
}

impl Policy {
    /// A policy that was read.
    #[must_use]
    pub fn new(name: impl Into<String>, document: impl Into<Arc<Document>>) -> Self {
        Self { name: name.into(), document: Some(document.into()) }
    }

    /// A policy that could not be read: it may allow and may deny anything.
    #[must_use]
    pub fn unreadable(name: impl Into<String>) -> Self {
        Self { name: name.into(), document: None }
    }
}

impl ResourcePolicy {
    /// The trust policy of a role in `account`.
    #[must_use]
    pub fn trust(policy: Policy, account: impl Into<String>) -> Self {
        Self { policy, account: Some(account.into()), must_allow: true }
    }
}
