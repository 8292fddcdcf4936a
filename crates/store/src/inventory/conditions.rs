//! What the filters of a reading mean in SQL.

use keyreeve_model::ManagedBy;

use super::texts::is_pattern;
use crate::statement::Statement;
use crate::systems::word;
use crate::{AssignmentFilter, ResourceFilter, StoreError};

pub(super) fn filter_resources(text: &mut Statement, filter: &ResourceFilter) -> Result<(), StoreError> {
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

/// What an assignment is looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    SubjectName,
    SubjectId,
    ResourceName,
    ResourceId,
    /// The ARN of a policy. Its last part is the policy's name, by which it is found.
    PolicyArn,
}

/// A way in which an assignment can meet a condition.
pub(super) struct Way<'a> {
    /// A condition on the kind, without the alias.
    pub(super) kind: Option<&'static str>,
    pub(super) column: Column,
    pub(super) text: &'a str,
}

impl Way<'_> {
    /// Adds it to what must hold already.
    pub(super) fn push(&self, text: &mut Statement, alias: &str) {
        if let Some(kind) = self.kind {
            text.push(" AND ").push(alias).push(".kind ").push(kind);
        }
        let folded = |text: &mut Statement, column: &str, wanted: &str| {
            text.push(" AND lower(").push(alias).push(column).push(") = lower(").bind(wanted).push(")");
        };
        match self.column {
            Column::SubjectName => folded(text, ".subject_name", self.text),
            Column::ResourceName => folded(text, ".resource_name", self.text),
            Column::SubjectId => {
                text.push(" AND ").push(alias).push(".subject_external_id = ").bind(self.text);
            }
            Column::ResourceId => {
                text.push(" AND ").push(alias).push(".resource_external_id = ").bind(self.text);
            }
            Column::PolicyArn => {
                folded(text, ".resource_name", self.text.rsplit('/').next().unwrap_or_default());
                text.push(" AND ").push(alias).push(".resource_arn = ").bind(self.text);
            }
        }
    }
}

/// A policy by its name, id or ARN. Only ARNs have colons.
pub(super) fn policy_conditions(policy: &str) -> Vec<Way<'_>> {
    policy_ways(policy, None)
}

fn policy_ways<'a>(policy: &'a str, kind: Option<&'static str>) -> Vec<Way<'a>> {
    let way = |column| Way { kind, column, text: policy };
    match policy.contains(':') {
        true => vec![way(Column::PolicyArn)],
        false => vec![way(Column::ResourceName), way(Column::ResourceId)],
    }
}

/// For each condition of a filter the ways in which it can be met.
pub(super) fn assignment_conditions(filter: &AssignmentFilter) -> Vec<Vec<Way<'_>>> {
    const ACCOUNTS: Option<&str> = Some("<> 'group_policy'");
    const MEMBERS: Option<&str> = Some("= 'account_group'");
    const GROUPS: Option<&str> = Some("= 'group_policy'");
    let mut conditions = Vec::new();
    if let Some(text) = filter.account.as_deref() {
        let way = |column| Way { kind: ACCOUNTS, column, text };
        conditions.push(vec![way(Column::SubjectName), way(Column::SubjectId)]);
    }
    if let Some(text) = filter.group.as_deref() {
        let way = |kind, column| Way { kind, column, text };
        conditions.push(vec![
            way(MEMBERS, Column::ResourceName),
            way(MEMBERS, Column::ResourceId),
            way(GROUPS, Column::SubjectName),
            way(GROUPS, Column::SubjectId),
        ]);
    }
    if let Some(policy) = filter.policy.as_deref() {
        conditions.push(policy_ways(policy, Some("<> 'account_group'")));
    }
    conditions
}

pub(super) fn push_kind(text: &mut Statement, filter: &AssignmentFilter) {
    if let Some(kind) = filter.kind {
        text.push(" AND v.kind = ").bind(kind.as_str());
    }
}

pub(super) fn push_name(text: &mut Statement, name: Option<&str>) {
    if let Some(name) = name {
        text.push(" AND lower(v.name) LIKE lower(").bind(like_pattern(name)).push(") ESCAPE '\\'");
    }
}

pub(super) fn push_path(text: &mut Statement, prefix: Option<&str>) {
    if let Some(prefix) = prefix {
        text.push(" AND substr(v.path, 1, length(").bind(prefix).push(")) = ").bind(prefix);
    }
}

/// The `LIKE` pattern of a name filter: a glob when it has `*` or `?`, else any part of the name.
pub(crate) fn like_pattern(name: &str) -> String {
    let glob = is_pattern(name);
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
