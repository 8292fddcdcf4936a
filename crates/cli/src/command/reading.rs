//! What reading commands have in common.

use keyreeve_model::{ImportRun, ImportRunState, SystemId};
use keyreeve_store::Store;

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
                return Err(not_imported(system_id, &doing).into());
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
    Err(not_imported(system_id, doing).into())
}

fn not_imported(system_id: &SystemId, doing: &str) -> Refusal {
    Refusal::new(doing, format!("system {system_id} has not been imported yet"))
        .hint(format!("run: `keyreeve import run {system_id}`"))
}
