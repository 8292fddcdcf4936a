//! What every answer is made from.

use std::sync::Arc;

use keyreeve_engine::clock::Clock;
use keyreeve_engine::desk::Desk;
use keyreeve_engine::import::Importer;
use keyreeve_engine::threads::Threads;
use keyreeve_store::Store;
use tokio::sync::watch;

use crate::discoveries::Discoveries;
use crate::door::Door;

/// What a server is made of. Copies share it.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// Where changes are asked for and decided.
    pub desk: Desk,
    /// Runs imports.
    pub importer: Importer,
    /// Where plans are made: as many at once as this has.
    pub planning: Threads,
    /// Where imports are run.
    pub importing: Threads,
    /// The organization that was looked through last.
    pub discoveries: Discoveries,
    /// Where people sign in.
    pub door: Door,
    /// Becomes true when the server is to stop.
    pub stop: watch::Receiver<bool>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("clock", &self.clock).finish_non_exhaustive()
    }
}
