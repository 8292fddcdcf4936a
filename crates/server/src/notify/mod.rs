//! Telling people outside what they must know, out of the outbox of the store: never in the way of anything else.

mod address;
mod mail;
mod sentence;
pub(crate) mod webhook;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use keyreeve_engine::clock::Clock;
use keyreeve_store::{Notification, Store, StoreError};
use tokio::sync::watch;

pub use address::{Network, NetworkError};
pub(crate) use address::{is_of_a_network, may_be_called};
pub use mail::{Mail, MailEncryption, MailError, MailSettings};
pub(crate) use webhook::{SHORTEST_SECRET, signature};
pub use webhook::{Webhook, WebhookError};

/// So many are taken at once.
const AT_ONCE: u32 = 20;
/// Whoever takes some has so long to tell them, or somebody else does.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Passwords are unclaimed after days, so it is looked for them so often.
const UNCLAIMED_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// What could not be told is tried again after so long, then twice as long, and so on.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Where people are told.
pub trait Sink: Send + Sync {
    /// What it is called in the log.
    fn name(&self) -> &'static str;

    /// Tells it, or says why that was not possible. No secret is in the reason.
    fn tell<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), String>>;
}

/// Where people are told, as whoever looks at the settings sees it. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// By what: a webhook, mail.
    pub by: &'static str,
    /// The other end: of a webhook only where it is, as the rest of its address may be a secret.
    pub server: String,
    /// What else is known of it.
    pub about: String,
}

impl Destination {
    /// The webhook at an address.
    #[must_use]
    pub fn webhook(url: &str) -> Self {
        let origin = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
        let server = origin.unwrap_or_else(|_| "unknown".to_owned());
        Self { by: "webhook", server, about: "signed".to_owned() }
    }

    /// Mail by a server.
    #[must_use]
    pub fn mail(server: &str, from: &str, to: &[String]) -> Self {
        Self { by: "mail", server: server.to_owned(), about: format!("from {from} to {}", to.join(", ")) }
    }
}

/// Tells what is in the outbox, at least once each and the oldest first.
pub struct Notifier {
    /// Where the outbox is.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Clock,
    /// Where to tell. With none, what there is to tell is let go.
    pub sinks: Vec<Box<dyn Sink>>,
    /// So often it is looked.
    pub every: Duration,
    /// Since when people are told. What happened before they ever were, they are not told.
    pub since: Timestamp,
}

impl Notifier {
    /// Runs until `stop` becomes true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        // What one sink has been told is not told it again because another one could not be reached.
        let (mut told, mut unclaimed_at, mut begun) = (HashSet::new(), Timestamp::MIN, false);
        while !*stop.borrow() {
            let round = async {
                if let Err(error) = self.begin(&mut begun).await {
                    tracing::warn!(%error, "it could not be noted that people are told");
                } else if let Err(error) = self.round(&mut told, &mut unclaimed_at).await {
                    tracing::warn!(%error, "what is to be told could not be looked at");
                }
                self.clock.wait(self.every).await;
            };
            tokio::select! {
                () = round => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn begin(&self, begun: &mut bool) -> Result<(), StoreError> {
        if !*begun && !self.sinks.is_empty() {
            self.store.begin_telling(self.since).await?;
            *begun = true;
        }
        Ok(())
    }

    async fn round(
        &self,
        told: &mut HashSet<(i64, &'static str)>,
        unclaimed_at: &mut Timestamp,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        if now >= *unclaimed_at {
            self.store.tell_of_unclaimed_passwords(now).await?;
            *unclaimed_at = later(now, UNCLAIMED_EVERY);
        }
        if self.sinks.is_empty() {
            return self.store.let_notifications_go(now).await;
        }
        let taken = self.store.take_notifications(AT_ONCE, now, later(now, TAKEN_FOR)).await?;
        let mut unreachable: HashSet<&'static str> = HashSet::new();
        // They may have waited for long, and nobody is to be called for what is over.
        let mut holding = Vec::new();
        for notification in taken {
            if self.store.still_holds(&notification, now).await? {
                holding.push(notification);
            } else {
                self.store.notification_told(notification.id, now).await?;
                told.retain(|(id, _)| *id != notification.id);
            }
        }
        for notification in &holding {
            let mut whole = true;
            for sink in &self.sinks {
                let name = sink.name();
                if told.contains(&(notification.id, name)) {
                    continue;
                }
                // One that did not answer just now is spared the rest.
                let outcome = match unreachable.contains(name) {
                    true => Err("it did not answer before".to_owned()),
                    false => sink.tell(notification).await,
                };
                match outcome {
                    Ok(()) => {
                        told.insert((notification.id, name));
                    }
                    Err(why) => {
                        whole = false;
                        if unreachable.insert(name) {
                            tracing::warn!(
                                sink = name,
                                why,
                                "something could not be told; it is tried again"
                            );
                        }
                    }
                }
            }
            let now = self.clock.now();
            if whole {
                self.store.notification_told(notification.id, now).await?;
                told.retain(|(id, _)| *id != notification.id);
            } else {
                self.store
                    .notification_untold(notification.id, later(now, wait_after(notification.attempts)))
                    .await?;
            }
        }
        Ok(())
    }
}

fn wait_after(attempts: u32) -> SignedDuration {
    let doublings = attempts.saturating_sub(1).min(16);
    FIRST_WAIT.checked_mul(1 << doublings).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier").field("every", &self.every).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_up_to_an_hour() {
        let waits: Vec<i64> = [1, 2, 3, 8, 9, 500].map(|attempts| wait_after(attempts).as_secs()).into();
        assert_eq!(waits, [30, 60, 120, 3600, 3600, 3600]);
    }
}
