//! A rotation whose system is removed, or given other credentials, before it has ended: a system that shares the key
//! goes on with it, as the keys are that one's, too.

use jiff::Timestamp;
use keyreeve_model::{CredentialKind, SystemId, SystemState};
use serde_json::{Value as Json, json};

use super::{KeyRotation, RotationState, busy, find, mine, of_key, sharing};
use crate::audit::Trail;
use crate::data_keys::KeyRing;
use crate::secrets;
use crate::statement::statement;
use crate::systems::StoredSystem;
use crate::transaction::{Transaction, reading, writing};
use crate::{Store, StoreError};

impl Store {
    /// The system whose rotation makes this key go.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn rotation_of_key(&self, old_key_id: &str) -> Result<Option<SystemId>, StoreError> {
        reading!(self, "looking who rotates a key", |transaction| {
            Ok(of_key(transaction, old_key_id).await?.map(|(system_id, _)| system_id))
        })
        .await
    }

    /// The system for which this key was made by a rotation, or was to go by one, whatever has become of that.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn rotated_before(&self, key_id: &str) -> Result<Option<SystemId>, StoreError> {
        const TEXT: &str = "SELECT system_id, subject FROM audit_log WHERE action IN ('key_rotation_begun', \
                            'key_rotation_key_made') AND subject LIKE $1 ORDER BY seq DESC";
        let named = |subject: &Json| {
            ["old_key", "new_key"]
                .iter()
                .any(|field| subject.get(field).and_then(Json::as_str) == Some(key_id))
        };
        reading!(self, "looking for rotations of before", |transaction| {
            let rows: Vec<(SystemId, Json)> = transaction
                .fetch(statement!(TEXT, format!("%{key_id}%")), |row| Ok((row.word(0)?, row.json(1)?)))
                .await?;
            Ok(rows.into_iter().find(|(_, subject)| named(subject)).map(|(system_id, _)| system_id))
        })
        .await
    }

    /// A rotation is about keys that its system has no longer: a system that shares them goes on with it, or it ends.
    ///
    /// # Errors
    /// [`StoreError::RotationLost`].
    pub async fn leave_key_rotation(
        &self,
        rotation: &KeyRotation,
        by: (&str, Timestamp, std::time::Duration),
    ) -> Result<(), StoreError> {
        let (actor, now, lease) = by;
        writing!(self, "leaving the rotation of an access key", |transaction| {
            let stored = mine(transaction, rotation, now, lease).await?;
            pass_on(transaction, &self.keys, &stored, rotation, (actor, now)).await
        })
        .await
    }
}

impl KeyRotation {
    /// The key that its systems sign in with at this moment.
    fn key_in_use(&self) -> Option<&str> {
        match self.state {
            RotationState::Making | RotationState::Made => Some(&self.old_key_id),
            RotationState::Switched | RotationState::Deactivated => self.new_key_id.as_deref(),
        }
    }
}

/// Before a system is removed, or given these credentials: if a rotation of its key has not ended, a system that shares
/// the key goes on with it. Nothing changes for the same key once more.
///
/// # Errors
/// [`StoreError::SystemBusy`] while somebody works on it.
pub(crate) async fn leave(
    transaction: &mut Transaction,
    keys: &KeyRing,
    stored: &StoredSystem,
    credential: Option<&CredentialKind>,
    (actor, now): (&str, Timestamp),
) -> Result<(), StoreError> {
    let Some((rotation, until)) = find(transaction, stored).await? else { return Ok(()) };
    let given = credential.and_then(CredentialKind::access_key_id);
    if given.is_some() && given == rotation.key_in_use() {
        return Ok(());
    }
    if until > now {
        return Err(busy(&stored.system.system_id, "a rotation of its access key", until));
    }
    pass_on(transaction, keys, stored, &rotation, (actor, now)).await
}

async fn pass_on(
    transaction: &mut Transaction,
    keys: &KeyRing,
    stored: &StoredSystem,
    rotation: &KeyRotation,
    (actor, now): (&str, Timestamp),
) -> Result<(), StoreError> {
    let secret = match secrets::get(transaction, keys, &rotation.next_secret()).await {
        // What cannot be read any more is made again.
        Err(StoreError::SecretUnreadable { .. }) => None,
        read => read?,
    };
    let heir = heir(transaction, stored, rotation).await?;
    secrets::wipe(transaction, &rotation.next_secret()).await?;
    let keys_of = json!({
        "user": rotation.user_arn,
        "old_key": rotation.old_key_id,
        "new_key": rotation.new_key_id,
    });
    let mut rows = vec![];
    match &heir {
        None => {
            let text = "DELETE FROM key_rotations WHERE system_key = $1";
            transaction.execute(statement!(text, stored.key)).await?;
            rows.push((&rotation.system_id, "key_rotation_abandoned", keys_of));
        }
        Some(heir) => {
            let heir_id = &heir.system.system_id;
            let lost = rotation.state == RotationState::Made && secret.is_none();
            let (state, new_key) = match lost {
                true => (RotationState::Making, None),
                false => (rotation.state, rotation.new_key_id.clone()),
            };
            if let Some(secret) = &secret {
                let place = KeyRotation { system_id: heir_id.clone(), ..rotation.clone() };
                secrets::put(transaction, keys, &place.next_secret(), secret, now).await?;
            }
            let text =
                "UPDATE key_rotations SET system_key = $1, state = $2, new_key_id = $3 WHERE system_key = $4";
            transaction.execute(statement!(text, heir.key, state.as_str(), new_key, stored.key)).await?;
            let with = |field: &str, system: &SystemId| {
                let mut subject = keys_of.clone();
                if let Some(fields) = subject.as_object_mut() {
                    fields.insert(field.to_owned(), json!(system));
                }
                subject
            };
            rows.push((&rotation.system_id, "key_rotation_handed_over", with("to", heir_id)));
            rows.push((heir_id, "key_rotation_taken_over", with("from", &rotation.system_id)));
        }
    }
    let mut trail = Trail::lock(transaction, keys, now).await?;
    for (system_id, action, subject) in rows {
        trail.note(actor, Some(system_id), action, &subject);
    }
    trail.append(transaction).await.map(|_| ())
}

/// Another system that signs in with the key, or assumes its role with it: one that is in use rather than one that
/// waits for somebody.
async fn heir(
    transaction: &mut Transaction,
    stored: &StoredSystem,
    rotation: &KeyRotation,
) -> Result<Option<StoredSystem>, StoreError> {
    let Some(key) = rotation.key_in_use() else { return Ok(None) };
    let mut found = Vec::new();
    for other in sharing(transaction, stored, key).await? {
        if find(transaction, &other).await?.is_none() {
            found.push(other);
        }
    }
    let active = found.iter().position(|other| other.system.state == SystemState::Active);
    Ok(found.into_iter().nth(active.unwrap_or_default()))
}
