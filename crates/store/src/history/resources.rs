//! Groups and policies as version rows.

use std::cmp::Ordering;

use keyreeve_model::{ImportRunId, Resource, SystemId};

use super::Coverage;
use super::write::Version;
use crate::StoreError;
use crate::row::{Row, to_json};
use crate::statement::{Statement, Value};
use crate::systems::word;

/// A statement that reads resources from `resource_versions v`, to be completed with `WHERE`.
pub(crate) fn select_resources() -> Statement {
    Statement::building(
        "SELECT v.external_id, v.type, v.name, v.path, v.arn, v.managed_by, v.attachable, v.inline_policies, \
         v.default_version, v.first_seen_run, v.valid_from_run FROM resource_versions v",
    )
}

/// So many columns does [`select_resources`] name.
pub(crate) const RESOURCE_COLUMNS: usize = 11;

/// Reads what [`select_resources`] names.
pub(crate) fn read(row: &Row, system_id: &SystemId, coverage: &Coverage) -> Result<Resource, StoreError> {
    let mut resource = Resource {
        system_id: system_id.clone(),
        external_id: row.word(0)?,
        kind: row.word(1)?,
        name: row.text(2)?,
        path: row.text(3)?,
        arn: row.text(4)?,
        managed_by: row.opt_word(5)?,
        attachable: row.flag(6)?,
        inline_policies: row.opt_json(7)?,
        default_version: row.opt_text(8)?,
        first_seen_run: ImportRunId(row.int(9)?),
        last_seen_run: ImportRunId(row.int(10)?),
    };
    coverage.complete_resource(&mut resource);
    Ok(resource)
}

impl Version for Resource {
    const OBJECT_TYPE: &'static str = "resource";
    const INSERT: &'static str = "INSERT INTO resource_versions (system_key, external_id, valid_from_run, valid_to_run, \
         first_seen_run, type, name, path, arn, managed_by, attachable, inline_policies, default_version) VALUES ";
    const COLUMNS: usize = 13;
    const CLOSE: &'static str = "UPDATE resource_versions SET valid_to_run = ";
    const KEY: &'static str = "external_id";
    const KEY_COLUMNS: usize = 1;

    fn push_key(&self, values: &mut Vec<Value>) {
        values.push(self.external_id.as_str().into());
    }

    fn compare_keys(&self, other: &Self) -> Ordering {
        self.external_id.cmp(&other.external_id)
    }

    fn first_seen(&self) -> ImportRunId {
        self.first_seen_run
    }

    fn push_others(&self, values: &mut Vec<Value>) -> Result<(), StoreError> {
        values.extend([
            self.kind.as_str().into(),
            self.name.as_str().into(),
            self.path.as_str().into(),
            self.arn.as_str().into(),
            self.managed_by.as_ref().map(word).transpose()?.into(),
            self.attachable.into(),
            self.inline_policies.as_ref().map(to_json).transpose()?.into(),
            self.default_version.as_deref().into(),
        ]);
        Ok(())
    }
}
