//! What is held against an account whenever a task about it is taken, from what is at hand: who the connector is, and
//! the protect list as it is now.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyreeve_connector::{AccountEntry, Identity};
use keyreeve_model::{Protection, StepCall, Task};
use keyreeve_store::Signer;

use crate::plan::protect;

/// Keeps hands off the accounts that systems sign in with and off what is on the protect list.
#[derive(Clone)]
pub(super) struct Guard<'a> {
    pub(super) identity: &'a Identity,
    /// The accounts that systems of this store sign in with.
    pub(super) signers: Arc<Vec<Signer>>,
    pub(super) protections: Arc<Vec<Protection>>,
}

impl Guard<'_> {
    /// Why this account must be left alone; `None` when it need not.
    pub(super) fn against(
        &self,
        account: &AccountEntry,
        tags: Option<&BTreeMap<String, String>>,
    ) -> Option<String> {
        let Identity { arn, external_id, .. } = self.identity;
        let AccountEntry { external_id: id, name, path, arn: account_arn, .. } = account;
        if protect::is_own((arn, external_id), (Some(id), account_arn, name)) {
            return Some(protect::own(name));
        }
        protect::signs_in(&self.signers, (Some(id), account_arn, name))
            .or_else(|| protect::listed(&self.protections, name, path, tags))
    }

    /// Why the account that a task is about to make must not be made.
    pub(super) fn against_creation(&self, task: &Task) -> Option<String> {
        let made = task.steps.iter().filter(|step| step.attempts == 0).find_map(|step| match &step.call {
            StepCall::CreateAccount { account, path, tags, .. } => Some((account, path, tags)),
            _ => None,
        });
        made.and_then(|(name, path, tags)| protect::listed(&self.protections, name, path, Some(tags)))
    }
}
