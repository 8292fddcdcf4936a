//! The wish to stop: Ctrl-C, or the signal that service managers send.

use crate::exit::Refusal;

/// Listens for the wish from the moment it is made, so that none is missed.
#[derive(Debug)]
pub(crate) struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Refusal> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error: std::io::Error| {
                Refusal::new("listening for Ctrl-C and SIGTERM", error.to_string())
            })
        };
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Ends when the process is asked to stop.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Stop {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Refusal> {
        Ok(Self {})
    }

    /// Ends when the process is asked to stop.
    pub(crate) async fn requested(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be listened for");
            std::future::pending::<()>().await;
        }
    }
}
