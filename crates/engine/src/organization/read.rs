//! Reads an organization: its accounts, their units, and their tags where these are asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::Future;

use futures::StreamExt as _;
use futures::future::try_join_all;
use keyreeve_connector::{Error, Marker, Organization, OrganizationEntry, Page};
use keyreeve_model::AwsAccountId;

use super::filter::Filter;
use super::{DiscoveryError, Member};
use crate::import::listing::{Follow, Listing};
use crate::import::reader::{ReadError, Reader};

/// What the organization says.
pub(super) struct Read {
    pub(super) members: Vec<Member>,
    /// Of accounts that the listing leaves out and that were to be in it, what asking for each alone says.
    pub(super) missing: BTreeMap<AwsAccountId, Missing>,
    /// Ids and paths of its units, the root first.
    pub(super) units: Vec<(String, String)>,
    pub(super) notices: Vec<String>,
}

/// What is known of an account that a listing leaves out. One listing alone proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// Asked for alone it is not there either, and it is in no unit.
    Gone,
    /// It is in the organization all the same, or may be: why.
    Unproven(String),
}

/// Where accounts are in the tree.
#[derive(Default)]
struct Tree {
    units: Vec<(String, String)>,
    /// Of each account the path of its unit, and the ids of that unit and those around it; `None` of one that was met in
    /// two, because it was moved meanwhile.
    places: HashMap<AwsAccountId, Option<(String, Vec<String>)>>,
}

pub(super) async fn read(
    reader: &Reader<'_>,
    source: &dyn Organization,
    organization: &OrganizationEntry,
    filter: &Filter,
    expected: &BTreeSet<AwsAccountId>,
) -> Result<Read, DiscoveryError> {
    let pages = Pages { reader, management: &organization.management_account };
    let listed = pages.all(
        |after| async move { source.list_members(after.as_ref()).await },
        |one| one.account_id.to_string(),
    );
    let listed =
        listed.await.map_err(|error| unreadable(reader, "the accounts of the organization", &error))?;
    if !listed.iter().any(|member| member.account_id == organization.management_account) {
        return Err(DiscoveryError::NotWhole(format!(
            "the list of accounts of the organization {} is without the account {} that owns it",
            organization.id, organization.management_account
        )));
    }
    let mut notices = Vec::new();
    let tree = match tree(&pages, source).await {
        Ok(tree) => Some(tree),
        Err(error) if filter.asks_for_units() => {
            return Err(unreadable(reader, "the organizational units that the filter names", &error));
        }
        Err(error) => {
            let why = unreadable(reader, "the organizational units", &error);
            notices.push(format!("{why} of them; in which unit an account is, is not shown"));
            None
        }
    };
    let none = Tree::default();
    let known = tree.as_ref().unwrap_or(&none);
    let there: HashSet<&AwsAccountId> = listed.iter().map(|member| &member.account_id).collect();
    let left_out: BTreeSet<&AwsAccountId> =
        expected.iter().chain(known.places.keys()).filter(|account| !there.contains(account)).collect();
    let mut missing = BTreeMap::new();
    for account in left_out {
        missing.insert(account.clone(), look_for(reader, source, tree.as_ref(), account).await);
    }
    let (pages, places) = (&pages, &known.places);
    let members = futures::stream::iter(listed).map(|entry| async move {
        let tags = match filter.asks_for_tags() {
            true => certain_tags(pages, source, &entry.account_id, filter).await,
            false => Ok(BTreeMap::new()),
        };
        let (unit, unit_ids) = places
            .get(&entry.account_id)
            .cloned()
            .flatten()
            .map_or((None, Vec::new()), |(path, ids)| (Some(path), ids));
        Member { account_id: entry.account_id, name: entry.name, state: entry.state, unit, unit_ids, tags }
    });
    let mut members: Vec<Member> = members.buffer_unordered(reader.concurrency.max(1)).collect().await;
    members.sort_by(|a, b| a.account_id.cmp(&b.account_id));
    let units = tree.map(|tree| tree.units).unwrap_or_default();
    Ok(Read { members, missing, units, notices })
}

/// Asks for an account alone that the listing leaves out. `tree` is `None` where it could not be read: then the account
/// may be in it.
async fn look_for(
    reader: &Reader<'_>,
    source: &dyn Organization,
    tree: Option<&Tree>,
    account: &AwsAccountId,
) -> Missing {
    let place = tree.and_then(|tree| tree.places.get(account));
    let unit = place.map(|place| place.as_ref().map_or("a unit", |(path, _)| path.as_str()));
    match (reader.call(None, || source.describe_member(account)).await, unit) {
        (Ok(None), None) if tree.is_none() => Missing::Unproven(
            "the list of accounts leaves it out, and asked for alone it is not there, but the organizational units could \
             not be read, and it may be in one of them"
                .to_owned(),
        ),
        (Ok(None), None) => Missing::Gone,
        (Ok(None), Some(unit)) => Missing::Unproven(format!(
            "the list of accounts leaves it out, and asked for alone it is not there, but the list of {unit} has it"
        )),
        (Ok(Some(_)), _) => Missing::Unproven(
            "the list of accounts leaves it out, but asked for alone it is in the organization".to_owned(),
        ),
        (Err(error), _) => Missing::Unproven(format!(
            "the list of accounts leaves it out, and it could not be asked for alone: {error}"
        )),
    }
}

/// The tags of an account, as two answers gave them: one alone may have been cut short. Where the first one excludes the
/// account already, nothing is asked again.
async fn certain_tags(
    pages: &Pages<'_>,
    source: &dyn Organization,
    account: &AwsAccountId,
    filter: &Filter,
) -> Result<BTreeMap<String, String>, String> {
    let mut before = tags(pages, source, account).await?;
    for _ in 0..2 {
        if filter.excludes(&before) {
            return Ok(before);
        }
        let again = tags(pages, source, account).await?;
        if again == before {
            return Ok(before);
        }
        before = again;
    }
    Err("three answers in a row were different; run the same command again".to_owned())
}

async fn tags(
    pages: &Pages<'_>,
    source: &dyn Organization,
    account: &AwsAccountId,
) -> Result<BTreeMap<String, String>, String> {
    let fetch = |after: Option<Marker>| async move { source.list_tags_of(account, after.as_ref()).await };
    let tags = pages.all(fetch, |(key, _)| key.clone()).await;
    tags.map(|tags| tags.into_iter().collect()).map_err(|error| error.to_string())
}

/// Walks the tree level by level. Names are unique within a parent, so a path is that of one unit.
async fn tree(pages: &Pages<'_>, source: &dyn Organization) -> Result<Tree, ReadError> {
    let mut tree = Tree::default();
    let roots =
        pages.all(|after| async move { source.list_roots(after.as_ref()).await }, |root| root.id.clone());
    let mut level: Vec<(String, Vec<String>)> =
        roots.await?.into_iter().map(|root| ("/".to_owned(), vec![root.id])).collect();
    let mut seen = HashSet::new();
    while !level.is_empty() {
        let looked = level.iter().map(|(_, ids)| async move {
            let id = ids.first().map(String::as_str).unwrap_or_default();
            let units = pages.all(
                |after| async move { source.list_units_of(id, after.as_ref()).await },
                |unit| unit.id.clone(),
            );
            let members = pages.all(
                |after| async move { source.list_members_of(id, after.as_ref()).await },
                ToString::to_string,
            );
            futures::try_join!(units, members)
        });
        let looked = try_join_all(looked).await?;
        let mut below = Vec::new();
        for ((path, ids), (units, members)) in level.drain(..).zip(looked) {
            for unit in units {
                // A unit that is met twice would lead in a circle.
                if seen.insert(unit.id.clone()) {
                    let path = format!("{}/{}", path.trim_end_matches('/'), unit.name);
                    below.push((path, [vec![unit.id], ids.clone()].concat()));
                }
            }
            for member in members {
                let place = Some((path.clone(), ids.clone()));
                tree.places.entry(member).and_modify(|place| *place = None).or_insert(place);
            }
            tree.units.push((ids.first().cloned().unwrap_or_default(), path));
        }
        level = below;
    }
    Ok(tree)
}

/// Follows listings to their proved end.
struct Pages<'a> {
    reader: &'a Reader<'a>,
    management: &'a AwsAccountId,
}

impl Pages<'_> {
    async fn all<T, F, Fut>(&self, fetch: F, key: impl Fn(&T) -> String) -> Result<Vec<T>, ReadError>
    where
        F: Fn(Option<Marker>) -> Fut,
        Fut: Future<Output = Result<Page<T>, Error>>,
    {
        let (mut items, mut seen) = (Vec::new(), HashSet::new());
        let (mut listing, mut after) = (Listing::default(), None);
        loop {
            let page = self.reader.call(None, || fetch(after.clone())).await?;
            if let Some(other) = page.account_ids.iter().find(|id| *id != self.management) {
                let management = self.management;
                return Err(ReadError::Broken(format!(
                    "a page is of the organization of {other}, and not of that of {management}"
                )));
            }
            let known = items.len();
            items.extend(page.items.into_iter().filter(|item| seen.insert(key(item))));
            match listing.follow(page.next, items.len() - known) {
                Follow::Page(marker) => after = Some(marker),
                Follow::Whole => return Ok(items),
                Follow::Broken(why) => return Err(ReadError::Broken(why)),
            }
        }
    }
}

pub(super) fn unreadable(reader: &Reader<'_>, what: &'static str, error: &ReadError) -> DiscoveryError {
    let why = match (error, reader.halt.reason()) {
        (ReadError::Halted, Some(failure)) => failure.message,
        _ => error.to_string(),
    };
    DiscoveryError::Unreadable { what, why }
}
