//! What is different between two published runs, or what one run changed, a part at a time: found, put in order and cut by
//! the database, so that a page costs what is on it and not what has changed in all.
//!
//! What holds at the later moment and not at the earlier one is new or different; what held at the earlier one and has no
//! successor is gone. Both are read in the same order from the same place on, and the earlier versions of what is different
//! besides. What a change is says [`difference`] alone: of versions that turn out to be the same in the end, nothing is told.

use std::collections::HashSet;

use keyreeve_model::{
    Account, Assignment, Change, ChangeKind, ChangeSet, Compare, ExternalId, ImportRunId, ImportRunState,
    Inventory, ObjectType, Resource, SystemId, difference,
};

use super::evidence::Evidence;
use super::find_run;
use super::list::comparable;
use crate::history::{self, Coverage, Span, Versions};
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::{Transaction, reading};
use crate::{ChangeFilter, ChangePlace, ChangeSlice, Store, StoreError, kept};

/// So many earlier versions are asked for at once.
const AT_ONCE: usize = 500;

/// A change, as a set of one, and where it stands.
pub type PlacedChange = (ChangePlace, ChangeSet);

impl Store {
    /// A part of what is different between two published runs of a system, in this order.
    ///
    /// # Errors
    /// As [`Store::difference_between`].
    pub async fn difference_slice(
        &self,
        (first, second): (ImportRunId, ImportRunId),
        filter: &ChangeFilter,
        slice: &ChangeSlice,
    ) -> Result<Vec<PlacedChange>, StoreError> {
        reading!(self, "comparing the import runs", |transaction| {
            let (one, _) = comparable(transaction, first, second).await?;
            let of = Compared {
                system_id: one.run.system_id,
                key: one.system_key,
                span: Span { from: first, to: second },
            };
            of.slice(transaction, filter, slice).await
        })
        .await
    }

    /// Whether what a run changed is kept.
    ///
    /// # Errors
    /// [`StoreError::RunNotFound`], [`StoreError::HistoryNotKept`].
    pub async fn changes_are_kept(&self, run: ImportRunId) -> Result<(), StoreError> {
        reading!(self, "looking whether the run's changes are kept", |transaction| {
            let stored = find_run(transaction, run).await?;
            kept::require_changes(transaction, &stored).await
        })
        .await
    }

    /// A part of what a run changed or, for one that was not published, would change, as [`Store::import_changes`] has it.
    ///
    /// # Errors
    /// [`StoreError::RunNotFound`], [`StoreError::EvidenceAltered`], [`StoreError::HistoryNotKept`].
    pub async fn import_changes_slice(
        &self,
        run: ImportRunId,
        filter: &ChangeFilter,
        slice: &ChangeSlice,
    ) -> Result<Vec<PlacedChange>, StoreError> {
        reading!(self, "reading the run's changes", |transaction| {
            let stored = find_run(transaction, run).await?;
            let recorded = stored.run.changes_sha256.as_deref();
            match stored.run.state {
                ImportRunState::Running | ImportRunState::Failed => Ok(Vec::new()),
                ImportRunState::Published if recorded.is_none() => {
                    kept::require_changes(transaction, &stored).await?;
                    let of = Compared {
                        system_id: stored.run.system_id,
                        key: stored.system_key,
                        span: Span::of_run(run),
                    };
                    of.slice(transaction, filter, slice).await
                }
                _ => {
                    kept::require_changes(transaction, &stored).await?;
                    Ok(cut(Evidence::read(transaction, run, recorded).await?, filter, slice))
                }
            }
        })
        .await
    }
}

/// The tables, in the order in which their changes are told.
const ACCOUNTS: Table<Account> = Table {
    place: 0,
    name: "account_versions",
    columns: history::ACCOUNT_COLUMNS,
    select: history::select_accounts,
    order: &["v.name", "v.external_id"],
    key: &["external_id"],
    id: "v.external_id",
    named: "v.name",
    within: |object_type| (object_type == ObjectType::Account).then_some(""),
    standing: |one| vec![one.name.clone(), one.external_id.to_string()],
    of: |one| &one.external_id,
    only: |accounts| ChangeSet { accounts, ..ChangeSet::default() },
    inventory: |accounts| Inventory { accounts, ..Inventory::default() },
    taken: |changes| changes.accounts,
};
const RESOURCES: Table<Resource> = Table {
    place: 1,
    name: "resource_versions",
    columns: history::RESOURCE_COLUMNS,
    select: history::select_resources,
    order: &["v.name", "v.external_id"],
    key: &["external_id"],
    id: "v.external_id",
    named: "v.name",
    within: |object_type| match object_type {
        ObjectType::Group => Some(" AND v.type = 'group'"),
        ObjectType::Policy => Some(" AND v.type = 'policy' AND COALESCE(v.managed_by, '') <> 'aws'"),
        ObjectType::AwsManagedPolicy => Some(" AND v.type = 'policy' AND v.managed_by = 'aws'"),
        _ => None,
    },
    standing: |one| vec![one.name.clone(), one.external_id.to_string()],
    of: |one| &one.external_id,
    only: |resources| ChangeSet { resources, ..ChangeSet::default() },
    inventory: |resources| Inventory { resources, ..Inventory::default() },
    taken: |changes| changes.resources,
};
const ASSIGNMENTS: Table<Assignment> = Table {
    place: 2,
    name: "assignment_versions",
    columns: history::ASSIGNMENT_COLUMNS,
    select: history::select_assignments,
    order: &[
        "v.subject_name",
        "v.subject_external_id",
        "v.kind",
        "v.resource_name",
        "COALESCE(v.resource_arn, '')",
    ],
    key: &["subject_external_id", "kind", "resource_key"],
    id: "v.subject_external_id",
    named: "v.subject_name || ' → ' || v.resource_name",
    within: |object_type| match object_type {
        ObjectType::AccountGroup => Some(" AND v.kind = 'account_group'"),
        ObjectType::AccountPolicy => Some(" AND v.kind = 'account_policy'"),
        ObjectType::GroupPolicy => Some(" AND v.kind = 'group_policy'"),
        _ => None,
    },
    standing: |one| {
        vec![
            one.subject_name.clone(),
            one.subject_external_id.to_string(),
            one.kind.as_str().to_owned(),
            one.resource_name.clone(),
            one.resource_arn.clone().unwrap_or_default(),
        ]
    },
    of: |one| &one.subject_external_id,
    only: |assignments| ChangeSet { assignments, ..ChangeSet::default() },
    inventory: |assignments| Inventory { assignments, ..Inventory::default() },
    taken: |changes| changes.assignments,
};

/// A table of versions: how it is read, put in order, and its rows told apart.
struct Table<T> {
    place: u8,
    name: &'static str,
    columns: usize,
    select: fn() -> Statement,
    order: &'static [&'static str],
    key: &'static [&'static str],
    /// What earlier versions are looked for by.
    id: &'static str,
    /// What a text is looked for in.
    named: &'static str,
    /// The condition for a type of object, where the table has it.
    within: fn(ObjectType) -> Option<&'static str>,
    /// The values of `order`.
    standing: fn(&T) -> Vec<String>,
    /// The value of `id`.
    of: fn(&T) -> &ExternalId,
    only: fn(Vec<Change<T>>) -> ChangeSet,
    inventory: fn(Vec<T>) -> Inventory,
    taken: fn(ChangeSet) -> Vec<Change<T>>,
}

/// Which versions of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Those that hold at the later moment, and not at the earlier one.
    New,
    /// Those that held at the earlier moment, without a successor at the later one.
    Gone,
}

/// What is compared: one system at two moments.
struct Compared {
    system_id: SystemId,
    key: i64,
    span: Span,
}

impl Compared {
    async fn slice(
        &self,
        transaction: &mut Transaction,
        filter: &ChangeFilter,
        slice: &ChangeSlice,
    ) -> Result<Vec<PlacedChange>, StoreError> {
        let before = Coverage::at(transaction, self.key, self.span.from).await?;
        let after = Coverage::at(transaction, self.key, self.span.to).await?;
        let coverages = [&before, &after];
        let accounts = coverages.map(|of| move |row: &Row| history::read_account(row, &self.system_id, of));
        let resources = coverages.map(|of| move |row: &Row| history::read_resource(row, &self.system_id, of));
        let mut found = Vec::new();
        let mut tables = [0_u8, 1, 2];
        if slice.descending {
            tables.reverse();
        }
        for table in tables {
            let asked = Asked { of: self, filter, slice, found: found.len() };
            if !asked.reaches(table) {
                continue;
            }
            found.extend(match table {
                0 => asked.part(transaction, &ACCOUNTS, &accounts).await?,
                1 => asked.part(transaction, &RESOURCES, &resources).await?,
                _ => {
                    let gone = Versions::NewIn(self.span.reversed());
                    let earlier = history::holder_paths(transaction, self.key, gone, &before).await?;
                    let later =
                        history::holder_paths(transaction, self.key, Versions::NewIn(self.span), &after)
                            .await?;
                    let assignments = [(&before, &earlier), (&after, &later)].map(|(of, paths)| {
                        move |row: &Row| history::read_assignment(row, &self.system_id, of, paths.as_ref())
                    });
                    asked.part(transaction, &ASSIGNMENTS, &assignments).await?
                }
            });
        }
        Ok(found)
    }
}

/// A part that is asked for.
struct Asked<'a> {
    of: &'a Compared,
    filter: &'a ChangeFilter,
    slice: &'a ChangeSlice,
    /// So many changes of it were found in tables before.
    found: usize,
}

impl Asked<'_> {
    fn wanted(&self) -> usize {
        (self.slice.limit as usize).saturating_sub(self.found)
    }

    /// Whether a table lies in the part.
    fn reaches(&self, table: u8) -> bool {
        let begins =
            self.slice.after.as_ref().is_none_or(|ChangePlace(after, _)| match self.slice.descending {
                false => *after <= table,
                true => *after >= table,
            });
        begins && self.wanted() > 0
    }

    /// What the part has of a table. `read` has how rows of the earlier and of the later moment are read.
    async fn part<T, R>(
        &self,
        transaction: &mut Transaction,
        table: &Table<T>,
        [before, after]: &[R; 2],
    ) -> Result<Vec<PlacedChange>, StoreError>
    where
        T: Compare + Send,
        R: Fn(&Row) -> Result<T, StoreError> + Send + Sync,
    {
        let mut found: Vec<PlacedChange> = Vec::new();
        let mut begin =
            self.slice.after.as_ref().filter(|place| place.0 == table.place).map(|place| place.1.clone());
        loop {
            let wanted = self.wanted().saturating_sub(found.len());
            if wanted == 0 {
                return Ok(found);
            }
            let mut sides = [Vec::new(), Vec::new()];
            for ((side, read), rows) in [(Side::New, after), (Side::Gone, before)].into_iter().zip(&mut sides)
            {
                if let Some(text) = self.search(table, side, begin.as_deref(), wanted) {
                    *rows = transaction.fetch_together(text, table.columns, read).await?;
                }
            }
            let [mut new, mut gone] = sides;
            // The first of both together; what is beyond comes with the next search.
            let mut places: Vec<Vec<String>> = new.iter().chain(&gone).map(table.standing).collect();
            places.sort_unstable();
            if self.slice.descending {
                places.reverse();
            }
            let goes_on = places.len() >= wanted;
            places.truncate(wanted);
            let Some(last) = places.pop() else { return Ok(found) };
            let within = |one: &T| {
                let place = (table.standing)(one);
                if self.slice.descending { place >= last } else { place <= last }
            };
            new.retain(within);
            gone.retain(within);
            gone.extend(self.earlier(transaction, table, &new, before).await?);
            let changes = difference((table.inventory)(gone), (table.inventory)(new));
            let mut changes: Vec<Change<T>> = (table.taken)(changes);
            if self.slice.descending {
                changes.reverse();
            }
            found.extend(changes.into_iter().map(|change| {
                let place = ChangePlace(table.place, (table.standing)(change.object()));
                (place, (table.only)(vec![change]))
            }));
            if !goes_on {
                return Ok(found);
            }
            begin = Some(last);
        }
    }

    /// The versions of one side in their order, from a place on; `None` where the filter lets none through.
    fn search<T>(
        &self,
        table: &Table<T>,
        side: Side,
        begin: Option<&[String]>,
        limit: usize,
    ) -> Option<Statement> {
        let Span { from, to } = self.of.span;
        let kind = self.filter.kind;
        let has = match (side, kind) {
            (Side::New, None) => None,
            (Side::New, Some(ChangeKind::Created)) => Some((" AND NOT EXISTS (", from)),
            (Side::New, Some(ChangeKind::Changed)) => Some((" AND EXISTS (", from)),
            (Side::Gone, None | Some(ChangeKind::Deleted)) => Some((" AND NOT EXISTS (", to)),
            (Side::New, Some(ChangeKind::Deleted)) | (Side::Gone, Some(_)) => return None,
        };
        let of_type = match self.filter.object_type {
            Some(object_type) => (table.within)(object_type)?,
            None => "",
        };
        let mut text = (table.select)();
        text.push(" WHERE v.system_key = ").bind(self.of.key).push(" AND ");
        let span = if side == Side::New { self.of.span } else { self.of.span.reversed() };
        Versions::NewIn(span).condition(&mut text, "v");
        text.push(of_type);
        if let Some((exists, at)) = has {
            text.push(exists)
                .push("SELECT 1 FROM ")
                .push(table.name)
                .push(" b WHERE b.system_key = v.system_key");
            for column in table.key {
                text.push(" AND b.").push(column).push(" = v.").push(column);
            }
            text.push(" AND ");
            Versions::At(at).condition(&mut text, "b");
            text.push(")");
        }
        if let Some(wanted) = &self.filter.text {
            text.push(" AND lower(").push(table.named).push(") LIKE lower(").bind(part_of(wanted));
            text.push(") ESCAPE '\\'");
        }
        let (beyond, way) = if self.slice.descending { ("<", " DESC") } else { (">", "") };
        if let Some(begin) = begin.filter(|begin| begin.len() == table.order.len()) {
            text.push(" AND (").push(&table.order.join(", ")).push(") ").push(beyond).push(" (");
            for (at, value) in begin.iter().enumerate() {
                text.push(if at == 0 { "" } else { ", " }).bind(value.as_str());
            }
            text.push(")");
        }
        let order: Vec<String> = table.order.iter().map(|column| format!("{column}{way}")).collect();
        text.push(" ORDER BY ").push(&order.join(", "));
        text.push(" LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        Some(text)
    }

    /// The versions of before of what is new or different.
    async fn earlier<T, R>(
        &self,
        transaction: &mut Transaction,
        table: &Table<T>,
        new: &[T],
        read: &R,
    ) -> Result<Vec<T>, StoreError>
    where
        T: Compare + Send,
        R: Fn(&Row) -> Result<T, StoreError> + Send + Sync,
    {
        if self.filter.kind == Some(ChangeKind::Created) {
            return Ok(Vec::new());
        }
        let keys: HashSet<T::Key> = new.iter().map(T::comparison_key).collect();
        let ids: Vec<&str> =
            new.iter().map(|one| (table.of)(one).as_str()).collect::<HashSet<_>>().into_iter().collect();
        let mut found = Vec::new();
        for some in ids.chunks(AT_ONCE) {
            let mut text = (table.select)();
            text.push(" WHERE v.system_key = ").bind(self.of.key).push(" AND ");
            Versions::NewIn(self.of.span.reversed()).condition_beside(&mut text, "v", transaction.dialect());
            text.push(" AND ").push(table.id).push(" IN (VALUES ");
            text.bind_rows(some.iter().map(|id| vec![(*id).into()])).push(")");
            let rows = transaction.fetch_together(text, table.columns, read).await?;
            found.extend(rows.into_iter().filter(|one| keys.contains(&one.comparison_key())));
        }
        Ok(found)
    }
}

/// The `LIKE` pattern of what has a text in it.
pub(crate) fn part_of(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if ['%', '_', '\\'].contains(&character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// A part of changes that are known whole.
fn cut(changes: ChangeSet, filter: &ChangeFilter, slice: &ChangeSlice) -> Vec<PlacedChange> {
    let ChangeSet { accounts, resources, assignments } = changes;
    let mut all = placed(&ACCOUNTS, accounts, filter, |_| ObjectType::Account, |one| one.name.clone());
    all.extend(placed(&RESOURCES, resources, filter, ObjectType::of_resource, |one| one.name.clone()));
    all.extend(placed(&ASSIGNMENTS, assignments, filter, ObjectType::of_assignment, |one| {
        format!("{} → {}", one.subject_name, one.resource_name)
    }));
    if slice.descending {
        all.reverse();
    }
    let beyond = |(place, _): &PlacedChange| {
        slice.after.as_ref().is_none_or(|after| if slice.descending { place < after } else { place > after })
    };
    all.into_iter().filter(beyond).take(slice.limit as usize).collect()
}

fn placed<T>(
    table: &Table<T>,
    changes: Vec<Change<T>>,
    filter: &ChangeFilter,
    object_type: impl Fn(&T) -> ObjectType,
    name: fn(&T) -> String,
) -> Vec<PlacedChange> {
    let wanted = filter.text.as_ref().map(|text| text.to_ascii_lowercase());
    let fits = |change: &Change<T>| {
        let object = change.object();
        filter.kind.is_none_or(|kind| kind == change.kind())
            && filter.object_type.is_none_or(|wanted| wanted == object_type(object))
            && wanted.as_ref().is_none_or(|wanted| name(object).to_ascii_lowercase().contains(wanted))
    };
    let place = |change: Change<T>| {
        let place = ChangePlace(table.place, (table.standing)(change.object()));
        (place, (table.only)(vec![change]))
    };
    changes.into_iter().filter(fits).map(place).collect()
}
