//! How old the keys are that are kept here, and how old they may become.

use jiff::{SignedDuration, Timestamp};
use keyreeve_model::System;
use keyreeve_store::{AuditFilter, Store, StoreError};

/// AWS recommends to rotate access keys at least this often (AWS Security Hub, control IAM.3).
pub const OLDEST_ACCESS_KEY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How old the store's key may become.
pub const OLDEST_STORE_KEY: SignedDuration = SignedDuration::from_hours(365 * 24);

/// When the access key of a system was stored: it is that old at least, as imports do not say which key is which. `None`
/// where there is none.
///
/// # Errors
/// When the store cannot be read.
pub async fn access_key_stored(store: &Store, system: &System) -> Result<Option<Timestamp>, StoreError> {
    if system.credential.access_key_id().is_none() {
        return Ok(None);
    }
    let filter = AuditFilter {
        system_id: Some(system.system_id.clone()),
        action: Some("credentials_replaced".to_owned()),
        ..AuditFilter::default()
    };
    let replaced = store.audit(&filter, 1).await?.first().map(|row| row.at);
    Ok(Some(replaced.unwrap_or(system.created_at)))
}
