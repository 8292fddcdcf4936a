//! Accounts that we made and no import has seen: what is known of them is what was done.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keyreeve_model::{
    Account, AccountStatus, ClaimFact, CredentialSource, Credentials, ExternalId, ImportRunId, LoginProfile,
    System, TaskId, Wish,
};
use keyreeve_store::{Store, StoreError};

use super::Unseen;

impl Unseen {
    /// Id and name of each account that we made, whether an import has seen it or not.
    pub fn made_ids(&self) -> impl Iterator<Item = (&ExternalId, &str)> {
        self.made.iter().filter(|(id, _)| self.born.contains_key(*id)).map(|(id, name)| (id, name.as_str()))
    }

    /// The name that we gave an account and no import has seen.
    #[must_use]
    pub fn name_of(&self, account: &ExternalId) -> Option<&str> {
        let named = self.of(account).iter().rev().find_map(|fact| match fact {
            ClaimFact::Named { name } => Some(name.as_str()),
            _ => None,
        });
        named.or_else(|| self.made.get(account).map(String::as_str))
    }

    /// The accounts that have a name by us that no import has seen, ignoring case.
    pub fn now_called<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ExternalId> {
        self.accounts()
            .filter(move |id| self.name_of(id).is_some_and(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Those of these ids that we made, as they are after what was done. The caller leaves out what an import has seen.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn made_accounts(
        &self,
        store: &Store,
        system: &System,
        ids: &[ExternalId],
    ) -> Result<Vec<Account>, StoreError> {
        Self::made_in_many(store, &[(system, self, ids)]).await
    }

    /// The same of several systems, each with what is claimed there and with ids of it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn made_in_many(
        store: &Store,
        of: &[(&System, &Self, &[ExternalId])],
    ) -> Result<Vec<Account>, StoreError> {
        let born = of.iter().flat_map(|(system, unseen, ids)| {
            ids.iter().filter_map(move |id| Some((*system, *unseen, id, *unseen.born.get(id)?)))
        });
        let born: Vec<_> = born.collect();
        let tasks: Vec<TaskId> = born.iter().map(|(.., (task, _))| *task).collect();
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let wishes = store.wishes_of(&tasks).await?;
        let made = born.into_iter().filter_map(|(system, unseen, id, (task, at))| {
            unseen.made_account(system, id, wishes.get(&task), at)
        });
        Ok(made.collect())
    }

    /// An account that we made then, as it is after what was done.
    fn made_account(
        &self,
        system: &System,
        id: &ExternalId,
        wish: Option<&Wish>,
        at: Timestamp,
    ) -> Option<Account> {
        let name = self.made.get(id)?.clone();
        let path = match wish {
            Some(Wish::CreateAccount { path: Some(path), .. }) => path.clone(),
            _ => "/".to_owned(),
        };
        let partition = system.partition.as_deref().unwrap_or("aws");
        let owner = system.aws_account_id.as_ref().map(ToString::to_string).unwrap_or_default();
        self.laid_over(Account {
            system_id: system.system_id.clone(),
            external_id: id.clone(),
            arn: format!("arn:{partition}:iam::{owner}:user{path}{name}"),
            name,
            path,
            status: AccountStatus::Disabled,
            login_profile: LoginProfile::absent(),
            access_keys: Some(Vec::new()),
            mfa_active: Some(false),
            credentials: Credentials { source: CredentialSource::None, as_of: Some(at) },
            created_at: at,
            password_last_used_at: None,
            tags: Some(BTreeMap::new()),
            permissions_boundary: None,
            inline_policies: Some(Vec::new()),
            first_seen_run: ImportRunId(0),
            last_seen_run: ImportRunId(0),
        })
    }
}
