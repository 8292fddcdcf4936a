//! `/systems/{system_id}/resources/{resource}/remove`: several holders lose a group or policy, by one plan.

use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Account, ExternalId, ResourceName, ResourceType, SystemId, Wish};
use keyreeve_store::AsOf;

use super::of;
use super::show::{found, without_anybody};
use crate::body::InPath;
use crate::console::changes::{self, Change};
use crate::console::form::Sent;
use crate::console::visitor::Visitor;
use crate::meant::Meant;
use crate::parts::Parts;
use crate::problem::Problem;

pub(super) async fn plan(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, resource)): InPath<(SystemId, ExternalId)>,
    Sent(chosen): Sent<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    visitor.require(Right::Operate, &system_id)?;
    if chosen.is_empty() {
        return without_anybody(&visitor, &parts, (&system_id, &resource)).await;
    }
    let system = parts.store.get_system(&system_id).await?;
    let ids = holders(&chosen)?;
    let resource = found(&parts, &system_id, AsOf::Now, &resource).await?;
    let mut accounts = parts.store.accounts_by_id(&system_id, &ids).await?;
    if accounts.len() != ids.len() {
        return Err(Problem::bad_request("somebody who was chosen is not an account of the system any more"));
    }
    accounts.sort_by(|one, other| (&one.name, &one.external_id).cmp(&(&other.name, &other.external_id)));
    let wish = |account: &Account| Wish::RemoveAssignment {
        // Who has another name by now is still meant.
        account: account.external_id.to_string(),
        resource: match resource.kind {
            ResourceType::Group => ResourceName::Group(resource.name.clone()),
            ResourceType::Policy => ResourceName::Policy(resource.arn.clone()),
        },
    };
    let next = of(&system_id, &resource.external_id);
    let named = |account: &Account| (account.name.clone(), account.external_id.clone());
    let group =
        (resource.kind == ResourceType::Group).then(|| (resource.name.clone(), resource.external_id.clone()));
    let meant = Meant { users: accounts.iter().map(named).collect(), group };
    let change = Change::new(accounts.iter().map(wish).collect(), next).about(meant);
    changes::planned(&visitor, &parts, &system, change, None).await
}

/// Who was chosen, each once.
fn holders(chosen: &[(String, String)]) -> Result<Vec<ExternalId>, Problem> {
    let id = |(name, value): &(String, String)| match (name.as_str(), value.parse()) {
        ("holder", Ok(id)) => Ok(id),
        _ => Err(Problem::bad_request("what was sent is not what the form has")),
    };
    let mut ids: Vec<ExternalId> = chosen.iter().map(id).collect::<Result<_, _>>()?;
    ids.sort();
    ids.dedup();
    Ok(ids)
}
