//! Policies. There are a few thousand at most, most of them AWS's own, so all are read.

use keyreeve_model::{ExternalId, ResourceType as Kind};
use keyreeve_store::{AsOf, ResourceFilter, StoreError};
use serde_json::{Map, Value};

use super::{Known, hit};
use crate::scim::ResourceType;
use crate::scim::list::Hit;
use crate::scim::query::Prepared;
use crate::scim_http::shape::policy::policy;

impl Known<'_> {
    /// The policies of these ids, or all.
    pub(super) async fn policies(
        &self,
        ids: Option<&[ExternalId]>,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let filter = ResourceFilter { kind: Some(Kind::Policy), ..ResourceFilter::default() };
        let mut found =
            self.asked.parts.store.list_resources(self.asked.system_id(), AsOf::Now, &filter).await?;
        found.retain(|known| ids.is_none_or(|ids| ids.contains(&known.external_id)));
        let (kind, base) = (&self.asked.model.policy, &self.asked.base);
        Ok(found.iter().map(|known| policy(kind, known, base)).collect())
    }

    pub(super) async fn policy_hits(
        &self,
        kind: &'static ResourceType,
        prepared: &Prepared,
    ) -> Result<Vec<Hit>, StoreError> {
        let found = self.policies(None).await?;
        Ok(found.iter().filter_map(|policy| hit(kind, prepared, policy)).collect())
    }
}
