//! Giving up a change that was begun: the new key was lost, or another one is wanted.

use jiff::Timestamp;
use serde_json::json;

use super::KeyFacts;
use crate::audit::recording;
use crate::data_keys::{self, Kek, Scope};
use crate::statement::statement;
use crate::store_keys::{self, KeyState};
use crate::time::to_millis;
use crate::transaction::Transaction;
use crate::{CrashPoint, Store, StoreError};

const DOING: &str = "giving the change of the store's key up";

impl Store {
    /// Gives up the change of the store's key that was begun: what is sealed under the new key is taken away, and that
    /// key never opens the store again. The new key is not needed. Gives what it was, and how many data keys it opened.
    ///
    /// # Errors
    /// [`StoreError::NoKeyChange`] when none was begun, [`StoreError::OldKeyNeeded`] when the store was opened with the
    /// new key, [`StoreError::NewKeyNeeded`] when something is opened by the new key alone; nothing is changed then.
    pub async fn abandon_rekey(
        &self,
        actor: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(KeyFacts, u64), StoreError> {
        let held = self.keys.kek()?;
        let given_up = recording!(self, DOING, now, |transaction, trail| {
            store_keys::lock(transaction).await?;
            let keys = store_keys::all(transaction).await?;
            let of = |state| keys.iter().find(|stored| stored.state == state);
            let (Some(old), Some(new)) = (of(KeyState::Active), of(KeyState::Coming)) else {
                return Err(StoreError::NoKeyChange);
            };
            let (version, custody) = (new.record.version, &new.record.custody);
            if held.version == version {
                let kept = old.record.custody.clone();
                return Err(StoreError::OldKeyNeeded { version: old.record.version, kept });
            }
            if held.version != old.record.version {
                return Err(StoreError::KeyChanged);
            }
            let whose = opened_by_new_alone(transaction, &held, version).await?;
            if !whose.is_empty() {
                return Err(StoreError::NewKeyNeeded { version, kept: custody.clone(), whose });
            }
            let text = "DELETE FROM sealed_data_keys WHERE key_version = $1";
            let opened = transaction.execute(statement!(text, version)).await?;
            // Its number is not given to another key: whoever holds this one must not take it for that one.
            let text = "UPDATE key_custodies SET state = 'retired', sealed = NULL, plan = NULL, retired_at = $1 \
                        WHERE key_version = $2";
            transaction.execute(statement!(text, to_millis(now), version)).await?;
            let subject = json!({
                "key": version,
                "custody": custody,
                "stays": old.record.version,
                "data_keys": opened,
                "reason": reason,
            });
            trail.note(actor, None, "rekey_abandoned", &subject);
            CrashPoint::BeforeRekeyCommit.pass();
            Ok((super::facts(new), opened))
        })
        .await
        .inspect(|_| CrashPoint::AfterRekeyCommit.pass())?;
        self.settle_file(DOING).await?;
        Ok(given_up)
    }
}

/// Whose data keys the new key opens and the old one does not.
async fn opened_by_new_alone(
    transaction: &mut Transaction,
    old: &Kek,
    new: i64,
) -> Result<Vec<String>, StoreError> {
    let text = "SELECT k.scope, k.version FROM data_keys k JOIN sealed_data_keys s ON s.scope = k.scope \
                AND s.version = k.version WHERE s.key_version = $1 ORDER BY k.scope, k.version";
    let read = |row: &crate::row::Row| Ok((Scope::stored(&row.text(0)?), row.int(1)?));
    let mut whose = Vec::new();
    for (scope, version) in transaction.fetch(statement!(text, new), read).await? {
        match data_keys::unseal(transaction, old, &scope, version).await {
            Ok(_) => {}
            Err(StoreError::SecretUnreadable { .. } | StoreError::KeyChanged) => whose.push(scope.whose()),
            Err(error) => return Err(error),
        }
    }
    whose.dedup();
    Ok(whose)
}
