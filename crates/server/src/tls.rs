//! TLS with a certificate of one's own.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use keyreeve_model::digest_hex;
use keyreeve_store::open_regular_file;
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{Error as RustlsError, ServerConfig};
use tokio_rustls::{Accept, TlsAcceptor};

/// A certificate and its key, ready for use. Copies share them, also those that are taken up later.
#[derive(Clone)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<RwLock<Current>>,
}

struct Current {
    acceptor: TlsAcceptor,
    /// What was last found in both files.
    found: String,
}

/// Certificate and key are of no use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no PEM, or damaged.
    #[error("{path} is not in the form PEM, or damaged", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// There is no certificate in the file.
    #[error("{path} holds no certificate", path = path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no key in the file that can be used without a passphrase.
    #[error("{path} holds no private key, or only one behind a passphrase", path = path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key does not belong to the certificate.
    #[error("the key in {key} is not that of the first certificate in {certificate}", key = key.display(), certificate = certificate.display())]
    OtherKey {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The certificate or the key is of a kind that is not supported.
    #[error("the certificate in {certificate} or the key in {key} is of no use: {why}", key = key.display(), certificate = certificate.display())]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        why: String,
    },
}

impl TlsError {
    /// What to do.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "mend the path, or let the user that runs keyreeve read the file",
            Self::Malformed { .. } => "give files in PEM: text that begins with -----BEGIN",
            Self::NoCertificate { .. } => {
                "`tls_certificate` names a file with the server's certificate first, and those of its issuers after it"
            }
            Self::NoKey { .. } => {
                "`tls_key` names a file with the certificate's private key, without a passphrase: `openssl pkey -in FILE`"
            }
            Self::OtherKey { .. } => {
                "give the key that the certificate was made for, and the server's own certificate before those of its issuers"
            }
            Self::Unusable { .. } => {
                "use a key of RSA (2048 bits and more), ECDSA P-256 or P-384, or Ed25519"
            }
        }
    }
}

impl Tls {
    /// Reads a certificate, with those of its issuers behind it, and its private key, both PEM. The private key is
    /// held against the certificate.
    ///
    /// # Errors
    /// [`TlsError`] says which file and why.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files::read(certificate, key)?;
        let current = Current { acceptor: files.acceptor(certificate, key)?, found: files.digest() };
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Self { certificate, key, current: Arc::new(RwLock::new(current)) })
    }

    /// Takes up what is in the files now, for connections from now on, and says whether that is something new. What is of
    /// no use is said once, and what was there before stays.
    ///
    /// # Errors
    /// As [`Tls::read`].
    pub fn renew(&self) -> Result<bool, TlsError> {
        let files = Files::read(&self.certificate, &self.key)?;
        let found = files.digest();
        if self.current.read().unwrap_or_else(PoisonError::into_inner).found == found {
            return Ok(false);
        }
        let acceptor = files.acceptor(&self.certificate, &self.key);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.found = found;
        current.acceptor = acceptor?;
        Ok(true)
    }

    pub(crate) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).acceptor.accept(stream)
    }
}

/// In a key behind a passphrase, in the form of before PKCS #8.
const ENCRYPTED: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// What is in the files.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            let mut text = Vec::new();
            open_regular_file(path)
                .and_then(|mut file| file.read_to_end(&mut text))
                .map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })?;
            Ok(text)
        };
        Ok(Self { certificate: read(certificate)?, key: read(key)? })
    }

    fn digest(&self) -> String {
        [digest_hex(&self.certificate), digest_hex(&self.key)].concat()
    }

    fn acceptor(&self, certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| of_pem(error, certificate))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { path: certificate.to_owned() });
        }
        // The old form is no damaged PEM, but says so in a line of its own (RFC 1421).
        if self.key.windows(ENCRYPTED.len()).any(|text| text == ENCRYPTED) {
            return Err(TlsError::NoKey { path: key.to_owned() });
        }
        let private = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| of_pem(error, key))?;
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, private));
        match config {
            Ok(mut config) => {
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                Ok(TlsAcceptor::from(Arc::new(config)))
            }
            Err(RustlsError::InconsistentKeys(_)) => Err(TlsError::OtherKey { certificate, key }),
            Err(error) => Err(TlsError::Unusable { certificate, key, why: error.to_string() }),
        }
    }
}

fn of_pem(error: PemError, path: &Path) -> TlsError {
    let path = path.to_owned();
    match error {
        PemError::Io(source) => TlsError::Unreadable { path, source },
        PemError::NoItemsFound => TlsError::NoKey { path },
        _ => TlsError::Malformed { path },
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
