//! How `serve` is reached.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use keyreeve_engine::password::{PublicUrl, PublicUrlError};

use super::file::File;
use crate::exit::Refusal;

/// What is configured about HTTP.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    /// Where `serve` listens.
    pub(crate) listen: SocketAddr,
    /// Its certificate and key.
    pub(crate) tls: Option<TlsFiles>,
    /// Where people reach it, which links begin with.
    pub(crate) public_url: Option<PublicUrl>,
    /// Whether what is measured is shown without a token, on this machine.
    pub(crate) metrics_without_token: bool,
    /// Whether it may be reached from other machines without TLS.
    pub(crate) allow_plain_http: bool,
}

/// Files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The server's certificate, and those of its issuers.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

impl HttpSettings {
    /// What the settings say, or the defaults.
    pub(super) fn of(settings: &File) -> Result<Self, Refusal> {
        let refuse = |why: &str| Refusal::new("reading the configuration", why);
        let listen = match &settings.listen {
            Some(address) => address.parse().map_err(|_| {
                refuse("`listen` (KEYREEVE_LISTEN) is no address and port, such as 127.0.0.1:8420")
            })?,
            None => SocketAddr::from((Ipv4Addr::LOCALHOST, 8420)),
        };
        let tls = match (&settings.tls_certificate, &settings.tls_key) {
            (Some(certificate), Some(key)) => {
                Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
            }
            (None, None) => None,
            (Some(_), None) => {
                return Err(refuse("`tls_certificate` is set, and `tls_key` is not").hint(BOTH));
            }
            (None, Some(_)) => {
                return Err(refuse("`tls_key` is set, and `tls_certificate` is not").hint(BOTH));
            }
        };
        let public_url =
            settings.public_url.as_deref().map(str::parse).transpose().map_err(|why: PublicUrlError| {
                refuse(&format!("`public_url` (KEYREEVE_PUBLIC_URL) is of no use: {why}"))
            })?;
        Ok(Self {
            listen,
            tls,
            public_url,
            metrics_without_token: settings.metrics_without_token.unwrap_or(false),
            allow_plain_http: settings.allow_plain_http.unwrap_or(false),
        })
    }
}

const BOTH: &str = "set both (KEYREEVE_TLS_CERTIFICATE, KEYREEVE_TLS_KEY), or neither";
