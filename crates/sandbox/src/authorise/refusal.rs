//! What a refusal says: to the caller in AWS's words, to the trace with its reasons.

use keyreeve_policy::{Decision, Layer, Verdict};
use serde::{Deserialize, Serialize};

use super::resource::Resource;
use crate::protocol::error::ApiError;

/// Why the policies did not permit a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The action that was asked of the policies. A call can need more than the one it is named after.
    pub action: String,
    /// The resource, as AWS names it.
    pub resource: String,
    /// A statement denies it, rather than that nothing allows it.
    pub explicit: bool,
    /// What could not be told whether it allows or denies: keys of the request's context, or a policy that cannot be
    /// read. Empty when the policies certainly do not permit the call.
    pub unknown: Vec<String>,
    /// The policies and statements that deny, as `policy, statement 2 (Sid)`.
    pub because: Vec<String>,
    /// The kind of policy that is silent: `identity`, `boundary`, `session` or `trust`.
    pub silent: Option<String>,
}

impl Refusal {
    pub(super) fn new(action: &str, resource: &Resource, decision: &Decision) -> Self {
        let reasons: Vec<String> = decision
            .because
            .iter()
            .map(|reason| {
                let statement = reason.statement.map(|number| format!(", statement {number}"));
                let sid = reason.sid.as_deref().map(|sid| format!(" ({sid})"));
                format!("{}{}{}", reason.policy, statement.unwrap_or_default(), sid.unwrap_or_default())
            })
            .collect();
        let unknown = decision.verdict == Verdict::Unknown;
        let keys = decision.depends_on.iter().cloned();
        Self {
            action: action.to_owned(),
            resource: resource.words.clone(),
            explicit: decision.explicit,
            unknown: if unknown { keys.chain(reasons.clone()).collect() } else { Vec::new() },
            because: if unknown { Vec::new() } else { reasons },
            silent: decision.lacks.map(|layer| layer_name(layer).to_owned()),
        }
    }

    /// A role that nobody can assume, as it is not there.
    pub(super) fn of_role(role_arn: &str) -> Self {
        Self {
            action: "sts:AssumeRole".to_owned(),
            resource: role_arn.to_owned(),
            explicit: false,
            unknown: Vec::new(),
            because: Vec::new(),
            silent: Some("trust".to_owned()),
        }
    }

    /// AWS's words ("Troubleshoot access denied error messages" in the IAM user guide). That a trust policy does not
    /// allow it is not said.
    pub(super) fn error(&self, caller_arn: &str) -> ApiError {
        let Self { action, resource, .. } = self;
        let kind = |silent: &str| match silent {
            "boundary" => "permissions boundary",
            "session" => "session policy",
            "trust" => "resource-based policy",
            _ => "identity-based policy",
        };
        let why = match self.silent.as_deref() {
            _ if self.explicit => format!(" with an explicit deny in {}", self.denier()),
            Some("trust") => String::new(),
            silent => format!(" because no {} allows the {action} action", kind(silent.unwrap_or_default())),
        };
        ApiError::new(
            403,
            "AccessDenied",
            format!("User: {caller_arn} is not authorized to perform: {action} on resource: {resource}{why}"),
        )
    }

    fn denier(&self) -> &'static str {
        let named = |start: &str| self.because.iter().any(|reason| reason.starts_with(start));
        if named("permissions boundary ") {
            "a permissions boundary"
        } else if named("session policy ") {
            "a session policy"
        } else if named("the role's trust policy") {
            "a resource-based policy"
        } else {
            "an identity-based policy"
        }
    }
}

fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Identity => "identity",
        Layer::Boundary => "boundary",
        Layer::Session => "session",
        Layer::Resource => "trust",
    }
}
