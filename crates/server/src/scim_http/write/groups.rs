//! Changes of groups: who is in them, and what clients call them.

use std::collections::BTreeMap;

use keyreeve_engine::desk::HeldNow;
use keyreeve_model::ExternalId;
use keyreeve_store::{ScimBecomes, ScimMark, ScimSaid};
use serde_json::{Map, Value};

use super::began::Began;
use super::held_now::with_now;
use super::job::{Others, done, looked};
use super::{Change, Resource, before_and_after};
use crate::meant::Meant;
use crate::scim_http::answer::Refusal;
use crate::scim_http::asked::Asked;
use crate::scim_http::known::{Known, none_such};
use crate::scim_http::wishes;

const MEMBERS: &str = "members";

/// Changes a group.
pub(super) async fn change(
    asked: &Asked,
    id: &str,
    change: Change<'_>,
    began: &Began,
) -> Result<Resource, Refusal> {
    let kind = &asked.model.group;
    let _turn = asked.turn([format!("id/{id}")]).await?;
    let external = ExternalId::new(id).map_err(|_| none_such(kind))?;
    let mut others = Others::default();
    loop {
        let since = others.gone(asked, &external).await?;
        match changed(asked, id, &change, since, began).await {
            Err(refusal) if others.were_faster(&refusal) => {}
            done => return done,
        }
    }
}

async fn changed(
    asked: &Asked,
    id: &str,
    change: &Change<'_>,
    since: Option<ScimMark>,
    began: &Began,
) -> Result<Resource, Refusal> {
    let kind = &asked.model.group;
    let known = Known::load(asked).await?;
    let (stored, after, _) = before_and_after(&known, kind, id, change).await?;
    let external = ExternalId::new(id).map_err(|_| none_such(kind))?;
    let (mut before, mut after, mut now) = (stored.clone(), after, HeldNow::default());
    if change.names(kind, MEMBERS) {
        let group = external.clone();
        now = looked(asked, |case| async move { case.members_now(&group).await }).await?;
        (before, after) = with_now(kind, MEMBERS, &stored, change, &now)?;
    }
    let ids: Vec<ExternalId> = wishes::members_changed(&before, &after)
        .into_iter()
        .filter_map(|id| ExternalId::new(id).ok())
        .collect();
    let mut users: BTreeMap<String, ExternalId> =
        known.accounts(&ids).await?.into_iter().map(|account| (account.name, account.external_id)).collect();
    // Whom AWS shows has the name that it shows.
    let named = |id: &ExternalId| now.shown.get(id.as_str()).map(|name| (name.clone(), id.clone()));
    users.retain(|_, id| named(id).is_none());
    users.extend(ids.iter().filter_map(named));
    let names: BTreeMap<String, String> =
        users.iter().map(|(name, id)| (id.to_string(), name.clone())).collect();
    let changes = wishes::of_group(&before, &after, &names)?;
    if changes.wishes.is_empty() && changes.external_id.is_none() {
        return Ok(stored);
    }
    let said = ScimSaid {
        resource: Some(external.clone()),
        resource_type: "Group".to_owned(),
        changes: Map::new(),
        external_id: changes.external_id,
        becomes: ScimBecomes::Kept,
    };
    let group = stored.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let meant = Meant { users, group: Some((group, external)) };
    done(asked, (changes.wishes, meant), None, (said, since), began).await?;
    let known = Known::load(asked).await?;
    Ok(known.resource(kind, id).await?.ok_or_else(|| none_such(kind))?)
}
