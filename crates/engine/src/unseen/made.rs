//! Accounts that we made and no import has seen: what is known of them is what was done.

use std::collections::BTreeMap;

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
        let born: Vec<_> = ids.iter().filter_map(|id| Some((id, self.born.get(id)?))).collect();
        let tasks: Vec<TaskId> = born.iter().map(|(_, (task, _))| *task).collect();
        if tasks.is_empty() {
            return Ok(Vec::new());
        }
        let wishes = store.wishes_of(&tasks).await?;
        let made = born.into_iter().filter_map(|(id, (task, at))| {
            let name = self.made.get(id)?.clone();
            let path = match wishes.get(task) {
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
                credentials: Credentials { source: CredentialSource::None, as_of: Some(*at) },
                created_at: *at,
                password_last_used_at: None,
                tags: Some(BTreeMap::new()),
                permissions_boundary: None,
                inline_policies: Some(Vec::new()),
                first_seen_run: ImportRunId(0),
                last_seen_run: ImportRunId(0),
            })
        });
        Ok(made.collect())
    }
}
