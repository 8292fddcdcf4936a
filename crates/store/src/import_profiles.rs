//! Import profiles.

use jiff::Timestamp;
use keyreeve_model::{ImportProfile, ProfileName, SystemId};

use serde_json::json;

use crate::audit::Done;
use crate::row::to_json;
use crate::statement::statement;
use crate::time::to_millis;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError, import_schedules, systems};

impl Store {
    /// The import profiles of a system, by name.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn list_import_profiles(&self, system_id: &SystemId) -> Result<Vec<ImportProfile>, StoreError> {
        reading!(self, "listing the import profiles", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            let text = "SELECT definition FROM import_profiles WHERE system_key = $1 ORDER BY name";
            transaction.fetch(statement!(text, system.key), |row| row.json(0)).await
        })
        .await
    }

    /// One import profile of a system.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::ProfileNotFound`].
    pub async fn get_import_profile(
        &self,
        system_id: &SystemId,
        name: &ProfileName,
    ) -> Result<ImportProfile, StoreError> {
        reading!(self, "reading the import profile", |transaction| {
            let system = systems::find(transaction, system_id, false).await?;
            let found = find(transaction, system.key, name).await?;
            found.ok_or_else(|| StoreError::ProfileNotFound {
                system_id: system_id.clone(),
                profile: name.clone(),
            })
        })
        .await
    }

    /// Makes or replaces an import profile. The caller validates it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn put_import_profile(
        &self,
        system_id: &SystemId,
        profile: &ImportProfile,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.put_import_profile_if(system_id, profile, |_| true, actor, now).await
    }

    /// Makes or replaces an import profile, if the one of its name (`None`: there is none) is still as `is_seen` says, which is
    /// asked in the transaction that replaces it. The caller validates it.
    ///
    /// # Errors
    /// As [`Store::put_import_profile`]; [`StoreError::ChangedSince`].
    pub async fn put_import_profile_if(
        &self,
        system_id: &SystemId,
        profile: &ImportProfile,
        is_seen: impl Fn(Option<&ImportProfile>) -> bool + Send + Sync,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "keeping the import profile", |transaction| {
            let system = systems::find_in_use(transaction, system_id).await?;
            if !is_seen(find(transaction, system.key, &profile.name).await?.as_ref()) {
                return Err(changed_since(system_id, &profile.name));
            }
            put(transaction, system.key, profile, now).await?;
            let done = Done { action: "profile_set", actor, system_id, subject: json!({"profile": profile}) };
            done.record(transaction, &self.keys, now).await
        })
        .await
    }

    /// Takes an import profile away, with its schedule, if it is still as `is_seen` says, which is asked in the transaction
    /// that takes it away. Runs through it stay as they are.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`], [`StoreError::ProfileNotFound`],
    /// [`StoreError::ChangedSince`];
    /// [`StoreError::ProfileStays`] of the one that every system has.
    pub async fn remove_import_profile(
        &self,
        system_id: &SystemId,
        name: &ProfileName,
        is_seen: impl Fn(&ImportProfile) -> bool + Send + Sync,
        (actor, reason): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        writing!(self, "removing the import profile", |transaction| {
            let system = systems::find_in_use(transaction, system_id).await?;
            let found = find(transaction, system.key, name).await?;
            if found.is_some_and(|found| !is_seen(&found)) {
                return Err(changed_since(system_id, name));
            }
            let (system_id, profile) = (system_id.clone(), name.clone());
            if *name == default_name()? {
                return Err(StoreError::ProfileStays { system_id, profile });
            }
            for text in [
                "DELETE FROM import_schedules WHERE system_key = $1 AND profile = $2",
                "DELETE FROM import_profiles WHERE system_key = $1 AND name = $2",
            ] {
                let gone = transaction.execute(statement!(text, system.key, name.as_str())).await?;
                if gone == 0 && text.contains("import_profiles") {
                    return Err(StoreError::ProfileNotFound { system_id, profile });
                }
            }
            let subject = json!({"profile": name, "reason": reason});
            let done = Done { action: "profile_removed", actor, system_id: &system_id, subject };
            done.record(transaction, &self.keys, now).await
        })
        .await
    }
}

/// The name of the profile every system begins with.
pub(crate) fn default_name() -> Result<ProfileName, StoreError> {
    ProfileName::new("default").map_err(|error| StoreError::Data { what: error.to_string() })
}

async fn find(
    transaction: &mut Transaction,
    system_key: i64,
    name: &ProfileName,
) -> Result<Option<ImportProfile>, StoreError> {
    let text = "SELECT definition FROM import_profiles WHERE system_key = $1 AND name = $2";
    transaction.fetch_optional(statement!(text, system_key, name.as_str()), |row| row.json(0)).await
}

fn changed_since(system_id: &SystemId, name: &ProfileName) -> StoreError {
    StoreError::ChangedSince { system_id: system_id.clone(), what: format!("the import profile {name}") }
}

/// Makes or replaces a profile. A new schedule begins now.
pub(crate) async fn put(
    transaction: &mut Transaction,
    system_key: i64,
    profile: &ImportProfile,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = find(transaction, system_key, &profile.name).await?;
    let before = before.map(|before| (before.schedule, before.time_zone));
    let after = (profile.schedule.clone(), profile.time_zone.clone());
    let has_other_times = before.is_none_or(|before| before != after);
    transaction
        .execute(statement!(
            "INSERT INTO import_profiles (system_key, name, definition, updated_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (system_key, name) DO UPDATE SET definition = excluded.definition, \
             updated_at = excluded.updated_at",
            system_key,
            profile.name.as_str(),
            to_json(profile)?,
            to_millis(now),
        ))
        .await?;
    match profile.schedule {
        Some(_) if has_other_times => {
            import_schedules::set(transaction, system_key, &profile.name, now).await
        }
        _ => Ok(()),
    }
}
