//! By which certificates the other end of a call is known.
//!
//! A certificate that was named is also taken from a server that shows that very one, whether or not it may stand for
//! authorities: `openssl req -x509` makes one that says so of itself, and RFC 5280 section 4.2.1.9 leaves open whether such
//! a one may be a server's. Name, time and the key behind it must be right all the same.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use keyreeve_store::open_regular_file;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// Encrypts calls. `authorities` is a PEM file of certificates to trust instead of the machine's own.
///
/// # Errors
/// The certificates cannot be used, and of which file.
pub(crate) fn tls(authorities: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    let mut named = Vec::new();
    match authorities {
        Some(path) => {
            let of_file = |why: String| format!("{}: {why}", path.display());
            let mut text = Vec::new();
            let read = open_regular_file(path).and_then(|mut file| file.read_to_end(&mut text));
            read.map_err(|error| of_file(error.to_string()))?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate = certificate.map_err(|error| of_file(error.to_string()))?;
                roots.add(certificate.clone()).map_err(|error| of_file(error.to_string()))?;
                named.push(certificate);
            }
            if named.is_empty() {
                return Err(of_file("there is no certificate in it; name a file in PEM".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(default_provider());
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let usual = usual.build().map_err(|error| error.to_string())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Known { usual, named }))
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The usual judgement, and certificates that were named themselves.
#[derive(Debug)]
struct Known {
    usual: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged =
            self.usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match judged {
            // Its time was looked at before that.
            Err(error) if is_of_an_authority(&error) && self.named.iter().any(|one| one == end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// The judge has no word of its own for a certificate that may stand for authorities.
fn is_of_an_authority(error: &Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(other))
        if format!("{other:?}").contains("CaUsedAsEndEntity"))
}

/// Why no connection came about, with what to do.
pub(crate) fn words(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let (why, advice) = match inner {
        // A signature is bad where an authority of the same name is another one.
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            (
                "its certificate is of an authority that is not known here".to_owned(),
                "name the authority's certificate, or the server's own if it signed itself, with --ca-file (KEYREEVE_CA_FILE)",
            )
        }
        Some(error) if is_of_an_authority(error) => (
            "its certificate stands for an authority, and is none that is known here".to_owned(),
            "name that very certificate with --ca-file (KEYREEVE_CA_FILE), or give the server one for servers",
        ),
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => (
            "its certificate is not for the name that it was called by".to_owned(),
            "call the server by a name of its certificate, or have it get one for this name",
        ),
        Some(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => ("its certificate has expired".to_owned(), "renew it, and start the server again"),
        Some(Error::InvalidMessage(_)) => (
            "what answers there speaks no TLS".to_owned(),
            "a server without TLS is asked by http://, and on this machine alone",
        ),
        _ => return format!("TLS: {error}"),
    };
    format!("TLS: {why}; {advice}")
}
