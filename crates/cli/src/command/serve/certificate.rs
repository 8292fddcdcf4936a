//! A new certificate without a new start.

use std::time::Duration;

use keyreeve_server::Tls;
use tokio::sync::watch;

/// So often the files are looked at, without being asked to.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Takes up a new certificate and key when their files have changed, or at once when SIGHUP asks for it, until `stop`
/// becomes true. A pair that is of no use is warned of, and the one before stays.
pub(super) async fn renewed(tls: Tls, mut asked: Asked, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = asked.next() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match tls.renew() {
            Ok(false) => {}
            Ok(true) => tracing::info!("new connections get the new certificate"),
            Err(error) => tracing::warn!(
                %error,
                advice = error.advice(),
                "the new certificate or its key is of no use; connections get the one before"
            ),
        }
    }
}

/// The wish to look at the files at once.
pub(super) struct Asked(#[cfg(unix)] tokio::signal::unix::Signal);

#[cfg(unix)]
impl Asked {
    /// Begins to listen for it.
    pub(super) fn listen() -> std::io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self)
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
impl Asked {
    /// There is no such wish here.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self())
    }

    async fn next(&mut self) {
        std::future::pending::<()>().await;
    }
}
