//! What reading commands have in common.

use keyreeve_model::SystemId;
use keyreeve_store::{Store, StoreError};

/// Why a list is empty: nothing fits, or nothing was ever imported.
pub(crate) async fn nothing(store: &Store, system_id: &SystemId, noun: &str) -> Result<String, StoreError> {
    Ok(match store.latest_published(system_id).await? {
        Some(_) => format!("No {noun} fits."),
        None => format!(
            "Nothing is known of system {system_id} yet: no import was published. `keyreeve import run {system_id}` \
             does it."
        ),
    })
}
