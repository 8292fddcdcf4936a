//! Accounts of an organization, and what became of each.

use keyreeve_engine::organization::{Access, Discovered};

use super::{Columns, Shape, text};
use crate::output::{Narrow, brief};

/// A list of accounts that were found.
pub(crate) const DISCOVERED: Shape<Discovered> = Shape {
    table: &[
        ("account", |one| one.account_id.to_string()),
        ("name", |one| one.name.clone()),
        ("unit", |one| one.unit.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("in_aws", |one| one.account_state.as_str().replace('_', " ")),
        ("action", |one| one.action.as_str().to_owned()),
        ("system_id", |one| text(one.system_id.as_ref())),
        ("access", |one| access(one).to_owned()),
        ("reason", |one| one.reason.as_deref().map(|reason| brief(reason).into_owned()).unwrap_or_default()),
    ],
    narrow: Narrow::Wrap { sentences: 1 },
    csv: Columns::Texts(&[
        ("account_id", |one| one.account_id.to_string()),
        ("name", |one| one.name.clone()),
        ("unit", |one| one.unit.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("account_state", |one| one.account_state.as_str().to_owned()),
        ("action", |one| one.action.as_str().to_owned()),
        ("system_id", |one| text(one.system_id.as_ref())),
        ("role_arn", |one| one.role_arn.clone().unwrap_or_default()),
        ("external_id", |one| one.external_id.clone().unwrap_or_default()),
        ("access", |one| one.access.as_str().to_owned()),
        ("open_without_external_id", |one| text(one.open_without_external_id.as_ref())),
        ("reason", |one| one.reason.clone().unwrap_or_default()),
    ]),
};

fn access(one: &Discovered) -> &'static str {
    match (one.access, one.open_without_external_id) {
        (Access::NotTried, _) => "",
        (Access::Entered, Some(true)) => "entered (also without the external id)",
        (Access::Entered, _) => "entered",
        (Access::Failed, _) => "failed",
    }
}
