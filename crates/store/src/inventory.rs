//! Reading what is known of a system, now or as of any published moment.

mod chosen;
mod conditions;
mod everywhere;
mod found;
mod gone;
mod indexed;
mod inline;
mod kept;
mod life;
mod others;
#[cfg(test)]
#[cfg(feature = "faults")]
mod parts_read;
#[cfg(test)]
mod query_plans;
mod search;
mod shown;
mod sieve;
mod slices;
mod texts;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use keyreeve_model::{
    Account, Assignment, AssignmentKind, ClaimFact, ImportRunId, ImportRunState, Inventory, JobId,
    LoginProfileState, Resource, SystemId,
};

use crate::dialect::Dialect;
use crate::history::{self, Coverage, Versions};
use crate::import_runs::{find_run, latest_published};
use crate::pending::{CLAIMED, Pending};
use crate::row::{Row, to_json};
use crate::statement::{Statement, statement};
use crate::systems::{self, StoredSystem};
use crate::time::{from_millis, to_millis};
use crate::transaction::{Transaction, reading};
use crate::{AccountFilter, AsOf, AssignmentFilter, Mfa, ResourceFilter, Store, StoreError};

use conditions::{
    Column, assignment_conditions, filter_resources, policy_conditions, push_kind, push_name, push_path,
};

pub use chosen::AccountPlace;
pub(crate) use chosen::Places;
pub(crate) use conditions::like_pattern;
pub use everywhere::{HeldFilter, HeldPlace, HeldSlice};
pub use gone::{Gone, LastKnown};
pub use inline::{InlineHolder, InlineSince};
use kept::Number;
pub(crate) use kept::Numbers;
pub use life::{AccountEvent, SeenIn};
pub(crate) use others::{OtherTexts, SetsOfAws};
pub use search::{Found, NamedResource, Searched};
pub use shown::{ScimGroups, ScimStanding, ScimUsers};
pub(crate) use texts::MOST_KEPT;
pub use texts::{AccountCounts, fits};
pub(crate) use texts::{Texts, is_pattern};

impl Store {
    /// Everything the last published run said; empty before the first.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn current_inventory(&self, system_id: &SystemId) -> Result<Inventory, StoreError> {
        self.inventory(system_id, AsOf::Now).await
    }

    /// Everything a published run said.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::RunNotFound`], [`StoreError::RunNotPublished`],
    /// [`StoreError::HistoryNotKept`].
    pub async fn inventory_at(
        &self,
        system_id: &SystemId,
        run: ImportRunId,
    ) -> Result<Inventory, StoreError> {
        self.inventory(system_id, AsOf::Run(run)).await
    }

    async fn inventory(&self, system_id: &SystemId, as_of: AsOf) -> Result<Inventory, StoreError> {
        reading!(self, "reading the inventory", |transaction| {
            match Reading::begin(transaction, system_id, as_of).await? {
                None => Ok(Inventory::default()),
                Some(Reading { system, versions, coverage, .. }) => {
                    history::load(transaction, system_id, system.key, versions, &coverage).await
                }
            }
        })
        .await
    }

    /// The accounts that a filter lets through, by name, then external id.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::NothingThen`], [`StoreError::RunNotPublished`],
    /// [`StoreError::HistoryNotKept`].
    pub async fn list_accounts(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &AccountFilter,
    ) -> Result<Vec<Account>, StoreError> {
        reading!(self, "listing the accounts", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, as_of).await? else {
                return Ok(Vec::new());
            };
            let mut text = reading.select(history::select_accounts());
            reading.filter_accounts(&mut text, filter);
            let read = |row: &_| history::read_account(row, system_id, &reading.coverage);
            let accounts = transaction.fetch(text, read).await?;
            Ok(sorted(Inventory { accounts, ..Inventory::default() }).accounts)
        })
        .await
    }

    /// The resources that a filter lets through, by name, then external id.
    ///
    /// # Errors
    /// Those of [`Self::list_accounts`].
    pub async fn list_resources(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &ResourceFilter,
    ) -> Result<Vec<Resource>, StoreError> {
        reading!(self, "listing the resources", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, as_of).await? else {
                return Ok(Vec::new());
            };
            let mut text = reading.select(history::select_resources());
            filter_resources(&mut text, filter)?;
            let read = |row: &_| history::read_resource(row, system_id, &reading.coverage);
            let resources = transaction.fetch(text, read).await?;
            Ok(sorted(Inventory { resources, ..Inventory::default() }).resources)
        })
        .await
    }

    /// The assignments that a filter lets through, by holder, kind and resource.
    ///
    /// # Errors
    /// Those of [`Self::list_accounts`].
    pub async fn list_assignments(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &AssignmentFilter,
    ) -> Result<Vec<Assignment>, StoreError> {
        reading!(self, "listing the assignments", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, as_of).await? else {
                return Ok(Vec::new());
            };
            let paths = reading.holder_paths(transaction).await?;
            let read = |row: &_| history::read_assignment(row, system_id, &reading.coverage, paths.as_ref());
            let text = reading.select_assignments(filter);
            let mut assignments = transaction.fetch(text, read).await?;
            if as_of == AsOf::Now {
                lay_pending_over(transaction, &reading, system_id, read, &mut assignments, filter).await?;
            }
            Ok(sorted(Inventory { assignments, ..Inventory::default() }).assignments)
        })
        .await
    }

    /// How many accounts of a system have an oldest active access key that was made between each of these moments and the
    /// one before it; the first has no end, and after the last it has no beginning.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn key_ages(&self, system_id: &SystemId, since: &[Timestamp]) -> Result<Vec<u64>, StoreError> {
        reading!(self, "counting access keys by their age", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, AsOf::Now).await? else {
                return Ok(vec![0; since.len().saturating_add(1)]);
            };
            let mut counts = Vec::with_capacity(since.len().saturating_add(1));
            let ends = std::iter::once(None).chain(since.iter().copied().map(Some));
            let begins = since.iter().copied().map(Some).chain(std::iter::once(None));
            for (before, from) in ends.zip(begins) {
                let count = Statement::building("SELECT COUNT(*) FROM account_versions v");
                let mut text = reading.select(count);
                let filter = AccountFilter { oldest_key: Some((from, before)), ..AccountFilter::default() };
                reading.filter_accounts(&mut text, &filter);
                let count = transaction.fetch_one(text, |row| row.int(0)).await?;
                counts.push(u64::try_from(count).unwrap_or_default());
            }
            Ok(counts)
        })
        .await
    }

    /// Of how many accounts of a system it is not known which access keys they have, or how old an active one is. They are
    /// counted once for each run that is published: that takes a look at each.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn unknown_key_ages(&self, system_id: &SystemId) -> Result<u64, StoreError> {
        reading!(self, "counting accounts whose access keys are not known", |transaction| {
            let Some(reading) = Reading::begin(transaction, system_id, AsOf::Now).await? else {
                return Ok(0);
            };
            if let Some(Number(known)) = self.unknown_keys.get(reading.system.key, reading.run).as_deref() {
                return Ok(*known);
            }
            let mut text =
                reading.select(Statement::building("SELECT COUNT(*) FROM account_versions v"));
            text.push(
                " AND v.oldest_key_at IS NULL AND (v.access_keys IS NULL OR v.access_keys LIKE '%\"active\":true%')",
            );
            let count = transaction.fetch_one(text, |row| row.int(0)).await?;
            let count = u64::try_from(count).unwrap_or_default();
            self.unknown_keys.keep(reading.system.key, reading.run, &Arc::new(Number(count)));
            Ok(count)
        })
        .await
    }

    /// The run that speaks for a moment; `None` of now where nothing was ever published.
    ///
    /// # Errors
    /// Those of [`Self::list_accounts`].
    pub async fn speaking_run(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
    ) -> Result<Option<ImportRunId>, StoreError> {
        reading!(self, "looking for the run of a moment", |transaction| {
            Ok(Reading::begin(transaction, system_id, as_of).await?.map(|reading| reading.run))
        })
        .await
    }

    /// The job that made an account which no import has seen yet, by the account's name (ignoring case) or external id.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn made_by(&self, system_id: &SystemId, name: &str) -> Result<Option<JobId>, StoreError> {
        let text = "SELECT MAX(t.job_id) FROM claims c JOIN tasks t ON t.task_id = c.task_id \
                    WHERE c.system_key = $1 AND c.state = 'open' AND c.topic = 'existence' \
                    AND c.fact = $2 AND (lower(c.account) = lower($3) OR c.account_external_id = $3)";
        reading!(self, "looking for who made the account", |transaction| {
            let key = systems::find(transaction, system_id, false).await?.key;
            let exists = to_json(&ClaimFact::AccountExists)?;
            let asked = statement!(text, key, exists, name);
            Ok(transaction.fetch_one(asked, |row| row.opt_int(0)).await?.map(JobId))
        })
        .await
    }
}

/// A system at one moment.
struct Reading {
    run: ImportRunId,
    system: StoredSystem,
    versions: Versions,
    coverage: Coverage,
    dialect: Dialect,
}

impl Reading {
    /// Finds the run that speaks for a moment; `None` when nothing was ever published and "now" is asked for.
    async fn begin(
        transaction: &mut Transaction,
        system_id: &SystemId,
        as_of: AsOf,
    ) -> Result<Option<Self>, StoreError> {
        let system = systems::find(transaction, system_id, false).await?;
        let latest = latest_published(transaction, system.key).await?.map(|run| run.id);
        let run = match as_of {
            AsOf::Now => match latest {
                Some(run) => run,
                None => return Ok(None),
            },
            AsOf::Run(run) => {
                let stored = find_run(transaction, run).await?;
                if stored.system_key != system.key {
                    return Err(StoreError::RunNotFound { run });
                }
                if stored.run.state != ImportRunState::Published {
                    return Err(StoreError::RunNotPublished { run });
                }
                run
            }
            AsOf::Time(time) => run_at(transaction, &system, time).await?,
        };
        // What held at the last run holds now, and lists of that have indexes in their order.
        let versions = if latest == Some(run) { Versions::Current } else { Versions::At(run) };
        if let Versions::At(run) = versions {
            crate::kept::require_as_of(transaction, (system.key, system_id), run).await?;
        }
        let coverage = Coverage::at(transaction, system.key, run).await?;
        let dialect = transaction.dialect();
        Ok(Some(Self { run, system, versions, coverage, dialect }))
    }

    /// As [`Reading::begin`], for answers in which nothing would be taken for "there is none".
    async fn known(
        transaction: &mut Transaction,
        system_id: &SystemId,
        as_of: AsOf,
    ) -> Result<Self, StoreError> {
        match Self::begin(transaction, system_id, as_of).await? {
            Some(reading) => Ok(reading),
            None => {
                Err(StoreError::not_imported(&systems::find(transaction, system_id, false).await?.system))
            }
        }
    }

    /// See [`history::holder_paths`].
    async fn holder_paths(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Option<HashMap<String, String>>, StoreError> {
        history::holder_paths(transaction, self.system.key, self.versions, &self.coverage).await
    }

    fn select(&self, mut text: Statement) -> Statement {
        text.push(" WHERE v.system_key = ").bind(self.system.key).push(" AND ");
        self.versions.condition(&mut text, "v");
        text
    }

    fn filter_accounts(&self, text: &mut Statement, filter: &AccountFilter) {
        push_name(text, filter.name.as_deref());
        push_path(text, filter.path_prefix.as_deref());
        if let Some(status) = filter.status {
            text.push(" AND v.status = ").bind(status.as_str());
        }
        if let Some(group) = &filter.group {
            text.push(" AND v.external_id IN (");
            self.push_members(text, group);
            text.push(")");
        }
        if let Some(policy) = &filter.policy {
            text.push(" AND v.external_id IN (");
            self.push_holders(text, AssignmentKind::AccountPolicy, policy);
            if filter.through_groups {
                text.push(" UNION ");
                self.push_members_of_holders(text, policy);
            }
            text.push(")");
        }
        if let Some(mfa) = filter.mfa {
            text.push(" AND v.mfa_active ").push(match mfa {
                Mfa::Active => "= 1",
                Mfa::Inactive => "= 0",
                Mfa::Unknown => "IS NULL",
            });
        }
        if let Some(console) = filter.console {
            text.push(" AND v.login_state = ").bind(match console {
                LoginProfileState::Present => "present",
                LoginProfileState::Absent => "absent",
                LoginProfileState::Unknown => "unknown",
            });
        }
        if let Some((from, before)) = filter.oldest_key {
            text.push(" AND v.oldest_key_at IS NOT NULL");
            if let Some(from) = from {
                text.push(" AND v.oldest_key_at >= ").bind(to_millis(from));
            }
            if let Some(before) = before {
                text.push(" AND v.oldest_key_at < ").bind(to_millis(before));
            }
        }
        if let Some(wanted) = &filter.text {
            // Tags are kept as JSON.
            let quoted = serde_json::Value::from(wanted.as_str()).to_string();
            let in_json = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
            let (plain, in_json) = (like_pattern(wanted), like_pattern(in_json));
            let columns = [("name", &plain), ("path", &plain), ("arn", &plain), ("tags", &in_json)];
            for (place, (column, pattern)) in columns.into_iter().enumerate() {
                text.push(if place == 0 { " AND (" } else { " OR " }).push("lower(v.").push(column);
                text.push(") LIKE lower(").bind(pattern.as_str()).push(") ESCAPE '\\'");
            }
            text.push(")");
        }
    }

    /// The ids of the accounts in a group.
    fn push_members(&self, text: &mut Statement, group: &str) {
        self.push_subjects(text, AssignmentKind::AccountGroup);
        text.push(" AND lower(a.resource_name) = lower(").bind(group).push(") UNION ");
        self.push_subjects(text, AssignmentKind::AccountGroup);
        text.push(" AND a.resource_external_id = ").bind(group);
    }

    /// The ids of the accounts or groups that hold a policy.
    fn push_holders(&self, text: &mut Statement, kind: AssignmentKind, policy: &str) {
        for (place, condition) in policy_conditions(policy).into_iter().enumerate() {
            text.push(if place == 0 { "" } else { " UNION " });
            self.push_subjects(text, kind);
            condition.push(text, "a");
        }
    }

    /// The ids of the accounts in groups that hold a policy. A membership whose group could not be listed has only its
    /// name.
    fn push_members_of_holders(&self, text: &mut Statement, policy: &str) {
        self.push_subjects(text, AssignmentKind::AccountGroup);
        text.push(" AND a.resource_external_id IN (");
        self.push_holders(text, AssignmentKind::GroupPolicy, policy);
        text.push(") UNION ");
        self.push_subjects(text, AssignmentKind::AccountGroup);
        text.push(" AND a.resource_external_id IS NULL AND lower(a.resource_name) IN (");
        for (place, condition) in policy_conditions(policy).into_iter().enumerate() {
            text.push(if place == 0 { "" } else { " UNION " });
            self.push_from_assignments(text, "lower(a.subject_name)", AssignmentKind::GroupPolicy);
            condition.push(text, "a");
        }
        text.push(")");
    }

    /// Begins a selection of the holders' ids from the assignments of a kind; the caller adds conditions on `a`.
    fn push_subjects(&self, text: &mut Statement, kind: AssignmentKind) {
        self.push_from_assignments(text, "a.subject_external_id", kind);
    }

    fn push_from_assignments(&self, text: &mut Statement, column: &str, kind: AssignmentKind) {
        text.push("SELECT ").push(column).push(" FROM assignment_versions a WHERE a.system_key = ");
        text.bind(self.system.key).push(" AND a.kind = ").bind(kind.as_str()).push(" AND ");
        self.versions.condition(text, "a");
    }

    /// The assignments that a filter lets through. Each way in which one of its conditions can be met is a search of
    /// its own, so that none of them depends on what the database takes for likely; the others are tried on what these
    /// find.
    fn select_assignments(&self, filter: &AssignmentFilter) -> Statement {
        let mut conditions = assignment_conditions(filter).into_iter();
        let Some(searched) = conditions.next() else {
            let mut text = self.select(history::select_assignments());
            push_kind(&mut text, filter);
            return text;
        };
        let mut text = history::select_found_assignments();
        for (place, way) in searched.iter().enumerate() {
            text.push(if place == 0 { "" } else { " UNION " });
            text.push(history::SEARCH_ASSIGNMENTS).bind(self.system.key).push(" AND ");
            match way.column {
                Column::SubjectId => self.versions.condition_beside(&mut text, "v", self.dialect),
                _ => self.versions.condition(&mut text, "v"),
            }
            way.push(&mut text, "v");
        }
        text.push(") v WHERE 1 = 1");
        for ways in conditions {
            text.push(" AND (1 = 0");
            for way in &ways {
                text.push(" OR (1 = 1");
                way.push(&mut text, "v");
                text.push(")");
            }
            text.push(")");
        }
        push_kind(&mut text, filter);
        text
    }
}

/// Marks those of the assignments that we took away, and adds those that we gave and the filter lets through. Tells
/// whether any change waits to be seen by an import.
async fn lay_pending_over(
    transaction: &mut Transaction,
    reading: &Reading,
    system_id: &SystemId,
    read: impl Fn(&Row) -> Result<Assignment, StoreError> + Send,
    assignments: &mut Vec<Assignment>,
    filter: &AssignmentFilter,
) -> Result<bool, StoreError> {
    let key = reading.system.key;
    let pending = Pending::load(transaction, key).await?;
    if pending.is_empty() {
        return Ok(false);
    }
    let held = transaction.fetch(select_claimed(reading), read).await?;
    pending.lay_over(transaction, (system_id, key), reading.versions, held, assignments, filter).await?;
    Ok(true)
}

/// What the accounts hold by the import about which there are open claims: those are few, and found first.
fn select_claimed(reading: &Reading) -> Statement {
    let (mut text, key) = (history::select_assignments(), reading.system.key);
    text.push(" WHERE v.kind <> 'group_policy' AND v.system_key = ").bind(key).push(" AND ");
    reading.versions.condition_beside(&mut text, "v", reading.dialect);
    text.push(" AND v.subject_external_id").push(CLAIMED).bind(key).push(")");
    text
}

/// The run that was published last at a time.
async fn run_at(
    transaction: &mut Transaction,
    system: &StoredSystem,
    time: Timestamp,
) -> Result<ImportRunId, StoreError> {
    let text = "SELECT MAX(CASE WHEN published_at <= $1 THEN run_id END), MIN(published_at) FROM import_runs \
                WHERE system_key = $2 AND state = 'published'";
    let (run, earliest) = transaction
        .fetch_one(statement!(text, to_millis(time), system.key), |row| {
            Ok((row.opt_int(0)?, row.opt_int(1)?))
        })
        .await?;
    let earliest = earliest.map(from_millis).transpose()?;
    if earliest.is_none() && system.system.removed_at.is_some() {
        return Err(StoreError::not_imported(&system.system));
    }
    let system_id = system.system.system_id.clone();
    run.map(ImportRunId).ok_or(StoreError::NothingThen { system_id, earliest })
}

fn sorted(mut inventory: Inventory) -> Inventory {
    inventory.sort();
    inventory
}
