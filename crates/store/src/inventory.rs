//! Reading what is known of a system, now or as of any published moment.

mod chosen;
mod slices;

use std::collections::HashMap;

use jiff::Timestamp;
use keyreeve_model::{
    Account, Assignment, AssignmentKind, ClaimFact, ImportRunId, ImportRunState, Inventory, JobId, ManagedBy,
    Resource, SystemId,
};

use crate::history::{self, Coverage, Versions};
use crate::import_runs::{find_run, latest_published};
use crate::pending::{CLAIMED, Pending};
use crate::row::{Row, to_json};
use crate::statement::{Statement, statement};
use crate::systems::{self, StoredSystem, word};
use crate::time::{from_millis, to_millis};
use crate::transaction::{Transaction, reading};
use crate::{AccountFilter, AsOf, AssignmentFilter, Mfa, ResourceFilter, Store, StoreError};

pub use chosen::AccountPlace;

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
    /// [`StoreError::SystemNotFound`], [`StoreError::RunNotFound`], [`StoreError::RunNotPublished`].
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
    /// [`StoreError::SystemNotFound`], [`StoreError::NothingThen`], [`StoreError::RunNotPublished`].
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

    /// One account by name or external id: the exact name first, then the name in any case.
    ///
    /// # Errors
    /// [`StoreError::AccountNotFound`], and those of [`Self::list_accounts`].
    pub async fn get_account(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        name: &str,
    ) -> Result<Account, StoreError> {
        reading!(self, "reading the account", |transaction| {
            let not_found =
                || StoreError::AccountNotFound { system_id: system_id.clone(), name: name.to_owned() };
            let reading = Reading::begin(transaction, system_id, as_of).await?.ok_or_else(not_found)?;
            let mut text = reading.select(history::select_accounts());
            text.push(" AND (lower(v.name) = lower(")
                .bind(name)
                .push(") OR v.external_id = ")
                .bind(name)
                .push(")");
            let read = |row: &_| history::read_account(row, system_id, &reading.coverage);
            let mut found = transaction.fetch(text, read).await?;
            found.sort_by_key(|account| (account.name != name, account.external_id.as_str() != name));
            found.into_iter().next().ok_or_else(not_found)
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
            let mut text = reading.select(history::select_assignments());
            filter_assignments(&mut text, filter);
            let mut assignments = transaction.fetch(text, read).await?;
            if as_of == AsOf::Now {
                lay_pending_over(transaction, &reading, system_id, read, &mut assignments, filter).await?;
            }
            Ok(sorted(Inventory { assignments, ..Inventory::default() }).assignments)
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
}

impl Reading {
    /// Finds the run that speaks for a moment; `None` when nothing was ever published and "now" is asked for.
    async fn begin(
        transaction: &mut Transaction,
        system_id: &SystemId,
        as_of: AsOf,
    ) -> Result<Option<Self>, StoreError> {
        let system = systems::find(transaction, system_id, false).await?;
        let (run, versions) = match as_of {
            AsOf::Now => match latest_published(transaction, system.key).await? {
                Some(run) => (run.id, Versions::Current),
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
                (run, Versions::At(run))
            }
            AsOf::Time(time) => {
                let run = run_at(transaction, &system, time).await?;
                (run, Versions::At(run))
            }
        };
        let coverage = Coverage::at(transaction, system.key, run).await?;
        Ok(Some(Self { run, system, versions, coverage }))
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
            text.push(" AND ");
            self.push_exists(text, AssignmentKind::AccountGroup);
            text.push(" AND (lower(a.resource_name) = lower(").bind(group.as_str());
            text.push(") OR a.resource_external_id = ").bind(group.as_str()).push("))");
        }
        if let Some(policy) = &filter.policy {
            text.push(" AND (");
            self.push_exists(text, AssignmentKind::AccountPolicy);
            push_policy(text, "a", policy);
            text.push(")");
            if filter.through_groups {
                text.push(" OR ");
                self.push_exists(text, AssignmentKind::AccountGroup);
                self.push_group_holds(text, policy);
                text.push(")");
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
    }

    /// The group of the membership `a` holds the policy. A membership whose group could not be listed has only its name.
    fn push_group_holds(&self, text: &mut Statement, policy: &str) {
        text.push(" AND EXISTS (SELECT 1 FROM assignment_versions g WHERE g.system_key = ")
            .bind(self.system.key);
        text.push(" AND g.kind = ").bind(AssignmentKind::GroupPolicy.as_str());
        text.push(
            " AND (g.subject_external_id = a.resource_external_id OR (a.resource_external_id IS NULL AND ",
        );
        text.push("lower(g.subject_name) = lower(a.resource_name))) AND ");
        self.versions.condition(text, "g");
        push_policy(text, "g", policy);
        text.push(")");
    }

    /// Begins `EXISTS (…` over what the account `v` holds; the caller closes it.
    fn push_exists(&self, text: &mut Statement, kind: AssignmentKind) {
        text.push("EXISTS (SELECT 1 FROM assignment_versions a WHERE a.system_key = ").bind(self.system.key);
        text.push(" AND a.subject_external_id = v.external_id AND a.kind = ")
            .bind(kind.as_str())
            .push(" AND ");
        self.versions.condition(text, "a");
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
    let mut text = reading.select(history::select_assignments());
    text.push(" AND v.kind <> 'group_policy' AND v.subject_external_id").push(CLAIMED).bind(key).push(")");
    let held = transaction.fetch(text, read).await?;
    pending.lay_over(transaction, (system_id, key), reading.versions, held, assignments, filter).await?;
    Ok(true)
}

/// The assignment is of this policy.
fn push_policy(text: &mut Statement, alias: &str, policy: &str) {
    text.push(" AND (lower(").push(alias).push(".resource_name) = lower(").bind(policy);
    text.push(") OR ").push(alias).push(".resource_arn = ").bind(policy);
    text.push(" OR ").push(alias).push(".resource_external_id = ").bind(policy).push(")");
}

fn filter_resources(text: &mut Statement, filter: &ResourceFilter) -> Result<(), StoreError> {
    push_name(text, filter.name.as_deref());
    push_path(text, filter.path_prefix.as_deref());
    if let Some(kind) = filter.kind {
        text.push(" AND v.type = ").bind(kind.as_str());
    }
    if let Some(managed_by) = filter.managed_by {
        let managed_by: ManagedBy = managed_by;
        text.push(" AND v.managed_by = ").bind(word(&managed_by)?);
    }
    Ok(())
}

fn filter_assignments(text: &mut Statement, filter: &AssignmentFilter) {
    if let Some(kind) = filter.kind {
        text.push(" AND v.kind = ").bind(kind.as_str());
    }
    if let Some(account) = &filter.account {
        text.push(" AND v.kind <> 'group_policy' AND (lower(v.subject_name) = lower(").bind(account.as_str());
        text.push(") OR v.subject_external_id = ").bind(account.as_str()).push(")");
    }
    if let Some(group) = &filter.group {
        text.push(" AND ((v.kind = 'account_group' AND (lower(v.resource_name) = lower(")
            .bind(group.as_str());
        text.push(") OR v.resource_external_id = ").bind(group.as_str());
        text.push(")) OR (v.kind = 'group_policy' AND (lower(v.subject_name) = lower(").bind(group.as_str());
        text.push(") OR v.subject_external_id = ").bind(group.as_str()).push(")))");
    }
    if let Some(policy) = &filter.policy {
        text.push(" AND v.kind <> 'account_group' AND (lower(v.resource_name) = lower(")
            .bind(policy.as_str());
        text.push(") OR v.resource_arn = ").bind(policy.as_str());
        text.push(" OR v.resource_external_id = ").bind(policy.as_str()).push(")");
    }
}

fn push_name(text: &mut Statement, name: Option<&str>) {
    if let Some(name) = name {
        text.push(" AND lower(v.name) LIKE lower(").bind(like_pattern(name)).push(") ESCAPE '\\'");
    }
}

fn push_path(text: &mut Statement, prefix: Option<&str>) {
    if let Some(prefix) = prefix {
        text.push(" AND substr(v.path, 1, length(").bind(prefix).push(")) = ").bind(prefix);
    }
}

/// The `LIKE` pattern of a name filter: a glob when it has `*` or `?`, else any part of the name.
fn like_pattern(name: &str) -> String {
    let glob = name.contains(['*', '?']);
    let mut pattern = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        match c {
            '*' => pattern.push('%'),
            '?' => pattern.push('_'),
            '%' | '_' | '\\' => pattern.extend(['\\', c]),
            _ => pattern.push(c),
        }
    }
    if glob { pattern } else { format!("%{pattern}%") }
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
    let system_id = system.system.system_id.clone();
    run.map(ImportRunId).ok_or(StoreError::NothingThen { system_id, earliest })
}

fn sorted(mut inventory: Inventory) -> Inventory {
    inventory.sort();
    inventory
}

#[cfg(test)]
mod tests {
    use super::like_pattern;

    #[test]
    fn a_name_is_a_part_unless_it_is_a_glob() {
        assert_eq!(like_pattern("ann"), "%ann%");
        assert_eq!(like_pattern("a*_?"), r"a%\__");
        assert_eq!(like_pattern(r"50%\"), r"%50\%\\%");
    }
}
