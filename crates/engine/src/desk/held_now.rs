//! What is held at AWS now: an import may not have seen it yet, and may have seen what is no longer so.

use std::collections::BTreeMap;

use keyreeve_model::ExternalId;

use super::DeskError;
use super::case::Case;
use crate::plan::AccountFact;
use crate::rights::Right;

/// The values of a list, with what people call each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldNow {
    /// What AWS shows.
    pub shown: BTreeMap<String, String>,
    /// What was given from here a short time ago, and AWS may not show yet.
    pub lately: BTreeMap<String, String>,
}

impl Case {
    /// Who is in a group now, by id; `None` where AWS has no group of this id by the name that it had. Reads only.
    ///
    /// # Errors
    /// [`DeskError::Denied`], [`DeskError::Gather`].
    pub async fn members_now(&self, group: &ExternalId) -> Result<Option<HeldNow>, DeskError> {
        self.require(Right::Operate)?;
        let facts = self.facts(&[]).await?;
        let Some(group) = facts.groups.values().find(|fact| fact.external_id == *group) else {
            return Ok(None);
        };
        let member = |account: &AccountFact| {
            let id = account.external_id.as_ref()?.to_string();
            account.groups.contains(&group.name).then(|| (id, account.name.clone()))
        };
        let lately = |account: &AccountFact| member(&facts.lately.laid_over(account)?);
        let accounts = || facts.accounts.values();
        Ok(Some(HeldNow {
            shown: accounts().filter_map(member).collect(),
            lately: accounts().filter_map(lately).collect(),
        }))
    }

    /// The policies that are attached to an account now, by ARN. None to one that is not there. Reads only.
    ///
    /// # Errors
    /// As [`Case::members_now`].
    pub async fn policies_now(&self, account: &ExternalId) -> Result<HeldNow, DeskError> {
        self.require(Right::Operate)?;
        let facts = self.facts(&[]).await?;
        let found = facts.accounts.values().find(|fact| fact.external_id.as_ref() == Some(account));
        let Some(found) = found else { return Ok(HeldNow::default()) };
        let called = |arn: &String| (arn.clone(), arn.rsplit('/').next().unwrap_or(arn).to_owned());
        let lately = facts.lately.laid_over(found).map(|account| account.policies).unwrap_or_default();
        Ok(HeldNow {
            shown: found.policies.iter().map(called).collect(),
            lately: lately.iter().map(called).collect(),
        })
    }
}
