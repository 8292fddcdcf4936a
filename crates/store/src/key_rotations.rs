//! Replacing a system's access key: what is known of it at each moment, written down before it is done.
//!
//! Whoever works on it holds a lease, so that no import and no task begins meanwhile with a key that is about to die.
//! Every method but the first keeps the lease up, and refuses when somebody else has taken it.

mod hand_over;

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{CredentialKind, Secret, SystemId, SystemState};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::audit::Trail;
use crate::data_keys::KeyRing;
use crate::row::{Row, to_json};
use crate::secrets::{self, SecretPlace, random_id};
use crate::statement::statement;
use crate::systems::{self, StoredSystem};
use crate::time::{from_millis, to_millis};
use crate::transaction::{Transaction, reading, writing};
use crate::{CrashPoint, KeyClaim, Store, StoreError, request_keys};

pub(crate) use hand_over::leave;

/// How far a rotation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationState {
    /// The new key is being made: it may be there, and nobody knows its secret.
    Making,
    /// The new key's id and secret are stored; the system still signs in with the old one.
    Made,
    /// The system signs in with the new key; the old one still works.
    Switched,
    /// The old key is switched off.
    Deactivated,
}

impl RotationState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Made => "made",
            Self::Switched => "switched",
            Self::Deactivated => "deactivated",
        }
    }

    fn of(word: &str) -> Result<Self, StoreError> {
        [Self::Making, Self::Made, Self::Switched, Self::Deactivated]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| StoreError::Data { what: "the state of a rotation is not understood".to_owned() })
    }
}

/// A rotation under way.
#[derive(Debug, Clone)]
pub struct KeyRotation {
    /// Of which system.
    pub system_id: SystemId,
    /// How far it has come.
    pub state: RotationState,
    /// The user whose keys these are.
    pub user_arn: String,
    /// The key that is to go.
    pub old_key_id: String,
    /// The key that takes its place, once it is known.
    pub new_key_id: Option<String>,
    /// The keys that the user had before the new one was made.
    pub keys_before: Vec<String>,
    /// Since when the new key is being made.
    pub making_since: Timestamp,
    /// How many times a new key was begun with; it tells their secrets apart.
    attempt: i64,
    token: String,
}

/// What a rotation begins with.
#[derive(Debug, Clone)]
pub struct NewRotation<'a> {
    /// The user whose keys these are.
    pub user_arn: &'a str,
    /// The key in use.
    pub old_key_id: &'a str,
    /// All keys of the user.
    pub keys: &'a [String],
    /// Who wants it.
    pub actor: &'a str,
    /// And why.
    pub reason: Option<&'a str>,
}

const COLUMNS: &str = "SELECT state, user_arn, old_key_id, new_key_id, keys_before, making_since, attempt, lease_token, \
                       lease_until FROM key_rotations WHERE system_key = $1";

impl Store {
    /// The rotation of a system that was begun and not ended, and until when somebody works on it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn key_rotation(
        &self,
        system_id: &SystemId,
    ) -> Result<Option<(KeyRotation, Timestamp)>, StoreError> {
        reading!(self, "looking for a rotation", |transaction| {
            let stored = systems::find(transaction, system_id, false).await?;
            find(transaction, &stored).await
        })
        .await
    }

    /// Begins to replace a system's access key, and takes the lease.
    ///
    /// # Errors
    /// [`StoreError::SystemBusy`] while an import or a task of the system is under way, or another rotation;
    /// [`StoreError::CredentialsReplaced`] when the key is no longer the system's.
    pub async fn begin_key_rotation(
        &self,
        system_id: &SystemId,
        new: &NewRotation<'_>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<KeyRotation, StoreError> {
        let token = random_id()?;
        writing!(self, "beginning to replace an access key", |transaction| {
            let (stored, mut trail) = self.hold_still(transaction, system_id, now).await?;
            require_key(&stored, new.old_key_id)?;
            if let Some((of, _)) = of_key(transaction, new.old_key_id).await? {
                let by = format!("a rotation of its key that was begun before for system {of}");
                return Err(busy(system_id, &by, now));
            }
            let others = sharing(transaction, &stored, new.old_key_id).await?;
            let others: Vec<&SystemId> = others.iter().map(|other| &other.system.system_id).collect();
            let text = "INSERT INTO key_rotations (system_key, state, user_arn, old_key_id, keys_before, attempt, \
                        making_since, actor, reason, begun_at, lease_token, lease_until) \
                        VALUES ($1, 'making', $2, $3, $4, 1, $5, $6, $7, $5, $8, $9)";
            let insert = statement!(
                text,
                stored.key,
                new.user_arn,
                new.old_key_id,
                to_json(&new.keys)?,
                to_millis(now),
                new.actor,
                new.reason,
                token.as_str(),
                to_millis(until(now, lease)),
            );
            transaction.execute(insert).await?;
            let mut subject = json!({"user": new.user_arn, "old_key": new.old_key_id, "reason": new.reason});
            if let (false, Some(fields)) = (others.is_empty(), subject.as_object_mut()) {
                fields.insert("also_of".to_owned(), json!(others));
            }
            trail.note(new.actor, Some(system_id), "key_rotation_begun", &subject);
            trail.append(transaction).await?;
            CrashPoint::BeforeRotationCommit.pass();
            held(transaction, &stored, &token).await
        })
        .await
        .inspect(|_| CrashPoint::AfterRotationCommit.pass())
    }

    /// Takes a rotation over whose worker is gone. `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::SystemBusy`] while somebody works on it, or something else of the system is under way.
    pub async fn take_key_rotation(
        &self,
        system_id: &SystemId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<KeyRotation>, StoreError> {
        let token = random_id()?;
        writing!(self, "going on with the rotation of an access key", |transaction| {
            let stored = systems::find_in_use(transaction, system_id).await?;
            let Some((_, until_then)) = find(transaction, &stored).await? else { return Ok(None) };
            if until_then > now {
                return Err(busy(system_id, "a rotation of its key", until_then));
            }
            self.hold_still(transaction, system_id, now).await.map(|_| ())?;
            let text = "UPDATE key_rotations SET lease_token = $1, lease_until = $2 WHERE system_key = $3";
            transaction
                .execute(statement!(text, token.as_str(), to_millis(until(now, lease)), stored.key))
                .await?;
            held(transaction, &stored, &token).await.map(Some)
        })
        .await
    }

    /// Keeps the lease for another while.
    ///
    /// # Errors
    /// [`StoreError::RotationLost`].
    pub async fn renew_key_rotation(
        &self,
        rotation: &KeyRotation,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), StoreError> {
        writing!(self, "keeping a rotation", |transaction| {
            mine(transaction, rotation, now, lease).await.map(|_| ())
        })
        .await
    }

    /// A new key is about to be made once more: these are the user's keys now.
    ///
    /// # Errors
    /// [`StoreError::RotationLost`].
    pub async fn make_key_again(
        &self,
        rotation: &KeyRotation,
        keys: &[String],
        now: Timestamp,
        lease: Duration,
    ) -> Result<KeyRotation, StoreError> {
        let text = "UPDATE key_rotations SET state = 'making', new_key_id = NULL, keys_before = $1, making_since = $2, \
                    attempt = attempt + 1 WHERE system_key = $3";
        writing!(self, "making an access key again", |transaction| {
            let stored = mine(transaction, rotation, now, lease).await?;
            secrets::wipe(transaction, &rotation.next_secret()).await?;
            transaction.execute(statement!(text, to_json(&keys)?, to_millis(now), stored.key)).await?;
            held(transaction, &stored, &rotation.token).await
        })
        .await
    }

    /// The new key is made: its id, and its secret sealed.
    ///
    /// # Errors
    /// [`StoreError::RotationLost`].
    pub async fn note_new_key(
        &self,
        rotation: &KeyRotation,
        id: &str,
        secret: &Secret,
        by: (&str, Timestamp, Duration),
    ) -> Result<KeyRotation, StoreError> {
        let (actor, now, lease) = by;
        writing!(self, "keeping a new access key", |transaction| {
            let stored = mine(transaction, rotation, now, lease).await?;
            let place = rotation.next_secret();
            secrets::put(transaction, &self.keys, &place, secret, now).await?;
            let text = "UPDATE key_rotations SET state = 'made', new_key_id = $1 WHERE system_key = $2";
            transaction.execute(statement!(text, id, stored.key)).await?;
            let subject = json!({"user": rotation.user_arn, "new_key": id});
            self.note(transaction, rotation, actor, now, "key_rotation_key_made", &subject).await?;
            CrashPoint::BeforeRotationCommit.pass();
            held(transaction, &stored, &rotation.token).await
        })
        .await
        .inspect(|_| CrashPoint::AfterRotationCommit.pass())
    }

    /// The secret of the new key, while the system does not sign in with it yet.
    ///
    /// # Errors
    /// [`StoreError::SecretUnreadable`].
    pub async fn next_secret(&self, rotation: &KeyRotation) -> Result<Option<Secret>, StoreError> {
        reading!(self, "reading a new access key", |transaction| {
            secrets::get(transaction, &self.keys, &rotation.next_secret()).await
        })
        .await
    }

    /// The other system whose rotation is about the key of this one, before or after it was put in its place.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn rotation_elsewhere(&self, system_id: &SystemId) -> Result<Option<SystemId>, StoreError> {
        const TEXT: &str = "SELECT systems.system_id FROM key_rotations JOIN systems \
                            ON systems.system_key = key_rotations.system_key \
                            WHERE key_rotations.system_key <> $1 AND (old_key_id = $2 OR new_key_id = $2)";
        reading!(self, "looking for rotations of a key", |transaction| {
            let stored = systems::find(transaction, system_id, false).await?;
            let Some(key) = stored.system.credential.access_key_id() else { return Ok(None) };
            transaction.fetch_optional(statement!(TEXT, stored.key, key), |row| row.word(0)).await
        })
        .await
    }

    /// The other systems that sign in with a system's key, or assume their role with it: they change with it.
    ///
    /// # Errors
    /// [`StoreError::SystemNotFound`].
    pub async fn sharing_key(&self, system_id: &SystemId) -> Result<Vec<SystemId>, StoreError> {
        reading!(self, "looking who else signs in with a key", |transaction| {
            let stored = systems::find(transaction, system_id, false).await?;
            let Some(key) = stored.system.credential.access_key_id() else { return Ok(Vec::new()) };
            let mut holders = systems::holders_of_key(transaction, key).await?;
            holders.retain(|id| id != system_id);
            Ok(holders)
        })
        .await
    }

    /// The system signs in with the new key from now on, and with it all others that signed in with the old one.
    ///
    /// # Errors
    /// [`StoreError::RotationLost`], [`StoreError::CredentialsReplaced`] when the system has other credentials by now.
    pub async fn switch_key(
        &self,
        rotation: &KeyRotation,
        by: (&str, Timestamp, Duration),
    ) -> Result<KeyRotation, StoreError> {
        let (actor, now, lease) = by;
        writing!(self, "signing in with a new access key", |transaction| {
            let mut stored = mine(transaction, rotation, now, lease).await?;
            require_key(&stored, &rotation.old_key_id)?;
            let secret = secrets::get(transaction, &self.keys, &rotation.next_secret()).await?;
            let (Some(secret), Some(id)) = (secret, rotation.new_key_id.clone()) else {
                return Err(StoreError::Data { what: "a rotation has no new key".to_owned() });
            };
            secrets::wipe(transaction, &rotation.next_secret()).await?;
            // All in one transaction: at no moment is there a system whose key is about to go.
            let mut others = sharing(transaction, &stored, &rotation.old_key_id).await?;
            let mut trail = Trail::lock(transaction, &self.keys, now).await?;
            for system in std::iter::once(&mut stored).chain(&mut others) {
                let before = &rotation.old_key_id;
                let credential = system.system.credential.with_access_key(&id);
                system.replace_credential(credential, now);
                secrets::put(transaction, &self.keys, &system.secret_place(), &secret, now).await?;
                systems::update(transaction, system).await?;
                let subject = json!({"credential.access_key_id": {"from": before, "to": id}});
                trail.note(actor, Some(&system.system.system_id), "credentials_replaced", &subject);
            }
            trail.append(transaction).await?;
            let text = "UPDATE key_rotations SET state = 'switched' WHERE system_key = $1";
            transaction.execute(statement!(text, stored.key)).await?;
            self.keys.give_out(&rotation.system_id, stored.secret_revision());
            CrashPoint::BeforeRotationCommit.pass();
            held(transaction, &stored, &rotation.token).await
        })
        .await
        .inspect(|_| CrashPoint::AfterRotationCommit.pass())
    }

    /// The old key is switched off.
    ///
    /// # Errors
    /// [`StoreError::RotationLost`].
    pub async fn note_old_key_off(
        &self,
        rotation: &KeyRotation,
        by: (&str, Timestamp, Duration),
    ) -> Result<KeyRotation, StoreError> {
        let (actor, now, lease) = by;
        writing!(self, "noting that an access key is switched off", |transaction| {
            let stored = mine(transaction, rotation, now, lease).await?;
            let text = "UPDATE key_rotations SET state = 'deactivated' WHERE system_key = $1";
            transaction.execute(statement!(text, stored.key)).await?;
            let subject = json!({"user": rotation.user_arn, "old_key": rotation.old_key_id});
            self.note(transaction, rotation, actor, now, "key_rotation_old_key_off", &subject).await?;
            CrashPoint::BeforeRotationCommit.pass();
            held(transaction, &stored, &rotation.token).await
        })
        .await
        .inspect(|_| CrashPoint::AfterRotationCommit.pass())
    }

    /// The rotation has ended, one way or the other: `action` says which. The `request` that asked for it is done with it.
    ///
    /// # Errors
    /// [`StoreError::RotationLost`].
    pub async fn end_key_rotation(
        &self,
        rotation: &KeyRotation,
        action: &'static str,
        request: Option<&KeyClaim>,
        by: (&str, Timestamp, Duration),
    ) -> Result<(), StoreError> {
        let (actor, now, lease) = by;
        writing!(self, "ending the rotation of an access key", |transaction| {
            let stored = mine(transaction, rotation, now, lease).await?;
            secrets::wipe(transaction, &rotation.next_secret()).await?;
            let text = "DELETE FROM key_rotations WHERE system_key = $1";
            transaction.execute(statement!(text, stored.key)).await?;
            let subject = json!({
                "user": rotation.user_arn,
                "old_key": rotation.old_key_id,
                "new_key": rotation.new_key_id,
            });
            self.note(transaction, rotation, actor, now, action, &subject).await?;
            if let Some(claim) = request {
                request_keys::is_done(transaction, claim).await?;
            }
            CrashPoint::BeforeRotationCommit.pass();
            Ok(())
        })
        .await
        .inspect(|()| CrashPoint::AfterRotationCommit.pass())
    }

    /// Locks a system and the log, and refuses while something of the system is under way.
    async fn hold_still(
        &self,
        transaction: &mut Transaction,
        system_id: &SystemId,
        now: Timestamp,
    ) -> Result<(StoredSystem, Trail<'_>), StoreError> {
        const IMPORT: &str = "SELECT 'import run ' || run_id, lease_until FROM import_runs \
                              WHERE system_key = $1 AND state = 'running' AND lease_until > $2";
        const TASK: &str = "SELECT 'task ' || task_id || ' of job ' || job_id, lease_until FROM tasks \
                            WHERE system_key = $1 AND state = 'running' AND lease_until > $2 LIMIT 1";
        let stored = systems::find_in_use(transaction, system_id).await?;
        if stored.system.state == SystemState::Quarantined {
            return Err(StoreError::SystemQuarantined { system_id: system_id.clone() });
        }
        let key = stored.system.credential.access_key_id().unwrap_or_default();
        let others = sharing(transaction, &stored, key).await?;
        let trail = Trail::lock(transaction, &self.keys, now).await?;
        for one in std::iter::once(&stored).chain(&others) {
            for text in [IMPORT, TASK] {
                let text = statement!(text, one.key, to_millis(now));
                let found = transaction.fetch_optional(text, |row| Ok((row.text(0)?, row.int(1)?))).await?;
                if let Some((by, until)) = found {
                    return Err(busy(&one.system.system_id, &by, from_millis(until)?));
                }
            }
        }
        Ok((stored, trail))
    }

    async fn note(
        &self,
        transaction: &mut Transaction,
        rotation: &KeyRotation,
        actor: &str,
        now: Timestamp,
        action: &'static str,
        subject: &Json,
    ) -> Result<(), StoreError> {
        let mut trail = Trail::lock(transaction, &self.keys, now).await?;
        trail.note(actor, Some(&rotation.system_id), action, subject);
        trail.append(transaction).await.map(|_| ())
    }
}

impl KeyRotation {
    fn next_secret(&self) -> SecretPlace<'_> {
        SecretPlace::of_next_key(&self.system_id, self.attempt)
    }
}

fn until(now: Timestamp, lease: Duration) -> Timestamp {
    now.checked_add(lease).unwrap_or(Timestamp::MAX)
}

fn busy(system_id: &SystemId, by: &str, until: Timestamp) -> StoreError {
    StoreError::SystemBusy { system_id: system_id.clone(), by: by.to_owned(), until }
}

fn require_key(stored: &StoredSystem, key: &str) -> Result<(), StoreError> {
    match stored.system.credential.access_key_id() {
        Some(id) if id == key => Ok(()),
        _ => Err(StoreError::CredentialsReplaced { system_id: stored.system.system_id.clone() }),
    }
}

/// The other systems in use that sign in with a key, or assume their role with it, locked.
async fn sharing(
    transaction: &mut Transaction,
    stored: &StoredSystem,
    key: &str,
) -> Result<Vec<StoredSystem>, StoreError> {
    let mut found = Vec::new();
    for id in systems::holders_of_key(transaction, key).await? {
        if id != stored.system.system_id {
            found.push(systems::find(transaction, &id, true).await?);
        }
    }
    found.retain(|one| one.system.credential.access_key_id() == Some(key));
    Ok(found)
}

/// The rotation that makes a key go: of which system, and until when it is worked on.
async fn of_key(
    transaction: &mut Transaction,
    key: &str,
) -> Result<Option<(SystemId, Timestamp)>, StoreError> {
    let text = "SELECT systems.system_id, key_rotations.lease_until FROM key_rotations JOIN systems \
                ON systems.system_key = key_rotations.system_key WHERE key_rotations.old_key_id = $1";
    transaction.fetch_optional(statement!(text, key), |row| Ok((row.word(0)?, row.time(1)?))).await
}

/// Refuses to give a system a key that a rotation is about to delete.
pub(crate) async fn require_staying(
    transaction: &mut Transaction,
    credential: &CredentialKind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(key) = credential.access_key_id() else { return Ok(()) };
    match of_key(transaction, key).await? {
        Some((of, until)) => Err(busy(&of, "a rotation of this very access key", until.max(now))),
        None => Ok(()),
    }
}

async fn find(
    transaction: &mut Transaction,
    stored: &StoredSystem,
) -> Result<Option<(KeyRotation, Timestamp)>, StoreError> {
    let id = &stored.system.system_id;
    transaction.fetch_optional(statement!(COLUMNS, stored.key), |row| read(id, row)).await
}

fn read(system_id: &SystemId, row: &Row) -> Result<(KeyRotation, Timestamp), StoreError> {
    let rotation = KeyRotation {
        system_id: system_id.clone(),
        state: RotationState::of(&row.text(0)?)?,
        user_arn: row.text(1)?,
        old_key_id: row.text(2)?,
        new_key_id: row.opt_text(3)?,
        keys_before: row.json(4)?,
        making_since: row.time(5)?,
        attempt: row.int(6)?,
        token: row.text(7)?,
    };
    Ok((rotation, row.time(8)?))
}

async fn held(
    transaction: &mut Transaction,
    stored: &StoredSystem,
    token: &str,
) -> Result<KeyRotation, StoreError> {
    match find(transaction, stored).await? {
        Some((rotation, _)) if rotation.token == token => Ok(rotation),
        _ => Err(StoreError::RotationLost { system_id: stored.system.system_id.clone() }),
    }
}

/// The system, if the lease on its rotation is still ours; it lasts for another while then.
async fn mine(
    transaction: &mut Transaction,
    rotation: &KeyRotation,
    now: Timestamp,
    lease: Duration,
) -> Result<StoredSystem, StoreError> {
    let stored = systems::find_in_use(transaction, &rotation.system_id).await?;
    held(transaction, &stored, &rotation.token).await?;
    let text = "UPDATE key_rotations SET lease_until = $1 WHERE system_key = $2";
    transaction.execute(statement!(text, to_millis(until(now, lease)), stored.key)).await?;
    Ok(stored)
}

/// The attempt whose new key waits in the store, so that its secret is sealed anew with the others.
pub(crate) async fn attempt_of(
    transaction: &mut Transaction,
    stored: &StoredSystem,
) -> Result<Option<i64>, StoreError> {
    Ok(find(transaction, stored).await?.map(|(rotation, _)| rotation.attempt))
}

/// Refuses what would work with a key that is about to die, or that has been replaced since this process took it out.
pub(crate) async fn require_none(
    transaction: &mut Transaction,
    keys: &KeyRing,
    stored: &StoredSystem,
    now: Timestamp,
) -> Result<(), StoreError> {
    let system_id = &stored.system.system_id;
    if keys.gave_another(system_id, stored.secret_revision()) {
        return Err(StoreError::CredentialsReplaced { system_id: system_id.clone() });
    }
    // Another system's rotation may be about the same key, before or after it was put in its place.
    let text = "SELECT lease_until FROM key_rotations WHERE lease_until > $1 AND (system_key = $2 OR old_key_id = $3 \
                OR new_key_id = $3) ORDER BY lease_until DESC LIMIT 1";
    let key = stored.system.credential.access_key_id().unwrap_or_default();
    let going = statement!(text, to_millis(now), stored.key, key);
    match transaction.fetch_optional(going, |row| row.time(0)).await? {
        Some(until) => Err(busy(&stored.system.system_id, "a rotation of its access key", until)),
        None => Ok(()),
    }
}
