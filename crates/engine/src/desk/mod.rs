//! The desk: where changes are asked for and decided, whoever asks, by a command or over HTTP.
//!
//! A [`Desk`] opens a [`Case`]: one system that somebody is about to change. The case plans wishes, says what stands in
//! their way, asks for a job and approves one that others asked for, if it is still [`Fresh`]. What needs no look at the
//! connected system, the desk does itself: jobs are rejected, taken back and tried again. Who may do what is held
//! against the [`Actor`] here, and nowhere above.
//!
//! [`Standing`] says what keeps a job from its end. Carrying jobs out is not done here: the [`Bell`] tells whoever does
//! that there is one.

mod again;
mod bell;
mod case;
mod decide;
mod error;
mod held_now;
mod imports;
mod keeping;
mod keys;
mod organization;
mod people;
mod registering;
mod standing;
mod systems;

use std::sync::Arc;

use keyreeve_connector::Connector;
use keyreeve_model::{System, SystemId, SystemState};
use keyreeve_store::{Store, StoreError};

pub use again::Again;
pub use bell::{Bell, Rung};
pub use case::{Asked, Case, Fresh, require_seen};
pub use error::{DeskError, obstacles_of};
pub use held_now::HeldNow;
pub use imports::{Difference, ImportAsked, LONGEST_REASON};
pub use keeping::{TokenAsked, check_owner, fits};
pub use keys::RotationAsked;
pub use organization::{AskedBy, Discovery, DiscoveryAsked};
pub use people::{PersonAsked, hash_of};
pub use registering::{CredentialSet, SystemAsked, SystemMade};
pub use standing::{Keeps, Standing};
pub use systems::TrialAsked;

use crate::clock::Clock;
use crate::connections::Connections;
use crate::pace::Pacers;
use crate::rights::Actor;

/// So many wishes fit into one job.
pub const MOST_WISHES: usize = 10_000;

/// Where changes are asked for and decided. Copies share everything.
#[derive(Clone)]
pub struct Desk {
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// The pacers of all that this process does.
    pub pacers: Arc<Pacers>,
    /// From a system to a connection with it.
    pub connections: Arc<dyn Connections>,
    /// Rung when a job may be begun.
    pub bell: Bell,
}

impl Desk {
    /// Whether administrators who ask from afar may have systems sign in with this process's own credentials.
    #[must_use]
    pub fn lends(&self) -> bool {
        self.connections.lends()
    }

    /// Opens a case: connects with a system that somebody is about to change. Nothing is sent yet.
    ///
    /// # Errors
    /// [`DeskError::Denied`] when their token is not for the system, [`StoreError::SystemRemoved`], [`DeskError::NotConnected`].
    pub async fn open(&self, actor: &Actor, system_id: &SystemId) -> Result<Case, DeskError> {
        actor.require_system(system_id)?;
        let system = self.store.get_system(system_id).await?;
        let connector = self.connected(&system).await?;
        Ok(Case { desk: self.clone(), actor: actor.clone(), system, connector })
    }

    /// A connection with a system that is there. Nothing is sent yet.
    async fn connected(&self, system: &System) -> Result<Box<dyn Connector>, DeskError> {
        is_there(system)?;
        self.connections.connect(system).await.map_err(DeskError::NotConnected)
    }
}

/// Refuses a system that was removed: what it signed in with was wiped then.
fn is_there(system: &System) -> Result<(), StoreError> {
    match system.state {
        SystemState::Removed => Err(StoreError::SystemRemoved { system_id: system.system_id.clone() }),
        SystemState::Active | SystemState::Quarantined | SystemState::Suspended => Ok(()),
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("clock", &self.clock).finish_non_exhaustive()
    }
}
