//! The desk: where changes are asked for and decided, whoever asks, by a command or over HTTP.
//!
//! A [`Desk`] opens a [`Case`]: one system that somebody is about to change. The case plans wishes, says what stands in
//! their way, asks for a job and approves one that others asked for, if it is still [`Fresh`]. What needs no look at the
//! connected system, the desk does itself: jobs are rejected, taken back and tried again. Who may do what is held
//! against the [`Actor`] here, and nowhere above.
//!
//! [`Standing`] says what keeps a job from its end. Carrying jobs out is not done here: the [`Bell`] tells whoever does
//! that there is one.

mod bell;
mod case;
mod decide;
mod error;
mod imports;
mod keeping;
mod keys;
mod organization;
mod people;
mod registering;
mod standing;
mod systems;

use std::sync::Arc;

use keyreeve_model::SystemId;
use keyreeve_store::Store;

pub use bell::{Bell, Rung};
pub use case::{Again, Asked, Case, Fresh};
pub use error::{DeskError, obstacles_of};
pub use imports::{Difference, ImportAsked, LONGEST_REASON};
pub use keeping::{TokenAsked, fits};
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
    /// Opens a case: connects with a system that somebody is about to change. Nothing is sent yet.
    ///
    /// # Errors
    /// [`DeskError::Denied`] when their token is not for the system, [`DeskError::Store`], [`DeskError::NotConnected`].
    pub async fn open(&self, actor: &Actor, system_id: &SystemId) -> Result<Case, DeskError> {
        actor.require_system(system_id)?;
        let system = self.store.get_system(system_id).await?;
        let connector = self.connections.connect(&system).await.map_err(DeskError::NotConnected)?;
        Ok(Case { desk: self.clone(), actor: actor.clone(), system, connector })
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("clock", &self.clock).finish_non_exhaustive()
    }
}
