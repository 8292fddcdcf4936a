//! The work: data keys under the new key, and, where that was asked for, secrets under new data keys. Each step is a
//! transaction of its own, and finds by itself whether it was done before.

use jiff::Timestamp;
use keyreeve_model::SystemId;
use serde_json::json;

use super::Rekey;
use crate::audit::{Trail, recording};
use crate::data_keys::{self, Kek, Scope, operator_passwords, replace_operator_password};
use crate::provisioning::given;
use crate::secrets::{self, SecretPlace};
use crate::statement::statement;
use crate::transaction::{Transaction, reading, writing};
use crate::{CrashPoint, Store, StoreError, key_rotations, store_keys, systems};

/// What was sealed anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Data keys, under the new key.
    pub data_keys: u64,
    /// Secrets of systems, under new data keys.
    pub secrets: u64,
    /// Passwords that wait for an operator, or to be set, under new data keys.
    pub passwords: u64,
}

impl Store {
    /// Does all that a change of the key has to do before it can end, or what is left of it.
    ///
    /// # Errors
    /// [`StoreError::SecretUnreadable`] when something does not open: it names whose it is, and nothing is lost; give
    /// that system its credentials anew, and go on.
    pub async fn carry_on_rekey(
        &self,
        rekey: &Rekey,
        actor: &str,
        now: Timestamp,
    ) -> Result<Resealed, StoreError> {
        let mut done = Resealed::default();
        for (scope, version) in self.data_keys_not_under(&rekey.kek).await? {
            done.data_keys += u64::from(self.seal_data_key(&rekey.kek, &scope, version, now).await?);
        }
        if rekey.plan.data_keys {
            for (scope, before) in &rekey.plan.before {
                let scope = Scope::stored(scope);
                match scope.system_id() {
                    Some(id) => self.new_data_key(rekey, &scope, *before, &id, now, &mut done).await?,
                    None => self.new_key_of_log(rekey, &scope, *before, actor, now).await?,
                }
            }
        }
        Ok(done)
    }

    async fn data_keys_not_under(&self, kek: &Kek) -> Result<Vec<(Scope, i64)>, StoreError> {
        let text = "SELECT scope, version FROM data_keys k WHERE NOT EXISTS (SELECT 1 FROM sealed_data_keys s \
                    WHERE s.scope = k.scope AND s.version = k.version AND s.key_version = $1) ORDER BY scope, version";
        reading!(self, "looking for data keys", |transaction| {
            let read = |row: &crate::row::Row| Ok((Scope::stored(&row.text(0)?), row.int(1)?));
            transaction.fetch(statement!(text, kek.version), read).await
        })
        .await
    }

    /// Seals a data key under the new key, too. A key that cannot be opened opens nothing any more: it is taken away,
    /// with what says so to its system when it is next needed.
    async fn seal_data_key(
        &self,
        kek: &Kek,
        scope: &Scope,
        version: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let held = self.keys.kek()?;
        writing!(self, "sealing a data key under the new key", |transaction| {
            require_coming(transaction, kek).await?;
            match data_keys::unseal(transaction, &held, scope, version).await {
                Ok(key) => {
                    data_keys::insert_sealed(transaction, kek, scope, version, &key).await?;
                    CrashPoint::BeforeRekeyCommit.pass();
                    Ok(true)
                }
                Err(StoreError::SecretUnreadable { .. }) if scope.system_id().is_some() => {
                    let replaced = data_keys::replace(transaction, &[&*held, kek], scope, now).await?;
                    data_keys::destroy_version(transaction, scope, version).await?;
                    debug_assert!(replaced > version);
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        })
        .await
        .inspect(|_| CrashPoint::AfterRekeyCommit.pass())
    }

    /// Gives a system a new data key, seals all its secrets under it, and takes the old one away.
    async fn new_data_key(
        &self,
        rekey: &Rekey,
        scope: &Scope,
        before: i64,
        system: &SystemId,
        now: Timestamp,
        done: &mut Resealed,
    ) -> Result<(), StoreError> {
        let held = self.keys.kek()?;
        let keks = both(&held, &rekey.kek);
        let there = writing!(self, "making a data key", |transaction| {
            // A system that was removed by now has none.
            let Some(active) = data_keys::locked_version_if_any(transaction, scope).await? else {
                return Ok(false);
            };
            if active == before {
                require_coming(transaction, &rekey.kek).await?;
                data_keys::replace(transaction, &keks, scope, now).await?;
                CrashPoint::BeforeRekeyCommit.pass();
            }
            Ok(true)
        })
        .await
        .inspect(|_| CrashPoint::AfterRekeyCommit.pass())?;
        if !there {
            return Ok(());
        }
        for next in [false, true] {
            done.secrets += u64::from(self.seal_secret_anew(scope, system, next, now).await?);
        }
        done.passwords += self.seal_passwords_anew(scope, system, now).await?;
        done.passwords += self.seal_given_anew(system, now).await?;
        self.destroy_retained(scope).await
    }

    async fn seal_secret_anew(
        &self,
        scope: &Scope,
        system: &SystemId,
        next: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        writing!(self, "sealing a secret anew", |transaction| {
            let stored = systems::find(transaction, system, true).await?;
            let place = match next {
                false => stored.secret_place(),
                // Of a key that is being rotated, the new one's.
                true => match key_rotations::attempt_of(transaction, &stored).await? {
                    Some(attempt) => SecretPlace::of_next_key(system, attempt),
                    None => return Ok(false),
                },
            };
            let Some((version, ..)) = secrets::sealed(transaction, &place).await? else { return Ok(false) };
            if data_keys::locked_version(transaction, scope).await? == version {
                return Ok(false);
            }
            match secrets::get(transaction, &self.keys, &place).await {
                Ok(Some(secret)) => secrets::put(transaction, &self.keys, &place, &secret, now).await?,
                Ok(None) => return Ok(false),
                // It stays as it is, and its system is told when it is next needed: it would not open before either.
                Err(StoreError::SecretUnreadable { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
            CrashPoint::BeforeRekeyCommit.pass();
            Ok(true)
        })
        .await
        .inspect(|_| CrashPoint::AfterRekeyCommit.pass())
    }

    async fn seal_passwords_anew(
        &self,
        scope: &Scope,
        system: &SystemId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let waiting = reading!(self, "looking for passwords", |transaction| {
            operator_passwords(transaction, system).await
        })
        .await?;
        let mut done = 0;
        for (delivery, account, _) in waiting {
            // Deliveries are written by whoever holds the log's end.
            let sealed = recording!(self, "sealing a password anew", now, |transaction, trail| {
                let _ = &trail;
                self.seal_password_anew(transaction, scope, system, (delivery, &account)).await
            })
            .await
            .inspect(|_| CrashPoint::AfterRekeyCommit.pass())?;
            done += u64::from(sealed);
        }
        Ok(done)
    }

    async fn seal_password_anew(
        &self,
        transaction: &mut Transaction,
        scope: &Scope,
        system: &SystemId,
        (delivery, account): (i64, &str),
    ) -> Result<bool, StoreError> {
        let text =
            "SELECT ciphertext FROM password_deliveries WHERE delivery_id = $1 AND ciphertext IS NOT NULL";
        let found = transaction.fetch_optional(statement!(text, delivery), |row| row.bytes(0)).await?;
        let Some(sealed) = found else { return Ok(false) };
        let (active, new) = self.keys.active(transaction, scope).await?;
        let Some(version) = secrets::packed_version(&sealed).filter(|version| *version != active) else {
            return Ok(false);
        };
        let old = match self.keys.opened(transaction, scope, version).await {
            Err(StoreError::SecretUnreadable { .. }) => return Ok(false),
            opened => opened?,
        };
        let Some(plain) = secrets::open_operator_password(&old, system, account, &sealed) else {
            return Ok(false);
        };
        let anew = secrets::seal_operator_password(&new, active, system, account, &plain)?;
        replace_operator_password(transaction, delivery, anew).await?;
        CrashPoint::BeforeRekeyCommit.pass();
        Ok(true)
    }

    async fn seal_given_anew(&self, system: &SystemId, now: Timestamp) -> Result<u64, StoreError> {
        let waiting = reading!(self, "looking for passwords", |transaction| {
            given::tasks_of(transaction, system).await
        })
        .await?;
        let mut done = 0;
        for task in waiting {
            let sealed = recording!(self, "sealing a password anew", now, |transaction, trail| {
                let _ = &trail;
                let sealed = given::seal_anew(transaction, &self.keys, system, task).await?;
                CrashPoint::BeforeRekeyCommit.pass();
                Ok(sealed)
            })
            .await
            .inspect(|_| CrashPoint::AfterRekeyCommit.pass())?;
            done += u64::from(sealed);
        }
        Ok(done)
    }

    /// Takes away the retained keys of a system. Nothing is sealed under them any more, but what does not open anyhow.
    async fn destroy_retained(&self, scope: &Scope) -> Result<(), StoreError> {
        writing!(self, "taking an old data key away", |transaction| {
            let text = "SELECT version FROM data_keys WHERE scope = $1 AND state = 'retained'";
            let retained = transaction.fetch(statement!(text, scope.as_str()), |row| row.int(0)).await?;
            if retained.is_empty() {
                return Ok(());
            }
            for version in retained {
                data_keys::destroy_version(transaction, scope, version).await?;
            }
            CrashPoint::BeforeRekeyCommit.pass();
            Ok(())
        })
        .await
        .inspect(|()| CrashPoint::AfterRekeyCommit.pass())
    }

    /// The end of the audit log is sealed under a new data key.
    async fn new_key_of_log(
        &self,
        rekey: &Rekey,
        scope: &Scope,
        before: i64,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let held = self.keys.kek()?;
        let keks = both(&held, &rekey.kek);
        writing!(self, "making a data key", |transaction| {
            let mut trail = Trail::lock(transaction, &self.keys, now).await?;
            if data_keys::locked_version(transaction, scope).await? != before {
                return Ok(());
            }
            require_coming(transaction, &rekey.kek).await?;
            let version = data_keys::replace(transaction, &keks, scope, now).await?;
            trail.seal_with(version);
            trail.note(actor, None, "audit_key_replaced", &json!({"from": before, "to": version}));
            trail.append(transaction).await?;
            data_keys::destroy_version(transaction, scope, before).await?;
            CrashPoint::BeforeRekeyCommit.pass();
            Ok(())
        })
        .await
        .inspect(|()| CrashPoint::AfterRekeyCommit.pass())
    }
}

/// The keys of the store under which a new data key is sealed.
fn both<'a>(held: &'a Kek, coming: &'a Kek) -> Vec<&'a Kek> {
    if held.version == coming.version { vec![coming] } else { vec![held, coming] }
}

/// Nothing is sealed under a key whose change was given up, or has ended, until the transaction ends.
async fn require_coming(transaction: &mut Transaction, kek: &Kek) -> Result<(), StoreError> {
    store_keys::lock(transaction).await?;
    let keys = store_keys::all(transaction).await?;
    let comes = |stored: &store_keys::StoredKey| {
        stored.state == store_keys::KeyState::Coming && stored.record.version == kek.version
    };
    if keys.iter().any(comes) { Ok(()) } else { Err(StoreError::KeyChanged) }
}
