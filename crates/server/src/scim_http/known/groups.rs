//! Groups. IAM has some hundreds of them at most, so all are read.

use std::collections::HashMap;

use keyreeve_model::{Assignment, ExternalId, Resource, ResourceType as Kind};
use keyreeve_store::{AsOf, ResourceFilter, ScimGroups, StoreError};
use serde_json::{Map, Value};

use super::{BATCH, Known, asks_for, hit};
use crate::scim::ResourceType;
use crate::scim::list::Hit;
use crate::scim::query::Prepared;
use crate::scim_http::shape::group::{Beside, group};

impl Known<'_> {
    /// The groups of these ids, or all. Without `members`, nobody is in them.
    pub(super) async fn groups(
        &self,
        ids: Option<&[ExternalId]>,
        members: bool,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let (store, system) = (&self.asked.parts.store, self.asked.system_id());
        let filter = ResourceFilter { kind: Some(Kind::Group), ..ResourceFilter::default() };
        let mut groups = store.list_resources(system, AsOf::Now, &filter).await?;
        groups.retain(|group| ids.is_none_or(|ids| ids.contains(&group.external_id)));
        let mut shown = Vec::with_capacity(groups.len());
        for some in groups.chunks(BATCH) {
            shown.extend(self.built(some, members).await?);
        }
        Ok(shown)
    }

    async fn built(&self, groups: &[Resource], members: bool) -> Result<Vec<Map<String, Value>>, StoreError> {
        let (store, system) = (&self.asked.parts.store, self.asked.system_id());
        let ScimGroups { records, revisions, changed, members } =
            store.scim_groups(system, self.asked.client(), groups, members).await?;
        let mut by_group: HashMap<&ExternalId, Vec<&Assignment>> = HashMap::new();
        for one in members.iter().filter(|one| !self.deleted.contains_key(&one.subject_external_id)) {
            if let Some(id) = &one.resource_external_id {
                by_group.entry(id).or_default().push(one);
            }
        }
        let kind = &self.asked.model.group;
        let shown = groups.iter().map(|known| {
            let id = &known.external_id;
            let beside = Beside {
                members: by_group.get(id).map(Vec::as_slice).unwrap_or_default(),
                record: records.get(id),
                revision: revisions.get(id).copied().unwrap_or_default(),
                changed_at: changed.get(id).copied(),
            };
            group(kind, known, beside, &self.unseen, &self.asked.base)
        });
        Ok(shown.collect())
    }

    pub(super) async fn group_hits(
        &self,
        kind: &'static ResourceType,
        prepared: &Prepared,
    ) -> Result<Vec<Hit>, StoreError> {
        let found = self.groups(None, asks_for(prepared, &["members", "meta"])).await?;
        Ok(found.iter().filter_map(|group| hit(kind, prepared, group)).collect())
    }
}
