//! Searching all systems by indexes, where they have more than is kept in memory: on PostgreSQL, which has an index over
//! parts of texts.
//!
//! What is found is what the texts in memory would give, but for what is gone, and for texts in which no three letters or
//! digits follow each other, by which that index finds nothing: of these, names alone that begin so are looked for.

use std::collections::HashSet;

use keyreeve_model::{ExternalId, ManagedBy, ObjectType, ResourceType, SystemId};

use super::like_pattern;
use super::search::{Found, Searched, in_order};
use super::texts::is_pattern;
use crate::StoreError;
use crate::history;
use crate::row::Row;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// So many systems at most are searched in memory: each has more than a thousand policies of AWS.
pub(super) const MOST_SYSTEMS: usize = 250;

/// The greatest character: whatever begins with a text comes before that text with this behind it.
const GREATEST: char = char::MAX;

/// What is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Accounts,
    Resources,
}

impl Table {
    const BOTH: [Self; 2] = [Self::Accounts, Self::Resources];

    fn name(self) -> &'static str {
        match self {
            Self::Accounts => "account_versions",
            Self::Resources => "resource_versions",
        }
    }

    /// What the index over parts of texts is of: letter by letter as the migration has it.
    fn text(self) -> &'static str {
        match self {
            Self::Accounts => {
                "lower(v.name || E'\\n' || v.path || E'\\n' || v.arn || E'\\n' || COALESCE(v.tags, ''))"
            }
            Self::Resources => "lower(v.name || E'\\n' || v.path || E'\\n' || v.arn)",
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Self::Accounts => "v.status",
            Self::Resources => "v.type, v.managed_by",
        }
    }

    fn read(self, row: &Row) -> Result<Found, StoreError> {
        let system_id: SystemId = row.word(3)?;
        let external_id: ExternalId = row.word(0)?;
        let (of, status) = match self {
            Self::Accounts => (ObjectType::Account, Some(row.word(4)?)),
            Self::Resources => (
                match (row.word(4)?, row.opt_word(5)?) {
                    (ResourceType::Group, _) => ObjectType::Group,
                    (ResourceType::Policy, Some(ManagedBy::Aws)) => ObjectType::AwsManagedPolicy,
                    (ResourceType::Policy, _) => ObjectType::Policy,
                },
                None,
            ),
        };
        Ok(Found { system_id, of, external_id, name: row.text(1)?, path: row.text(2)?, status, gone: None })
    }
}

/// What is looked for.
pub(super) struct Wanted {
    /// In lower case.
    text: String,
    /// The same as it stands in JSON, as tags do.
    in_json: String,
}

impl Wanted {
    pub(super) fn of(wanted: &str) -> Self {
        let text = wanted.to_ascii_lowercase();
        let quoted = serde_json::Value::from(text.as_str()).to_string();
        let in_json = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned();
        Self { text, in_json }
    }

    fn is_pattern(&self) -> bool {
        is_pattern(&self.text)
    }

    /// Whether the index over parts of texts finds it.
    fn is_indexed(&self) -> bool {
        let fits = |text: &str| {
            text.split(|one: char| !one.is_ascii_alphanumeric()).any(|letters| letters.len() >= 3)
        };
        // As it stands in JSON it has no fewer letters.
        fits(&self.text)
    }

    /// What a name begins with.
    fn beginning(&self) -> &str {
        self.text.split(['*', '?']).next().unwrap_or_default()
    }
}

/// Those of a table whose names begin so, by their names; a name that is this and no more comes first.
pub(super) fn named(table: Table, wanted: &Wanted, systems: Option<&[i64]>, most: usize) -> Statement {
    let mut text = select(table, systems);
    let beginning = wanted.beginning();
    text.push(" AND lower(v.name) >= ").bind(beginning).push(" AND lower(v.name) < ");
    text.bind(format!("{beginning}{GREATEST}"));
    if wanted.is_pattern() {
        text.push(" AND lower(v.name) LIKE ").bind(like_pattern(&wanted.text));
    }
    text.push(" ORDER BY lower(v.name), v.system_key, v.external_id LIMIT ");
    text.bind(i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1));
    text
}

/// Those of a table that have it anywhere, in no order.
pub(super) fn anywhere(table: Table, wanted: &Wanted, systems: Option<&[i64]>, most: usize) -> Statement {
    let mut text = select(table, systems);
    let (plain, in_json) = (like_pattern(&wanted.text), like_pattern(&wanted.in_json));
    // Of a pattern for the whole of one of them, it is a part of them all.
    let part = |pattern: &str| match wanted.is_pattern() {
        true => format!("%{pattern}%"),
        false => pattern.to_owned(),
    };
    text.push(" AND (").push(table.text()).push(" LIKE ").bind(part(&plain));
    if in_json != plain && table == Table::Accounts {
        text.push(" OR ").push(table.text()).push(" LIKE ").bind(part(&in_json));
    }
    text.push(") AND (1 = 0");
    // Names, paths and ARNs have no line feeds.
    if !wanted.text.contains('\n') {
        for column in ["name", "path", "arn"] {
            text.push(" OR lower(v.").push(column).push(") LIKE ").bind(plain.as_str());
        }
    }
    if table == Table::Accounts {
        text.push(" OR lower(COALESCE(v.tags, '')) LIKE ").bind(in_json);
    }
    text.push(") LIMIT ").bind(i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1));
    text
}

fn select(table: Table, systems: Option<&[i64]>) -> Statement {
    let mut text = Statement::building("SELECT v.external_id, v.name, v.path, ");
    text.push("(SELECT s.system_id FROM systems s WHERE s.system_key = v.system_key), ");
    text.push(table.columns()).push(" FROM ").push(table.name());
    text.push(" v WHERE ");
    history::push_holding(&mut text);
    match systems {
        None => {
            text.push(" AND v.system_key NOT IN ");
            text.push("(SELECT s.system_key FROM systems s WHERE s.removed_at IS NOT NULL)");
        }
        Some(systems) => {
            text.push(" AND v.system_key IN (NULL");
            for key in systems {
                text.push(", ").bind(*key);
            }
            text.push(")");
        }
    }
    text
}

/// What these systems, or all that are not removed, have of it.
pub(super) async fn search(
    transaction: &mut Transaction,
    wanted: &str,
    systems: Option<&[i64]>,
    most: usize,
) -> Result<Searched, StoreError> {
    let given = wanted;
    let wanted = Wanted::of(wanted);
    let (mut found, mut more, indexed) = (Vec::new(), false, wanted.is_indexed());
    // Those who are called so, or whose names begin so: where these are enough, nobody else is looked for. A pattern that
    // begins with anything has no beginning to be found by.
    if !wanted.is_pattern() || (!indexed && !wanted.beginning().is_empty()) {
        for table in Table::BOTH {
            let text = named(table, &wanted, systems, most);
            found.extend(transaction.fetch(text, |row| table.read(row)).await?);
        }
    }
    if indexed && found.len() <= most {
        let mut known: HashSet<(SystemId, ExternalId)> =
            found.iter().map(|one: &Found| (one.system_id.clone(), one.external_id.clone())).collect();
        for table in Table::BOTH {
            let text = anywhere(table, &wanted, systems, most);
            let others = transaction.fetch(text, |row| table.read(row)).await?;
            more |= others.len() > most;
            let is_new = |one: &Found| known.insert((one.system_id.clone(), one.external_id.clone()));
            found.extend(others.into_iter().filter(is_new));
        }
    }
    more |= found.len() > most;
    let mut found = in_order(found, given);
    found.truncate(most);
    // Without a text, everything begins so.
    Ok(Searched { found, more, names_alone: !indexed && !wanted.text.is_empty(), without_gone: true })
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn three_letters_or_digits_in_a_row_are_found_by_the_index() {
        for (text, indexed) in [
            ("ada", true),
            ("a.b.c", false),
            ("x-123", true),
            ("ad*a", false),
            ("*ada?", true),
            ("", false),
            ("äöü", false),
            ("a\"bcd", true),
        ] {
            assert_eq!(Wanted::of(text).is_indexed(), indexed, "{text}");
        }
        assert_eq!((Wanted::of("Ad*a").beginning(), Wanted::of("ada").beginning()), ("ad", "ada"));
    }
}
