//! The last step: the new key takes the old one's place.

use jiff::Timestamp;
use serde_json::json;

use super::{KeyFacts, Rekey};
use crate::audit::recording;
use crate::statement::statement;
use crate::store_keys::{self, KeyState};
use crate::time::{from_millis, to_millis};
use crate::transaction::reading;
use crate::{CrashPoint, Store, StoreError};

/// Work whose lease has not run out: what it is, and until when.
const LIVE_WORK: [&str; 2] = [
    "SELECT 'import run ' || run_id, lease_until FROM import_runs \
     WHERE state = 'running' AND lease_until > $1 ORDER BY lease_until DESC LIMIT 1",
    "SELECT 'task ' || task_id || ' of job ' || job_id, lease_until FROM tasks \
     WHERE state = 'running' AND lease_until > $1 ORDER BY lease_until DESC LIMIT 1",
];

impl Store {
    /// Some import or task that is under way, and until when its lease lasts: it may need data keys that it can open
    /// only with the key that is about to go.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn live_work(&self, now: Timestamp) -> Result<Option<(String, Timestamp)>, StoreError> {
        reading!(self, "looking for work under way", |transaction| {
            for text in LIVE_WORK {
                let one = statement!(text, to_millis(now));
                let found = transaction.fetch_optional(one, |row| Ok((row.text(0)?, row.int(1)?))).await?;
                if let Some((work, until)) = found {
                    return Ok(Some((work, from_millis(until)?)));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Puts the new key in the old one's place: what the old key sealed is taken away. Gives the old key.
    ///
    /// # Errors
    /// [`StoreError::KeyChanged`] when it was ended already, or something is not under the new key yet.
    pub async fn finish_rekey(
        &self,
        rekey: &Rekey,
        actor: &str,
        now: Timestamp,
    ) -> Result<KeyFacts, StoreError> {
        let version = rekey.kek.version;
        // While it can be opened with the key at hand, which may be the old one.
        self.open_key_of_log().await?;
        let retired = recording!(self, "ending the change of the store's key", now, |transaction, trail| {
            store_keys::lock(transaction).await?;
            let keys = store_keys::all(transaction).await?;
            let of = |state| keys.iter().find(|stored| stored.state == state);
            let (Some(old), Some(new)) = (of(KeyState::Active), of(KeyState::Coming)) else {
                return Err(StoreError::KeyChanged);
            };
            let text = "SELECT COUNT(*) FROM data_keys k WHERE NOT EXISTS (SELECT 1 FROM sealed_data_keys s \
                        WHERE s.scope = k.scope AND s.version = k.version AND s.key_version = $1)";
            let left = transaction.fetch_one(statement!(text, version), |row| row.int(0)).await?;
            if new.record.version != version || left > 0 {
                return Err(StoreError::KeyChanged);
            }
            transaction
                .execute(statement!("DELETE FROM sealed_data_keys WHERE key_version <> $1", version))
                .await?;
            let text = "UPDATE key_custodies SET state = 'retired', sealed = NULL, retired_at = $1 \
                        WHERE state = 'active'";
            transaction.execute(statement!(text, to_millis(now))).await?;
            let text = "UPDATE key_custodies SET state = 'active', plan = NULL WHERE key_version = $1";
            transaction.execute(statement!(text, version)).await?;
            let subject = json!({
                "key": version,
                "custody": new.record.custody,
                "replaced": old.record.version,
                "replaced_custody": old.record.custody,
            });
            trail.note(actor, None, "rekey_finished", &subject);
            CrashPoint::BeforeRekeyCommit.pass();
            Ok(super::facts(old))
        })
        .await
        .inspect(|_| CrashPoint::AfterRekeyCommit.pass())?;
        // What was taken away must not stay in SQLite's log either.
        self.settle_file("ending the change of the store's key").await?;
        Ok(retired)
    }
}
