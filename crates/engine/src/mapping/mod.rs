//! Task mappings at work: which name, path, tags and extra calls come out for one task.
//!
//! All of it is pure, but for [`try_mapping`], which reads what is known. An expression sees the attributes of the wish, three facts about the system and, in custom
//! actions, the account; it reaches no network, no file, no environment and no clock, and it ends within fixed limits
//! (see [`limits`]). What comes out is held against the same rules as what a person types.
//!
//! The calls that come out are in the order of the mapping. The planner puts them between its own, and its order of
//! taking away cannot be mapped: see [`keyreeve_model::TaskMapping`].

mod actions;
mod error;
mod expression;
mod functions;
mod grammar;
mod names;
#[cfg(test)]
mod tests;
mod trial;
mod values;

use std::collections::BTreeMap;

use keyreeve_model::{
    ActionTime, Operator, StepCall, System, TargetProperty, TaskKind, TaskMapping, check_account_name,
    check_path, check_tags,
};

pub use error::MappingError;
pub use trial::{Outcome, Trial, TrialError, Tried, TriedCall, try_mapping};

use values::Values;

/// What bounds the work of one expression.
pub mod limits {
    /// Units of work: an operation costs one, and so do 64 bytes of data that come into being.
    pub const FUEL: u64 = 10_000;
    /// The most characters a value may have.
    pub const VALUE_CHARACTERS: usize = 1_024;
    /// The most bytes a function takes or gives.
    pub const TEXT_BYTES: usize = 16_384;
    /// The most opening brackets of an expression. The parser goes one level deeper for each, and a thread's stack ends
    /// before the parser's own limit does.
    pub const BRACKETS: usize = 50;
    /// The greatest number that is appended to a name to make it unique.
    pub const LAST_NAME_NUMBER: u32 = 999;
}

/// What the values of a task are made of.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The system; its id, partition and AWS account id can be used.
    pub system: &'a System,
    /// The attributes of the wish: `first`, `last`, `department`, ….
    pub attributes: &'a BTreeMap<String, String>,
}

/// What the wish says itself. It goes before the mapping, and is never changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// The name.
    pub name: Option<&'a str>,
    /// The path.
    pub path: Option<&'a str>,
    /// Tags; they are added to those of the mapping, and win over one with the same key in any case.
    pub tags: Option<&'a BTreeMap<String, String>>,
    /// The ARN of the permissions boundary.
    pub permissions_boundary: Option<&'a str>,
}

/// An account that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedAccount {
    /// Its name.
    pub account: String,
    /// Its path.
    pub path: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The ARN of its permissions boundary.
    pub permissions_boundary: Option<String>,
    /// Names that were taken, in the order in which they were tried.
    pub taken: Vec<String>,
    /// The custom actions before the main call. The first one makes the account.
    pub before: Vec<StepCall>,
    /// The custom actions after the main call.
    pub after: Vec<StepCall>,
}

/// Whether a mapping can be used: its shape, and the grammar and the functions of its expressions. Which attributes there
/// will be is not known here.
///
/// # Errors
/// [`MappingError::Mapping`], [`MappingError::Grammar`].
pub fn check(mapping: &TaskMapping) -> Result<(), MappingError> {
    mapping.validate()?;
    let of_actions = mapping.custom_actions.iter().flat_map(|action| &action.rows);
    let rows = mapping.rows.iter().map(|row| (row, false)).chain(of_actions.map(|row| (row, true)));
    for (row, in_action) in rows.filter(|(row, _)| row.operator == Operator::Expression) {
        expression::check(&row.property, &row.source)?;
        if let Some(why) = grammar::unknown_name(&row.source, in_action) {
            return Err(MappingError::Grammar { property: row.property.clone(), why });
        }
    }
    Ok(())
}

/// The account that comes out of a creation, with its custom actions. `taken` says whether a name is in use, ignoring
/// case; it is asked only for names that the mapping made.
///
/// # Errors
/// See [`MappingError`]: each names the property it is about. A mapping that was kept under other rules is refused too.
pub fn map_account(
    mapping: &TaskMapping,
    sources: Sources<'_>,
    given: Given<'_>,
    taken: &dyn Fn(&str) -> bool,
) -> Result<MappedAccount, MappingError> {
    mapping.validate()?;
    let values = Values::of(sources, None);
    let (account, tried) = name(mapping, &values, given, taken)?;
    let path = path(mapping, &values, given)?;
    let tags = tags(mapping, &values, given)?;
    let permissions_boundary = boundary(mapping, &values, given)?;
    let mut mapped = MappedAccount {
        account,
        path,
        tags,
        permissions_boundary,
        taken: tried,
        before: Vec::new(),
        after: Vec::new(),
    };
    let task = TaskKind::CreateAccount;
    mapped.before = actions::calls(mapping, task, ActionTime::Before, sources, (&mapped).into())?;
    mapped.after = actions::calls(mapping, task, ActionTime::After, sources, (&mapped).into())?;
    Ok(mapped)
}

/// The custom actions of another task than a creation, on an account that exists. Empty for a task that the mapping
/// does not serve.
///
/// # Errors
/// See [`MappingError`].
pub fn map_actions(
    mapping: &TaskMapping,
    task: TaskKind,
    when: ActionTime,
    sources: Sources<'_>,
    account: &str,
    path: &str,
) -> Result<Vec<StepCall>, MappingError> {
    mapping.validate()?;
    let holder = actions::Holder { account, path, tags: None, permissions_boundary: None };
    actions::calls(mapping, task, when, sources, holder)
}

fn name(
    mapping: &TaskMapping,
    values: &Values<'_>,
    given: Given<'_>,
    taken: &dyn Fn(&str) -> bool,
) -> Result<(String, Vec<String>), MappingError> {
    let property = TargetProperty::UserName;
    let refused = |source| MappingError::Name { property: TargetProperty::UserName, source };
    if let Some(name) = given.name {
        check_account_name(name).map_err(refused)?;
        return Ok((name.to_owned(), Vec::new()));
    }
    let row = mapping.rows.iter().find(|row| row.property == property).ok_or(MappingError::NoName)?;
    let name = values.value(row)?;
    check_account_name(&name).map_err(refused)?;
    if row.is_unique() { names::unique(&name, taken) } else { Ok((name, Vec::new())) }
}

fn path(mapping: &TaskMapping, values: &Values<'_>, given: Given<'_>) -> Result<String, MappingError> {
    let property = TargetProperty::Path;
    let path = match given.path {
        Some(path) => path.to_owned(),
        None => values.optional(mapping, &property)?.unwrap_or_else(|| "/".to_owned()),
    };
    check_path(&path).map_err(|source| MappingError::Name { property, source })?;
    Ok(path)
}

fn tags(
    mapping: &TaskMapping,
    values: &Values<'_>,
    given: Given<'_>,
) -> Result<BTreeMap<String, String>, MappingError> {
    let mut tags = given.tags.cloned().unwrap_or_default();
    for row in &mapping.rows {
        let TargetProperty::Tag(key) = &row.property else { continue };
        if tags.keys().any(|given| given.to_lowercase() == key.to_lowercase()) {
            continue;
        }
        let value = values.value(row)?;
        if !value.is_empty() {
            let alone = BTreeMap::from([(key.clone(), value.clone())]);
            check_tags(&alone)
                .map_err(|source| MappingError::Name { property: row.property.clone(), source })?;
            tags.insert(key.clone(), value);
        }
    }
    check_tags(&tags).map_err(MappingError::Tags)?;
    Ok(tags)
}

fn boundary(
    mapping: &TaskMapping,
    values: &Values<'_>,
    given: Given<'_>,
) -> Result<Option<String>, MappingError> {
    let property = TargetProperty::PermissionsBoundary;
    let arn = match given.permissions_boundary {
        Some(arn) => Some(arn.to_owned()),
        None => values.optional(mapping, &property)?,
    };
    arn.map(|arn| values::policy_arn(property, arn)).transpose()
}
