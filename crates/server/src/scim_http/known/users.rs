//! Users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use keyreeve_model::{Account, AccountStatus, ExternalId};
use keyreeve_store::{AccountPlace, AsOf, ScimDeleted, ScimUsers, StoreError};
use serde_json::{Map, Value};

use super::{BATCH, Known, asks_for, hit};
use crate::scim::ResourceType;
use crate::scim::filter::Condition;
use crate::scim::list::Hit;
use crate::scim::path::Place;
use crate::scim::projection::Projection;
use crate::scim::query::Prepared;
use crate::scim::sort::SortKey;
use crate::scim_http::shape::user::{Beside, put_at_hand, text, user};

/// What is known of every user without reading them ([`put_at_hand`]).
const AT_HAND: [&str; 3] = ["id", "userName", "active"];

impl Known<'_> {
    /// Whoever has a way in again is there again, whoever gave it: a client must see who can come in.
    pub(super) async fn forget_those_back(&mut self, seen: Vec<ExternalId>) -> Result<(), StoreError> {
        if self.deleted.is_empty() {
            return Ok(());
        }
        // What was done before AWS was seen to have somebody no more gives nobody a way in.
        let since = |id: &ExternalId, deleted: &ScimDeleted| {
            deleted.gone_at.is_none_or(|gone_at| self.unseen.changed_at(id) > Some(gone_at))
        };
        let touched = self.unseen.accounts();
        let touched =
            touched.filter(|id| self.deleted.get(*id).is_some_and(|deleted| since(id, deleted))).cloned();
        let perhaps: BTreeSet<ExternalId> = seen.into_iter().chain(touched).collect();
        let perhaps: Vec<ExternalId> = perhaps.into_iter().collect();
        for account in self.accounts_in_aws(&perhaps).await? {
            if account.status == AccountStatus::Enabled {
                self.deleted.remove(&account.external_id);
            }
        }
        Ok(())
    }

    /// Accounts of these ids as they are now, those that are gone for SCIM left out.
    pub(crate) async fn accounts(&self, ids: &[ExternalId]) -> Result<Vec<Account>, StoreError> {
        let there: Vec<ExternalId> =
            ids.iter().filter(|id| !self.deleted.contains_key(*id)).cloned().collect();
        self.accounts_in_aws(&there).await
    }

    /// Accounts of these ids as they are now, those that are gone for SCIM included.
    pub(crate) async fn accounts_in_aws(&self, ids: &[ExternalId]) -> Result<Vec<Account>, StoreError> {
        let seen = self.asked.parts.store.accounts_by_id(self.asked.system_id(), ids).await?;
        self.with_those_made(seen, ids).await
    }

    /// The accounts of these ids as they are now, of which an import has seen these.
    async fn with_those_made(
        &self,
        seen: Vec<Account>,
        ids: &[ExternalId],
    ) -> Result<Vec<Account>, StoreError> {
        let (store, system) = (&self.asked.parts.store, &self.asked.system);
        let seen_ids: BTreeSet<&ExternalId> = seen.iter().map(|account| &account.external_id).collect();
        let others: Vec<ExternalId> = ids.iter().filter(|id| !seen_ids.contains(id)).cloned().collect();
        let made = self.unseen.made_accounts(store, system, &others).await?;
        Ok(seen.into_iter().filter_map(|account| self.unseen.laid_over(account)).chain(made).collect())
    }

    /// The account of this name as it is now, ignoring case; one that is gone for SCIM only where no other has the name.
    pub(crate) async fn account_called(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let ids: Vec<ExternalId> = self.called(name).await?.into_iter().collect();
        let mut found = self.accounts_in_aws(&ids).await?;
        found.retain(|account| account.name.eq_ignore_ascii_case(name));
        Ok(found.into_iter().min_by_key(|account| self.deleted.contains_key(&account.external_id)))
    }

    /// The client that deleted this user, for SCIM.
    pub(crate) fn deleted_by(&self, id: &ExternalId) -> Option<&str> {
        self.deleted.get(id).map(|deleted| deleted.by.as_str())
    }

    /// Whether AWS had nobody of this id when a client deleted the user, and none was seen since.
    pub(crate) fn went(&self, id: &ExternalId) -> bool {
        self.deleted.get(id).is_some_and(|deleted| deleted.gone_at.is_some())
    }

    /// The client that made this user over SCIM, if any did.
    pub(crate) async fn made_by(&self, id: &ExternalId) -> Result<Option<String>, StoreError> {
        let (store, system) = (&self.asked.parts.store, self.asked.system_id());
        let mut users =
            store.scim_users(system, self.asked.client(), std::slice::from_ref(id), false).await?;
        Ok(users.records.remove(id).and_then(|record| record.made_by))
    }

    /// The user of this id, whole; one that is gone for SCIM included.
    pub(crate) async fn user_in_aws(
        &self,
        id: &ExternalId,
    ) -> Result<Option<Map<String, Value>>, StoreError> {
        Ok(self.users_in_aws(std::slice::from_ref(id), true).await?.pop())
    }

    /// The users of these ids. Without `held`, groups and entitlements are left out.
    pub(super) async fn users(
        &self,
        ids: &[ExternalId],
        held: bool,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let there: Vec<ExternalId> =
            ids.iter().filter(|id| !self.deleted.contains_key(*id)).cloned().collect();
        self.users_in_aws(&there, held).await
    }

    /// The JSON of the users of these ids for a client that wants all of it, by id.
    pub(super) async fn user_texts(
        &self,
        kind: &'static ResourceType,
        ids: &[String],
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let ids = ids.iter().filter_map(|id| ExternalId::new(id.as_str()).ok());
        let there: Vec<ExternalId> = ids.filter(|id| !self.deleted.contains_key(id)).collect();
        let show = |account: &Account, beside: Beside<'_>| {
            let base = &self.asked.base;
            let shown = || Projection::default().text(kind, user(kind, account, beside, base));
            (account.external_id.to_string(), text(kind, account, beside, base).unwrap_or_else(shown))
        };
        Ok(self.each_in_aws(&there, true, show).await?.into_iter().collect())
    }

    async fn users_in_aws(
        &self,
        ids: &[ExternalId],
        held: bool,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let kind = &self.asked.model.user;
        self.each_in_aws(ids, held, |account, beside| user(kind, account, beside, &self.asked.base)).await
    }

    /// The accounts of these ids with what is known beside them, those that are gone for SCIM included. Without `held`,
    /// what they hold is left out.
    async fn each_in_aws<T>(
        &self,
        ids: &[ExternalId],
        held: bool,
        show: impl Fn(&Account, Beside<'_>) -> T,
    ) -> Result<Vec<T>, StoreError> {
        let (store, system) = (&self.asked.parts.store, self.asked.system_id());
        let ScimUsers { accounts, records, revisions, mut changed, held } =
            store.scim_users(system, self.asked.client(), ids, held).await?;
        let accounts = self.with_those_made(accounts, ids).await?;
        let shown = accounts.iter().map(|account| {
            let id = &account.external_id;
            let beside = Beside {
                held: held.get(id).map(Vec::as_slice).unwrap_or_default(),
                record: records.get(id),
                revision: revisions.get(id).copied().unwrap_or_default(),
                changed_at: changed.remove(id).max(self.unseen.changed_at(id)),
            };
            show(account, beside)
        });
        Ok(shown.collect())
    }

    pub(super) async fn user_hits(
        &self,
        kind: &'static ResourceType,
        prepared: &Prepared,
    ) -> Result<Vec<Hit>, StoreError> {
        let held = asks_for(prepared, &["groups", "entitlements", "meta"]);
        let filter = prepared.filter.as_ref();
        let conditions = filter.map(|filter| filter.narrow()).unwrap_or_default();
        if let Some(ids) = self.looked_up(&conditions).await? {
            let ids: Vec<ExternalId> = ids.into_iter().collect();
            let found = self.users(&ids, held).await?;
            return Ok(found.iter().filter_map(|user| hit(kind, prepared, user)).collect());
        }
        if [Place::of("userName"), Place::of("id")].contains(&prepared.sort.place())
            && filter.is_none_or(|filter| filter.asks_for_nothing_but(&AT_HAND))
        {
            return self.places_hits(kind, prepared).await;
        }
        let ids: Vec<ExternalId> = self.places().await?.into_iter().map(|place| place.external_id).collect();
        let mut hits = Vec::new();
        for some in ids.chunks(BATCH) {
            let found = self.users(some, held).await?;
            hits.extend(found.iter().filter_map(|user| hit(kind, prepared, user)));
        }
        Ok(hits)
    }

    /// Hits that id, name and status alone decide about.
    async fn places_hits(
        &self,
        kind: &'static ResourceType,
        prepared: &Prepared,
    ) -> Result<Vec<Hit>, StoreError> {
        let mut places = self.places().await?;
        if let Some(filter) = &prepared.filter {
            let mut resource = Map::new();
            places.retain(|place| {
                put_at_hand(&mut resource, place);
                filter.matches(&resource)
            });
        }
        let by_id = prepared.sort.place() == Place::of("id");
        let hit = |AccountPlace { external_id, folded_name, .. }: AccountPlace| {
            let id: Arc<str> = external_id.into();
            let key = SortKey::Text(if by_id { Arc::clone(&id) } else { folded_name });
            Hit { key, id, kind: kind.name }
        };
        Ok(places.into_iter().map(hit).collect())
    }

    /// Every user's id, name and status as they are now; those that we changed come last.
    async fn places(&self) -> Result<Vec<AccountPlace>, StoreError> {
        let seen = match &self.places {
            Some(places) => Arc::clone(places),
            None => self.asked.parts.store.account_places(self.asked.system_id()).await?,
        };
        let touched: BTreeSet<&ExternalId> = self.unseen.accounts().collect();
        let mut places: Vec<AccountPlace> = seen
            .iter()
            .filter(|place| {
                !touched.contains(&place.external_id) && !self.deleted.contains_key(&place.external_id)
            })
            .cloned()
            .collect();
        let touched: Vec<ExternalId> = touched.into_iter().cloned().collect();
        let now = self.accounts(&touched).await?;
        places.extend(now.into_iter().map(|one| AccountPlace::new(one.external_id, one.name, one.status)));
        Ok(places)
    }

    /// The ids that can meet these conditions, if one of them can be looked up.
    async fn looked_up(&self, conditions: &[Condition]) -> Result<Option<BTreeSet<ExternalId>>, StoreError> {
        let Some(condition) = conditions.first() else { return Ok(None) };
        Ok(Some(match condition {
            Condition::Id(id) => ExternalId::new(id.as_str()).ok().into_iter().collect(),
            Condition::UserName(name) => self.called(name).await?,
            Condition::ExternalId(text) => {
                let (store, client) = (&self.asked.parts.store, self.asked.client());
                let found = store.scim_called(self.asked.system_id(), client, "User", text).await?;
                found.into_iter().collect()
            }
        }))
    }

    async fn called(&self, name: &str) -> Result<BTreeSet<ExternalId>, StoreError> {
        let mut ids: BTreeSet<ExternalId> = self.unseen.now_called(name).cloned().collect();
        let (store, system_id) = (&self.asked.parts.store, self.asked.system_id());
        ids.extend(
            store.account_called(system_id, AsOf::Now, name).await?.map(|account| account.external_id),
        );
        Ok(ids)
    }
}
