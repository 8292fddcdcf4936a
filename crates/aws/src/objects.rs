//! Objects in S3, or in a store that speaks as S3 does: written whole or not at all.
//!
//! Signing, requests, parts and patience are those of `object_store`; credentials, region, endpoint, proxy and certificates
//! are found as for every other call to AWS. Nothing of it comes from a system's data.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequestBody, HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, CredentialProvider, MultipartUpload, ObjectStoreExt as _, RetryConfig};

use crate::config::Reached;
use crate::error::{links, not_connected, refusal_of_objects, without_credentials};
use crate::options::{ConnectError, ConnectOptions};

/// What is longer goes in parts of this length; S3 takes no shorter ones but for the last, and 10,000 of them.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// A part is sent anew so often, for so long, where the store was busy or did not answer.
const TIMES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(120);
const ELSEWHERE: &str =
    "the store points elsewhere, as it does when the bucket is in another region: AWS_REGION says which one";
const NONE_FOUND: &str = "no AWS credentials were found in the environment, the AWS configuration files or the instance's \
                          metadata, so nothing was sent";
/// Credentials are found anew so long before they end.
const EARLY: Duration = Duration::from_secs(60);

/// The hosts of S3 in partitions that have a domain of their own (the endpoint rules of the S3 service).
const DOMAINS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-iso-", "c2s.ic.gov"),
];

/// How objects are written besides what every call to AWS has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectOptions {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`: how the store is to encrypt them. By default what the bucket says, or
    /// `aws:kms` where a key is named.
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
    /// Nobody to sign as.
    #[error("{0}")]
    NoCredentials(String),
    /// An encryption that there is not.
    #[error("{0:?} is no encryption that stores offer")]
    Encryption(String),
    /// A name that no object can have.
    #[error("no object can have the name {0:?}")]
    Name(String),
    /// The store did not answer.
    #[error("{0}")]
    NoAnswer(String),
    /// The store refused.
    #[error("{0}")]
    Refused(String),
}

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    store: AmazonS3,
}

impl Bucket {
    /// A bucket as the surroundings say that it is reached. Credentials are found, but nothing is sent to it yet.
    ///
    /// # Errors
    /// [`ObjectError`], but for what the store says.
    pub async fn of(
        options: &ConnectOptions,
        bucket: &str,
        wanted: &ObjectOptions,
    ) -> Result<Self, ObjectError> {
        let Reached { credentials, credentials_timeout, region, endpoint, connector } =
            crate::config::configure_objects(options).await?;
        let clear = endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let (endpoint, host_of_bucket) = match endpoint {
            Some(endpoint) if clear && !wanted.allow_http && !is_here(&endpoint) => {
                return Err(ObjectError::Clear { endpoint });
            }
            // Stores that speak as S3 does have no host for each bucket.
            Some(endpoint) => (endpoint, false),
            None => of_aws(&region, bucket),
        };
        let signer = Signer { credentials, within: credentials_timeout, last: Mutex::default() };
        signer.credential().await.map_err(ObjectError::NoCredentials)?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&region)
            .with_endpoint(endpoint)
            .with_allow_http(clear)
            .with_virtual_hosted_style_request(host_of_bucket)
            .with_credentials(Arc::new(signer))
            .with_http_connector(Http { connector, timeout: options.request_timeout })
            .with_retry(RetryConfig {
                max_retries: TIMES,
                retry_timeout: PATIENCE,
                ..RetryConfig::default()
            });
        for (name, value) in encryption(wanted)? {
            builder = builder.with_config(name, value);
        }
        let store = builder.build().map_err(failed)?;
        Ok(Self { store })
    }

    /// Begins an object. It is there once it is ended, and nothing of it before.
    ///
    /// # Errors
    /// When no object can have that name.
    pub fn begin(&self, name: &str) -> Result<Upload, ObjectError> {
        let path = Path::parse(name).ok().filter(|path| !name.is_empty() && path.as_ref() == name);
        let path = path.ok_or_else(|| ObjectError::Name(name.to_owned()))?;
        Ok(Upload { store: self.store.clone(), path, held: Vec::new(), parts: None })
    }
}

/// An object in the making.
#[derive(Debug)]
pub struct Upload {
    store: AmazonS3,
    path: Path,
    held: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    /// Goes on.
    ///
    /// # Errors
    /// [`ObjectError::Refused`] or [`ObjectError::NoAnswer`]. It is to be abandoned then.
    pub async fn write(&mut self, mut piece: &[u8]) -> Result<(), ObjectError> {
        while !piece.is_empty() {
            // What is full waits for more: the last part is never empty.
            if self.held.len() == PART_BYTES {
                self.send().await?;
            }
            let (now, later) = piece.split_at(piece.len().min(PART_BYTES - self.held.len()));
            self.held.extend_from_slice(now);
            piece = later;
        }
        Ok(())
    }

    /// Ends it: from now on it is there.
    ///
    /// # Errors
    /// [`ObjectError::Refused`] or [`ObjectError::NoAnswer`]. It is to be abandoned then; what was there before is there
    /// still, unless only the answer was lost.
    pub async fn end(&mut self) -> Result<(), ObjectError> {
        if self.parts.is_none() {
            let whole = std::mem::take(&mut self.held);
            return self.store.put(&self.path, whole.into()).await.map(|_| ()).map_err(failed);
        }
        self.send().await?;
        match &mut self.parts {
            Some(parts) => parts.complete().await.map(|_| ()).map_err(failed),
            None => Ok(()),
        }
    }

    /// Takes back the parts that were sent.
    ///
    /// # Errors
    /// [`ObjectError::Refused`] or [`ObjectError::NoAnswer`]: they are left in the store, though not as an object.
    pub async fn abandon(&mut self) -> Result<(), ObjectError> {
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        match parts.abort().await {
            // There are none any more.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    async fn send(&mut self) -> Result<(), ObjectError> {
        let part = std::mem::take(&mut self.held);
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self.parts.insert(self.store.put_multipart(&self.path).await.map_err(failed)?),
        };
        parts.put_part(part.into()).await.map_err(failed)
    }
}

/// The credentials of the surroundings, kept until shortly before they end.
#[derive(Debug)]
struct Signer {
    credentials: Option<SharedCredentialsProvider>,
    within: Duration,
    last: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl Signer {
    async fn credential(&self) -> Result<Arc<AwsCredential>, String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((known, until)) = last
            && until.is_none_or(|until| until > SystemTime::now() + EARLY)
        {
            return Ok(known);
        }
        let provider = self.credentials.as_ref().ok_or(NONE_FOUND)?;
        let found = tokio::time::timeout(self.within, provider.provide_credentials()).await;
        let found = found.map_err(|_| "AWS credentials could not be got in time")?;
        let found = found.map_err(|error| match without_credentials(&error) {
            (true, _) => NONE_FOUND.to_owned(),
            (false, why) => why,
        })?;
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

#[async_trait]
impl CredentialProvider for Signer {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let none = |why: String| object_store::Error::Generic { store: "S3", source: why.into() };
        self.credential().await.map_err(none)
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
            let kind = match () {
                () if not_connected(&error) => HttpErrorKind::Connect,
                () if error.is_timeout() => HttpErrorKind::Timeout,
                () => HttpErrorKind::Interrupted,
            };
            HttpError::new(kind, error)
        })?;
        let answer = answer.try_into_http1x().map_err(|error| strange(Box::new(error)))?;
        let (parts, body) = answer.into_parts();
        let body =
            body.collect().await.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?;
        Ok(HttpResponse::from_parts(parts, body.to_bytes().into()))
    }
}

/// Where AWS has a bucket, and whether its host is the bucket's own. Certificates of S3 cover no dots before it.
fn of_aws(region: &str, bucket: &str) -> (String, bool) {
    let domain = DOMAINS
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("amazonaws.com", |(_, name)| name);
    match bucket.contains('.') {
        true => (format!("https://s3.{region}.{domain}"), false),
        false => (format!("https://{bucket}.s3.{region}.{domain}"), true),
    }
}

/// The settings of an encryption.
fn encryption(wanted: &ObjectOptions) -> Result<Vec<(AmazonS3ConfigKey, &str)>, ObjectError> {
    const KNOWN: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
    let kms_key = wanted.kms_key.as_deref();
    let kind = wanted.encryption.as_deref().or(kms_key.map(|_| "aws:kms"));
    if let Some(unknown) = kind.filter(|kind| !KNOWN.contains(kind)) {
        return Err(ObjectError::Encryption(unknown.to_owned()));
    }
    let named = [("aws_server_side_encryption", kind), ("aws_sse_kms_key_id", kms_key)];
    let set = named.into_iter().filter_map(|(name, value)| Some((name.parse(), value?)));
    set.map(|(name, value)| Ok((name.map_err(failed)?, value))).collect()
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

/// What went wrong. What the store answered is a document that may repeat what was signed: only its message and code are
/// taken.
fn failed(error: object_store::Error) -> ObjectError {
    let last = links(&error).last().map(ToString::to_string).unwrap_or_default();
    if let Some(broken) = links(&error).find_map(|link| link.downcast_ref::<HttpError>()) {
        return ObjectError::NoAnswer(match broken.kind() {
            HttpErrorKind::Timeout => "the store did not answer in time".to_owned(),
            HttpErrorKind::Connect => format!("the store could not be reached: {last}"),
            _ => format!("the answer of the store broke off: {last}"),
        });
    }
    let text = error.to_string();
    let status =
        text.split_once("status code: ").map(|(_, rest)| rest.split([':', '<']).next().unwrap_or(rest));
    ObjectError::Refused(match (refusal_of_objects(&text), status) {
        (Some(said), _) => said,
        (None, Some(status)) if status.starts_with('3') => ELSEWHERE.to_owned(),
        (None, Some(status)) => format!("the store answered HTTP status {}", status.trim()),
        (None, None) if text.contains("redirect without") => ELSEWHERE.to_owned(),
        (None, None) => last,
    })
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

    #[test]
    fn each_partition_has_hosts_of_its_own() {
        let own = |region| of_aws(region, "lake").0;
        assert_eq!(own("eu-west-1"), "https://lake.s3.eu-west-1.amazonaws.com");
        assert_eq!(own("us-gov-west-1"), "https://lake.s3.us-gov-west-1.amazonaws.com");
        assert_eq!(own("cn-north-1"), "https://lake.s3.cn-north-1.amazonaws.com.cn");
        assert_eq!(own("us-iso-east-1"), "https://lake.s3.us-iso-east-1.c2s.ic.gov");
        assert_eq!(of_aws("eu-west-1", "a.b"), ("https://s3.eu-west-1.amazonaws.com".to_owned(), false));
    }
}
