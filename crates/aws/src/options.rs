//! What a connection is made from, and what of it cannot be right.

use std::collections::BTreeMap;
use std::time::Duration;

use keyreeve_model::Secret;

/// How we prove who we are.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The access key of an IAM user.
    AccessKey {
        /// `AKIA…`.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: Secret,
    },
    /// A profile of the AWS configuration files.
    Profile {
        /// Its name.
        name: String,
    },
    /// Whatever the AWS credential chain finds: environment, default profile, web identity, container, instance.
    Ambient,
    /// A role, assumed with other credentials.
    Role {
        /// The role's ARN.
        role_arn: String,
        /// The external id that the role's trust policy asks for.
        external_id: Option<String>,
        /// The credentials to assume it with: [`Credential::Ambient`] as a rule, or another role. The session then
        /// lasts an hour at most (STS API Reference, `AssumeRole`, "role chaining"); it is renewed before it ends.
        base: Box<Credential>,
    },
}

/// What a connection is made from.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// How we prove who we are.
    pub credential: Credential,
    /// The AWS region; by default the environment's, else the profile's, else `us-east-1`. IAM answers for the
    /// whole partition, so the region chooses the partition.
    pub region: Option<String>,
    /// AWS variables from Keyreeve's own configuration file. They win over the process's environment and mean the
    /// same: `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_IAM`, `AWS_ENDPOINT_URL_KMS`, `AWS_ENDPOINT_URL_S3`,
    /// `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL_ORGANIZATIONS`, `AWS_REGION`, `AWS_DEFAULT_REGION`, `AWS_PROFILE`,
    /// `AWS_CA_BUNDLE`. Never to be filled from a system's data.
    pub environment: BTreeMap<String, String>,
    /// The longest one request may take, its answer included.
    pub request_timeout: Duration,
    /// The longest that making a connection may take.
    pub connect_timeout: Duration,
}

impl ConnectOptions {
    /// The defaults with some credential: 30 s for a request, 5 s to connect.
    #[must_use]
    pub fn new(credential: Credential) -> Self {
        Self {
            credential,
            region: None,
            environment: BTreeMap::new(),
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
        }
    }

    /// A variable that is set, and not to nothing.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        if let Some(name) = self.environment.keys().find(|name| !VARIABLES.contains(&name.as_str())) {
            return Err(ConnectError::Variable { name: name.clone(), known: VARIABLES.join(", ") });
        }
        check_endpoints(|name| self.variable(name).map(str::to_owned))?;
        self.check_region()?;
        self.credential.check()
    }

    /// Hosts are named after regions: one that is none could lead requests to anybody.
    fn check_region(&self) -> Result<(), ConnectError> {
        match self.region.as_deref() {
            Some(region) if !region.is_empty() && crate::partition_of_region(region).is_none() => {
                Err(ConnectError::Region { region: region.chars().take(80).collect() })
            }
            _ => Ok(()),
        }
    }

    /// The endpoints that the process's environment names. The SDK reads them by itself, and panics over an empty
    /// one.
    pub(crate) fn check_process() -> Result<(), ConnectError> {
        check_endpoints(|name| std::env::var_os(name).map(|url| url.to_string_lossy().into_owned()))
    }
}

const VARIABLES: &[&str] = &[
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_ORGANIZATIONS",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_CA_BUNDLE",
];

fn check_endpoints(variable: impl Fn(&str) -> Option<String>) -> Result<(), ConnectError> {
    const ENDPOINTS: [&str; 6] = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_IAM",
        "AWS_ENDPOINT_URL_KMS",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_STS",
        "AWS_ENDPOINT_URL_ORGANIZATIONS",
    ];
    for name in ENDPOINTS {
        if let Some(url) = variable(name) {
            check_endpoint(name, &url)?;
        }
    }
    Ok(())
}

/// An endpoint is a URL without a password in it, wherever it is said.
pub(crate) fn check_endpoint(name: &'static str, url: &str) -> Result<(), ConnectError> {
    match is_endpoint(url) {
        true => Ok(()),
        false => Err(ConnectError::Endpoint { name, what: described(url) }),
    }
}

fn is_endpoint(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let graphic = url.bytes().all(|byte| byte.is_ascii_graphic());
    rest.is_some_and(|rest| {
        graphic && !rest.is_empty() && !rest.starts_with(['/', ':']) && !rest.contains('@')
    })
}

/// What a wrong endpoint says, unless that may hold a password.
fn described(url: &str) -> String {
    match url {
        "" => "empty".to_owned(),
        _ if url.contains('@') => "a URL with a name or a password in it".to_owned(),
        _ => format!("{:?}", url.chars().take(80).collect::<String>()),
    }
}

/// So many roles in a row; more are a mistake.
const LONGEST_CHAIN: usize = 5;

impl Credential {
    fn roles(&self) -> usize {
        match self {
            Self::Role { base, .. } => 1 + base.roles(),
            _ => 0,
        }
    }

    fn check(&self) -> Result<(), ConnectError> {
        let printable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        match self {
            Self::AccessKey { access_key_id, secret_access_key } => {
                if !printable(access_key_id) {
                    return Err(ConnectError::Credential("the access key id is empty or not plain ASCII"));
                }
                if !printable(secret_access_key.expose()) {
                    return Err(ConnectError::Credential(
                        "the secret access key is empty or not plain ASCII",
                    ));
                }
                Ok(())
            }
            Self::Profile { name } if name.trim().is_empty() => {
                Err(ConnectError::Credential("the profile name is empty"))
            }
            Self::Profile { name } => crate::profile_files::check(name),
            Self::Role { .. } if self.roles() > LONGEST_CHAIN => {
                Err(ConnectError::Credential("more than five roles are assumed one after the other"))
            }
            Self::Role { role_arn, base, .. } => {
                if crate::arn::Arn::parse(role_arn).is_none_or(|arn| arn.account_id().is_none()) {
                    return Err(ConnectError::Credential(
                        "the role's ARN is not of the form arn:aws:iam::123456789012:role/name",
                    ));
                }
                base.check()
            }
            _ => Ok(()),
        }
    }
}

/// A connection could not be prepared. Nothing was sent to AWS.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credential cannot be right.
    #[error("cannot connect to AWS: {0}")]
    Credential(&'static str),
    /// A profile that does not exist.
    #[error(
        "cannot connect to AWS: the profile {name:?} is neither in {config:?} nor in {credentials:?}; give a profile \
         that exists, or add this one there"
    )]
    NoProfile {
        /// The profile.
        name: String,
        /// The file of configurations.
        config: String,
        /// The file of credentials.
        credentials: String,
    },
    /// A region that is none.
    #[error(
        "cannot connect to AWS: {region:?}, which the system is said to be in, is no AWS region; set another one"
    )]
    Region {
        /// What is said.
        region: String,
    },
    /// An endpoint that is no URL.
    #[error(
        "cannot connect to AWS: {name} is {what}, but must be a URL like https://iam.example.com; mend it, or unset \
         it to reach AWS itself"
    )]
    Endpoint {
        /// The variable.
        name: &'static str,
        /// What it says, in words for an error.
        what: String,
    },
    /// A variable that cannot be set here.
    #[error("cannot connect to AWS: {name:?} cannot be set in the configuration file; these can: {known}")]
    Variable {
        /// The variable.
        name: String,
        /// Those that can be set.
        known: String,
    },
    /// The file of certificate authorities cannot be read.
    #[error("cannot connect to AWS: the file {path:?}, named by AWS_CA_BUNDLE, cannot be read")]
    CertificateBundle {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl ConnectError {
    /// Whether the configuration or the environment of this process is wrong, rather than the credential.
    #[must_use]
    pub fn is_surroundings(&self) -> bool {
        !matches!(self, Self::Credential(_) | Self::NoProfile { .. } | Self::Region { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(credential: Credential) -> ConnectOptions {
        ConnectOptions::new(credential)
    }

    fn key(id: &str, secret: &str) -> Credential {
        Credential::AccessKey { access_key_id: id.into(), secret_access_key: Secret::new(secret.into()) }
    }

    #[test]
    fn what_cannot_be_right_is_refused_before_anything_is_sent() {
        let role = |arn: &str, base| Credential::Role {
            role_arn: arn.into(),
            external_id: None,
            base: Box::new(base),
        };
        let one = |base| role("arn:aws:iam::123456789012:role/x", base);
        let good = (0..5).fold(Credential::Ambient, |base, _| one(base));
        assert!(options(good.clone()).check().is_ok());
        for bad in [
            key("", "s"),
            key("AKIA", ""),
            key("AKIA", "with space"),
            key("AK\nIA", "s"),
            Credential::Profile { name: " ".into() },
            role("role/x", Credential::Ambient),
            one(good),
            one(role("role/x", Credential::Ambient)),
        ] {
            assert!(options(bad.clone()).check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_systems_region_is_one_that_is_known() {
        let mut options = options(Credential::Ambient);
        for (region, fits) in
            [("us-gov-west-1", true), ("", true), ("us-east-1.evil.com/#", false), ("eu-nowhere-1", false)]
        {
            options.region = Some(region.to_owned());
            assert_eq!(options.check().is_ok(), fits, "{region:?}");
        }
        // What the environment says is not a system's: it may be opened after our table was written.
        options.region = None;
        options.environment.insert("AWS_REGION".into(), "eu-nowhere-1".into());
        assert!(options.check().is_ok());
    }

    #[test]
    fn endpoints_are_urls_and_only_aws_variables_pass() {
        let with = |name: &str, value: &str| {
            let mut options = options(key("AKIA", "s"));
            options.environment.insert(name.into(), value.into());
            options.check().map_err(|error| error.to_string())
        };
        assert!(with("AWS_ENDPOINT_URL", "http://127.0.0.1:5000").is_ok());
        assert!(with("AWS_ENDPOINT_URL_IAM", "127.0.0.1:5000").is_err());
        for bad in ["http://", "http:///x", "http://:80", "ftp://x", "http://a b", "http://a\u{1b}[2J"] {
            assert!(with("AWS_ENDPOINT_URL", bad).unwrap_err().contains("AWS_ENDPOINT_URL is "), "{bad:?}");
        }
        let error = with("AWS_ENDPOINT_URL_STS", "https://user:canary@example.com").unwrap_err();
        assert!(error.contains("AWS_ENDPOINT_URL_STS") && !error.contains("canary"), "{error}");
        let error = with("AWS_SECRET_ACCESS_KEY", "canary").unwrap_err();
        assert!(error.contains("AWS_SECRET_ACCESS_KEY") && !error.contains("canary"), "{error}");
    }
}
