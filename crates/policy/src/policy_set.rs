//! The policies that decide on a request.

use std::sync::Arc;

use crate::document::{Effect, Statement};
use crate::{Context, ContextValue, Document, Truth};

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

impl PolicySet {
    /// The same policies for somebody who can bring it about that no denial stands in the way which depends on what is
    /// not known of a request in this context: what is denied only under a condition is not denied. Policies of the
    /// identity that could not be read are left out: they may deny, but need not.
    #[must_use]
    pub fn without_doubtful_denials(&self, context: &Context) -> Self {
        let doubtful = |statement: &Statement| {
            let holds = Truth::all(statement.conditions.iter().map(|condition| condition.holds(context)));
            let of_resources = statement.resources.iter().flat_map(|resources| &resources.patterns);
            let open = of_resources
                .flat_map(|text| text.keys())
                .any(|key| *context.get(key) == ContextValue::Unknown);
            statement.effect == Effect::Deny && (open || holds == Truth::Unknown)
        };
        let certain = |policy: &Policy| Policy {
            name: policy.name.clone(),
            document: policy.document.as_ref().map(|document| {
                match document.statements().iter().any(doubtful) {
                    true => Arc::new(document.keeping(|statement| !doubtful(statement))),
                    false => Arc::clone(document),
                }
            }),
        };
        Self {
            identity: self.identity.iter().filter(|one| one.document.is_some()).map(certain).collect(),
            boundary: self.boundary.as_ref().map(certain),
            session: self.session.iter().map(certain).collect(),
            resource: self.resource.clone(),
        }
    }
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
