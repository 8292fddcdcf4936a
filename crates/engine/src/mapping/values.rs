//! The value of one row.

use keyreeve_model::{MappingRow, Operator, TargetProperty, TaskMapping, check_group_name, check_policy_arn};

use super::expression::Scope;
use super::{MappingError, Sources, actions::Holder, limits};

/// The values that rows can have for one task.
pub(super) struct Values<'a> {
    sources: Sources<'a>,
    scope: Scope,
}

impl<'a> Values<'a> {
    /// With an account, expressions also see `account.name` and `account.path`.
    pub(super) fn of(sources: Sources<'a>, account: Option<Holder<'_>>) -> Self {
        Self { sources, scope: Scope::of(sources, account) }
    }

    /// The value of a row; it may be empty.
    pub(super) fn value(&self, row: &MappingRow) -> Result<String, MappingError> {
        let property = &row.property;
        let value = match row.operator {
            Operator::Constant => row.source.clone(),
            Operator::Expression => self.scope.evaluate(property, &row.source)?,
            Operator::Map => self.sources.attributes.get(&row.source).cloned().ok_or_else(|| {
                MappingError::Missing { property: property.clone(), names: vec![row.source.clone()] }
            })?,
        };
        if value.chars().count() > limits::VALUE_CHARACTERS {
            return Err(MappingError::TooLong(property.clone()));
        }
        Ok(value)
    }

    /// The value of the row for a property; `None` when there is no such row, or nothing comes out.
    pub(super) fn optional(
        &self,
        mapping: &TaskMapping,
        property: &TargetProperty,
    ) -> Result<Option<String>, MappingError> {
        let row = mapping.rows.iter().find(|row| row.property == *property);
        let value = row.map(|row| self.value(row)).transpose()?;
        Ok(value.filter(|value| !value.is_empty()))
    }
}

/// Holds a value against the shape of a policy's ARN.
pub(super) fn policy_arn(property: TargetProperty, arn: String) -> Result<String, MappingError> {
    match check_policy_arn(&arn) {
        Ok(()) => Ok(arn),
        Err(why) => Err(MappingError::Value { property, value: shortened(&arn), why }),
    }
}

/// Holds a value against the rules for the names of groups.
pub(super) fn group_name(property: TargetProperty, name: String) -> Result<String, MappingError> {
    match check_group_name(&name) {
        Ok(()) => Ok(name),
        Err(why) => Err(MappingError::Value { property, value: shortened(&name), why }),
    }
}

fn shortened(value: &str) -> String {
    value.chars().take(80).collect()
}
