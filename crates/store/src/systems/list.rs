//! Parts of the list of systems: what is read does not hang on how many there are.

use std::collections::BTreeMap;

use keyreeve_model::{System, SystemId, SystemState};
use serde::{Deserialize, Serialize};

use super::push_within;
use super::rows::{COLUMNS, NUMBER_OF_COLUMNS, read_system};
use crate::import_runs::part_of;
use crate::statement::Statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading};
use crate::{SortKey, Store, StoreError};

/// Which systems. Conditions that are set must all hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemFilter<'a> {
    /// Only these.
    pub systems: Option<&'a [SystemId]>,
    /// Only those in this state; without one, those that were not removed.
    pub state: Option<SystemState>,
    /// Also those that were removed.
    pub removed: bool,
    /// Part of the name, the System ID, the category or the AWS account, ignoring case.
    pub text: Option<&'a str>,
}

/// What systems are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SystemOrder {
    /// The System ID.
    #[default]
    SystemId,
    /// The display name.
    Name,
    /// The category.
    Category,
    /// When they were registered.
    CreatedAt,
}

/// Where a system stands: what it is sorted by, and its System ID, which tells apart what is the same otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemPlace(pub SortKey, pub SystemId);

/// A part of a list of systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemSlice {
    /// What the list is sorted by.
    pub by: SystemOrder,
    /// Whether it begins with the last.
    pub descending: bool,
    /// The place of the system before it.
    pub after: Option<SystemPlace>,
    /// How many at most.
    pub limit: u32,
}

impl SystemOrder {
    /// Where a system stands.
    #[must_use]
    pub fn place(self, system: &System) -> SystemPlace {
        let key = match self {
            Self::SystemId => SortKey::Text(String::new()),
            Self::Name => SortKey::Text(system.name.to_string()),
            Self::Category => SortKey::Text(system.category.clone()),
            Self::CreatedAt => SortKey::Number(to_millis(system.created_at)),
        };
        SystemPlace(key, system.system_id.clone())
    }

    /// The column besides the System ID.
    fn column(self) -> Option<&'static str> {
        match self {
            Self::SystemId => None,
            Self::Name => Some("name"),
            Self::Category => Some("category"),
            Self::CreatedAt => Some("created_at"),
        }
    }

    /// Binds what a place is sorted by, as the column has it whatever is given.
    fn bind(self, text: &mut Statement, key: &SortKey) {
        match (self, key) {
            (Self::CreatedAt, SortKey::Number(number)) => text.bind(*number),
            (Self::CreatedAt, SortKey::Text(_)) => text.bind(i64::MIN),
            (_, SortKey::Number(number)) => text.bind(number.to_string()),
            (_, SortKey::Text(key)) => text.bind(key.as_str()),
        };
    }
}

impl SystemSlice {
    fn order(&self) -> String {
        let way = if self.descending { " DESC" } else { "" };
        let column = self.by.column().map(|column| format!("{column}{way}, ")).unwrap_or_default();
        format!(" ORDER BY {column}system_id{way}")
    }

    fn cut(&self, text: &mut Statement) {
        if let Some(SystemPlace(key, system_id)) = &self.after {
            let beyond = if self.descending { "<" } else { ">" };
            match self.by.column() {
                None => {
                    text.push(" AND s.system_id ").push(beyond).push(" ").bind(system_id.as_str());
                }
                Some(column) => {
                    text.push(" AND (s.").push(column).push(", s.system_id) ").push(beyond).push(" (");
                    self.by.bind(text, key);
                    text.push(", ").bind(system_id.as_str()).push(")");
                }
            }
        }
        text.push(&self.order()).push(" LIMIT ").bind(i64::from(self.limit));
    }
}

/// The keys of these systems, with those that were removed or without.
pub(crate) async fn keys_of(
    transaction: &mut Transaction,
    systems: &[SystemId],
    removed: bool,
) -> Result<BTreeMap<SystemId, i64>, StoreError> {
    let mut text = Statement::building("SELECT s.system_id, s.system_key FROM systems s WHERE ");
    text.push(if removed { "1 = 1" } else { "s.removed_at IS NULL" });
    push_within(&mut text, Some(systems));
    let keys = transaction.fetch_together(text, 2, |row| Ok((row.word(0)?, row.int(1)?))).await?;
    Ok(keys.into_iter().collect())
}

/// Systems in which nothing runs, by the alias `s`; as [`read_system`] reads them.
pub(crate) fn stopped() -> Statement {
    // Written as the index has it, which is of use to no other text.
    let mut text = Statement::building("SELECT ");
    text.push(COLUMNS)
        .push(" FROM systems s WHERE s.removed_at IS NULL AND s.state IN ('quarantined', 'suspended')");
    text
}

impl Store {
    /// A part of the systems that a filter lets through, in an order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn systems_slice(
        &self,
        filter: &SystemFilter<'_>,
        slice: &SystemSlice,
    ) -> Result<Vec<System>, StoreError> {
        reading!(self, "listing the systems", |transaction| {
            let categories = filter.categories(transaction).await?;
            let text = filter.select(&categories, slice);
            transaction.fetch_together(text, NUMBER_OF_COLUMNS, |row| Ok(read_system(row)?.system)).await
        })
        .await
    }

    /// Those of these systems that were not removed, by System ID.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn systems_in_use(&self, systems: &[SystemId]) -> Result<Vec<System>, StoreError> {
        if systems.is_empty() {
            return Ok(Vec::new());
        }
        let filter = SystemFilter { systems: Some(systems), ..SystemFilter::default() };
        let limit = u32::try_from(systems.len()).unwrap_or(u32::MAX);
        let slice = SystemSlice { by: SystemOrder::SystemId, descending: false, after: None, limit };
        self.systems_slice(&filter, &slice).await
    }

    /// Those of these systems that there are, removed ones too, by System ID.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn systems_there(&self, systems: &[SystemId]) -> Result<Vec<SystemId>, StoreError> {
        reading!(self, "looking which systems there are", |transaction| {
            Ok(keys_of(transaction, systems, true).await?.into_keys().collect())
        })
        .await
    }

    /// How many systems a filter lets through.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_systems(&self, filter: &SystemFilter<'_>) -> Result<u64, StoreError> {
        reading!(self, "counting the systems", |transaction| {
            let categories = filter.categories(transaction).await?;
            let mut text = Statement::building("SELECT COUNT(*) FROM systems s WHERE ");
            filter.push(&mut text, &categories);
            let count = transaction.fetch_one(text, |row| row.int(0)).await?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
        .await
    }
}

impl SystemFilter<'_> {
    /// A part of the systems; of the others nothing is read but what they are sorted by.
    pub(crate) fn select(&self, categories: &[String], slice: &SystemSlice) -> Statement {
        let mut text = Statement::building("SELECT ");
        text.push(COLUMNS)
            .push(" FROM systems WHERE system_key IN (SELECT s.system_key FROM systems s WHERE ");
        self.push(&mut text, categories);
        slice.cut(&mut text);
        text.push(")").push(&slice.order());
        text
    }

    /// The categories that have the text. Neither database folds what is not ASCII, and there are few.
    async fn categories(&self, transaction: &mut Transaction) -> Result<Vec<String>, StoreError> {
        let Some(wanted) = self.text.map(str::to_lowercase) else { return Ok(Vec::new()) };
        let all = Statement::building("SELECT DISTINCT category FROM systems");
        let mut categories = transaction.fetch_together(all, 1, |row| row.text(0)).await?;
        categories.retain(|category| category.to_lowercase().contains(&wanted));
        Ok(categories)
    }

    /// The condition, by the alias `s`.
    fn push(&self, text: &mut Statement, categories: &[String]) {
        match self.state {
            Some(state) => {
                text.push("s.state = ").bind(state.as_str());
            }
            None if self.removed => {
                text.push("1 = 1");
            }
            None => {
                text.push("s.removed_at IS NULL");
            }
        }
        push_within(text, self.systems);
        let Some(wanted) = self.text.map(str::to_lowercase) else { return };
        let part = part_of(&wanted);
        let columns =
            [("s.name_folded", " AND ("), ("lower(s.system_id)", " OR "), ("s.aws_account_id", " OR ")];
        for (column, before) in columns {
            text.push(before).push(column).push(" LIKE ").bind(part.as_str()).push(" ESCAPE '\\'");
        }
        text.push(" OR s.category IN (NULL");
        for category in categories {
            text.push(", ").bind(category.as_str());
        }
        text.push("))");
    }
}
