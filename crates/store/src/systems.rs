//! Connected systems, with their credentials sealed.

mod list;
mod rows;

use jiff::Timestamp;
use keyreeve_model::{
    AwsAccountId, Category, Content, CredentialKind, Failure, ImportProfile, Membership, Secret, System,
    SystemId, SystemName, SystemSettings, SystemState, Technology,
};
use serde_json::{Map, Value as Json, json};

pub use self::list::{SystemFilter, SystemOrder, SystemPlace, SystemSlice};
pub(crate) use self::list::{keys_of, stopped};
use self::rows::{COLUMNS, NUMBER_OF_COLUMNS, insert, require_free_id, require_free_name};
pub(crate) use self::rows::{find, find_in_use, holders_of_key, read_system, update, word};
use crate::audit::{self, Trail};
use crate::data_keys::{self, Scope};
use crate::secrets::{self, SecretPlace};
use crate::statement::Statement;
use crate::time::truncated;
use crate::transaction::{reading, writing};
use crate::{
    RequestKey, Store, StoreError, import_profiles, key_rotations, organizations, request_keys, signers,
};

/// What is needed to register a system.
#[derive(Debug, Clone)]
pub struct NewSystem {
    /// The System ID; never changes.
    pub system_id: SystemId,
    /// The display name.
    pub name: SystemName,
    /// The category.
    pub category: Category,
    /// The region, if one was given.
    pub region: Option<String>,
    /// How the connector signs in, without the secret.
    pub credential: CredentialKind,
    /// The secret of an access key.
    pub secret: Option<Secret>,
    /// The AWS account, when it is known already.
    pub aws_account_id: Option<AwsAccountId>,
    /// The partition, when it is known already.
    pub partition: Option<String>,
    /// The settings.
    pub settings: SystemSettings,
}

/// What an operator may change of a system; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct SystemPatch {
    /// The display name.
    pub name: Option<SystemName>,
    /// The category.
    pub category: Option<Category>,
    /// The region; `Some(None)` takes it away.
    pub region: Option<Option<String>>,
    /// The settings.
    pub settings: Option<SystemSettings>,
    /// Only if the system is still as it is here.
    pub seen: Option<Box<System>>,
}

/// A system as it is stored: with the keys nobody outside sees.
pub(crate) struct StoredSystem {
    pub(crate) key: i64,
    secret_revision: i64,
    pub(crate) system: System,
}

impl StoredSystem {
    /// How many times its secret was set.
    pub(crate) fn secret_revision(&self) -> i64 {
        self.secret_revision
    }

    /// Puts another credential in the place of this one; its secret is to be sealed anew.
    pub(crate) fn replace_credential(&mut self, credential: CredentialKind, now: Timestamp) {
        self.system.credential = credential;
        self.system.updated_at = truncated(now);
        self.secret_revision += 1;
    }

    /// Where the secret of its credentials belongs.
    pub(crate) fn secret_place(&self) -> SecretPlace<'_> {
        SecretPlace::of_system(&self.system.system_id, self.secret_revision)
    }
}

/// Who acts where nobody asked for it.
const ITSELF: &str = "keyreeve";

/// SQL for the keys of all systems that are of the same AWS account as one, that one among them. Two lookups and no OR,
/// which would look at all systems there are.
macro_rules! same_account {
    ($system:literal) => {
        concat!(
            "(SELECT a.system_key FROM systems a WHERE a.system_key = ",
            $system,
            " UNION ALL SELECT b.system_key FROM systems a JOIN systems b ON b.aws_account_id = a.aws_account_id \
             WHERE b.state <> 'removed' AND a.system_key = ",
            $system,
            ")"
        )
    };
}
pub(crate) use same_account;

/// Narrows a statement down to some systems, by the alias `s` of their table; `None` leaves all.
pub(crate) fn push_within(text: &mut Statement, systems: Option<&[SystemId]>) {
    let Some(systems) = systems else { return };
    text.push(" AND s.system_id IN (NULL");
    for system in systems {
        text.push(", ").bind(system.as_str());
    }
    text.push(")");
}

/// That the name, the category, the region or settings of a system were changed.
const CHANGED: &str = "system_changed";

/// Reads a system that is in use, lets some work alter it, writes it back, and notes what of it was changed by whom,
/// all in one transaction.
macro_rules! change_system {
    (
        $store:expr, $doing:expr, $system_id:expr, $by:expr,
        |$transaction:pat_param, $stored:ident| $work:expr $(,)?
    ) => {
        writing!($store, $doing, |transaction| {
            let (action, (actor, reason), now): (&'static str, (&str, Option<&str>), Timestamp) = $by;
            let mut found = find_in_use(transaction, $system_id).await?;
            let before = found.system.clone();
            {
                let ($transaction, $stored) = (&mut *transaction, &mut found);
                let done: Result<(), StoreError> = async { $work }.await;
                done?;
            }
            if action == CHANGED && found.system == before {
                // What is set as it was is no change, and makes no new version.
                return Ok(found.system);
            }
            found.system.updated_at = truncated(now);
            update(transaction, &found).await?;
            let mut subject = changed(&before, &found.system)?;
            if let (Some(reason), Some(fields)) = (reason, subject.as_object_mut()) {
                fields.insert("reason".to_owned(), reason.into());
            }
            let done = audit::Done { action, actor, system_id: $system_id, subject };
            done.record(transaction, &$store.keys, now).await?;
            Ok(found.system)
        })
    };
}

impl Store {
    /// Registers a system, with its secret sealed and an import profile called `default`.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] or [`StoreError::SystemIdTaken`] name what is not unique.
    pub async fn create_system(
        &self,
        new: NewSystem,
        actor: &str,
        now: Timestamp,
    ) -> Result<System, StoreError> {
        self.create_system_once(new, actor, now, None).await
    }

    /// The same for a request with a key and the digest of its body, which [`Store::registered_by`] finds from then on.
    ///
    /// # Errors
    /// As [`Store::create_system`].
    pub async fn create_system_once(
        &self,
        new: NewSystem,
        actor: &str,
        now: Timestamp,
        request: Option<(&RequestKey, &str)>,
    ) -> Result<System, StoreError> {
        let system = System {
            system_id: new.system_id,
            name: new.name,
            category: new.category,
            technology: Technology::Aws,
            content: Content::AccessRights,
            state: SystemState::Active,
            state_reason: None,
            aws_account_id: new.aws_account_id,
            partition: new.partition,
            region: new.region,
            credential: new.credential,
            settings: new.settings,
            created_at: truncated(now),
            updated_at: truncated(now),
            removed_at: None,
        };
        let secret = new.secret;
        writing!(self, "registering the system", |transaction| {
            require_free_id(transaction, &system.system_id).await?;
            require_free_name(transaction, &system.name, None).await?;
            key_rotations::require_staying(transaction, &system.credential, now).await?;
            let stored = StoredSystem {
                key: insert(transaction, &system).await?,
                secret_revision: 1,
                system: system.clone(),
            };
            self.keys.create(transaction, &Scope::system(&stored.system.system_id), now).await?;
            if let Some(secret) = &secret {
                secrets::put(transaction, &self.keys, &stored.secret_place(), secret, now).await?;
            }
            let profile = ImportProfile::default_named(import_profiles::default_name()?);
            import_profiles::put(transaction, stored.key, &profile, now).await?;
            if let Some(request) = request {
                request_keys::registers(transaction, stored.key, request, now).await?;
            }
            let system_id = &stored.system.system_id;
            let subject = plain(&stored.system)?.into();
            let done = audit::Done { action: "system_registered", actor, system_id, subject };
            done.record(transaction, &self.keys, now).await?;
            Ok(stored.system)
        })
        .await
    }

    /// Refuses a System ID or a name that another system has, before anything is done to register one. Registering looks
    /// again.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] or [`StoreError::SystemIdTaken`].
    pub async fn require_free(&self, system_id: &SystemId, name: &SystemName) -> Result<(), StoreError> {
        reading!(self, "looking whether the system's id and name are free", |transaction| {
            require_free_id(transaction, system_id).await?;
            require_free_name(transaction, name, None).await
        })
        .await
    }

    /// All systems, by System ID.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list_systems(&self, include_removed: bool) -> Result<Vec<System>, StoreError> {
        let mut text = Statement::building("SELECT ");
        text.push(COLUMNS).push(" FROM systems");
        if !include_removed {
            text.push(" WHERE removed_at IS NULL");
        }
        text.push(" ORDER BY system_id");
        reading!(self, "listing the systems", |transaction| {
            let read = |row: &_| Ok(read_system(row)?.system);
            transaction.fetch_together(text.clone(), NUMBER_OF_COLUMNS, read).await
        })
        .await
    }

    /// One system, removed ones too.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn get_system(&self, system_id: &SystemId) -> Result<System, StoreError> {
        reading!(self, "reading the system", |transaction| {
            Ok(find(transaction, system_id, false).await?.system)
        })
        .await
    }

    /// Changes what an operator may change of a system.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`], [`StoreError::NameTaken`],
    /// [`StoreError::SystemChanged`].
    pub async fn update_system(
        &self,
        system_id: &SystemId,
        patch: SystemPatch,
        actor: &str,
        now: Timestamp,
    ) -> Result<System, StoreError> {
        let by = (CHANGED, (actor, None), now);
        change_system!(self, "changing the system", system_id, by, |transaction, stored| {
            if patch.seen.as_deref().is_some_and(|seen| *seen != stored.system) {
                return Err(StoreError::SystemChanged { system_id: system_id.clone() });
            }
            if let Some(name) = &patch.name {
                require_free_name(transaction, name, Some(stored.key)).await?;
                stored.system.name = name.clone();
            }
            if let Some(category) = &patch.category {
                stored.system.category.clone_from(category);
            }
            if let Some(region) = &patch.region {
                stored.system.region.clone_from(region);
            }
            if let Some(settings) = &patch.settings {
                stored.system.settings = settings.clone();
            }
            Ok(())
        })
        .await
    }

    /// Replaces how the connector signs in: kind, secret and, with `pin`, the AWS account and partition that the
    /// new credentials were seen to belong to.
    ///
    /// # Errors
    /// [`StoreError::PinnedElsewhere`] when the system is pinned to another account; the old credentials are kept
    /// then. [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`]; [`StoreError::SystemBusy`] while its key is
    /// being rotated.
    pub async fn set_credentials(
        &self,
        system_id: &SystemId,
        credential: CredentialKind,
        secret: Option<Secret>,
        pin: Option<(AwsAccountId, String)>,
        actor: &str,
        now: Timestamp,
    ) -> Result<System, StoreError> {
        let by = ("credentials_replaced", (actor, None), now);
        change_system!(self, "replacing the system's credentials", system_id, by, |transaction, stored| {
            if let Some((account, partition)) = &pin {
                set_pin(&mut stored.system, account, partition)?;
            }
            key_rotations::require_staying(transaction, &credential, now).await?;
            key_rotations::leave(transaction, &self.keys, stored, Some(&credential), (actor, now)).await?;
            signers::forget(transaction, stored.key).await?;
            stored.system.credential = credential.clone();
            stored.secret_revision += 1;
            self.keys.give_out(system_id, stored.secret_revision);
            let place = stored.secret_place();
            match &secret {
                Some(secret) => secrets::put(transaction, &self.keys, &place, secret, now).await,
                None => secrets::wipe(transaction, &place).await,
            }
        },)
        .await
    }

    /// The secret of a system's access key; `None` when its kind of credential has none.
    ///
    /// # Errors
    /// [`StoreError::SecretUnreadable`] when it was altered or sealed with another key.
    pub async fn get_secret(&self, system_id: &SystemId) -> Result<Option<Secret>, StoreError> {
        reading!(self, "reading the system's credentials", |transaction| {
            let stored = find(transaction, system_id, false).await?;
            let secret = secrets::get(transaction, &self.keys, &stored.secret_place()).await?;
            self.keys.give_out(system_id, stored.secret_revision);
            Ok(secret)
        })
        .await
    }

    /// Pins a system to the AWS account its credentials belong to, for good.
    ///
    /// # Errors
    /// [`StoreError::PinnedElsewhere`] when it is pinned to another one.
    pub async fn pin_system(
        &self,
        system_id: &SystemId,
        account: AwsAccountId,
        partition: &str,
        now: Timestamp,
    ) -> Result<System, StoreError> {
        let by = ("system_pinned", (ITSELF, None), now);
        change_system!(self, "pinning the system", system_id, by, |_, stored| {
            set_pin(&mut stored.system, &account, partition)
        })
        .await
    }

    /// Quarantines a system: nothing runs until it is released.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn quarantine_system(
        &self,
        system_id: &SystemId,
        reason: Failure,
        now: Timestamp,
    ) -> Result<System, StoreError> {
        let by = ("system_quarantined", (ITSELF, None), now);
        change_system!(self, "quarantining the system", system_id, by, |_, stored| {
            stored.system.state = SystemState::Quarantined;
            stored.system.state_reason = Some(reason.clone());
            Ok(())
        })
        .await
    }

    /// Keeps what an organization says of the system's AWS account. With `inactive`, an active system is suspended:
    /// nothing runs until the account is in use again. Without it, one that was suspended is active again. A
    /// quarantine stays.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn set_membership(
        &self,
        system_id: &SystemId,
        membership: &Membership,
        inactive: Option<Failure>,
        actor: &str,
        now: Timestamp,
    ) -> Result<System, StoreError> {
        let action = if inactive.is_some() { "system_suspended" } else { "membership_noted" };
        let by = (action, (actor, None), now);
        change_system!(self, "keeping what the organization says", system_id, by, |transaction, stored| {
            organizations::put(transaction, stored.key, membership, now).await?;
            match (&inactive, stored.system.state) {
                (Some(reason), SystemState::Active | SystemState::Suspended) => {
                    stored.system.state = SystemState::Suspended;
                    stored.system.state_reason = Some(reason.clone());
                }
                (None, SystemState::Suspended) => {
                    stored.system.state = SystemState::Active;
                    stored.system.state_reason = None;
                }
                _ => {}
            }
            Ok(())
        })
        .await
    }

    /// Ends a quarantine.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`].
    pub async fn release_system(
        &self,
        system_id: &SystemId,
        (actor, reason): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<System, StoreError> {
        let by = ("system_released", (actor, reason), now);
        change_system!(self, "releasing the system", system_id, by, |_, stored| {
            stored.system.state = SystemState::Active;
            stored.system.state_reason = None;
            Ok(())
        })
        .await
    }

    /// Removes a system: its secret is wiped, its history stays readable, its System ID stays taken. A run under
    /// way loses its lease; tasks that were not touched are cancelled, those under way need a person. A rotation of its
    /// key that has not ended goes on with a system that shares the key.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`], [`StoreError::SystemRemoved`]; [`StoreError::SystemBusy`] while its key is being
    /// rotated.
    pub async fn remove_system(
        &self,
        system_id: &SystemId,
        by: (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<System, StoreError> {
        self.remove_system_if(system_id, |_| true, by, now).await
    }

    /// Removes a system, if it is still as `is_seen` says, which is asked in the transaction that removes it.
    ///
    /// # Errors
    /// As [`Store::remove_system`]; [`StoreError::SystemChanged`].
    pub async fn remove_system_if(
        &self,
        system_id: &SystemId,
        is_seen: impl Fn(&System) -> bool + Send + Sync,
        (actor, reason): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<System, StoreError> {
        let by = ("system_removed", (actor, reason), now);
        change_system!(self, "removing the system", system_id, by, |transaction, stored| {
            if !is_seen(&stored.system) {
                return Err(StoreError::SystemChanged { system_id: system_id.clone() });
            }
            key_rotations::leave(transaction, &self.keys, stored, None, (actor, now)).await?;
            secrets::wipe_all(transaction, system_id).await?;
            signers::forget(transaction, stored.key).await?;
            data_keys::destroy(transaction, &Scope::system(system_id)).await?;
            crate::import_runs::end_running(transaction, stored.key, "the system was removed", now).await?;
            let mut trail = Trail::lock(transaction, &self.keys, now).await?;
            crate::provisioning::end_jobs_of(transaction, &mut trail, stored.key, now).await?;
            trail.append(transaction).await?;
            stored.system.state = SystemState::Removed;
            stored.system.removed_at = Some(truncated(now));
            Ok(())
        })
        .await
    }
}

fn set_pin(system: &mut System, account: &AwsAccountId, partition: &str) -> Result<(), StoreError> {
    match &system.aws_account_id {
        Some(pinned) if pinned != account => Err(StoreError::PinnedElsewhere {
            system_id: system.system_id.clone(),
            pinned: pinned.clone(),
            given: account.clone(),
        }),
        _ => {
            system.aws_account_id = Some(account.clone());
            system.partition = Some(partition.to_owned());
            Ok(())
        }
    }
}

/// A system as its fields, for the audit log. It holds no secret.
fn plain(system: &System) -> Result<Map<String, Json>, StoreError> {
    match serde_json::to_value(system) {
        Ok(Json::Object(fields)) => Ok(fields),
        _ => Err(StoreError::Data { what: "a system cannot be written".to_owned() }),
    }
}

/// What of a system was changed: of each field and each setting, what it was and what it is.
fn changed(before: &System, after: &System) -> Result<Json, StoreError> {
    let (before, after) = (plain(before)?, plain(after)?);
    let mut changes = Map::new();
    differences(&before, &after, "", &mut changes);
    changes.remove("updated_at");
    Ok(Json::Object(changes))
}

fn differences(
    before: &Map<String, Json>,
    after: &Map<String, Json>,
    within: &str,
    changes: &mut Map<String, Json>,
) {
    for (field, now) in after {
        let was = before.get(field).unwrap_or(&Json::Null);
        match (was, now) {
            (Json::Object(was), Json::Object(now)) => {
                differences(was, now, &format!("{within}{field}."), changes);
            }
            _ if was != now => {
                changes.insert(format!("{within}{field}"), json!({"from": was, "to": now}));
            }
            _ => {}
        }
    }
}
