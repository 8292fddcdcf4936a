//! Calls to elsewhere that reach what they should and nothing else.
//!
//! A name is looked up once; each address found must be one that may be called ([`address`](crate::notify)), and the
//! connection goes to that address and to no other, whatever the name says a moment later. Redirects are not followed, and
//! no proxy is asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use crate::notify::{Network, is_of_a_network, may_be_called};
use crate::trust::tls;

/// The way out.
#[derive(Clone)]
pub(crate) struct Egress {
    networks: Arc<[Network]>,
    /// Whether the internet may be called, too.
    internet: bool,
    /// What names the networks, for who has to mend it.
    setting: &'static str,
    tls: TlsConnector,
}

/// Whether an address is one that may be called at all: `https://`, or `http://` of this machine by its number, and no
/// user in it.
pub(crate) fn is_well(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) => false,
        None => return false,
    };
    let encrypted = url.scheme() == "https" || (url.scheme() == "http" && here);
    encrypted && url.username().is_empty() && url.password().is_none()
}

impl Egress {
    /// To the internet and to these networks, which `setting` names. `authorities` is a PEM file of certificates to trust
    /// instead of the machine's own.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub(crate) fn new(
        networks: Vec<Network>,
        setting: &'static str,
        authorities: Option<&Path>,
    ) -> Result<Self, String> {
        Ok(Self { networks: networks.into(), internet: true, setting, tls: tls(authorities)? })
    }

    /// To the networks alone.
    pub(crate) fn without_internet(self) -> Self {
        Self { internet: false, ..self }
    }

    /// Speaks TLS with whoever answers there, if it is who the address names.
    pub(crate) async fn secure(&self, url: &Url, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let name = match url.host() {
            Some(Host::Domain(name)) => {
                ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?
            }
            Some(Host::Ipv4(address)) => ServerName::from(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => ServerName::from(IpAddr::from(address)),
            None => return Err("its address names nobody".to_owned()),
        };
        self.tls.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))
    }

    /// Why an address is not called, as far as that can be told without asking a name server.
    pub(crate) fn forbids(&self, url: &Url) -> Option<String> {
        let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
        let possible: &[IpAddr] = match url.host()? {
            Host::Ipv4(address) => &[address.into()],
            Host::Ipv6(address) => &[address.into()],
            Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => &[v4, v6],
            // Whatever its address is.
            Host::Domain(_) if !self.internet && self.networks.is_empty() => &[],
            Host::Domain(_) => return None,
        };
        let forbidden = !possible.iter().any(|address| self.may_call(*address));
        forbidden.then(|| self.not_called())
    }

    fn may_call(&self, address: IpAddr) -> bool {
        match self.internet {
            true => may_be_called(address, &self.networks),
            false => is_of_a_network(address, &self.networks),
        }
    }

    fn not_called(&self) -> String {
        match self.internet {
            true => format!("its address is not of the internet, and of no network in {}", self.setting),
            false => format!("its address is of no network in {}", self.setting),
        }
    }

    /// Sends a request, and gives the answer as soon as it has begun.
    pub(crate) async fn send(
        &self,
        url: &Url,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        let stream = self.connect(url).await?;
        if url.scheme() == "http" {
            return exchange(stream, request).await;
        }
        let stream = self.secure(url, stream).await?;
        exchange(stream, request).await
    }

    /// A connection to an address that may be called.
    pub(crate) async fn connect(&self, url: &Url) -> Result<TcpStream, String> {
        let port = url.port_or_known_default().unwrap_or(443);
        let found: Vec<SocketAddr> = match url.host() {
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
            if !self.may_call(address.ip()) {
                return Err(self.not_called());
            }
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => why = format!("no connection: {error}"),
            }
        }
        Err(why)
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("networks", &self.networks).finish_non_exhaustive()
    }
}

/// The whole body of an answer, if it is no larger than this.
pub(crate) async fn read(body: Incoming, largest: usize) -> Result<Bytes, String> {
    let read = Limited::new(body, largest).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| error.to_string())
}

/// What is asked, and where, without the place.
pub(crate) fn parts_of(url: &Url) -> (&str, &str) {
    (
        &url[url::Position::BeforePath..url::Position::AfterQuery],
        &url[url::Position::BeforeHost..url::Position::AfterPort],
    )
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // It is needed as long as the body is read, and ends with it or with whoever reads.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    if answer.is_err() {
        connection.abort();
    }
    answer.map_err(|error| error.to_string())
}
