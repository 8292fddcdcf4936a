//! Protections hold for all systems of an AWS account, and end with the system that has them.

use keyreeve_model::{Protection, System, SystemId};
use keyreeve_store::{Store, StoreError};

/// Protections that others rely on would end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the protect list of {system_id} holds for {} of the same AWS account too and would end with it: {}",
    names(.others),
    entries(.ending)
)]
pub struct ProtectionsEnd {
    /// The system that would be removed.
    pub system_id: SystemId,
    /// Other systems of its AWS account; at least one.
    pub others: Vec<SystemId>,
    /// What would be protected no more.
    pub ending: Vec<Protection>,
}

fn names(systems: &[SystemId]) -> String {
    systems.iter().map(SystemId::as_str).collect::<Vec<_>>().join(", ")
}

fn entries(ending: &[Protection]) -> String {
    let entry = |one: &Protection| {
        let (word, value) = one.kind.parts();
        format!("{word} {}", value.escape_debug())
    };
    ending.iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// Whether nobody ends protections that another system relies on by removing this one; what would end otherwise.
///
/// # Errors
/// Only the store's.
pub async fn keeps_protections(store: &Store, system: &System) -> Result<Option<ProtectionsEnd>, StoreError> {
    let id = &system.system_id;
    let of_account = |other: &&System| {
        other.aws_account_id.is_some()
            && other.aws_account_id == system.aws_account_id
            && other.system_id != *id
    };
    let systems = store.list_systems(false).await?;
    let mut ending = store.protections(id).await?;
    let mut others = Vec::new();
    for other in systems.iter().filter(of_account) {
        let kept = store.protections(&other.system_id).await?;
        ending.retain(|entry| kept.iter().all(|one| one.kind != entry.kind));
        others.push(other.system_id.clone());
    }
    if others.is_empty() || ending.is_empty() {
        return Ok(None);
    }
    Ok(Some(ProtectionsEnd { system_id: id.clone(), others, ending }))
}
