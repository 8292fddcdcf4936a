//! A signed webhook. Where it may reach, [`Egress`] says.

use std::path::Path;
use std::time::Duration;

use axum::body::Bytes;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use keyreeve_engine::clock::Clock;
use keyreeve_model::Secret;
use keyreeve_store::Notification;
use serde_json::json;
use sha2::Sha256;
use url::Url;

use super::Sink;
use super::address::Network;
use super::sentence::sentence;
use crate::egress::{Egress, is_well, parts_of};

/// Everything from looking the name up to the status of the answer has so long.
const WITHIN: Duration = Duration::from_secs(10);
/// Who can guess the secret can make up what we say.
pub(crate) const SHORTEST_SECRET: usize = 32;

/// Where notifications are sent.
pub struct Webhook {
    url: Url,
    secret: Secret,
    egress: Egress,
    clock: Clock,
}

/// A webhook cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address is no URL that may be called.
    #[error(
        "the webhook's address must be an https:// URL without a user; http:// is for this machine alone"
    )]
    Url,
    /// The secret is too short.
    #[error("the webhook's secret is shorter than {SHORTEST_SECRET} characters")]
    Secret,
    /// There are no certificates to know the other end by.
    #[error("there are no certificates of authorities to know the webhook's other end by: {0}")]
    Authorities(String),
}

impl Webhook {
    /// To an address, signed with a secret that both ends have. `networks` may be called besides the internet, and
    /// `authorities` is a PEM file of certificates to trust instead of the machine's own. Nothing is called yet.
    ///
    /// # Errors
    /// [`WebhookError`].
    pub fn new(
        url: &str,
        secret: Secret,
        networks: Vec<Network>,
        authorities: Option<&Path>,
        clock: Clock,
    ) -> Result<Self, WebhookError> {
        let url = Url::parse(url).map_err(|_| WebhookError::Url)?;
        if !is_well(&url) {
            return Err(WebhookError::Url);
        }
        if secret.expose().trim().len() < SHORTEST_SECRET {
            return Err(WebhookError::Secret);
        }
        let secret = Secret::new(secret.expose().trim().to_owned());
        let egress =
            Egress::new(networks, "webhook_networks", authorities).map_err(WebhookError::Authorities)?;
        Ok(Self { url, secret, egress, clock })
    }

    /// Why it would not be called, as far as that can be told without asking a name server.
    #[must_use]
    pub fn forbidden(&self) -> Option<String> {
        self.egress.forbids(&self.url)
    }

    async fn send(&self, notification: &Notification) -> Result<(), String> {
        let body = json!({
            "id": notification.id,
            "kind": notification.kind,
            "system_id": notification.system_id,
            "subject": notification.subject,
            "at": notification.at,
            "text": sentence(notification),
        })
        .to_string();
        let sent_at = self.clock.now().as_second();
        let (place, host) = parts_of(&self.url);
        let request = hyper::Request::post(place)
            .header("host", host)
            .header("content-type", "application/json")
            .header("user-agent", concat!("keyreeve/", env!("CARGO_PKG_VERSION")))
            .header("keyreeve-id", notification.id)
            .header("keyreeve-signature", signature(&self.secret, sent_at, &body))
            .header("connection", "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| "the request could not be put together".to_owned())?;
        let answer = self.egress.send(&self.url, request).await?;
        // Any success is one; a redirect is none, and what else is answered is not read.
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("it answered {}", status.as_u16())),
        }
    }
}

impl Sink for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn tell<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let late = |_| "it took too long".to_owned();
            tokio::time::timeout(WITHIN, self.send(notification)).await.map_err(late)?
        })
    }
}

/// `t=` the moment in seconds, `v1=` HMAC-SHA256 in hex of the moment, a dot and the body.
pub(crate) fn signature(secret: &Secret, sent_at: i64, body: &str) -> String {
    use std::fmt::Write as _;
    let mut text = format!("t={sent_at},v1=");
    // A key of any length is taken.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) {
        mac.update(format!("{sent_at}.{body}").as_bytes());
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str) -> Result<Webhook, WebhookError> {
        Webhook::new(url, Secret::new("s".repeat(32)), Vec::new(), None, Clock::system())
    }

    #[test]
    fn what_is_signed_is_moment_and_body() {
        // Worked out with `printf '1700000000.{}' | openssl dgst -sha256 -hmac key`.
        let signed = signature(&Secret::new("key".to_owned()), 1_700_000_000, "{}");
        assert_eq!(signed, KNOWN);
    }

    const KNOWN: &str = "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";

    #[test]
    fn s28_addresses_that_are_not_https_or_name_a_user_are_refused() {
        for url in [
            "http://example.org/",
            "file:///etc/passwd",
            "gopher://example.org/",
            "https://me@example.org/",
            "https://me:pass@example.org/",
            "http://169.254.169.254/",
            "ftp://127.0.0.1/",
            "http://localhost./",
            "",
        ] {
            assert!(matches!(webhook(url), Err(WebhookError::Url)), "{url}");
        }
        let short = Webhook::new(
            "https://example.org",
            Secret::new("s".repeat(31)),
            Vec::new(),
            None,
            Clock::system(),
        );
        assert!(matches!(short, Err(WebhookError::Secret)));
    }

    #[tokio::test]
    async fn s28_no_form_of_an_inner_address_is_called() {
        for host in [
            "169.254.169.254",
            "[::ffff:a9fe:a9fe]",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "localhost",
            "localhost.",
            "127.1",
            "[::1]",
            "0",
            "[::]",
            "10.0.0.1",
            "[fd00:ec2::254]",
        ] {
            let webhook = webhook(&format!("https://{host}/")).unwrap();
            let refused = webhook.egress.connect(&webhook.url).await.unwrap_err();
            assert!(
                refused.contains("not of the internet") || refused.contains("looked up"),
                "{host}: {refused}"
            );
        }
    }
}
