//! Changes of groups: who is in them, and what clients call them.

use std::collections::BTreeMap;

use keyreeve_model::ExternalId;
use keyreeve_store::NewScimRecord;
use serde_json::Value;

use super::job::{Became, carried_out};
use super::{Change, Resource, before_and_after};
use crate::scim::{Cause, Error};
use crate::scim_http::answer::Refusal;
use crate::scim_http::asked::Asked;
use crate::scim_http::known::{Known, none_such};
use crate::scim_http::wishes;

/// Changes a group.
pub(super) async fn change(
    asked: &Asked,
    id: &str,
    change: Change<'_>,
    became: &Became,
) -> Result<Resource, Refusal> {
    let kind = &asked.model.group;
    let _turn = asked.turns.take([format!("{}/id/{id}", asked.system_id())]).await;
    let known = Known::load(asked).await?;
    let (before, after, _) = before_and_after(&known, kind, id, &change).await?;
    let ids: Vec<ExternalId> = wishes::members_changed(&before, &after)
        .into_iter()
        .filter_map(|id| ExternalId::new(id).ok())
        .collect();
    let accounts = known.accounts(&ids).await?.into_iter();
    let names: BTreeMap<String, String> =
        accounts.map(|account| (account.external_id.to_string(), account.name)).collect();
    let changes = wishes::of_group(&before, &after, &names)?;
    if before.get("externalId") != after.get("externalId") {
        name(asked, id, changes.external_id.as_deref()).await?;
    }
    if !changes.wishes.is_empty() {
        carried_out(asked, changes.wishes, None, became).await?;
    }
    let known = Known::load(asked).await?;
    Ok(known.resource(kind, id).await?.ok_or_else(|| none_such(kind))?)
}

/// Keeps what the client calls a group.
async fn name(asked: &Asked, id: &str, external_id: Option<&str>) -> Result<(), Refusal> {
    let id = ExternalId::new(id).map_err(|_| Error::new(Cause::NotFound, "there is no such Group"))?;
    let attributes = serde_json::Map::<String, Value>::new();
    let new = NewScimRecord {
        resource: &id,
        resource_type: "Group",
        attributes: &attributes,
        external_id,
        made: false,
    };
    let now = asked.parts.clock.now();
    Ok(asked.parts.store.keep_scim_record(asked.system_id(), asked.client(), &new, now).await?)
}
