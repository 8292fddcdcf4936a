//! What reading commands have in common.

use keyreeve_model::SystemId;
use keyreeve_store::Store;

use crate::exit::Refusal;

/// Why a list is empty: nothing fits.
///
/// # Errors
/// The system was never imported: nothing can be listed, and an empty list would be taken for an answer.
pub(crate) async fn nothing(store: &Store, system_id: &SystemId, noun: &str) -> anyhow::Result<String> {
    imported(store, system_id, &format!("listing {noun}s")).await?;
    Ok(format!("No {noun} fits."))
}

/// Refuses to say anything of a system that was never imported.
pub(crate) async fn imported(store: &Store, system_id: &SystemId, doing: &str) -> anyhow::Result<()> {
    if store.latest_published(system_id).await?.is_some() {
        return Ok(());
    }
    let refusal = Refusal::new(doing, format!("system {system_id} has not been imported yet"));
    Err(refusal.hint(format!("run: `keyreeve import run {system_id}`")).into())
}
