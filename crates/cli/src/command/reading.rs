//! What reading commands have in common.

use keyreeve_model::{ImportRun, ImportRunState, System, SystemId};
use keyreeve_store::{Store, StoreError};

use crate::exit::Refusal;
use crate::source::Source;

/// So many runs are looked through on a server for one that was published.
const RUNS_BACK: u32 = 1_000;

/// Why a list is empty: nothing fits.
///
/// # Errors
/// The system was never imported: nothing can be listed, and an empty list would be taken for an answer.
pub(crate) async fn nothing(source: &Source, system_id: &SystemId, noun: &str) -> anyhow::Result<String> {
    let doing = format!("listing {noun}s");
    match source.store() {
        Some(store) => imported(store, system_id, &doing).await?,
        None => {
            let published = |run: &ImportRun| run.state == ImportRunState::Published;
            if !source.runs(system_id, RUNS_BACK).await?.iter().any(published) {
                return Err(not_imported(&source.system(system_id).await?, &doing));
            }
        }
    }
    Ok(format!("No {noun} fits."))
}

/// Refuses to say anything of a system that was never imported.
pub(crate) async fn imported(store: &Store, system_id: &SystemId, doing: &str) -> anyhow::Result<()> {
    if store.latest_published(system_id).await?.is_some() {
        return Ok(());
    }
    Err(not_imported(&store.get_system(system_id).await?, doing))
}

fn not_imported(system: &System, doing: &str) -> anyhow::Error {
    let refusal = Refusal::new(doing, StoreError::not_imported(system).to_string());
    match system.removed_at {
        Some(_) => refusal.into(),
        None => refusal.hint(format!("run: `keyreeve import run {}`", system.system_id)).into(),
    }
}
