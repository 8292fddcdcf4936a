//! What is held at AWS now: an import may not have seen it yet, and may have seen what is no longer so.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::ExternalId;

use super::DeskError;
use super::case::Case;
use crate::rights::Right;

impl Case {
    /// Who is in a group now, by id, with their names. Nobody in a group that is not there. Reads only.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Gather`].
    pub async fn members_now(&self, group: &ExternalId) -> Result<BTreeMap<ExternalId, String>, DeskError> {
        self.require(Right::Operate)?;
        let facts = self.facts(&[]).await?;
        let Some(group) = facts.groups.values().find(|fact| fact.external_id == *group) else {
            return Ok(BTreeMap::new());
        };
        let members = facts.accounts.values().filter(|account| account.groups.contains(&group.name));
        Ok(members.filter_map(|account| Some((account.external_id.clone()?, account.name.clone()))).collect())
    }

    /// The ARNs of the policies that are attached to an account now. None to one that is not there. Reads only.
    ///
    /// # Errors
    /// As [`Case::members_now`].
    pub async fn policies_now(&self, account: &ExternalId) -> Result<BTreeSet<String>, DeskError> {
        self.require(Right::Operate)?;
        let facts = self.facts(&[]).await?;
        let found = facts.accounts.into_values().find(|fact| fact.external_id.as_ref() == Some(account));
        Ok(found.map(|account| account.policies).unwrap_or_default())
    }
}
