//! Ending a quarantine.

use keyreeve_connector::Connector;
use keyreeve_model::{Failure, System, SystemState};
use keyreeve_store::{Store, StoreError};

use super::{Verdict, identify, verify};
use crate::clock::Clock;

/// A system that is worked with again.
#[derive(Debug)]
pub struct Released {
    /// The system as it is now.
    pub system: System,
    /// Why it could not be found out whose its credentials are: a person's word counted. The next import looks again
    /// before it reads anything.
    pub unidentified: Option<keyreeve_connector::Error>,
}

/// A quarantine goes on.
#[derive(Debug, thiserror::Error)]
pub enum NotReleased {
    /// It is not quarantined: its AWS account is not in use.
    #[error("it is not quarantined but suspended, because its AWS account is not in use")]
    Suspended,
    /// The cause is still there.
    #[error("{}: it stays quarantined", .0.message)]
    StillSo(Failure),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Ends a quarantine, unless its cause is still there. One that is not quarantined stays as it is.
///
/// # Errors
/// See [`NotReleased`].
pub async fn release(
    store: &Store,
    clock: Clock,
    (actor, reason): (&str, Option<&str>),
    system: &System,
    connector: &dyn Connector,
) -> Result<Released, NotReleased> {
    let mut unidentified = None;
    match system.state {
        SystemState::Active => return Ok(Released { system: system.clone(), unidentified }),
        SystemState::Suspended => return Err(NotReleased::Suspended),
        SystemState::Removed => {
            return Err(StoreError::SystemRemoved { system_id: system.system_id.clone() }.into());
        }
        SystemState::Quarantined => match identify(connector, clock).await {
            Ok(identity) => {
                if let Verdict::Quarantined(failure) = verify(store, clock, system, &identity).await? {
                    return Err(NotReleased::StillSo(failure));
                }
            }
            Err(error) => unidentified = Some(error),
        },
    }
    let system = store.release_system(&system.system_id, (actor, reason), clock.now()).await?;
    Ok(Released { system, unidentified })
}
