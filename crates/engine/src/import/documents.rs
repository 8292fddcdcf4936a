//! What policies say. It is kept beside the inventory and never decides about an import: what AWS does not give is said by a
//! warning, and what was known of it before stays. Only a store that fails ends the import, as it does everywhere.
//!
//! A page is handed to the store before the next is asked for, so there is never more of it in memory than one answer
//! (which is bounded, as all are), however large the account.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use keyreeve_connector::{Detail, Marker, Page, PolicyDetail, PolicyEntry};
use keyreeve_model::{
    ExternalId, ImportRunId, ImportScope, InlinePolicy, Inventory, SystemId, Warning, canonical,
};
use keyreeve_store::{ReadVersion, Store, StoreError};

use super::listing::{Follow, Listing};
use super::reader::{ReadError, Reader};

/// Where the documents of a run go.
pub(crate) struct Documents<'a> {
    store: &'a Store,
    system_id: &'a SystemId,
    run: ImportRunId,
    /// What could not be read first.
    missed: Mutex<Option<String>>,
    /// How the store failed first.
    failed: Mutex<Option<StoreError>>,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(store: &'a Store, system_id: &'a SystemId, run: ImportRunId) -> Self {
        Self { store, system_id, run, missed: Mutex::default(), failed: Mutex::default() }
    }

    /// Keeps documents of inline policies.
    pub(crate) async fn keep_inline(&self, documents: Vec<String>) {
        if !documents.is_empty() {
            self.note(self.store.keep_documents(&documents).await);
        }
    }

    /// Reads the versions of all policies of a scope, and keeps them. Not everybody who speaks as AWS gives the ids of
    /// policies there: those that were listed have theirs by their ARN.
    pub(crate) async fn read_versions(
        &self,
        reader: &Reader<'_>,
        scope: &ImportScope,
        listed: &[PolicyEntry],
    ) {
        if listed.is_empty() || reader.halt.is_halted() {
            return;
        }
        let ids: HashMap<&str, &ExternalId> =
            listed.iter().map(|policy| (policy.arn.as_str(), &policy.external_id)).collect();
        let mut listing = Listing::default();
        let mut marker: Option<Marker> = None;
        loop {
            let fetch = || reader.inventory.list_policy_details(scope.policy_scope, marker.as_ref());
            let page = match reader.call(None, fetch).await {
                Ok(page) => page,
                Err(error) => return self.miss(&error.to_string()),
            };
            reader.check_account(&page.account_ids);
            if reader.halt.is_halted() {
                return;
            }
            let read = page.items.len();
            self.keep_page(page.items, &ids).await;
            match listing.follow(page.next, read) {
                Follow::Whole => return,
                Follow::Page(next) => marker = Some(next),
                Follow::Broken(reason) => return self.miss(&ReadError::Broken(reason).to_string()),
            }
        }
    }

    async fn keep_page(&self, policies: Vec<PolicyDetail>, ids: &HashMap<&str, &ExternalId>) {
        let mut versions = Vec::new();
        let mut read: Vec<ExternalId> = Vec::with_capacity(policies.len());
        // A policy has one version at least: without any, its versions did not come.
        for policy in policies.into_iter().filter(|policy| !policy.versions.is_empty()) {
            let id = policy.external_id.or_else(|| ids.get(policy.arn.as_str()).map(|id| (*id).clone()));
            let Some(external_id) = id else { continue };
            versions.extend(policy.versions.into_iter().map(|version| ReadVersion {
                external_id: external_id.clone(),
                version_id: version.version_id,
                created_at: version.created_at,
                document: version.document,
            }));
            read.push(external_id);
        }
        self.note(self.store.keep_policy_versions(self.system_id, self.run, &read, versions).await);
    }

    fn note(&self, kept: Result<(), StoreError>) {
        if let Err(error) = kept {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn miss(&self, why: &str) {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| why.to_owned());
    }

    /// That something could not be read.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) fn ended(&self) -> Result<Option<Warning>, StoreError> {
        if let Some(error) = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(missed.map(|why| {
            let message =
                format!("what some policies say could not be read, and stays as it was known: {why}");
            Warning::new("documents_unknown", message)
        }))
    }
}

/// So many documents are compared at once.
const AT_ONCE: usize = 50;

/// Leaves inline policies as they are known that say what they said, in another order or form: nobody changed what is
/// permitted. A text that was not kept, as by a preview, is another one.
///
/// # Errors
/// The store failed.
pub(crate) async fn keep_what_says_the_same(
    store: &Store,
    known: &Inventory,
    after: &mut Inventory,
) -> Result<(), StoreError> {
    let accounts = known.accounts.iter().map(|one| (&one.external_id, &one.inline_policies));
    let resources = known.resources.iter().map(|one| (&one.external_id, &one.inline_policies));
    let known: HashMap<&ExternalId, &Vec<InlinePolicy>> = accounts
        .chain(resources)
        .filter_map(|(id, inline)| Some((id, inline.as_ref().filter(|inline| !inline.is_empty())?)))
        .collect();
    let accounts = after.accounts.iter_mut().map(|one| (&one.external_id, &mut one.inline_policies));
    let resources = after.resources.iter_mut().map(|one| (&one.external_id, &mut one.inline_policies));
    let mut pairs: Vec<(&InlinePolicy, &mut InlinePolicy)> = Vec::new();
    for (id, inline) in accounts.chain(resources) {
        let Some(before) = known.get(id) else { continue };
        for now in inline.iter_mut().flatten().filter(|now| now.document_sha256.is_some()) {
            let before = before.iter().find(|before| before.name == now.name);
            let other = before.filter(|before| {
                before.document_sha256.is_some() && before.document_sha256 != now.document_sha256
            });
            if let Some(before) = other {
                pairs.push((before, now));
            }
        }
    }
    for some in pairs.chunks_mut(AT_ONCE) {
        let asked: Vec<InlinePolicy> =
            some.iter().flat_map(|(before, now)| [(*before).clone(), (**now).clone()]).collect();
        let documents = store.inline_documents(&asked).await?;
        for ((before, now), said) in some.iter_mut().zip(documents.chunks(2)) {
            let texts: Vec<Option<String>> =
                said.iter().map(|one| one.document.as_deref().and_then(canonical)).collect();
            if let [Some(one), Some(other)] = &texts[..]
                && one == other
            {
                now.document_sha256.clone_from(&before.document_sha256);
            }
        }
    }
    Ok(())
}

/// Takes the documents of inline policies out of a page.
pub(crate) fn take_inline(page: &mut Page<Detail>) -> Vec<String> {
    let mut documents = Vec::new();
    for detail in &mut page.items {
        documents.append(match detail {
            Detail::Account(account) => &mut account.documents,
            Detail::Group(group) => &mut group.documents,
        });
    }
    documents
}
