//! One account, by its id or its name.

use keyreeve_model::{Account, SystemId};

use super::Reading;
use crate::history;
use crate::transaction::{Transaction, reading};
use crate::{AsOf, Store, StoreError};

impl Store {
    /// One account by external id or name: what is exactly an id first, because a name can be anything, another's id as
    /// well; then the exact name, then the name in any case.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], [`StoreError::NotImported`], and those of [`Self::list_accounts`].
    pub async fn get_account(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        name: &str,
    ) -> Result<Account, StoreError> {
        reading!(self, "reading the account", |transaction| {
            let not_found =
                || StoreError::AccountNotFound { system_id: system_id.clone(), name: name.to_owned() };
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let read = |row: &_| history::read_account(row, system_id, &reading.coverage);
            let mut text = reading.select(history::select_accounts());
            text.push(" AND v.external_id = ").bind(name);
            match transaction.fetch_optional(text, read).await? {
                Some(account) => Ok(account),
                None => reading.account_called(transaction, name).await?.ok_or_else(not_found),
            }
        })
        .await
    }

    /// One account as people ask for it, by external id or name: as [`Self::get_account`], where that is certain.
    ///
    /// # Errors
    /// Those of [`Self::get_account`]; [`StoreError::AmbiguousAccount`].
    pub async fn account_asked_for(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        given: &str,
    ) -> Result<Account, StoreError> {
        let account = self.get_account(system_id, as_of, given).await?;
        let named = match account.external_id.as_str() == given {
            true => self.account_called(system_id, as_of, given).await?,
            false => None,
        };
        match named.filter(|named| named.name == given && named.external_id != account.external_id) {
            Some(named) => Err(StoreError::AmbiguousAccount {
                given: given.to_owned(),
                name: account.name,
                external_id: named.external_id,
            }),
            None => Ok(account),
        }
    }

    /// One account by its name alone, whoever's id that is: the exact name first, then the name in any case.
    ///
    /// # Errors
    /// [`StoreError::NotImported`], and those of [`Self::list_accounts`].
    pub async fn account_called(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        name: &str,
    ) -> Result<Option<Account>, StoreError> {
        reading!(self, "reading the account", |transaction| {
            Reading::known(transaction, system_id, as_of).await?.account_called(transaction, name).await
        })
        .await
    }
}

impl Reading {
    async fn account_called(
        &self,
        transaction: &mut Transaction,
        name: &str,
    ) -> Result<Option<Account>, StoreError> {
        let read = |row: &_| history::read_account(row, &self.system.system.system_id, &self.coverage);
        let mut text = self.select(history::select_accounts());
        text.push(" AND lower(v.name) = lower(").bind(name).push(")");
        let mut found = transaction.fetch(text, read).await?;
        found.sort_by_key(|account| account.name != name);
        Ok(found.into_iter().next())
    }
}
