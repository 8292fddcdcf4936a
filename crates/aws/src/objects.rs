//! Objects in S3, or in a store that speaks as S3 does: written whole or not at all.
//!
//! Signing, requests, parts and patience are those of `object_store`; credentials, region, endpoint, proxy and certificates
//! are found as for every other call to AWS. Nothing of it comes from a system's data.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequestBody, HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, CredentialProvider, MultipartUpload, ObjectStoreExt as _, RetryConfig};

use crate::config::Reached;
use crate::options::{ConnectError, ConnectOptions};

/// What is longer goes in parts of this length; S3 takes no shorter ones but for the last, and 10,000 of them.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// A part is sent anew so often, for so long, where the store was busy or did not answer.
const TIMES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(120);
/// Credentials are found anew so long before they end.
const EARLY: Duration = Duration::from_secs(60);

/// How objects are written besides what every call to AWS has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectOptions {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`: how the store is to encrypt them. By itself S3 takes `AES256`.
    pub encryption: Option<String>,
    /// The key of AWS KMS that is used for it.
    pub kms_key: Option<String>,
    /// Whether an endpoint without TLS may be on another machine.
    pub allow_http: bool,
}

/// An object was not written.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The surroundings are wrong.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Nothing is sent in the clear to another machine.
    #[error(
        "{endpoint} is on another machine and without TLS, so whoever is between could read and alter what is sent"
    )]
    Clear {
        /// Where it would have gone.
        endpoint: String,
    },
    /// Something cannot be meant.
    #[error("{0}")]
    Impossible(String),
    /// The store refused, or did not answer.
    #[error("{0}")]
    Refused(String),
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    store: AmazonS3,
}

impl Bucket {
    /// A bucket as the surroundings say that it is reached. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ObjectError`], but for what the store says.
    pub async fn of(
        options: &ConnectOptions,
        bucket: &str,
        wanted: &ObjectOptions,
    ) -> Result<Self, ObjectError> {
        let Reached { credentials, region, endpoint, connector } =
            crate::config::configure_objects(options).await?;
        let http = Http { connector, timeout: options.request_timeout };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&region)
            .with_credentials(Arc::new(Known { credentials, last: Mutex::default() }))
            .with_http_connector(http)
            .with_retry(RetryConfig {
                max_retries: TIMES,
                retry_timeout: PATIENCE,
                ..RetryConfig::default()
            });
        if let Some(endpoint) = endpoint.or_else(|| china(&region)) {
            let clear = endpoint.starts_with("http://");
            if clear && !wanted.allow_http && !is_here(&endpoint) {
                return Err(ObjectError::Clear { endpoint });
            }
            // Stores that speak as S3 does have no host for each bucket.
            builder = builder.with_endpoint(endpoint).with_allow_http(clear);
        } else if !bucket.contains('.') {
            builder = builder.with_virtual_hosted_style_request(true);
        }
        if let Some(encryption) = &wanted.encryption {
            builder = builder.with_config(key("aws_server_side_encryption")?, encryption);
        }
        if let Some(kms_key) = &wanted.kms_key {
            builder = builder.with_config(key("aws_sse_kms_key_id")?, kms_key);
        }
        let store = builder.build().map_err(|error| ObjectError::Impossible(in_words(&error)))?;
        Ok(Self { store })
    }

    /// Begins an object. It is there once it is ended, and nothing of it before.
    ///
    /// # Errors
    /// When no object can have that name.
    pub fn begin(&self, name: &str) -> Result<Upload, ObjectError> {
        let path = Path::parse(name).map_err(|error| ObjectError::Impossible(error.to_string()))?;
        Ok(Upload { store: self.store.clone(), path, held: Vec::new(), parts: None, part_bytes: PART_BYTES })
    }
}

/// An object in the making.
#[derive(Debug)]
pub struct Upload {
    store: AmazonS3,
    path: Path,
    held: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
    part_bytes: usize,
}

impl Upload {
    /// Goes on.
    ///
    /// # Errors
    /// [`ObjectError::Refused`]. It is to be abandoned then.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), ObjectError> {
        self.held.extend_from_slice(piece);
        while self.held.len() > self.part_bytes {
            let rest = self.held.split_off(self.part_bytes);
            let part = std::mem::replace(&mut self.held, rest);
            self.part(part).await?;
        }
        Ok(())
    }

    /// Ends it: from now on it is there.
    ///
    /// # Errors
    /// [`ObjectError::Refused`]; what was there before is there still, and nothing of this.
    pub async fn end(mut self) -> Result<(), ObjectError> {
        let last = std::mem::take(&mut self.held);
        if self.parts.is_none() {
            let put = self.store.put(&self.path, last.into()).await;
            return put.map(|_| ()).map_err(refused);
        }
        let mut ended = self.part(last).await;
        if let (Ok(()), Some(parts)) = (&ended, &mut self.parts) {
            ended = parts.complete().await.map(|_| ()).map_err(refused);
        }
        if ended.is_err() {
            self.abandon().await;
        }
        ended
    }

    /// Takes back the parts that were sent.
    pub async fn abandon(mut self) {
        if let Some(mut parts) = self.parts.take()
            && let Err(error) = parts.abort().await
        {
            tracing::warn!(
                error = in_words(&error),
                "parts of an object that was not ended are left in the store"
            );
        }
    }

    async fn part(&mut self, part: Vec<u8>) -> Result<(), ObjectError> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let begun = self.store.put_multipart(&self.path).await.map_err(refused)?;
                self.parts.insert(begun)
            }
        };
        parts.put_part(part.into()).await.map_err(refused)
    }
}

/// The credentials of the surroundings, kept until shortly before they end.
#[derive(Debug)]
struct Known {
    credentials: Option<SharedCredentialsProvider>,
    last: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

#[async_trait]
impl CredentialProvider for Known {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((known, until)) = last
            && until.is_none_or(|until| until > SystemTime::now() + EARLY)
        {
            return Ok(known);
        }
        let none = || "no credentials were found in the environment or in the files of AWS".into();
        let not_found = |source| object_store::Error::Generic { store: "S3", source };
        let provider = self.credentials.as_ref().ok_or_else(|| not_found(none()))?;
        let found = provider.provide_credentials().await.map_err(|error| not_found(Box::new(error)))?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        let kept = Some((Arc::clone(&credential), found.expiry()));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(credential)
    }
}

/// Our own HTTP, in the place of another client: one way out, with one set of certificates and proxies.
#[derive(Debug, Clone)]
struct Http {
    connector: SharedHttpConnector,
    timeout: Duration,
}

impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: object_store::client::HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut request = request;
        let body = std::mem::replace(request.body_mut(), HttpRequestBody::empty());
        let body = body.collect().await?.to_bytes();
        let request = request.map(|_| SdkBody::from(body));
        let strange = |error| HttpError::new_boxed(HttpErrorKind::Request, error);
        let request = HttpRequest::try_from(request).map_err(|error| strange(Box::new(error)))?;
        let late = |error| HttpError::new(HttpErrorKind::Timeout, error);
        let answer = tokio::time::timeout(self.timeout, self.connector.call(request)).await.map_err(late)?;
        let answer = answer.map_err(|error| {
            let kind = if error.is_timeout() { HttpErrorKind::Timeout } else { HttpErrorKind::Connect };
            HttpError::new(kind, error)
        })?;
        let answer = answer.try_into_http1x().map_err(|error| strange(Box::new(error)))?;
        let (parts, body) = answer.into_parts();
        let body =
            body.collect().await.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?;
        Ok(HttpResponse::from_parts(parts, body.to_bytes().into()))
    }
}

fn key(name: &str) -> Result<object_store::aws::AmazonS3ConfigKey, ObjectError> {
    name.parse().map_err(|error: object_store::Error| ObjectError::Impossible(in_words(&error)))
}

/// The hosts of this partition end otherwise.
fn china(region: &str) -> Option<String> {
    region.starts_with("cn-").then(|| format!("https://s3.{region}.amazonaws.com.cn"))
}

/// Whether an endpoint is on this machine.
fn is_here(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("http://").unwrap_or(endpoint);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(host) => host.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(host, _)| host),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn refused(error: object_store::Error) -> ObjectError {
    ObjectError::Refused(in_words(&error))
}

/// What went wrong, in a line of some length: stores answer with whole documents.
fn in_words(error: &object_store::Error) -> String {
    const LONGEST: usize = 400;
    let words = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for here in ["http://127.0.0.1:9000", "http://localhost/", "http://[::1]:9000", "http://127.9.9.9"] {
            assert!(is_here(here), "{here}");
        }
        for there in
            ["http://minio:9000", "http://127.0.0.1.evil.com", "http://10.0.0.1", "http://[fe80::1]:1"]
        {
            assert!(!is_here(there), "{there}");
        }
    }
}
