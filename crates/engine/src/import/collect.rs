//! Reads the collections, page by page, and says of each whether it is whole.

use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;

use keyreeve_connector::{
    AccountDetail, AccountEntry, Detail, DetailFilter, Error, GroupDetail, GroupEntry, Marker, Page,
    PolicyEntry,
};
use keyreeve_model::{CollectionName, CollectionState, ExternalId, ImportObject, ImportScope, PolicyScope};
use tokio::sync::mpsc::UnboundedSender;

use super::documents::{Documents, take_inline};
use super::listing::{Follow, Listing};
use super::progress::Stage;
use super::reader::{ReadError, Reader};

/// What was read of a collection, and whether that is all there is.
#[derive(Debug)]
pub(crate) struct Reading<T> {
    pub(crate) items: Vec<T>,
    pub(crate) state: CollectionState,
    pub(crate) reason: Option<String>,
}

impl<T> Reading<T> {
    pub(crate) fn skipped() -> Self {
        Self { items: Vec::new(), state: CollectionState::Skipped, reason: None }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.state == CollectionState::Whole
    }
}

/// Users and groups with what they hold.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub(crate) accounts: Vec<AccountDetail>,
    pub(crate) groups: Vec<GroupDetail>,
}

impl Reading<Detail> {
    /// The entries by kind.
    pub(crate) fn split(self) -> Details {
        let mut details = Details::default();
        for detail in self.items {
            match detail {
                Detail::Account(account) => details.accounts.push(account),
                Detail::Group(group) => details.groups.push(group),
            }
        }
        details
    }
}

/// All users whose path begins with the profile's prefix; each is also sent on at once, for its login profile.
pub(crate) async fn read_users(
    reader: &Reader<'_>,
    scope: &ImportScope,
    each: Option<UnboundedSender<AccountEntry>>,
) -> Reading<AccountEntry> {
    if !scope.objects.contains(&ImportObject::Accounts) {
        return skip(reader, CollectionName::Users);
    }
    let prefix = scope.path_prefix.as_str();
    read_listing(
        reader,
        CollectionName::Users,
        |marker| async move { reader.inventory.list_accounts(prefix, marker.as_ref()).await },
        |user: &AccountEntry| user.external_id.clone(),
        |user| {
            if let Some(sender) = &each {
                // A closed channel means that nobody wants login profiles any more.
                let _ = sender.send(user.clone());
            }
        },
    )
    .await
}

/// Users and groups with what they hold. IAM cannot limit these to a path, so users outside it are read too.
/// Documents of inline policies leave them: to where they are kept, or to nowhere.
pub(crate) async fn read_details(
    reader: &Reader<'_>,
    scope: &ImportScope,
    documents: Option<&Documents<'_>>,
) -> Reading<Detail> {
    let filter = DetailFilter {
        accounts: scope.objects.contains(&ImportObject::Accounts),
        groups: scope.objects.contains(&ImportObject::Groups),
    };
    if !filter.accounts && !filter.groups {
        return skip(reader, CollectionName::AuthorizationDetails);
    }
    read_listing(
        reader,
        CollectionName::AuthorizationDetails,
        |marker| async move {
            let mut page = reader.inventory.list_details(filter, marker.as_ref()).await?;
            let inline = take_inline(&mut page);
            if let Some(documents) = documents {
                documents.keep_inline(inline).await;
            }
            Ok(page)
        },
        |detail: &Detail| match detail {
            Detail::Account(account) => account.external_id.clone(),
            Detail::Group(group) => group.external_id.clone(),
        },
        |_| {},
    )
    .await
}

/// All groups.
pub(crate) async fn read_groups(reader: &Reader<'_>, scope: &ImportScope) -> Reading<GroupEntry> {
    if !scope.objects.contains(&ImportObject::Groups) {
        return skip(reader, CollectionName::Groups);
    }
    read_listing(
        reader,
        CollectionName::Groups,
        |marker| async move { reader.inventory.list_groups(marker.as_ref()).await },
        |group: &GroupEntry| group.external_id.clone(),
        |_| {},
    )
    .await
}

/// All policies of a scope.
pub(crate) async fn read_policies(
    reader: &Reader<'_>,
    scope: &ImportScope,
    policy_scope: PolicyScope,
) -> Reading<PolicyEntry> {
    if !scope.objects.contains(&ImportObject::Policies) {
        return skip(reader, CollectionName::Policies);
    }
    read_listing(
        reader,
        CollectionName::Policies,
        |marker| async move { reader.inventory.list_policies(policy_scope, marker.as_ref()).await },
        |policy: &PolicyEntry| policy.external_id.clone(),
        |_| {},
    )
    .await
}

fn skip<T>(reader: &Reader<'_>, name: CollectionName) -> Reading<T> {
    reader.progress.stage(name, Stage::Ended(CollectionState::Skipped));
    Reading::skipped()
}

/// Follows a listing to its end. Objects that come twice are kept once; `each` sees every object once.
async fn read_listing<T, F, Fut>(
    reader: &Reader<'_>,
    name: CollectionName,
    fetch: F,
    id: impl Fn(&T) -> ExternalId,
    mut each: impl FnMut(&T),
) -> Reading<T>
where
    F: Fn(Option<Marker>) -> Fut,
    Fut: Future<Output = Result<Page<T>, Error>>,
{
    reader.progress.stage(name, Stage::Reading);
    reader.progress.set_items(name, 0);
    let mut listing = Listing::default();
    let mut seen = Seen::default();
    let mut items = Vec::new();
    let mut marker: Option<Marker> = None;
    let ended = loop {
        let page = match reader.call(Some(name), || fetch(marker.clone())).await {
            Ok(page) => page,
            Err(error) => break Err(error),
        };
        reader.check_account(&page.account_ids);
        let before = items.len();
        for item in page.items {
            if seen.first_time(id(&item)) {
                each(&item);
                items.push(item);
            }
        }
        reader.progress.add_items(name, (items.len() - before) as u64);
        match listing.follow(page.next, items.len() - before) {
            Follow::Whole => break Ok(()),
            Follow::Page(next) => marker = Some(next),
            Follow::Broken(reason) => break Err(ReadError::Broken(reason)),
        }
    };
    let (state, reason) = match ended {
        Ok(()) => (CollectionState::Whole, None),
        Err(error) if error.is_denied() && items.is_empty() => {
            (CollectionState::Denied, Some(error.to_string()))
        }
        Err(error) => (CollectionState::Cut, Some(error.to_string())),
    };
    reader.progress.stage(name, Stage::Ended(state));
    Reading { items, state, reason }
}

/// Remembers what was seen.
#[derive(Debug)]
struct Seen<K>(HashSet<K>);

impl<K> Default for Seen<K> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<K: Hash + Eq> Seen<K> {
    fn first_time(&mut self, key: K) -> bool {
        self.0.insert(key)
    }
}
