//! A caller of a server, for the command line: one request at a time, each on a connection of its own, and none is repeated
//! here.
//!
//! What a server is asked with must not leave the way to it: the other end is known by its certificate, a token goes
//! without encryption to this machine alone, redirects are not followed, and no proxy is asked.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyreeve_model::Secret;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::trust::{self, tls};

/// From looking the name up to being connected.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// From sending a request to the end of its answer. A server gives a request up a little before.
const ANSWERED_WITHIN: Duration = Duration::from_secs(75);
/// The largest page is some megabytes.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// A server, and who asks it.
pub struct Client {
    url: Url,
    token: Secret,
    tls: TlsConnector,
}

/// What is done at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It is read.
    Get,
    /// Something is asked for there.
    Post,
    /// It becomes what is sent.
    Put,
    /// Parts of it become what is sent.
    Patch,
    /// It is taken away.
    Delete,
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// A request.
#[derive(Clone)]
pub struct Sent<'a> {
    /// What is done.
    pub verb: Verb,
    /// The address below `/api/v1`, in its parts.
    pub parts: &'a [&'a str],
    /// The parameters of the address.
    pub query: &'a [(&'a str, String)],
    /// The body, as JSON.
    pub body: Option<Vec<u8>>,
    /// The `Idempotency-Key`: with it a request is done once, however often it is sent.
    pub key: Option<&'a str>,
    /// The version that is changed (`If-Match`).
    pub version: Option<&'a str>,
    /// Whether there must be none yet (`If-None-Match: *`).
    pub is_new: bool,
}

impl<'a> Sent<'a> {
    /// A request without anything besides its address.
    #[must_use]
    pub fn new(verb: Verb, parts: &'a [&'a str]) -> Self {
        Self { verb, parts, query: &[], body: None, key: None, version: None, is_new: false }
    }
}

/// An answer that says what was asked for.
pub struct Answered {
    /// The HTTP status, from 200 to 299.
    pub status: u16,
    headers: HeaderMap,
    /// The body. It may hold what is shown once.
    pub body: Bytes,
}

impl Answered {
    /// A header, if it has one of that name that is a text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no answer that says what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none of a server.
    #[error(
        "the server's address must be https://HOST[:PORT], without anything behind it; http:// is for this machine alone"
    )]
    Url,
    /// There are no certificates to know the server by.
    #[error("there are no certificates of authorities to know the server by: {0}")]
    Authorities(String),
    /// Nothing was asked.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It was asked, and its answer did not come; what became of a change is not known.
    #[error("the server was asked, and did not answer: {0}")]
    NoAnswer(String),
    /// The server did not do it.
    #[error("{}", .0.detail)]
    Refused(Refused),
    /// The other end is no Keyreeve server, or of another version.
    #[error("what is at the server's address does not answer as Keyreeve does: {0}")]
    Strange(String),
}

/// What a server says when it does not do what it is asked for.
#[derive(Debug, Clone, Deserialize)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong, for programs.
    pub code: String,
    /// What went wrong, for people.
    pub detail: String,
    /// What to do.
    #[serde(default)]
    pub advice: Option<String>,
}

impl Client {
    /// Of the server at an address, with a token. `authorities` is a PEM file of certificates to trust instead of the
    /// machine's own. Nothing is called yet.
    ///
    /// # Errors
    /// [`ClientError::Url`], [`ClientError::Authorities`].
    pub fn new(url: &str, token: Secret, authorities: Option<&Path>) -> Result<Self, ClientError> {
        let url = Url::parse(url).map_err(|_| ClientError::Url)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.path() == "/";
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            // Looked up when it is called, see `connect`.
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if !plain || !(url.scheme() == "https" || (url.scheme() == "http" && here)) {
            return Err(ClientError::Url);
        }
        let tls = tls(authorities).map_err(ClientError::Authorities)?;
        Ok(Self { url, token, tls })
    }

    /// What is at an address below `/api/v1`, given in its parts, as JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, parts: &[&str], query: &[(&str, String)]) -> Result<Bytes, ClientError> {
        Ok(self.send(&Sent { query, ..Sent::new(Verb::Get, parts) }).await?.body)
    }

    /// Sends a request, once.
    ///
    /// # Errors
    /// [`ClientError`]. What became of a change whose answer was lost is not known.
    pub async fn send(&self, sent: &Sent<'_>) -> Result<Answered, ClientError> {
        let request = self.request(sent)?;
        let stream = self.connected().await?;
        let asked = async { whole(exchange(stream, request).await?).await };
        let late = |_| ClientError::NoAnswer("it took too long".to_owned());
        let answered = tokio::time::timeout(ANSWERED_WITHIN, asked).await.map_err(late)??;
        said(answered)
    }

    /// What is at an address below `/api/v1`, piece by piece, however long it is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pieces(&self, parts: &[&str], query: &[(&str, String)]) -> Result<Pieces, ClientError> {
        let request = self.request(&Sent { query, ..Sent::new(Verb::Get, parts) })?;
        let asked = exchange(self.connected().await?, request);
        let late = |_| ClientError::NoAnswer("it took too long".to_owned());
        let answer = tokio::time::timeout(ANSWERED_WITHIN, asked).await.map_err(late)??;
        if answer.status().is_success() {
            let name = answer.headers().get("content-disposition").and_then(|name| name.to_str().ok());
            return Ok(Pieces { name: name.map(str::to_owned), body: answer.into_body() });
        }
        let answered = tokio::time::timeout(ANSWERED_WITHIN, whole(answer)).await.map_err(late)??;
        match said(answered) {
            Err(error) => Err(error),
            Ok(_) => Err(ClientError::Strange("it answers otherwise than it began".to_owned())),
        }
    }

    fn request(&self, sent: &Sent<'_>) -> Result<hyper::Request<Full<Bytes>>, ClientError> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["api", "v1"]).extend(sent.parts);
        }
        if !sent.query.is_empty() {
            url.query_pairs_mut().extend_pairs(sent.query);
        }
        let place = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = hyper::Request::builder()
            .method(sent.verb.method())
            .uri(place)
            .header("host", host)
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {}", self.token.expose().trim()))
            .header("user-agent", concat!("keyreeve/", env!("CARGO_PKG_VERSION")))
            .header("connection", "close");
        if sent.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in [
            ("idempotency-key", sent.key),
            ("if-match", sent.version),
            ("if-none-match", sent.is_new.then_some("*")),
        ] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let body = sent.body.clone().map(Bytes::from).unwrap_or_default();
        request
            .body(Full::new(body))
            .map_err(|_| ClientError::Unreachable("the token is no text that can be sent".to_owned()))
    }

    async fn connected(&self) -> Result<Stream, ClientError> {
        let late = |_| ClientError::Unreachable("it took too long to connect".to_owned());
        tokio::time::timeout(CONNECTED_WITHIN, self.connect()).await.map_err(late)?
    }

    async fn connect(&self) -> Result<Stream, ClientError> {
        let unreachable = |why: String| ClientError::Unreachable(why);
        let port = self.url.port_or_known_default().unwrap_or(443);
        let encrypted = self.url.scheme() == "https";
        let (found, name): (Vec<SocketAddr>, _) = match self.url.host() {
            Some(Host::Ipv4(address)) => (vec![(address, port).into()], IpAddr::from(address).into()),
            Some(Host::Ipv6(address)) => (vec![(address, port).into()], IpAddr::from(address).into()),
            Some(Host::Domain(name)) => {
                let found = tokio::net::lookup_host((name, port)).await;
                let found = found.map_err(|error| unreachable(format!("no address for {name}: {error}")))?;
                let name = ServerName::try_from(name.to_owned());
                (found.collect(), name.map_err(|error| unreachable(error.to_string()))?)
            }
            None => return Err(ClientError::Url),
        };
        let mut why = "its name has no address".to_owned();
        for address in found {
            if !encrypted && !address.ip().is_loopback() {
                return Err(ClientError::Url);
            }
            match TcpStream::connect(address).await {
                Ok(stream) if encrypted => {
                    let stream = self.tls.connect(name, stream).await;
                    let stream = stream.map_err(|error| unreachable(trust::words(&error)))?;
                    return Ok(Stream::Tls(Box::new(stream)));
                }
                Ok(stream) => return Ok(Stream::Plain(stream)),
                Err(error) => why = format!("{address}: {error}"),
            }
        }
        Err(unreachable(why))
    }
}

/// A connection to a server.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// An answer that comes piece by piece.
pub struct Pieces {
    name: Option<String>,
    body: Incoming,
}

impl Pieces {
    /// What the server calls the file: `Content-Disposition`.
    #[must_use]
    pub fn disposition(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The next piece; `None` when all has come.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`]: what came before is not the whole.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let late = |_| ClientError::NoAnswer("the rest of its answer took too long".to_owned());
            match tokio::time::timeout(ANSWERED_WITHIN, self.body.frame()).await.map_err(late)? {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(ClientError::NoAnswer(format!("its answer broke off: {error}")));
                }
                // What is no data is a trailer.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_) => continue,
                },
            }
        }
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

/// Sends a request, and gives its answer as far as it has come.
pub(crate) async fn exchange(
    stream: Stream,
    request: hyper::Request<Full<Bytes>>,
) -> Result<hyper::Response<Incoming>, ClientError> {
    let no_answer = |error: hyper::Error| ClientError::NoAnswer(error.to_string());
    match stream {
        Stream::Plain(stream) => {
            exchange_over(stream, request).await.map_err(|error| match error.is_parse() {
                // Whoever waits for TLS answers with an alert.
                true => ClientError::Strange(
                    "it speaks no HTTP; a server with TLS is called by https://, not http://".to_owned(),
                ),
                false => no_answer(error),
            })
        }
        Stream::Tls(stream) => exchange_over(*stream, request).await.map_err(no_answer),
    }
}

async fn exchange_over<S>(
    stream: S,
    request: hyper::Request<Full<Bytes>>,
) -> Result<hyper::Response<Incoming>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with its one answer; what goes wrong with it is seen there.
    tokio::spawn(connection);
    sender.send_request(request).await
}

/// An answer, read whole.
pub(crate) async fn whole(answer: hyper::Response<Incoming>) -> Result<Answered, ClientError> {
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => ClientError::Strange("its answer is too long".to_owned()),
        false => ClientError::NoAnswer(error.to_string()),
    })?;
    Ok(Answered { status, headers, body: body.to_bytes() })
}

/// What an answer says, if it says what was asked for.
fn said(answered: Answered) -> Result<Answered, ClientError> {
    let status = answered.status;
    if (200..300).contains(&status) {
        return Ok(answered);
    }
    match serde_json::from_slice::<Refused>(&answered.body) {
        Ok(refused) if refused.status == status => Err(ClientError::Refused(refused)),
        _ => Err(ClientError::Strange(format!("it answered {status}, and no problem that Keyreeve has"))),
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> Result<Client, ClientError> {
        Client::new(url, Secret::new("keyreeve_pat_x".to_owned()), None)
    }

    #[test]
    fn a_token_goes_without_encryption_to_this_machine_alone() {
        for url in [
            "https://keys.example.org",
            "https://10.0.0.1:8420/",
            "http://127.0.0.1:8420",
            "http://[::1]:1",
            "http://localhost:8420",
        ] {
            assert!(client(url).is_ok(), "{url}");
        }
        for url in [
            "http://keys.example.org",
            "http://10.0.0.1",
            "http://localhost.example.org",
            "http://[::ffff:10.0.0.1]/",
            "https://me@keys.example.org",
            "https://me:pass@keys.example.org",
            "https://keys.example.org/api",
            "https://keys.example.org/?x=1",
            "https://keys.example.org/#x",
            "ftp://127.0.0.1",
            "keys.example.org",
            "",
        ] {
            assert!(matches!(client(url), Err(ClientError::Url)), "{url}");
        }
    }

    #[test]
    fn neither_the_token_nor_anything_of_it_is_shown() {
        assert!(!format!("{:?}", client("https://keys.example.org").unwrap()).contains("pat"));
    }
}
