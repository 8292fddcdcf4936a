//! What a mapping must look like to be used.

use std::collections::{BTreeMap, BTreeSet};

use super::property::{check_group_name, check_policy_arn};
use super::{
    ActionTime, CustomAction, MappingName, MappingRow, Operation, Operator, TargetProperty, TaskMapping,
    TaskMappingError,
};
use crate::hidden::check_line;
use crate::{TaskKind, check_account_name, check_path, check_tags, is_own_tag};

/// The most characters a source may have.
const LONGEST_SOURCE: usize = 1_024;
/// The most rows of a mapping or an action: fifty tags, and what else there is.
const MOST_ROWS: usize = 60;
/// The most custom actions.
const MOST_ACTIONS: usize = 20;

impl TaskMapping {
    /// Whether the mapping can be used. It does not look into expressions: the engine compiles them.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), TaskMappingError> {
        self.check_main()?;
        let place = self.name.to_string();
        let (takes, properties) = takes(self.name);
        check_rows(&place, &self.rows, takes, properties)?;
        if self.custom_actions.len() > MOST_ACTIONS {
            return Err(TaskMappingError::TooMany { what: "custom actions", limit: MOST_ACTIONS });
        }
        for action in &self.custom_actions {
            self.check_action(action)?;
        }
        self.main.keys().try_for_each(|task| self.check_required(*task))
    }

    fn check_main(&self) -> Result<(), TaskMappingError> {
        let name = self.name;
        let main: BTreeMap<TaskKind, Operation> = name.main().into_iter().collect();
        if let Some(task) = self.main.keys().find(|task| !main.contains_key(task)) {
            return Err(TaskMappingError::NotServed { name, task: *task });
        }
        match main.into_iter().find(|(task, operation)| self.main.get(task) != Some(operation)) {
            Some((task, operation)) => Err(TaskMappingError::MainCall { name, task, operation }),
            None => Ok(()),
        }
    }

    fn check_action(&self, action: &CustomAction) -> Result<(), TaskMappingError> {
        let CustomAction { when, task, operation, rows } = action;
        let (when, task, operation) = (*when, *task, *operation);
        if !self.main.contains_key(&task) {
            return Err(TaskMappingError::NotServed { name: self.name, task });
        }
        if !operation.may_be_action(task, when) {
            return Err(TaskMappingError::Action { operation, when, task });
        }
        let place = format!("the custom action {operation} of {}", task.as_str());
        check_rows(&place, rows, operation.properties(), |property| operation.takes(property))?;
        if rows.is_empty() && operation.properties() != "none" {
            return Err(TaskMappingError::Incomplete { place, takes: operation.properties() });
        }
        Ok(())
    }

    fn check_required(&self, task: TaskKind) -> Result<(), TaskMappingError> {
        let Some(operation) = Operation::required_before(task) else { return Ok(()) };
        let mut actions = self.actions(task, ActionTime::Before);
        let first = actions.next().is_some_and(|action| action.operation == operation);
        if first && actions.all(|action| action.operation != operation) {
            return Ok(());
        }
        Err(TaskMappingError::Required { task, operation })
    }
}

/// Which properties the main calls of a mapping take: in words, and as a question.
fn takes(name: MappingName) -> (&'static str, fn(&TargetProperty) -> bool) {
    use TargetProperty::{PasswordResetRequired, PermissionsBoundary, Tag, UserName};
    match name {
        MappingName::User => {
            ("user_name, path, tags.<key>, permissions_boundary, password_reset_required", |property| {
                matches!(property, UserName | TargetProperty::Path | Tag(_) | PermissionsBoundary)
                    || *property == PasswordResetRequired
            })
        }
        MappingName::PasswordReset => {
            ("password_reset_required", |property| *property == PasswordResetRequired)
        }
        MappingName::GroupAssignment | MappingName::AttachedPolicyAssignment => {
            ("none, because the account and what it gets are asked for", |_| false)
        }
    }
}

fn check_rows(
    place: &str,
    rows: &[MappingRow],
    takes: &'static str,
    fits: impl Fn(&TargetProperty) -> bool,
) -> Result<(), TaskMappingError> {
    if rows.len() > MOST_ROWS {
        return Err(TaskMappingError::TooMany { what: "rows in one place", limit: MOST_ROWS });
    }
    let mut seen = BTreeSet::new();
    let mut tags = BTreeMap::new();
    for row in rows {
        let property = row.property.clone();
        if !fits(&property) {
            return Err(TaskMappingError::Property { place: place.to_owned(), property, takes });
        }
        if !seen.insert(&row.property) {
            return Err(TaskMappingError::Twice { place: place.to_owned(), property });
        }
        if let TargetProperty::Tag(key) = &row.property {
            let value = if row.operator == Operator::Constant { row.source.clone() } else { String::new() };
            tags.insert(key.clone(), value);
            check_tags(&tags)
                .map_err(|source| TaskMappingError::Constant { property: property.clone(), source })?;
            if is_own_tag(key) {
                let why =
                    "tags that begin with keyreeve: are how Keyreeve knows its own work again".to_owned();
                return Err(TaskMappingError::Source { property, why });
            }
        }
        check_row(row)?;
    }
    Ok(())
}

fn check_row(row: &MappingRow) -> Result<(), TaskMappingError> {
    let property = row.property.clone();
    let source = |why: &str| TaskMappingError::Source { property: property.clone(), why: why.to_owned() };
    if row.unique.is_some() && property != TargetProperty::UserName {
        return Err(TaskMappingError::Unique(property));
    }
    if row.source.trim().is_empty() {
        return Err(source("its source is empty; leave the row out if the property shall have no value"));
    }
    if row.source.chars().count() > LONGEST_SOURCE {
        return Err(source("its source has more than 1024 characters"));
    }
    if property == TargetProperty::PasswordResetRequired
        && (row.operator != Operator::Constant || row.source != "true")
    {
        return Err(source(
            "a password that was made must be changed at the next sign-in, so it can only be the Constant true",
        ));
    }
    match row.operator {
        Operator::Constant => check_constant(row),
        Operator::Map => check_line(&row.source).map_err(|hidden| source(&hidden.to_string())),
        Operator::Expression => Ok(()),
    }
}

/// Holds a constant against the rules of what it stands for. Tags were looked at together.
fn check_constant(row: &MappingRow) -> Result<(), TaskMappingError> {
    let named = |checked: Result<(), crate::NameError>| {
        checked.map_err(|source| TaskMappingError::Constant { property: row.property.clone(), source })
    };
    let shaped = |checked: Result<(), &'static str>| {
        checked
            .map_err(|why| TaskMappingError::Source { property: row.property.clone(), why: why.to_owned() })
    };
    match row.property {
        TargetProperty::UserName => named(check_account_name(&row.source)),
        TargetProperty::Path => named(check_path(&row.source)),
        TargetProperty::GroupName => shaped(check_group_name(&row.source)),
        TargetProperty::PolicyArn | TargetProperty::PermissionsBoundary => {
            shaped(check_policy_arn(&row.source))
        }
        TargetProperty::Tag(_) | TargetProperty::PasswordResetRequired => Ok(()),
    }
}
