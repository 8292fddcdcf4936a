//! A peer with the same people and policies in it, and the ways to ask it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::RetryConfig;
use keyreeve_aws::{AwsConnector, ConnectOptions, Credential};
use keyreeve_model::Secret;

/// An access key.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Key {
    pub(super) fn new(id: &str, secret: &str) -> Self {
        Self { id: id.into(), secret: secret.into(), token: None }
    }
}

/// Two services at one endpoint, asked with one key.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) sts: aws_sdk_sts::Client,
}

impl Clients {
    pub(super) fn new(endpoint: &str, key: &Key) -> Self {
        let keys = Credentials::new(&key.id, &key.secret, key.token.clone(), None, "test");
        let http = aws_smithy_http_client::Builder::new().build_http();
        let iam = aws_sdk_iam::Config::builder()
            .behavior_version(aws_sdk_iam::config::BehaviorVersion::v2026_01_12())
            .region(aws_sdk_iam::config::Region::from_static("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(keys.clone())
            .retry_config(RetryConfig::disabled())
            .http_client(http.clone())
            .build();
        let sts = aws_sdk_sts::Config::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::v2026_01_12())
            .region(aws_sdk_sts::config::Region::from_static("us-east-1"))
            .endpoint_url(endpoint)
            .credentials_provider(keys)
            .retry_config(RetryConfig::disabled())
            .http_client(http)
            .build();
        Self { iam: aws_sdk_iam::Client::from_conf(iam), sts: aws_sdk_sts::Client::from_conf(sts) }
    }
}

/// AWS Organizations at an endpoint, asked with a key.
pub(super) fn organizations(endpoint: &str, key: &Key) -> aws_sdk_organizations::Client {
    let config = aws_sdk_organizations::Config::builder()
        .behavior_version(aws_sdk_organizations::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_organizations::config::Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(&key.id, &key.secret, key.token.clone(), None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_organizations::Client::from_conf(config)
}

/// A seeded peer.
pub(super) struct World {
    /// `sandbox`, `moto` or `ministack`.
    pub(super) peer: &'static str,
    pub(super) endpoint: String,
    pub(super) account_id: String,
    /// May do everything.
    pub(super) admin: Clients,
    /// The key of a user of the account, in use.
    pub(super) user_key: Key,
    /// The ARN of that user.
    pub(super) user_arn: String,
    /// A key that has been switched off.
    pub(super) inactive_key: Key,
    /// May do everything in another account, which the checks of writes have for themselves.
    pub(super) writes: aws_sdk_iam::Client,
    /// Another account, whose one user `odd` has `&` and `<` in its path and tag; apart, because some peers give no
    /// readable answer any more once they hold such text.
    pub(super) odd_text: Clients,
    /// Where the organization is: with an emulator that takes long to make accounts, a process of its own.
    pub(super) organizations_endpoint: String,
    /// The account that owns an organization.
    pub(super) organizations: aws_sdk_organizations::Client,
    /// A key of that account.
    pub(super) management_key: Key,
    /// An account of no organization.
    pub(super) organizations_outside: aws_sdk_organizations::Client,
    /// Keeps the peer running.
    pub(super) _alive: Box<dyn std::any::Any>,
}

impl World {
    /// The connector, as the user of the account.
    pub(super) async fn connector(&self) -> AwsConnector {
        let mut options = ConnectOptions::new(Credential::AccessKey {
            access_key_id: self.user_key.id.clone(),
            secret_access_key: Secret::new(self.user_key.secret.clone()),
        });
        options.environment.insert("AWS_ENDPOINT_URL".into(), self.endpoint.clone());
        AwsConnector::connect(options).await.unwrap()
    }
}

/// What a refusal says: HTTP status and code.
pub(super) fn refusal<T: Debug, E: ProvideErrorMetadata + Debug>(
    answer: &Result<T, SdkError<E, HttpResponse>>,
) -> Result<(u16, String), String> {
    match answer {
        Ok(_) => Err("it answered with success".into()),
        Err(SdkError::ServiceError(refusal)) => {
            let code = refusal.err().code().unwrap_or("without a code");
            Ok((refusal.raw().status().as_u16(), code.to_owned()))
        }
        Err(other) => Err(format!("it gave no readable answer: {}", brief(other))),
    }
}

/// The call must be refused with this status and code.
pub(super) fn refused<T: Debug, E: ProvideErrorMetadata + Debug>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    status: u16,
    code: &str,
) -> Result<(), String> {
    let said = refusal(&answer)?;
    ensure(said == (status, code.to_owned()), || format!("it answered {} {}", said.0, said.1))
}

/// The call must succeed.
pub(super) fn answered<T, E: ProvideErrorMetadata + Debug>(
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<T, String> {
    answer.map_err(|error| format!("it failed: {}", brief(&error)))
}

fn brief(error: &impl Debug) -> String {
    format!("{error:?}").chars().take(300).collect()
}

pub(super) fn ensure(holds: bool, instead: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(instead()) }
}

/// Keeps the raw text of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct RawBody(Arc<Mutex<String>>);

impl RawBody {
    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap() = String::from_utf8_lossy(body).into_owned();
        Ok(())
    }
}
