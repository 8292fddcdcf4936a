//! What is known of a system's users, groups and policies: from the store alone, with what we changed and no import has
//! seen laid over it. What a client deleted is not there.

mod groups;
mod policies;
mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use keyreeve_engine::unseen::Unseen;
use keyreeve_model::ExternalId;
use keyreeve_store::{AccountPlace, ScimDeleted, ScimStanding, StoreError};
use serde_json::{Map, Value};

use super::asked::Asked;
use crate::scim::list::Hit;
use crate::scim::projection::Projection;
use crate::scim::query::Prepared;
use crate::scim::{Error, Filter, ResourceType};

/// So many resources are built at once where all must be looked at.
const BATCH: usize = 1_000;

/// A system as it is known now. Claims are loaded first, so that one which an import settles in between shows once too
/// often, and never too seldom.
pub(crate) struct Known<'a> {
    asked: &'a Asked,
    unseen: Unseen,
    /// Users that are gone for SCIM.
    deleted: BTreeMap<ExternalId, ScimDeleted>,
    /// Every user that an import has seen, where that is at hand.
    places: Option<Arc<[AccountPlace]>>,
}

/// A resource, if the query means it.
fn hit(kind: &ResourceType, prepared: &Prepared, resource: &Map<String, Value>) -> Option<Hit> {
    let meant = prepared.filter.as_ref().is_none_or(|filter| filter.matches(resource));
    meant.then(|| Hit {
        key: prepared.sort.key(resource),
        id: resource.get("id").and_then(Value::as_str).unwrap_or_default().into(),
        kind: kind.name,
    })
}

impl<'a> Known<'a> {
    /// Looks what was done and is not seen yet, and what is gone. Of a system that was never imported nothing is known.
    pub(crate) async fn load(asked: &'a Asked) -> Result<Self, StoreError> {
        let (store, system) = (&asked.parts.store, asked.system_id());
        let ScimStanding { claims, deleted, enabled, places } = store.scim_standing(system).await?;
        let mut known = Self { asked, unseen: Unseen::of_claims(claims), deleted, places };
        known.forget_those_back(enabled).await?;
        Ok(known)
    }

    /// Every resource of a type that a query means, in no order.
    pub(crate) async fn hits(
        &self,
        kind: &'static ResourceType,
        prepared: &Prepared,
    ) -> Result<Vec<Hit>, StoreError> {
        if prepared.filter.as_ref().is_some_and(Filter::holds_of_nothing) {
            return Ok(Vec::new());
        }
        match kind.name {
            "User" => self.user_hits(kind, prepared).await,
            "Group" => self.group_hits(kind, prepared).await,
            _ => self.policy_hits(kind, prepared).await,
        }
    }

    /// The resources of these ids, whole, by id; those that are not there are left out.
    pub(crate) async fn resources(
        &self,
        kind: &'static ResourceType,
        ids: &[String],
    ) -> Result<BTreeMap<String, Map<String, Value>>, StoreError> {
        let ids: Vec<ExternalId> = ids.iter().filter_map(|id| ExternalId::new(id.as_str()).ok()).collect();
        let found = match kind.name {
            "User" => self.users(&ids, true).await?,
            "Group" => self.groups(Some(&ids), true).await?,
            _ => self.policies(Some(&ids)).await?,
        };
        let id = |resource: &Map<String, Value>| {
            resource.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(found.into_iter().map(|resource| (id(&resource), resource)).collect())
    }

    /// The JSON of the resources of these ids as a client sees them, by id; those that are not there are left out.
    pub(crate) async fn texts(
        &self,
        kind: &'static ResourceType,
        ids: &[String],
        projection: &Projection,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        if kind.name == "User" && projection.is_whole() {
            return self.user_texts(kind, ids).await;
        }
        let found = self.resources(kind, ids).await?.into_iter();
        Ok(found.map(|(id, whole)| (id, projection.text(kind, whole))).collect())
    }

    /// The resource of this id, whole.
    pub(crate) async fn resource(
        &self,
        kind: &'static ResourceType,
        id: &str,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        let mut found = self.resources(kind, std::slice::from_ref(&id.to_owned())).await?;
        Ok(found.remove(id))
    }
}

/// Whether a query can be answered only with these attributes at hand.
fn asks_for(prepared: &Prepared, attributes: &[&str]) -> bool {
    attributes.contains(&prepared.sort.place().attribute)
        || prepared.filter.as_ref().is_some_and(|filter| filter.asks_for(attributes))
}

/// The refusal of an id that nothing has.
pub(crate) fn none_such(kind: &ResourceType) -> Error {
    Error::new(crate::scim::Cause::NotFound, format!("there is no such {}", kind.name))
}
