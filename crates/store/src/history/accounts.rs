//! Accounts as version rows.

use std::cmp::Ordering;

use keyreeve_model::{Account, Credentials, ImportRunId, LoginProfile, SystemId};

use super::Coverage;
use super::write::Version;
use crate::StoreError;
use crate::row::{Row, to_json};
use crate::statement::{Statement, Value};
use crate::systems::word;
use crate::time::to_millis;

/// A statement that reads accounts from `account_versions v`, to be completed with `WHERE`.
pub(crate) fn select_accounts() -> Statement {
    selecting("")
}

/// The same, and the key of the system as one column more.
pub(crate) fn select_accounts_of_many() -> Statement {
    selecting(", v.system_key")
}

fn selecting(besides: &str) -> Statement {
    let mut text = Statement::building(
        "SELECT v.external_id, v.name, v.path, v.arn, v.status, v.login_state, v.login_created_at, \
         v.password_reset_required, v.access_keys, v.mfa_active, v.credential_source, v.created_at, \
         v.password_last_used_at, v.tags, v.permissions_boundary, v.inline_policies, v.first_seen_run, \
         v.valid_from_run",
    );
    text.push(besides).push(" FROM account_versions v");
    text
}

/// So many columns does [`select_accounts`] name.
pub(crate) const ACCOUNT_COLUMNS: usize = 18;

/// Reads what [`select_accounts`] names.
pub(crate) fn read(row: &Row, system_id: &SystemId, coverage: &Coverage) -> Result<Account, StoreError> {
    let mut account = Account {
        system_id: system_id.clone(),
        external_id: row.word(0)?,
        name: row.text(1)?,
        path: row.text(2)?,
        arn: row.text(3)?,
        status: row.word(4)?,
        login_profile: LoginProfile {
            state: row.word(5)?,
            created_at: row.opt_time(6)?,
            password_reset_required: row.opt_flag(7)?,
        },
        access_keys: row.opt_json(8)?,
        mfa_active: row.opt_flag(9)?,
        credentials: Credentials { source: row.word(10)?, as_of: None },
        created_at: row.time(11)?,
        password_last_used_at: row.opt_time(12)?,
        tags: row.opt_json(13)?,
        permissions_boundary: row.opt_text(14)?,
        inline_policies: row.opt_json(15)?,
        first_seen_run: ImportRunId(row.int(16)?),
        last_seen_run: ImportRunId(row.int(17)?),
    };
    coverage.complete_account(&mut account);
    Ok(account)
}

impl Version for Account {
    const OBJECT_TYPE: &'static str = "account";
    const INSERT: &'static str = "INSERT INTO account_versions (system_key, external_id, valid_from_run, valid_to_run, \
         first_seen_run, name, path, arn, status, login_state, login_created_at, password_reset_required, \
         access_keys, mfa_active, credential_source, created_at, password_last_used_at, tags, \
         permissions_boundary, inline_policies, oldest_key_at) VALUES ";
    const COLUMNS: usize = 21;
    const CLOSE: &'static str = "UPDATE account_versions SET valid_to_run = ";
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
        let flag = |value: Option<bool>| Value::from(value.map(i64::from));
        values.extend([
            self.name.as_str().into(),
            self.path.as_str().into(),
            self.arn.as_str().into(),
            self.status.as_str().into(),
            word(&self.login_profile.state)?.into(),
            self.login_profile.created_at.map(to_millis).into(),
            flag(self.login_profile.password_reset_required),
            self.access_keys.as_ref().map(to_json).transpose()?.into(),
            flag(self.mfa_active),
            word(&self.credentials.source)?.into(),
            to_millis(self.created_at).into(),
            self.password_last_used_at.map(to_millis).into(),
            self.tags.as_ref().map(to_json).transpose()?.into(),
            self.permissions_boundary.as_deref().into(),
            self.inline_policies.as_ref().map(to_json).transpose()?.into(),
            oldest_key(self).into(),
        ]);
        Ok(())
    }
}

/// When the oldest active access key was made.
fn oldest_key(account: &Account) -> Option<i64> {
    let active = account.access_keys.iter().flatten().filter(|key| key.active);
    active.filter_map(|key| key.created_at).min().map(to_millis)
}
