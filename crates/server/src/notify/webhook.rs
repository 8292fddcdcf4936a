//! A signed webhook that reaches what it should and nothing else.
//!
//! The name is looked up once; each address found must be one that may be called ([`super::address`]), and the
//! connection goes to that address and to no other, whatever the name says a moment later. Redirects are not followed,
//! and no proxy is asked.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyreeve_engine::clock::Clock;
use keyreeve_model::Secret;
use keyreeve_store::Notification;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::Sink;
use super::address::{Network, may_be_called};
use super::sentence::sentence;

/// Everything from looking the name up to the status of the answer has so long.
const WITHIN: Duration = Duration::from_secs(10);
/// Who can guess the secret can make up what we say.
const SHORTEST_SECRET: usize = 32;

/// Where notifications are sent.
pub struct Webhook {
    url: Url,
    secret: Secret,
    networks: Vec<Network>,
    tls: TlsConnector,
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
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) => false,
            None => return Err(WebhookError::Url),
        };
        let encrypted = url.scheme() == "https" || (url.scheme() == "http" && here);
        if !encrypted || !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookError::Url);
        }
        if secret.expose().trim().len() < SHORTEST_SECRET {
            return Err(WebhookError::Secret);
        }
        let secret = Secret::new(secret.expose().trim().to_owned());
        Ok(Self { url, secret, networks, tls: tls(authorities)?, clock })
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
        let place = &self.url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &self.url[url::Position::BeforeHost..url::Position::AfterPort];
        let request = hyper::Request::post(place)
            .header("host", host)
            .header("content-type", "application/json")
            .header("user-agent", concat!("keyreeve/", env!("CARGO_PKG_VERSION")))
            .header("keyreeve-id", notification.id)
            .header("keyreeve-signature", signature(&self.secret, sent_at, &body))
            .header("connection", "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| "the request could not be put together".to_owned())?;
        let stream = self.connect().await?;
        if self.url.scheme() == "http" {
            return exchange(stream, request).await;
        }
        let name = match self.url.host() {
            Some(Host::Domain(name)) => {
                ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?
            }
            Some(Host::Ipv4(address)) => ServerName::from(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => ServerName::from(IpAddr::from(address)),
            None => return Err("its address names nobody".to_owned()),
        };
        let stream = self.tls.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
        exchange(stream, request).await
    }

    /// A connection to an address that may be called.
    async fn connect(&self) -> Result<TcpStream, String> {
        let port = self.url.port_or_known_default().unwrap_or(443);
        let found: Vec<SocketAddr> = match self.url.host() {
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            Some(Host::Domain(name)) => {
                let found = tokio::net::lookup_host((name, port)).await;
                found.map_err(|error| format!("its name could not be looked up: {error}"))?.collect()
            }
            None => Vec::new(),
        };
        let mut why = "its name has no address".to_owned();
        for address in found {
            // Which one it is would tell who configures it what our network looks like.
            if !may_be_called(address.ip(), &self.networks) {
                return Err(
                    "its address is not of the internet, and of no network in webhook_networks".to_owned()
                );
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => why = format!("no connection: {error}"),
            }
        }
        Err(why)
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

/// Sends it. Any success is one; a redirect is none, and what else is answered is not read.
async fn exchange<S>(stream: S, request: hyper::Request<Full<Bytes>>) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // It may end with the answer just read.
        _ = connection => answer.await,
    };
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("it answered {}", answer.status().as_u16())),
        Err(error) => Err(error.to_string()),
    }
}

/// `t=` the moment in seconds, `v1=` HMAC-SHA256 in hex of the moment, a dot and the body.
fn signature(secret: &Secret, sent_at: i64, body: &str) -> String {
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

pub(crate) fn tls(authorities: Option<&Path>) -> Result<TlsConnector, WebhookError> {
    let mut roots = RootCertStore::empty();
    let unusable = |why: String| WebhookError::Authorities(why);
    match authorities {
        Some(path) => {
            let found = rustls_pki_types::CertificateDer::pem_file_iter(path);
            for certificate in found.map_err(|error| unusable(error.to_string()))? {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
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
            let refused = webhook(&format!("https://{host}/")).unwrap().connect().await.unwrap_err();
            assert!(
                refused.contains("not of the internet") || refused.contains("looked up"),
                "{host}: {refused}"
            );
        }
    }
}
