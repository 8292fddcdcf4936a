//! Which elements belong where.

use crate::{
    ParseError,
    document::{Place, Statement},
};

/// Holds every statement against what AWS refuses: identity-based policies with principals ("Policy document should
/// not specify a principal.") or without resources, trust policies without principals or with resources ("Has
/// prohibited field Resource"), with `NotPrincipal` (IAM User Guide, "NotPrincipal"), or about anything but STS
/// ("AssumeRole policy may only specify STS AssumeRole actions.").
pub(super) fn check(statements: &[Statement], place: Place) -> Result<(), ParseError> {
    for (index, statement) in statements.iter().enumerate() {
        let at = || format!("statement {}", index + 1);
        let missing = |element| Err(ParseError::Missing { place: at(), element });
        let prohibited = |element| Err(ParseError::Prohibited { place: at(), element });
        match place {
            Place::Identity if statement.principal.is_some() => return prohibited("Principal"),
            Place::Identity if statement.resources.is_none() => return missing("Resource"),
            Place::Trust | Place::Resource if statement.principal.is_none() => return missing("Principal"),
            Place::Trust if statement.resources.is_some() => return prohibited("Resource"),
            Place::Trust if statement.principal.as_ref().is_some_and(|who| who.except) => {
                return prohibited("NotPrincipal");
            }
            Place::Trust if !statement.actions.names.iter().all(|action| action.starts_with("sts:")) => {
                return prohibited("actions of other services than sts");
            }
            Place::Identity | Place::Trust | Place::Resource => {}
        }
    }
    Ok(())
}
