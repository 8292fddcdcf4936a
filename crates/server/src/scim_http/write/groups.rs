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
use crate::scim::{Cause, Error};
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
    // Whom nobody knows is refused before AWS is asked.
    wishes::of_group(&stored, &after, &names_of(&changed_users(&known, &stored, &after).await?.1))?;
    let (mut before, mut after, mut now) = (stored.clone(), after, HeldNow::default());
    if change.names(kind, MEMBERS) {
        let group = external.clone();
        let found = looked(asked, |case| async move { case.members_now(&group).await }).await?;
        now = found.ok_or_else(|| not_this_group(&stored, &external))?;
        (before, after) = with_now(kind, MEMBERS, &stored, change, &now)?;
    }
    let (ids, mut users) = changed_users(&known, &before, &after).await?;
    // Whom AWS shows has the name that it shows.
    let named = |id: &ExternalId| now.shown.get(id.as_str()).map(|name| (name.clone(), id.clone()));
    users.retain(|_, id| named(id).is_none());
    users.extend(ids.iter().filter_map(named));
    let changes = wishes::of_group(&before, &after, &names_of(&users))?;
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

/// The users whom a change of the members is about: their ids, and those that are known by their names.
async fn changed_users(
    known: &Known<'_>,
    before: &Resource,
    after: &Resource,
) -> Result<(Vec<ExternalId>, BTreeMap<String, ExternalId>), Refusal> {
    let ids: Vec<ExternalId> = wishes::members_changed(before, after)
        .into_iter()
        .filter_map(|id| ExternalId::new(id).ok())
        .collect();
    let users = known.accounts(&ids).await?.into_iter().map(|account| (account.name, account.external_id));
    Ok((ids, users.collect()))
}

fn names_of(users: &BTreeMap<String, ExternalId>) -> BTreeMap<String, String> {
    users.iter().map(|(name, id)| (id.to_string(), name.clone())).collect()
}

fn not_this_group(group: &Resource, id: &ExternalId) -> Error {
    let name = group.get("displayName").and_then(Value::as_str).unwrap_or_default();
    let detail = format!(
        "the group of the id {id} is not {name} at AWS any more, and nobody was put into it or taken out of it; import the \
         system, then read the group again"
    );
    Error::new(Cause::Conflict, detail)
}
