//! What every answer is made from.

use std::sync::Arc;

use keyreeve_engine::clock::Clock;
use keyreeve_store::Store;

/// What a server is made of. Copies share it.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
}
