//! Who holds a group or policy, in all systems: as the last imports saw it, system by system.

use std::collections::{BTreeSet, HashMap};

use keyreeve_model::{Assignment, AssignmentKind, AssignmentPlace, SystemId};
use serde::{Deserialize, Serialize};

use super::slices::{ORDER, beyond, cut_assignments, way};
use crate::dialect::Dialect;
use crate::history::{self, Coverage, Versions};
use crate::row::Row;
use crate::statement::{Statement, statement};
use crate::systems::push_within;
use crate::transaction::{Transaction, reading};
use crate::{AssignmentSlice, Store, StoreError};

/// Whose holders are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFilter {
    /// The name of groups and policies, in any case, or the ARN of one: a policy of AWS has the same in all systems.
    pub resource: String,
    /// Only assignments of this kind.
    pub kind: Option<AssignmentKind>,
}

/// Where an assignment stands among those of all systems, which come in the order in which they were registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPlace(
    /// Its system.
    pub SystemId,
    /// Its place among those of the system.
    pub AssignmentPlace,
);

impl HeldPlace {
    /// The place of an assignment.
    #[must_use]
    pub fn of(assignment: &Assignment) -> Self {
        Self(assignment.system_id.clone(), assignment.place())
    }
}

/// A part of a list of assignments of all systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSlice {
    /// Whether the list begins with the last.
    pub descending: bool,
    /// The place of the entry before it.
    pub after: Option<HeldPlace>,
    /// How many entries at most.
    pub limit: u32,
}

impl Store {
    /// Who holds a group or policy, in all systems that are not removed, or in some of them: a part of the list, by the order
    /// in which the systems were registered, then by holder. It is what the last imports saw; what was given or taken from
    /// here since is in the lists of the systems.
    ///
    /// What a part costs hangs on its length, and not on how many systems there are or how much they hold; where only some
    /// systems are asked for, each of them is looked into until the part is full.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn held_everywhere(
        &self,
        systems: Option<&[SystemId]>,
        filter: &HeldFilter,
        slice: &HeldSlice,
    ) -> Result<Vec<Assignment>, StoreError> {
        reading!(self, "looking for who holds it in all systems", |transaction| {
            let after = match &slice.after {
                None => None,
                Some(HeldPlace(system, place)) => match key_of(transaction, system).await? {
                    None => return Ok(Vec::new()),
                    Some(key) => Some((key, place)),
                },
            };
            let Some(systems) = systems else {
                let text = held(transaction.dialect(), filter, (slice.descending, after, slice.limit));
                let rows = rows(transaction, text).await?;
                return complete(transaction, rows).await;
            };
            let mut found = Vec::new();
            for system in in_order(transaction, systems, slice.descending).await? {
                let left = slice.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
                if left == 0 {
                    break;
                }
                let after = match after {
                    Some((key, _)) if system != key && (system > key) == slice.descending => continue,
                    Some((key, place)) if system == key => Some(place.clone()),
                    _ => None,
                };
                let slice = AssignmentSlice { descending: slice.descending, after, limit: left };
                let text = held_within(transaction.dialect(), filter, system, &slice);
                found.extend(rows(transaction, text).await?);
            }
            complete(transaction, found).await
        })
        .await
    }
}

/// An assignment before it is known which runs saw it, behind the key of its system.
type Found = (i64, Assignment);

/// The statement that goes through all systems.
pub(super) fn held(
    dialect: Dialect,
    filter: &HeldFilter,
    (descending, after, limit): (bool, Option<(i64, &AssignmentPlace)>, u32),
) -> Statement {
    let mut text = select(dialect, filter);
    text.push(" AND v.system_key NOT IN (SELECT s.system_key FROM systems s WHERE s.removed_at IS NOT NULL)");
    if let Some((system, AssignmentPlace(subject, id, kind, resource, arn))) = after {
        text.push(" AND (v.system_key, ").push(&ORDER.join(", ")).push(") ").push(beyond(descending));
        text.push(" (").bind(system).push(", ").bind(subject.as_str()).push(", ").bind(id.as_str());
        text.push(", ").bind(kind.as_str()).push(", ").bind(resource.as_str()).push(", ");
        text.bind(arn.as_deref().unwrap_or_default()).push(")");
    }
    let way = way(descending);
    let order = ORDER.map(|column| format!("{column}{way}")).join(", ");
    text.push(" ORDER BY v.system_key").push(way).push(", ").push(&order).push(" LIMIT ");
    text.bind(i64::from(limit));
    text
}

/// The statement that goes through one system.
pub(super) fn held_within(
    dialect: Dialect,
    filter: &HeldFilter,
    system: i64,
    slice: &AssignmentSlice,
) -> Statement {
    let mut text = select(dialect, filter);
    text.push(" AND v.system_key = ").bind(system);
    cut_assignments(&mut text, slice);
    text
}

/// All who hold it now.
fn select(dialect: Dialect, filter: &HeldFilter) -> Statement {
    // Only ARNs have colons, and they end with the name.
    let is_arn = filter.resource.contains(':');
    let name = filter.resource.rsplit('/').next().filter(|_| is_arn).unwrap_or(&filter.resource);
    let mut text = history::select_everywhere(dialect);
    text.push(" WHERE ");
    history::push_holding(&mut text);
    text.push(" AND lower(v.resource_name || '') = ");
    text.bind(name.to_ascii_lowercase());
    if is_arn {
        text.push(" AND v.resource_arn = ").bind(filter.resource.as_str());
    }
    if let Some(kind) = filter.kind {
        text.push(" AND v.kind = ").bind(kind.as_str());
    }
    text
}

async fn rows(transaction: &mut Transaction, text: Statement) -> Result<Vec<Found>, StoreError> {
    let (key, id) = (history::ASSIGNMENT_COLUMNS, history::ASSIGNMENT_COLUMNS + 1);
    let none = Coverage::none();
    let read = |row: &Row| Ok((row.int(key)?, history::read_assignment(row, &row.word(id)?, &none, None)?));
    transaction.fetch_together(text, id + 1, read).await
}

/// The assignments, with the last runs that saw them.
async fn complete(transaction: &mut Transaction, found: Vec<Found>) -> Result<Vec<Assignment>, StoreError> {
    let keys: BTreeSet<i64> = found.iter().map(|(key, _)| *key).collect();
    let keys: Vec<i64> = keys.into_iter().collect();
    let covered = Coverage::of_many(transaction, &keys).await?;
    // Where a run was limited to a path, it hangs on the paths of the holders whether it saw them.
    let mut paths: HashMap<i64, HashMap<String, String>> = HashMap::new();
    for (key, coverage) in &covered {
        if let Some(known) = history::holder_paths(transaction, *key, Versions::Current, coverage).await? {
            paths.insert(*key, known);
        }
    }
    let complete = |(key, mut assignment): Found| {
        let path = match paths.get(&key) {
            None => Some("/"),
            Some(paths) => paths.get(assignment.subject_external_id.as_str()).map(String::as_str),
        };
        if let Some(coverage) = covered.get(&key) {
            coverage.complete_assignment(&mut assignment, path);
        }
        assignment
    };
    Ok(found.into_iter().map(complete).collect())
}

async fn key_of(transaction: &mut Transaction, system: &SystemId) -> Result<Option<i64>, StoreError> {
    let text = statement!("SELECT system_key FROM systems WHERE system_id = $1", system.as_str());
    transaction.fetch_optional(text, |row| row.int(0)).await
}

/// The keys of these systems, but for those that are removed.
async fn in_order(
    transaction: &mut Transaction,
    systems: &[SystemId],
    descending: bool,
) -> Result<Vec<i64>, StoreError> {
    let mut text = statement!("SELECT s.system_key FROM systems s WHERE s.removed_at IS NULL");
    push_within(&mut text, Some(systems));
    text.push(" ORDER BY s.system_key").push(way(descending));
    transaction.fetch(text, |row| row.int(0)).await
}
