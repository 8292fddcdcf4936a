//! What SCIM shows of a system: whatever one answer needs is read in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use keyreeve_model::{
    Account, Assignment, AssignmentKind, Claim, ClaimState, ExternalId, Resource, SystemId,
};

use super::chosen::{accounts_of, chunks, push_in};
use super::{AccountPlace, Reading, lay_pending_over};
use crate::dialect::Dialect;
use crate::history;
use crate::import_runs::latest_published;
use crate::provisioning::claims_of;
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::{Transaction, reading};
use crate::{AsOf, AssignmentFilter, ScimDeleted, ScimRecord, Store, StoreError, scim, systems};

/// What is to be known of a system before anything of it is shown.
#[derive(Debug, Clone, Default)]
pub struct ScimStanding {
    /// What was done and no import has settled yet, the oldest first.
    pub claims: Vec<Claim>,
    /// The users that are gone for SCIM.
    pub deleted: BTreeMap<ExternalId, ScimDeleted>,
    /// Those of them that have a way in by the last import.
    pub enabled: Vec<ExternalId>,
    /// What [`Store::account_places`] gives, where it is at hand.
    pub places: Option<Arc<[AccountPlace]>>,
}

/// Some users as the last import saw them, and what is known beside that.
#[derive(Debug, Clone, Default)]
pub struct ScimUsers {
    /// Those that an import has seen, in no order.
    pub accounts: Vec<Account>,
    /// What clients said of them.
    pub records: HashMap<ExternalId, ScimRecord>,
    /// How often what is shown of them has become otherwise, of those that were otherwise before.
    pub revisions: HashMap<ExternalId, i64>,
    /// When what is known of them came to be known, of those that were otherwise before.
    pub changed: HashMap<ExternalId, Timestamp>,
    /// What each holds itself, with what we changed and no import has seen yet; in the order of lists.
    pub held: HashMap<ExternalId, Vec<Assignment>>,
}

/// What is known of some groups beside themselves.
#[derive(Debug, Clone, Default)]
pub struct ScimGroups {
    /// What clients said of them.
    pub records: HashMap<ExternalId, ScimRecord>,
    /// How often what is shown of them has become otherwise, of those that were otherwise before.
    pub revisions: HashMap<ExternalId, i64>,
    /// When what is known of them came to be known, of those that were otherwise before.
    pub changed: HashMap<ExternalId, Timestamp>,
    /// Who is in them, with what we changed and no import has seen yet; in the order of lists.
    pub members: Vec<Assignment>,
}

impl Store {
    /// What is to be known of a system before anything of it is shown.
    ///
    /// # Errors
    /// [`StoreError::NotImported`]: nothing was ever published; [`StoreError::SystemNotFound`].
    pub async fn scim_standing(&self, system_id: &SystemId) -> Result<ScimStanding, StoreError> {
        reading!(self, "looking what SCIM has of the system", |transaction| {
            let found = systems::find(transaction, system_id, false).await?;
            let key = found.key;
            let Some(run) = latest_published(transaction, key).await? else {
                return Err(StoreError::not_imported(&found.system));
            };
            let places = self.places.get(key, run.id);
            let claims = claims_of(transaction, (key, system_id), Some(ClaimState::Open)).await?;
            let deleted = scim::deleted(transaction, key).await?;
            let enabled = match deleted.is_empty() {
                true => Vec::new(),
                false => scim::deleted_and_enabled(transaction, key, run.started_at).await?,
            };
            let claims = claims.into_iter().map(|(_, claim)| claim).collect();
            Ok(ScimStanding { claims, deleted, enabled, places })
        })
        .await
    }

    /// The users of these ids, with the externalId that this client gave. Without `held`, what they hold is not read.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_users(
        &self,
        system_id: &SystemId,
        client: &str,
        ids: &[ExternalId],
        held: bool,
    ) -> Result<ScimUsers, StoreError> {
        reading!(self, "reading users", |transaction| {
            let reading = Reading::begin(transaction, system_id, AsOf::Now).await?;
            let kept = records(transaction, reading.as_ref(), (system_id, client), ids).await?;
            let scim::Records { records, revisions } = kept;
            let mut users = ScimUsers { records, revisions, ..ScimUsers::default() };
            let Some(reading) = reading else { return Ok(users) };
            users.accounts = accounts_of(transaction, &reading, system_id, ids).await?;
            let versions = users.accounts.iter().map(|account| &account.external_id);
            users.changed = changed(transaction, &reading, "account_versions", versions).await?;
            if held {
                users.held = held_by(transaction, &reading, system_id, ids).await?;
            }
            Ok(users)
        })
        .await
    }

    /// What is known of these groups beside themselves, with the externalId that this client gave. Without `members`,
    /// nobody is in them.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn scim_groups(
        &self,
        system_id: &SystemId,
        client: &str,
        groups: &[Resource],
        members: bool,
    ) -> Result<ScimGroups, StoreError> {
        reading!(self, "reading groups", |transaction| {
            let ids: Vec<ExternalId> = groups.iter().map(|group| group.external_id.clone()).collect();
            let reading = Reading::begin(transaction, system_id, AsOf::Now).await?;
            let kept = records(transaction, reading.as_ref(), (system_id, client), &ids).await?;
            let scim::Records { records, revisions } = kept;
            let mut found = ScimGroups { records, revisions, ..ScimGroups::default() };
            let Some(reading) = reading else { return Ok(found) };
            found.changed = changed(transaction, &reading, "resource_versions", ids.iter()).await?;
            if members {
                found.members = members_of(transaction, &reading, system_id, &ids).await?;
            }
            Ok(found)
        })
        .await
    }
}

/// What a client and others said of these; also of a system that was never imported.
async fn records(
    transaction: &mut Transaction,
    reading: Option<&Reading>,
    (system_id, client): (&SystemId, &str),
    ids: &[ExternalId],
) -> Result<scim::Records, StoreError> {
    let key = match reading {
        Some(reading) => reading.system.key,
        None => systems::find(transaction, system_id, false).await?.key,
    };
    scim::records(transaction, key, client, ids).await
}

/// When what is known of these objects came to be known, of those that were otherwise before.
async fn changed<'a>(
    transaction: &mut Transaction,
    reading: &Reading,
    table: &str,
    ids: impl Iterator<Item = &'a ExternalId> + Send,
) -> Result<HashMap<ExternalId, Timestamp>, StoreError> {
    let ids: Vec<ExternalId> = ids.cloned().collect();
    let mut found = HashMap::new();
    for some in chunks(transaction.dialect(), &ids) {
        let mut text = Statement::building("SELECT v.external_id, r.published_at FROM ");
        text.push(table).push(" v JOIN import_runs r ON r.run_id = v.valid_from_run");
        let mut text = reading.select(text);
        text.push(" AND v.valid_from_run > v.first_seen_run AND r.published_at IS NOT NULL");
        push_in(&mut text, " AND v.external_id IN (VALUES ", some);
        let read = |row: &Row| Ok((row.word(0)?, row.time(1)?));
        found.extend(transaction.fetch_together(text, 2, read).await?);
    }
    Ok(found)
}

/// What each of these accounts holds itself.
async fn held_by(
    transaction: &mut Transaction,
    reading: &Reading,
    system_id: &SystemId,
    accounts: &[ExternalId],
) -> Result<HashMap<ExternalId, Vec<Assignment>>, StoreError> {
    let paths = reading.holder_paths(transaction).await?;
    let mut found = Vec::new();
    for some in chunks(transaction.dialect(), accounts) {
        let read = |row: &_| history::read_held(row, system_id, &reading.coverage, paths.as_ref());
        let text = select_held(transaction.dialect(), reading, some);
        found.extend(transaction.fetch(text, read).await?.into_iter().flatten());
    }
    let read = |row: &_| history::read_assignment(row, system_id, &reading.coverage, paths.as_ref());
    let filter = AssignmentFilter::default();
    lay_pending_over(transaction, reading, system_id, read, &mut found, &filter).await?;
    let wanted: HashSet<&ExternalId> = accounts.iter().collect();
    let mut held: HashMap<ExternalId, Vec<Assignment>> = HashMap::new();
    for one in found.into_iter().filter(|one| wanted.contains(&one.subject_external_id)) {
        match held.get_mut(&one.subject_external_id) {
            Some(held) => held.push(one),
            None => drop(held.insert(one.subject_external_id.clone(), vec![one])),
        }
    }
    // So that the same is shown in the same order, whoever changed it.
    held.values_mut().for_each(|held| held.sort_by(Assignment::in_lists));
    Ok(held)
}

/// The assignments of these accounts, one row for each of them.
pub(super) fn select_held(dialect: Dialect, reading: &Reading, accounts: &[ExternalId]) -> Statement {
    let mut text = history::select_held(dialect);
    text.push(" WHERE v.kind <> 'group_policy' AND v.system_key = ").bind(reading.system.key);
    push_in(&mut text, " AND v.subject_external_id IN (VALUES ", accounts);
    text.push(" AND ");
    reading.versions.condition_beside(&mut text, "v", dialect);
    text.push(history::GROUP_HELD);
    text
}

/// Who is in these groups.
async fn members_of(
    transaction: &mut Transaction,
    reading: &Reading,
    system_id: &SystemId,
    groups: &[ExternalId],
) -> Result<Vec<Assignment>, StoreError> {
    let kind = AssignmentKind::AccountGroup;
    let paths = reading.holder_paths(transaction).await?;
    let read = |row: &_| history::read_assignment(row, system_id, &reading.coverage, paths.as_ref());
    let mut found = Vec::new();
    for some in chunks(transaction.dialect(), groups) {
        let mut text = reading.select(history::select_assignments());
        text.push(" AND v.kind = ").bind(kind.as_str());
        push_in(&mut text, " AND v.resource_external_id IN (VALUES ", some);
        found.extend(transaction.fetch_together(text, history::ASSIGNMENT_COLUMNS, read).await?);
    }
    let filter = AssignmentFilter { kind: Some(kind), ..AssignmentFilter::default() };
    lay_pending_over(transaction, reading, system_id, read, &mut found, &filter).await?;
    let wanted: HashSet<&ExternalId> = groups.iter().collect();
    found.retain(|one| {
        one.kind == kind && one.resource_external_id.as_ref().is_some_and(|id| wanted.contains(id))
    });
    found.sort_by(Assignment::in_lists);
    Ok(found)
}
