//! The first step: the new key is known, and takes no part yet.

use jiff::Timestamp;
use serde_json::json;

use super::{Rekey, RekeyPlan};
use crate::audit::recording;
use crate::custody::{KeyRecord, MadeKey};
use crate::row::to_json;
use crate::statement::statement;
use crate::store_keys::{self, KeyState};
use crate::{CrashPoint, Store, StoreError};

impl Store {
    /// Notes a new key that is to take the store's key's place. From here on no system is registered until the change
    /// has ended; everything else goes on.
    ///
    /// # Errors
    /// [`StoreError::KeyChanging`] when a change is under way already, [`StoreError::KeyChanged`] when another has
    /// just ended, or when the key's version is not the next one any more.
    pub async fn begin_rekey(
        &self,
        made: &MadeKey,
        custody: &str,
        version: i64,
        plan: RekeyPlan,
        by: (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Rekey, StoreError> {
        let (actor, reason) = by;
        let held = self.keys.kek()?;
        recording!(self, "beginning to change the store's key", now, |transaction, trail| {
            store_keys::lock(transaction).await?;
            let keys = store_keys::all(transaction).await?;
            if keys.iter().any(|stored| stored.state == KeyState::Coming) {
                return Err(StoreError::KeyChanging);
            }
            let active = keys.iter().find(|stored| stored.state == KeyState::Active);
            let next = keys.first().is_some_and(|latest| latest.record.version + 1 == version);
            if !next || active.is_none_or(|active| active.record.version != held.version) {
                return Err(StoreError::KeyChanged);
            }
            if keys.iter().any(|stored| stored.fingerprint() == made.key.fingerprint()) {
                return Err(StoreError::KeyUsed);
            }
            let text = "SELECT scope, version FROM data_keys WHERE state = 'active'";
            let before = transaction.fetch(statement!(text), |row| Ok((row.text(0)?, row.int(1)?))).await?;
            let plan = RekeyPlan { before: before.into_iter().collect(), ..plan.clone() };
            // It may have been moved, or be that of a backup: who ends the change holds the new key alone.
            let text = "UPDATE key_custodies SET custody = $1 WHERE key_version = $2";
            transaction.execute(statement!(text, held.place.as_str(), held.version)).await?;
            store_keys::insert(transaction, version, made, now).await?;
            let (sealed, text) = (made.sealed.as_deref(), Some(to_json(&plan)?));
            store_keys::insert_custody(transaction, version, "coming", custody, sealed, text).await?;
            let subject = json!({
                "key": version,
                "custody": custody,
                "replaces": held.version,
                "replaced_custody": held.place,
                "data_keys": plan.data_keys,
                "reason": reason,
            });
            trail.note(actor, None, "rekey_begun", &subject);
            CrashPoint::BeforeRekeyCommit.pass();
            let record = KeyRecord {
                store_id: held.store_id.clone(),
                version,
                fingerprint: made.key.fingerprint(),
                custody: custody.to_owned(),
                sealed: made.sealed.clone(),
            };
            Ok(Rekey { kek: super::kek_of(&record, made.key.clone()), plan })
        })
        .await
        .inspect(|_| CrashPoint::AfterRekeyCommit.pass())
    }
}
