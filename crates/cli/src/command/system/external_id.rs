//! Whether a role asks for our external id: tried without one and with a wrong one.
//!
//! A role that lets either in can be reached through anybody whom it trusts: the confused deputy (IAM User Guide, "The
//! confused deputy problem").

use keyreeve_aws::Credential;
use keyreeve_connector::{Cause, Connector as _};
use keyreeve_model::{CredentialKind, Secret};

use crate::command::connection::{self, Reach};
use crate::output::shape::{Check, CheckState};
use crate::output::{hint, warning};

const NAME: &str = "external_id";
const WHOEVER: &str = "whoever it trusts can be made to act in this AWS account for somebody else";
const ADVICE: &str = "add the condition StringEquals on sts:ExternalId to its trust policy";

/// What came of the two tries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Neither let us in.
    ForOurs,
    /// It can be assumed like this.
    For(&'static str),
    /// It could not be found out.
    Unknown(String),
}

/// Tries to assume the role, each time in vain where all is well. Nothing else is done with it.
pub(super) async fn asked(
    reach: &Reach,
    kind: &CredentialKind,
    secret: Option<&Secret>,
    region: Option<&str>,
) -> Asked {
    let CredentialKind::Role { role_arn, base, via, .. } = kind else { return Asked::ForOurs };
    let wrong = uuid::Uuid::new_v4().to_string();
    for (external_id, found) in [(None, "without the external id"), (Some(wrong), "with a wrong external id")]
    {
        let base = match connection::behind_role(base.as_ref(), via, secret.cloned()) {
            Ok(base) => Box::new(base),
            Err(error) => return Asked::Unknown(error.to_string()),
        };
        let credential = Credential::Role { role_arn: role_arn.clone(), external_id, base };
        let tried = match reach.connect(credential, region).await {
            Ok(connector) => connector.identify().await.map(drop),
            Err(error) => return Asked::Unknown(format!("{error:#}")),
        };
        match tried {
            Ok(()) => return Asked::For(found),
            Err(error) if matches!(error.cause, Cause::CredentialBad | Cause::Denied) => {}
            Err(error) => return Asked::Unknown(error.to_string()),
        }
    }
    Asked::ForOurs
}

/// Says so where a check found a role that lets in whom it should not.
pub(super) fn warn_of(checks: &[Check]) {
    let found = checks.iter().find(|check| check.name == NAME && check.state == CheckState::Warning);
    if let Some(check) = found {
        warning(&format!("{}: {WHOEVER}", check.message));
        hint(ADVICE);
    }
}

impl Asked {
    /// Says so where the role lets in whom it should not.
    pub(super) fn warn(&self) {
        if let Self::For(found) = self {
            warning(&format!("the role can be assumed {found}: {WHOEVER}"));
            hint(ADVICE);
        }
    }

    /// The same as a check.
    pub(super) fn check(&self) -> Check {
        match self {
            Self::ForOurs => Check::ok(NAME, "the role asks for it"),
            Self::For(found) => {
                let message = format!("the role can be assumed {found}");
                Check::new(NAME, CheckState::Warning, message, ADVICE)
            }
            Self::Unknown(why) => Check::new(NAME, CheckState::Unknown, why.clone(), "try again"),
        }
    }
}
