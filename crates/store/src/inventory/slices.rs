//! Parts of long lists: sorted and cut by the database, each beginning after the last entry of the one before.

use keyreeve_model::{Account, Assignment, AssignmentPlace, Resource, SystemId};

use super::chosen::push_in;
use super::conditions::filter_resources;
use super::{Reading, lay_pending_over};
use crate::history;
use crate::statement::Statement;
use crate::transaction::reading;
use crate::{
    AccountFilter, AccountOrder, AsOf, AssignmentFilter, AssignmentSlice, ResourceFilter, ResourceOrder,
    Slice, SlicePlace, SortKey, Store, StoreError,
};

impl Store {
    /// A part of the accounts that a filter lets through, in an order.
    ///
    /// # Errors
    /// [`StoreError::NotImported`], and those of [`Store::list_accounts`].
    pub async fn accounts_slice(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &AccountFilter,
        slice: &Slice<AccountOrder>,
    ) -> Result<Vec<Account>, StoreError> {
        reading!(self, "listing the accounts", |transaction| {
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let found = self.found_by_text(transaction, &reading, filter).await?;
            let mut text = reading.select(history::select_accounts());
            match &found {
                Some(ids) if ids.is_empty() => return Ok(Vec::new()),
                Some(ids) => {
                    push_in(&mut text, " AND v.external_id IN (VALUES ", ids);
                    let filter = AccountFilter { text: None, ..filter.clone() };
                    reading.filter_accounts(&mut text, &filter);
                }
                None => reading.filter_accounts(&mut text, filter),
            }
            cut(&mut text, slice, slice.by.column());
            let read = |row: &_| history::read_account(row, system_id, &reading.coverage);
            transaction.fetch_together(text, history::ACCOUNT_COLUMNS, read).await
        })
        .await
    }

    /// How many resources a filter lets through, but no more than so many.
    ///
    /// # Errors
    /// Those of [`Self::resources_slice`].
    pub async fn count_resources(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &ResourceFilter,
        most: u32,
    ) -> Result<u64, StoreError> {
        reading!(self, "counting the resources", |transaction| {
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let mut text = reading
                .select(Statement::building("SELECT COUNT(*) FROM (SELECT 1 FROM resource_versions v"));
            filter_resources(&mut text, filter)?;
            text.push(" LIMIT ").bind(i64::from(most)).push(") c");
            let count = transaction.fetch_one(text, |row| row.int(0)).await?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
        .await
    }

    /// A part of the resources that a filter lets through, in an order.
    ///
    /// # Errors
    /// [`StoreError::NotImported`], and those of [`Store::list_accounts`].
    pub async fn resources_slice(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &ResourceFilter,
        slice: &Slice<ResourceOrder>,
    ) -> Result<Vec<Resource>, StoreError> {
        reading!(self, "listing the resources", |transaction| {
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let mut text = reading.select(history::select_resources());
            filter_resources(&mut text, filter)?;
            cut(&mut text, slice, slice.by.column());
            let read = |row: &_| history::read_resource(row, system_id, &reading.coverage);
            transaction.fetch_together(text, history::RESOURCE_COLUMNS, read).await
        })
        .await
    }

    /// How many assignments imports saw that a filter lets through, but no more than so many: in the order of their holders, so
    /// that no more are looked at than are counted.
    ///
    /// # Errors
    /// Those of [`Self::assignments_slice`].
    pub async fn count_assignments(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &AssignmentFilter,
        most: u32,
    ) -> Result<u64, StoreError> {
        reading!(self, "counting the assignments", |transaction| {
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let mut text = reading.select_assignments(filter);
            cut_assignments(&mut text, &AssignmentSlice { descending: false, after: None, limit: most });
            let count = transaction.fetch_one(text.counted(), |row| row.int(0)).await?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
        .await
    }

    /// A part of the assignments that a filter lets through, in the order of [`AssignmentPlace`].
    ///
    /// # Errors
    /// [`StoreError::NotImported`], and those of [`Store::list_accounts`].
    pub async fn assignments_slice(
        &self,
        system_id: &SystemId,
        as_of: AsOf,
        filter: &AssignmentFilter,
        slice: &AssignmentSlice,
    ) -> Result<Vec<Assignment>, StoreError> {
        reading!(self, "listing the assignments", |transaction| {
            let reading = Reading::known(transaction, system_id, as_of).await?;
            let paths = reading.holder_paths(transaction).await?;
            let read = |row: &_| history::read_assignment(row, system_id, &reading.coverage, paths.as_ref());
            let mut text = reading.select_assignments(filter);
            cut_assignments(&mut text, slice);
            let columns = history::ASSIGNMENT_COLUMNS;
            let mut assignments = transaction.fetch_together(text, columns, read).await?;
            // Where the list goes on after this slice, so does what is pending.
            let goes_on = assignments.len() >= slice.limit as usize;
            let last = assignments.last().filter(|_| goes_on).map(Assignment::place);
            if as_of == AsOf::Now
                && lay_pending_over(transaction, &reading, system_id, read, &mut assignments, filter).await?
            {
                keep_within(&mut assignments, slice, last.as_ref());
            }
            Ok(assignments)
        })
        .await
    }
}

pub(super) fn cut<By>(text: &mut Statement, slice: &Slice<By>, column: &str) {
    // The name is the key already where a list is sorted by it.
    let key = if column == NAME { String::new() } else { format!("{column}, ") };
    if let Some(SlicePlace(value, name, external_id)) = &slice.after {
        text.push(" AND (")
            .push(&key)
            .push("v.name, v.external_id) ")
            .push(beyond(slice.descending))
            .push(" (");
        if !key.is_empty() {
            match value {
                SortKey::Number(number) => text.bind(*number),
                SortKey::Text(value) => text.bind(value.as_str()),
            };
            text.push(", ");
        }
        text.bind(name.as_str()).push(", ").bind(external_id.as_str()).push(")");
    }
    let way = way(slice.descending);
    text.push(" ORDER BY ");
    if !key.is_empty() {
        text.push(column).push(way).push(", ");
    }
    text.push("v.name").push(way).push(", v.external_id").push(way);
    text.push(" LIMIT ").bind(i64::from(slice.limit));
}

const NAME: &str = "v.name";

pub(super) fn beyond(descending: bool) -> &'static str {
    if descending { "<" } else { ">" }
}

pub(super) fn way(descending: bool) -> &'static str {
    if descending { " DESC" } else { "" }
}

pub(super) const ORDER: [&str; 5] =
    ["v.subject_name", "v.subject_external_id", "v.kind", "v.resource_name", "COALESCE(v.resource_arn, '')"];

pub(super) fn cut_assignments(text: &mut Statement, slice: &AssignmentSlice) {
    let [first, ..] = ORDER;
    if slice.after.is_none() {
        // Every name is that, and SQLite learns from it which of the indexes has the order.
        text.push(" AND ").push(first).push(" >= ''");
    }
    if let Some(AssignmentPlace(subject, subject_id, kind, resource, arn)) = &slice.after {
        text.push(" AND (").push(&ORDER.join(", ")).push(") ").push(beyond(slice.descending)).push(" (");
        text.bind(subject.as_str()).push(", ");
        text.bind(subject_id.as_str()).push(", ").bind(kind.as_str()).push(", ");
        text.bind(resource.as_str()).push(", ").bind(arn.as_deref().unwrap_or_default()).push(")");
    }
    let way = way(slice.descending);
    let order = ORDER.map(|column| format!("{column}{way}")).join(", ");
    text.push(" ORDER BY ").push(&order).push(" LIMIT ").bind(i64::from(slice.limit));
}

/// Puts the assignments into their order, and leaves those that lie within the slice; it ends with `last`, or the list.
fn keep_within(assignments: &mut Vec<Assignment>, slice: &AssignmentSlice, last: Option<&AssignmentPlace>) {
    let before = |one: &AssignmentPlace, other: &AssignmentPlace| match slice.descending {
        false => one < other,
        true => one > other,
    };
    assignments.retain(|assignment| {
        let place = assignment.place();
        slice.after.as_ref().is_none_or(|after| before(after, &place))
            && last.is_none_or(|last| !before(last, &place))
    });
    assignments.sort_by_cached_key(Assignment::place);
    if slice.descending {
        assignments.reverse();
    }
    assignments.truncate(slice.limit as usize);
}
