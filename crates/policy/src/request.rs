//! What is asked of the policies.

use crate::{Context, Principal};

/// A request, or a kind of request, to be decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The action, like `iam:CreateUser`, without wildcards; its case does not matter.
    pub action: String,
    /// What it is about. All of it must be allowed.
    pub targets: Vec<Target>,
    /// Who asks. Only resource-based policies look at it.
    pub principal: Principal,
    /// What is known of its context. Keys that differ between the resources of a pattern, like `aws:ResourceTag/…`,
    /// must be left unknown there.
    pub context: Context,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The action supports no resources, like `iam:ListUsers` (see the Service Authorization Reference). Only `*` in a
    /// policy matches it.
    NoResource,
    /// One resource, by its whole ARN.
    Arn(String),
    /// All resources of a pattern: `*` stands for one or more characters, `?` for one, neither for a colon. The
    /// pattern `*` alone stands for every resource.
    Pattern(String),
}

impl Request {
    /// A request for `action` by somebody unknown, about no resource, in a context of which nothing is known.
    #[must_use]
    pub fn new(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            targets: vec![Target::NoResource],
            principal: Principal::Unknown,
            context: Context::open(),
        }
    }

    /// The same about `target` alone.
    #[must_use]
    pub fn on(mut self, target: Target) -> Self {
        self.targets = vec![target];
        self
    }

    /// The same by `principal`.
    #[must_use]
    pub fn by(mut self, principal: Principal) -> Self {
        self.principal = principal;
        self
    }

    /// The same in `context`.
    #[must_use]
    pub fn within(mut self, context: Context) -> Self {
        self.context = context;
        self
    }
}
