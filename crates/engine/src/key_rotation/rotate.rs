//! The rotation itself, from wherever it stands.

use std::time::Duration;

use jiff::Timestamp;
use keyreeve_connector::{AccountCredentialEntry, Cause, Connector, Error, NewAccessKey};
use keyreeve_model::{Effect, System};
use keyreeve_store::{CrashPoint, KeyRotation, NewRotation, RotationState, StoreError};

use super::keys::{ids, lost, provisioning, second, user_name};
use super::look::{Look, stored_key};
use super::{Rotated, RotationError, Rotator};

/// How many answers with a new key may be lost.
const MAKINGS: u32 = 3;

const OLD_KEY_STAYS: &str =
    "the system signs in with the old key as before; mend it and run the command again";
const BOTH_KEYS: &str = "the system signs in with the new key, and the old one is still there: mend it and run the \
                         command again, which goes on from here";

/// What a user has after a key whose secret was lost is gone.
struct Left {
    keys: Vec<AccountCredentialEntry>,
    /// There was one.
    deleted: bool,
}

impl Rotator<'_> {
    /// Rotates a key, or goes on with what was begun before.
    ///
    /// # Errors
    /// See [`RotationError`]; each says what became of the keys.
    pub async fn rotate(&self, system: &System, look: &Look) -> Result<Rotated, RotationError> {
        let id = &system.system_id;
        let taken = self.store.take_key_rotation(id, self.now(), self.lease).await?;
        // Somebody else's process may have made a key, and ended before it could say so.
        let maybe_made = taken.is_some();
        let mut rotation = match taken {
            Some(rotation) => self.resume(system, rotation).await?,
            None => self.begin(system, look).await?,
        };
        loop {
            // The credentials may be the new ones by now.
            let system = self.store.get_system(id).await?;
            rotation = match rotation.state {
                RotationState::Making => self.make(&system, rotation, maybe_made).await?,
                RotationState::Made => self.prove_and_switch(rotation).await?,
                RotationState::Switched => self.switch_old_off(&system, rotation).await?,
                RotationState::Deactivated => return self.delete_old(&system, rotation).await,
            };
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn by(&self) -> (&str, Timestamp, Duration) {
        (self.actor, self.now(), self.lease)
    }

    async fn begin(&self, system: &System, look: &Look) -> Result<KeyRotation, RotationError> {
        if !look.keys.iter().any(|key| key.credential.id == look.key_id) {
            return Err(RotationError::NotListed { user: look.user_arn.clone(), id: look.key_id.clone() });
        }
        if let Some(key) = second(&look.keys, &look.key_id) {
            return Err(self.second_key(&look.user_arn, key).await?);
        }
        let keys = ids(&look.keys);
        let new = NewRotation {
            user_arn: &look.user_arn,
            old_key_id: &look.key_id,
            keys: &keys,
            actor: self.actor,
            reason: self.reason,
        };
        Ok(self.store.begin_key_rotation(&system.system_id, &new, self.now(), self.lease).await?)
    }

    /// What somebody else's process has left behind. A key whose secret is lost with it goes first.
    async fn resume(&self, system: &System, rotation: KeyRotation) -> Result<KeyRotation, RotationError> {
        let key_id = stored_key(system)?;
        let switched = matches!(rotation.state, RotationState::Switched | RotationState::Deactivated);
        let expected =
            if switched { rotation.new_key_id.as_deref() } else { Some(rotation.old_key_id.as_str()) };
        if expected != Some(key_id.as_str()) {
            // The system was given other credentials meanwhile; this rotation is about keys it no longer has.
            self.store.leave_key_rotation(&rotation, self.by()).await?;
            return Err(StoreError::CredentialsReplaced { system_id: system.system_id.clone() }.into());
        }
        if rotation.state != RotationState::Making {
            return Ok(rotation);
        }
        let connector = self.connect_as_stored(system).await?;
        let left = self.clean_up(&*connector, &rotation).await?;
        Ok(self.store.make_key_again(&rotation, &ids(&left.keys), self.now(), self.lease).await?)
    }

    /// Makes the new key, and stores it.
    async fn make(
        &self,
        system: &System,
        mut rotation: KeyRotation,
        mut maybe_made: bool,
    ) -> Result<KeyRotation, RotationError> {
        let connector = self.connect_as_stored(system).await?;
        let user = self.user_of(&rotation)?;
        let provisioning = provisioning(&*connector)?;
        let mut patience = self.settling.patience();
        let mut lost_answers = 0;
        loop {
            let error = match provisioning.create_access_key(&user).await {
                Ok(NewAccessKey { id, secret, .. }) => {
                    CrashPoint::AfterRotationCall.pass();
                    return Ok(self.store.note_new_key(&rotation, &id, &secret, self.by()).await?);
                }
                Err(error) => error,
            };
            let full = error.code.as_deref().is_some_and(|code| code.starts_with("LimitExceeded"));
            if error.effect() == Effect::Unknown {
                (lost_answers, maybe_made) = (lost_answers + 1, true);
            } else if !full {
                if patience.may_repeat(&error, false, false).await {
                    continue;
                }
                return Err(self.give_up(&rotation, error).await?);
            }
            if !maybe_made {
                // Nothing of ours can be there, whatever came in between.
                let keys = self.list(provisioning, &user, false).await.unwrap_or_default();
                if let Some(key) = second(&keys, &rotation.old_key_id) {
                    let error = self.second_key(&rotation.user_arn, key).await?;
                    self.store.end_key_rotation(&rotation, "key_rotation_abandoned", None, self.by()).await?;
                    return Err(error);
                }
                return Err(self.give_up(&rotation, error).await?);
            }
            // It may be there, now or when IAM has settled: then it is found, or AWS says that there are two.
            let left = self.clean_up(&*connector, &rotation).await?;
            if full && let Some(key) = second(&left.keys, &rotation.old_key_id) {
                let error = self.second_key(&rotation.user_arn, key).await?;
                self.store.end_key_rotation(&rotation, "key_rotation_abandoned", None, self.by()).await?;
                return Err(error);
            }
            let unseen = full && !left.deleted;
            if lost_answers >= MAKINGS || (unseen && !patience.wait(Duration::ZERO).await) {
                return Err(RotationError::Call {
                    doing: "making a new access key",
                    then: OLD_KEY_STAYS,
                    source: Box::new(error),
                });
            }
            rotation = self.store.make_key_again(&rotation, &ids(&left.keys), self.now(), self.lease).await?;
        }
    }

    /// Nothing was made.
    async fn give_up(&self, rotation: &KeyRotation, error: Error) -> Result<RotationError, RotationError> {
        self.store.end_key_rotation(rotation, "key_rotation_abandoned", None, self.by()).await?;
        Ok(match error.cause {
            Cause::Denied => RotationError::Missing {
                user: rotation.user_arn.clone(),
                actions: vec!["iam:CreateAccessKey"],
            },
            _ => RotationError::Call {
                doing: "making a new access key",
                then: OLD_KEY_STAYS,
                source: Box::new(error),
            },
        })
    }

    /// Deletes a key of our making whose secret is lost, and gives the keys that are left. What may be somebody
    /// else's is left alone, and said.
    async fn clean_up(
        &self,
        connector: &dyn Connector,
        rotation: &KeyRotation,
    ) -> Result<Left, RotationError> {
        let user = self.user_of(rotation)?;
        let provisioning = provisioning(connector)?;
        let mut deleted = false;
        let failed =
            |doing, source| RotationError::Call { doing, then: OLD_KEY_STAYS, source: Box::new(source) };
        let keys = self.list(provisioning, &user, false).await;
        let mut keys = keys.map_err(|error| failed("listing the user's access keys", error))?;
        if let Some(key) = lost(&keys, &rotation.keys_before, rotation.making_since).first() {
            let id = key.credential.id.clone();
            self.delete(provisioning, &user, &id, false)
                .await
                .map_err(|error| failed("deleting a new access key whose secret was lost", error))?;
            CrashPoint::AfterRotationCall.pass();
            keys.retain(|key| key.credential.id != id);
            deleted = true;
        }
        match keys.iter().find(|key| !rotation.keys_before.contains(&key.credential.id)) {
            Some(key) => Err(self.second_key(&rotation.user_arn, key).await?),
            None => Ok(Left { keys, deleted }),
        }
    }

    /// Sees that the new key works, and belongs to the same user; then the system signs in with it.
    async fn prove_and_switch(&self, rotation: KeyRotation) -> Result<KeyRotation, RotationError> {
        let secret = self.store.next_secret(&rotation).await?.ok_or(RotationError::NoSecret)?;
        let id = rotation.new_key_id.clone().unwrap_or_default();
        let connector = self.connect_with(&id, &secret).await?;
        match self.prove(&*connector, &rotation, &id).await {
            Ok(()) => Ok(self.store.switch_key(&rotation, self.by()).await?),
            Err(error) => {
                self.take_back(&rotation, &id).await?;
                Err(error)
            }
        }
    }

    /// The new key is not wanted: it is deleted with the old one, which is in force.
    async fn take_back(&self, rotation: &KeyRotation, id: &str) -> Result<(), RotationError> {
        let system = self.store.get_system(&rotation.system_id).await?;
        let connector = self.connect_as_stored(&system).await?;
        let user = self.user_of(rotation)?;
        self.delete(provisioning(&*connector)?, &user, id, false).await.map_err(|source| {
            RotationError::Call {
                doing: "deleting the new access key, which AWS does not accept",
                then: OLD_KEY_STAYS,
                source: Box::new(source),
            }
        })?;
        Ok(self.store.end_key_rotation(rotation, "key_rotation_abandoned", None, self.by()).await?)
    }

    /// The key works, several times in a row, and is the same user's.
    async fn prove(
        &self,
        connector: &dyn Connector,
        rotation: &KeyRotation,
        id: &str,
    ) -> Result<(), RotationError> {
        let mut patience = self.settling.patience();
        let mut proofs = 0;
        while proofs < self.settling.proofs {
            match connector.identify().await {
                Ok(identity) if identity.arn != rotation.user_arn => {
                    return Err(RotationError::OtherUser {
                        id: id.to_owned(),
                        found: identity.arn,
                        user: rotation.user_arn.clone(),
                    });
                }
                Ok(_) => {
                    proofs += 1;
                    self.store.renew_key_rotation(rotation, self.now(), self.lease).await?;
                    if proofs < self.settling.proofs {
                        tokio::time::sleep(self.settling.between_proofs).await;
                    }
                }
                Err(error) if patience.may_repeat(&error, true, true).await => {
                    proofs = 0;
                    self.store.renew_key_rotation(rotation, self.now(), self.lease).await?;
                }
                Err(error) => {
                    return Err(RotationError::NotProven { id: id.to_owned(), source: Box::new(error) });
                }
            }
        }
        Ok(())
    }

    async fn switch_old_off(
        &self,
        system: &System,
        rotation: KeyRotation,
    ) -> Result<KeyRotation, RotationError> {
        let connector = self.connect_as_stored(system).await?;
        let user = self.user_of(&rotation)?;
        match self.switch_off(provisioning(&*connector)?, &user, &rotation.old_key_id).await {
            Err(error) if error.cause != Cause::Gone => Err(self.half_way(
                &rotation,
                "switching the old access key off",
                "iam:UpdateAccessKey",
                error,
            )),
            _ => {
                CrashPoint::AfterRotationCall.pass();
                Ok(self.store.note_old_key_off(&rotation, self.by()).await?)
            }
        }
    }

    async fn delete_old(&self, system: &System, rotation: KeyRotation) -> Result<Rotated, RotationError> {
        let connector = self.connect_as_stored(system).await?;
        let id = rotation.new_key_id.clone().unwrap_or_default();
        // While the old key is there, switched off, an administrator can still turn back.
        self.prove(&*connector, &rotation, &id).await.map_err(|error| match error {
            RotationError::NotProven { source, .. } => RotationError::Call {
                doing: "proving the new access key without the old one",
                then: "the old key is switched off and not deleted: if the new one goes on failing, an administrator \
                       can switch it on again",
                source,
            },
            other => other,
        })?;
        let user = self.user_of(&rotation)?;
        if let Err(error) = self.delete(provisioning(&*connector)?, &user, &rotation.old_key_id, true).await {
            return Err(self.half_way(
                &rotation,
                "deleting the old access key",
                "iam:DeleteAccessKey",
                error,
            ));
        }
        CrashPoint::AfterRotationCall.pass();
        self.store.end_key_rotation(&rotation, "key_rotation_finished", self.request, self.by()).await?;
        Ok(Rotated { user_arn: rotation.user_arn, old_key_id: rotation.old_key_id, new_key_id: id })
    }

    fn half_way(
        &self,
        rotation: &KeyRotation,
        doing: &'static str,
        action: &'static str,
        error: Error,
    ) -> RotationError {
        match error.cause {
            Cause::Denied => {
                RotationError::MissingHalfWay { user: rotation.user_arn.clone(), action, then: BOTH_KEYS }
            }
            _ => RotationError::Call { doing, then: BOTH_KEYS, source: Box::new(error) },
        }
    }

    fn user_of(&self, rotation: &KeyRotation) -> Result<String, RotationError> {
        let name = user_name(&rotation.user_arn).map(str::to_owned);
        name.ok_or_else(|| RotationError::NoUser(rotation.user_arn.clone()))
    }

    /// Whose the key beside the one in use is: a rotation may have left it behind, whichever system it was for.
    async fn second_key(
        &self,
        user: &str,
        key: &AccountCredentialEntry,
    ) -> Result<RotationError, RotationError> {
        let (user, id, created_at) = (user.to_owned(), key.credential.id.clone(), key.created_at);
        Ok(match self.store.rotated_before(&id).await? {
            Some(of) => RotationError::OfBefore { user, id, created_at, of },
            None => RotationError::ForeignKey { user, id, created_at },
        })
    }
}
