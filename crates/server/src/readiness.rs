//! What a server that runs on this machine says of itself, for `doctor`.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http_body_util::Full;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::rustls::Error;

use crate::client::{ClientError, Stream, exchange, whole};
use crate::probes::STORE_MARK;
use crate::trust::tls;

/// It is this machine, so it answers soon or not at all.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Its reasons are a line each.
const LONGEST_REASON: usize = 200;

/// Whether a server can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot, for this reason.
    NotReady(String),
    /// It was not asked, because its certificate is not trusted here, for this reason.
    Untrusted(String),
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it can do its work.
    pub readiness: Readiness,
    /// What tells its store from others; `None` where it does not say.
    pub store: Option<String>,
}

/// Asks the server that listens at an address of this machine for its `/readyz`, without a token. `tls` is the file of
/// its certificate and the name it is for. `None` when nobody listens there.
///
/// # Errors
/// [`ClientError`] when what listens there does not answer, or is no Keyreeve server.
pub async fn readiness(
    address: SocketAddr,
    tls: Option<(&Path, &str)>,
) -> Result<Option<Standing>, ClientError> {
    let late = |_| ClientError::NoAnswer("it took too long".to_owned());
    tokio::time::timeout(ANSWERED_WITHIN, asked(address, tls)).await.map_err(late)?
}

async fn asked(
    address: SocketAddr,
    encrypted: Option<(&Path, &str)>,
) -> Result<Option<Standing>, ClientError> {
    let unreachable = |why: String| ClientError::Unreachable(why);
    let Ok(stream) = TcpStream::connect(address).await else { return Ok(None) };
    let host = encrypted.map_or_else(|| address.to_string(), |(_, name)| name.to_owned());
    let stream = match encrypted {
        None => Stream::Plain(stream),
        Some((certificate, name)) => {
            let tls = tls(Some(certificate)).map_err(ClientError::Authorities)?;
            let name = ServerName::try_from(name.to_owned());
            let name = name.map_err(|error| unreachable(error.to_string()))?;
            match tls.connect(name, stream).await {
                Ok(stream) => Stream::Tls(Box::new(stream)),
                Err(error) => {
                    let why = untrusted(&error).ok_or_else(|| unreachable(error.to_string()))?;
                    return Ok(Some(Standing { readiness: Readiness::Untrusted(why), store: None }));
                }
            }
        }
    };
    let request = hyper::Request::builder()
        .uri("/readyz")
        .header("host", host)
        .header("connection", "close")
        .body(Full::default())
        .map_err(|error| unreachable(error.to_string()))?;
    let answered = whole(exchange(stream, request).await?).await?;
    let said = String::from_utf8_lossy(&answered.body);
    let readiness = match (answered.status, said.trim()) {
        (200, "ready") => Readiness::Ready,
        (503, why) if why.len() <= LONGEST_REASON && !why.contains(char::is_control) => {
            Readiness::NotReady(why.to_owned())
        }
        (status, _) => {
            return Err(ClientError::Strange(format!("it answered {status} to whether it is ready")));
        }
    };
    let store = answered.header(STORE_MARK.as_str()).map(str::to_owned);
    Ok(Some(Standing { readiness, store }))
}

/// Why a certificate is not trusted, if that is what went wrong.
fn untrusted(error: &std::io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref::<Error>()? {
        error @ Error::InvalidCertificate(_) => Some(error.to_string()),
        _ => None,
    }
}
