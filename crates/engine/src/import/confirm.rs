//! Before an object counts as gone it is looked for once more.

use std::collections::HashSet;

use futures::StreamExt;
use keyreeve_connector::AccountEntry;
use keyreeve_model::{CollectionName, ExternalId, ImportObject, ImportScope, PolicyScope, Warning};

use super::assemble::Kept;
use super::collect::{Reading, read_groups, read_policies, read_users};
use super::observed::Missing;
use super::reader::Reader;

/// What the second look showed.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    /// Objects that must not count as gone.
    pub(crate) kept: Kept,
    pub(crate) warnings: Vec<Warning>,
}

/// Looks for everything that is missing: accounts by a point read each or, where that is not permitted, by a
/// second listing of all users; groups and policies by a second listing. What is found, and what could not be
/// looked for, is kept.
pub(crate) async fn confirm(reader: &Reader<'_>, scope: &ImportScope, missing: &Missing) -> Confirmation {
    let mut confirmation = Confirmation::default();
    if !missing.accounts.is_empty() {
        confirm_accounts(reader, missing, &mut confirmation).await;
    }
    if !missing.groups.is_empty() {
        let again = read_groups(reader, scope).await;
        let listed: HashSet<_> = again.items.iter().map(|group| &group.external_id).collect();
        confirmation.keep_listed(CollectionName::Groups, &missing.groups, again.is_whole(), &listed);
    }
    if !missing.policies.is_empty() {
        // Under `attached` a policy that was detached everywhere is not listed although it exists.
        let wide = match scope.policy_scope {
            PolicyScope::Customer => PolicyScope::Customer,
            PolicyScope::All | PolicyScope::Attached => PolicyScope::All,
        };
        let again = read_policies(reader, scope, wide).await;
        let listed: HashSet<_> = again.items.iter().map(|policy| &policy.external_id).collect();
        if scope.policy_scope == PolicyScope::Attached && again.is_whole() {
            confirmation.kept.extend(missing.policies.iter().filter(|id| listed.contains(id)).cloned());
        } else {
            confirmation.keep_listed(CollectionName::Policies, &missing.policies, again.is_whole(), &listed);
        }
    }
    confirmation
}

impl Confirmation {
    /// Keeps policies that nobody listed, but somebody holds.
    pub(crate) fn keep_held(&mut self, held: &HashSet<ExternalId>) {
        let found = held.difference(&self.kept).count();
        if found > 0 {
            self.warnings.push(inconsistent(CollectionName::Policies.as_str(), found));
            self.kept.extend(held.iter().cloned());
        }
    }

    fn keep_listed(
        &mut self,
        name: CollectionName,
        missing: &HashSet<ExternalId>,
        whole: bool,
        listed: &HashSet<&ExternalId>,
    ) {
        let kept: Vec<ExternalId> =
            missing.iter().filter(|id| !whole || listed.contains(id)).cloned().collect();
        if kept.is_empty() {
            return;
        }
        self.warnings.push(if whole {
            inconsistent(name.as_str(), kept.len())
        } else {
            unconfirmed(name.as_str(), kept.len())
        });
        self.kept.extend(kept);
    }
}

fn inconsistent(what: &str, number: usize) -> Warning {
    let message = format!(
        "{number} {what} were left out by a listing although they exist; they stay as they were last read"
    );
    Warning::new("listing_inconsistent", message)
}

fn unconfirmed(what: &str, number: usize) -> Warning {
    let message = format!(
        "{number} {what} were not listed, but a second look to confirm that they are gone failed; they stay"
    );
    Warning::new("deletion_unconfirmed", message)
}

/// What a point read said of a missing account.
enum PointRead {
    Gone,
    Exists,
    Denied,
    Failed,
}

async fn confirm_accounts(reader: &Reader<'_>, missing: &Missing, confirmation: &mut Confirmation) {
    let Some((first, others)) = missing.accounts.split_first() else { return };
    let mut answers = vec![(first.0.clone(), point_read(reader, first).await)];
    if matches!(answers.as_slice(), [(_, PointRead::Denied)]) {
        return confirm_by_listing(reader, missing, confirmation).await;
    }
    let reads = futures::stream::iter(others)
        .map(|account| async move { (account.0.clone(), point_read(reader, account).await) });
    answers.extend(reads.buffer_unordered(reader.concurrency).collect::<Vec<_>>().await);
    let (mut found, mut failed) = (0, 0);
    for (id, answer) in answers {
        match answer {
            PointRead::Gone => continue,
            PointRead::Exists => found += 1,
            PointRead::Denied | PointRead::Failed => failed += 1,
        }
        confirmation.kept.insert(id);
    }
    if found > 0 {
        confirmation.warnings.push(inconsistent("users", found));
    }
    if failed > 0 {
        confirmation.warnings.push(unconfirmed("users", failed));
    }
}

async fn point_read(reader: &Reader<'_>, (id, name): &(ExternalId, String)) -> PointRead {
    match reader.call(None, || reader.inventory.get_account(name)).await {
        Ok(Some(user)) if user.external_id == *id => PointRead::Exists,
        // Another user carries the name now: the one we knew does not.
        Ok(_) => PointRead::Gone,
        Err(error) if error.is_denied() => PointRead::Denied,
        Err(_) => PointRead::Failed,
    }
}

async fn confirm_by_listing(reader: &Reader<'_>, missing: &Missing, confirmation: &mut Confirmation) {
    let everywhere = ImportScope {
        objects: [ImportObject::Accounts].into(),
        path_prefix: "/".to_owned(),
        policy_scope: PolicyScope::All,
    };
    let shown = reader.progress.of(CollectionName::Users).items;
    let again: Reading<AccountEntry> = read_users(reader, &everywhere, None).await;
    reader.progress.set_items(CollectionName::Users, shown);
    let listed: HashSet<_> = again.items.iter().map(|user| &user.external_id).collect();
    let missing: HashSet<ExternalId> = missing.accounts.iter().map(|(id, _)| id.clone()).collect();
    confirmation.keep_listed(CollectionName::Users, &missing, again.is_whole(), &listed);
}
