//! From what an operator configured to the SDK's configuration.

use std::path::Path;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::http::Client;
use crate::options::{ConnectError, ConnectOptions, Credential, check_endpoint};
use crate::profile_source;

/// The SDK's configuration for each of the services.
pub(crate) struct Configured {
    pub(crate) iam: aws_sdk_iam::config::Builder,
    pub(crate) sts: aws_sdk_sts::config::Builder,
    /// With the credentials that a role is assumed with.
    pub(crate) base: Option<aws_sdk_sts::config::Builder>,
    pub(crate) organizations: aws_sdk_organizations::config::Builder,
}

pub(crate) async fn configure(options: &ConnectOptions) -> Result<Configured, ConnectError> {
    options.check()?;
    ConnectOptions::check_process()?;
    let client = SharedHttpClient::new(http_client(options)?);
    let (shared, base) = shared(options, &client).await;
    let home = shared.region().map(|region| Region::from_static(home_region(region.as_ref())));
    let mut iam = aws_sdk_iam::config::Builder::from(&shared).region(home);
    let mut sts = aws_sdk_sts::config::Builder::from(&shared);
    let mut base = base.map(|base| aws_sdk_sts::config::Builder::from(&base));
    if let Some(url) = endpoint(options, "AWS_ENDPOINT_URL_IAM") {
        iam = iam.endpoint_url(url);
    }
    if let Some(url) = endpoint(options, "AWS_ENDPOINT_URL_STS") {
        sts = sts.endpoint_url(url);
        base = base.map(|base| base.endpoint_url(url));
    }
    let organizations = organizations(options, &shared);
    Ok(Configured { iam, sts, base, organizations })
}

fn organizations(options: &ConnectOptions, shared: &SdkConfig) -> aws_sdk_organizations::config::Builder {
    let home = shared.region().map(|region| match home_region(region.as_ref()) {
        // The endpoint rules of Organizations differ from those of IAM in this partition alone.
        "cn-north-1" => Region::from_static("cn-northwest-1"),
        home => Region::from_static(home),
    });
    let organizations = aws_sdk_organizations::config::Builder::from(shared).region(home);
    match endpoint(options, "AWS_ENDPOINT_URL_ORGANIZATIONS") {
        Some(url) => organizations.endpoint_url(url),
        None => organizations,
    }
}

/// The same for KMS, whose keys each have a region of their own.
pub(crate) async fn configure_kms(
    options: &ConnectOptions,
) -> Result<aws_sdk_kms::config::Builder, ConnectError> {
    options.check()?;
    ConnectOptions::check_process()?;
    let client = SharedHttpClient::new(http_client(options)?);
    let (shared, _) = shared(options, &client).await;
    let mut kms = aws_sdk_kms::config::Builder::from(&shared);
    if let Some(url) = endpoint(options, "AWS_ENDPOINT_URL_KMS") {
        kms = kms.endpoint_url(url);
    }
    Ok(kms)
}

/// How a store of objects is reached.
pub(crate) struct Reached {
    pub(crate) credentials: Option<SharedCredentialsProvider>,
    /// The longest that getting them may take.
    pub(crate) credentials_timeout: Duration,
    pub(crate) region: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) connector: SharedHttpConnector,
}

/// The same for S3, or for what speaks as S3 does.
pub(crate) async fn configure_objects(options: &ConnectOptions) -> Result<Reached, ConnectError> {
    options.check()?;
    ConnectOptions::check_process()?;
    let client = SharedHttpClient::new(http_client(options)?);
    let (shared, _) = shared(options, &client).await;
    let region = shared.region().map_or_else(|| "us-east-1".to_owned(), |region| region.as_ref().to_owned());
    let endpoint = endpoint(options, "AWS_ENDPOINT_URL_S3").map(str::to_owned).or_else(|| of_s3(&shared));
    if let Some(url) = &endpoint {
        check_endpoint("the endpoint of S3", url)?;
    }
    let settings = HttpConnectorSettings::builder().connect_timeout(options.connect_timeout).build();
    let connector = http_client(options)?.connector(&settings, shared.sleep_impl());
    let (credentials, credentials_timeout) = (shared.credentials_provider(), credentials_timeout(options));
    Ok(Reached { credentials, credentials_timeout, region, endpoint, connector })
}

/// The endpoint of S3 as clients of the SDK find theirs: in the environment or in the profile, the service's own first.
fn of_s3(shared: &SdkConfig) -> Option<String> {
    let key =
        ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| shared.service_config()?.load_config(key));
    own.or_else(|| shared.endpoint_url().map(str::to_owned))
}

/// The configuration with the credentials: roles are assumed one with the other, from the innermost outwards. Where there
/// are roles, those of a profile among them, also that with the credentials which the first of them is assumed with.
async fn shared(options: &ConnectOptions, client: &SharedHttpClient) -> (SdkConfig, Option<SdkConfig>) {
    let mut roles = Vec::new();
    let mut credential = &options.credential;
    while let Credential::Role { role_arn, external_id, base } = credential {
        roles.push((role_arn, external_id));
        credential = base;
    }
    let mut shared = load(options, credential, client).await;
    let base = match profile_source::of(options, credential).await {
        Some(source) => Some(load(options, &source, client).await),
        None => (!roles.is_empty()).then(|| shared.clone()),
    };
    for (role_arn, external_id) in roles.into_iter().rev() {
        let role = role(options, &shared, role_arn, external_id.as_deref()).await;
        shared = shared.into_builder().credentials_provider(role).build();
    }
    (shared, base)
}

/// The region that IAM signs for: there is one in each partition, whichever region is configured (the endpoint rules of
/// the IAM service). With an endpoint of one's own the SDK would sign for the configured region, which IAM refuses.
fn home_region(region: &str) -> &'static str {
    const HOMES: [(&str, &str); 7] = [
        ("cn-", "cn-north-1"),
        ("us-gov-", "us-gov-west-1"),
        ("eusc-", "eusc-de-east-1"),
        ("us-isob-", "us-isob-east-1"),
        ("us-isof-", "us-isof-south-1"),
        ("eu-isoe-", "eu-isoe-west-1"),
        ("us-iso-", "us-iso-east-1"),
    ];
    HOMES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("us-east-1", |(_, home)| home)
}

/// Keyreeve's own setting of an endpoint: the service's own first, as in every AWS tool.
fn endpoint<'a>(options: &'a ConnectOptions, service: &str) -> Option<&'a str> {
    options.variable(service).or_else(|| options.variable("AWS_ENDPOINT_URL"))
}

fn http_client(options: &ConnectOptions) -> Result<Client, ConnectError> {
    let from_process = || std::env::var("AWS_CA_BUNDLE").ok().filter(|path| !path.is_empty());
    let bundle = options.variable("AWS_CA_BUNDLE").map(str::to_owned).or_else(from_process);
    Client::new(bundle.as_deref().map(Path::new))
        .map_err(|source| ConnectError::CertificateBundle { path: bundle.unwrap_or_default(), source })
}

async fn load(options: &ConnectOptions, credential: &Credential, client: &SharedHttpClient) -> SdkConfig {
    let profile = match credential {
        Credential::Profile { name } => Some(name.as_str()),
        Credential::Ambient => options.variable("AWS_PROFILE"),
        Credential::AccessKey { .. } | Credential::Role { .. } => None,
    };
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(options.connect_timeout)
        .operation_attempt_timeout(options.request_timeout)
        .disable_read_timeout()
        .build();
    let region = region(options, profile).await;
    let mut loader: ConfigLoader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(client.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .identity_cache(credentials_in_time(options))
        // The whole answer is read within the attempt's time-out.
        .stalled_stream_protection(
            aws_config::stalled_stream_protection::StalledStreamProtectionConfig::disabled(),
        )
        // A wrong clock is reported, not guessed away.
        .disable_clock_skew_correction(true)
        .region(region.clone());
    if let Ok(name) = AppName::new("keyreeve") {
        loader = loader.app_name(name);
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Credential::AccessKey { access_key_id, secret_access_key } = credential {
        let keys =
            Credentials::new(access_key_id, secret_access_key.expose(), None, None, "keyreeve access key");
        loader = loader.credentials_provider(SharedCredentialsProvider::new(keys));
    }
    if let Credential::Profile { name } = credential {
        // In the ordinary chain keys of the environment come before the profile; what is named is what is meant.
        let surroundings =
            ProviderConfig::without_region().with_region(Some(region)).with_http_client(client.clone());
        let provider =
            ProfileFileCredentialsProvider::builder().profile_name(name).configure(&surroundings).build();
        loader = loader.credentials_provider(SharedCredentialsProvider::new(provider));
    }
    loader.load().await
}

fn credentials_in_time(options: &ConnectOptions) -> SharedIdentityCache {
    IdentityCache::lazy().load_timeout(credentials_timeout(options)).build()
}

/// Getting credentials takes no longer than a request may, nor than the SDK's own five seconds.
fn credentials_timeout(options: &ConnectOptions) -> Duration {
    const LONGEST: Duration = Duration::from_secs(5);
    options.request_timeout.min(LONGEST)
}

/// The region by the rules of every AWS tool, except that the instance is not asked: that would wait for a time-out
/// wherever there is none.
async fn region(options: &ConnectOptions, profile: Option<&str>) -> Region {
    let named = options.region.as_deref().filter(|region| !region.is_empty());
    let named =
        named.or_else(|| options.variable("AWS_REGION")).or_else(|| options.variable("AWS_DEFAULT_REGION"));
    if let Some(region) = named {
        return Region::new(region.to_owned());
    }
    let mut from_profile = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        from_profile = from_profile.profile_name(profile);
    }
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(from_profile.build())
        .region()
        .await
        .unwrap_or_else(|| Region::from_static("us-east-1"))
}

async fn role(
    options: &ConnectOptions,
    base: &SdkConfig,
    role_arn: &str,
    external_id: Option<&str>,
) -> SharedCredentialsProvider {
    let mut sts = base.clone().into_builder();
    if let Some(url) = endpoint(options, "AWS_ENDPOINT_URL_STS") {
        sts = sts.endpoint_url(url);
    }
    let mut role = AssumeRoleProvider::builder(role_arn).session_name("keyreeve").configure(&sts.build());
    if let Some(external_id) = external_id {
        role = role.external_id(external_id);
    }
    SharedCredentialsProvider::new(role.build().await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_has_one_region_in_each_partition() {
        for (configured, home) in [
            ("eu-central-1", "us-east-1"),
            ("us-west-2", "us-east-1"),
            ("cn-northwest-1", "cn-north-1"),
            ("us-gov-east-1", "us-gov-west-1"),
            ("us-iso-west-1", "us-iso-east-1"),
            ("us-isob-west-1", "us-isob-east-1"),
            ("eusc-de-east-1", "eusc-de-east-1"),
        ] {
            assert_eq!(home_region(configured), home, "{configured}");
        }
    }

    #[test]
    fn the_services_own_endpoint_comes_first() {
        let mut options = ConnectOptions::new(Credential::Ambient);
        options.environment.insert("AWS_ENDPOINT_URL".into(), "http://a".into());
        assert_eq!(endpoint(&options, "AWS_ENDPOINT_URL_IAM"), Some("http://a"));
        options.environment.insert("AWS_ENDPOINT_URL_IAM".into(), "http://b".into());
        assert_eq!(endpoint(&options, "AWS_ENDPOINT_URL_IAM"), Some("http://b"));
        assert_eq!(endpoint(&options, "AWS_ENDPOINT_URL_STS"), Some("http://a"));
    }
}
