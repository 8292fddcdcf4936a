//! The keys of `keyreeve.toml`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

use super::{AuditSettings, AwsEnvironment, Environment, Notifications, SignInSettings};
use crate::exit::Refusal;
use crate::output::Format;

/// What can stand in the file; anything else is refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) database: Option<String>,
    pub(super) key: Option<String>,
    pub(super) output: Option<Format>,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<LogFormat>,
    pub(super) import_lease_seconds: Option<u64>,
    pub(super) job_lease_seconds: Option<u64>,
    pub(super) import_jobs: Option<u64>,
    pub(super) history_days: Option<u64>,
    pub(super) listen: Option<String>,
    pub(super) server: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) public_url: Option<String>,
    pub(super) tls_certificate: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) metrics_without_token: Option<bool>,
    pub(super) allow_plain_http: Option<bool>,
    pub(super) notifications: Notifications,
    pub(super) audit: AuditSettings,
    pub(super) sign_in: SignInSettings,
    pub(super) aws: AwsEnvironment,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

const DOING: &str = "reading the configuration";

impl File {
    /// Reads the file. What it holds is never repeated in an error, because it may be a password.
    pub(super) fn read(path: &Path) -> Result<Self, Refusal> {
        let refuse = |why: String| Refusal::new(DOING, format!("{}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| {
            refuse(error.to_string())
                .hint("mend the path given by --config or KEYREEVE_CONFIG, or leave it out")
        })?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|span| {
                text.get(..span.start).unwrap_or_default().bytes().filter(|byte| *byte == b'\n').count() + 1
            });
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            refuse(format!("{place}{}", without_values(error.message())))
        })
    }

    /// The same keys from variables.
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, Refusal> {
        let text = |key: &str| environment.get(&format!("KEYREEVE_{key}")).map(str::to_owned);
        Ok(Self {
            data_dir: text("DATA_DIR").map(PathBuf::from),
            database: text("DATABASE"),
            key: text("KEY"),
            output: choice(text("OUTPUT"), "KEYREEVE_OUTPUT")?,
            log: text("LOG"),
            log_format: choice(text("LOG_FORMAT"), "KEYREEVE_LOG_FORMAT")?,
            import_lease_seconds: whole_number(environment, "KEYREEVE_IMPORT_LEASE_SECONDS")?,
            job_lease_seconds: whole_number(environment, "KEYREEVE_JOB_LEASE_SECONDS")?,
            import_jobs: whole_number(environment, "KEYREEVE_IMPORT_JOBS")?,
            history_days: whole_number(environment, "KEYREEVE_HISTORY_DAYS")?,
            listen: text("LISTEN"),
            server: text("SERVER"),
            ca_file: text("CA_FILE").map(PathBuf::from),
            public_url: text("PUBLIC_URL"),
            tls_certificate: text("TLS_CERTIFICATE").map(PathBuf::from),
            tls_key: text("TLS_KEY").map(PathBuf::from),
            metrics_without_token: yes_or_no(environment, "KEYREEVE_METRICS_WITHOUT_TOKEN")?,
            allow_plain_http: yes_or_no(environment, "KEYREEVE_ALLOW_PLAIN_HTTP")?,
            notifications: Notifications::default(),
            audit: AuditSettings::default(),
            sign_in: SignInSettings::default(),
            aws: AwsEnvironment {
                endpoint_url: text("AWS_ENDPOINT_URL"),
                endpoint_url_iam: text("AWS_ENDPOINT_URL_IAM"),
                endpoint_url_kms: text("AWS_ENDPOINT_URL_KMS"),
                endpoint_url_s3: text("AWS_ENDPOINT_URL_S3"),
                endpoint_url_sts: text("AWS_ENDPOINT_URL_STS"),
                s3_allow_http: yes_or_no(environment, "KEYREEVE_AWS_S3_ALLOW_HTTP")?,
                s3_encryption: text("AWS_S3_ENCRYPTION"),
                s3_kms_key: text("AWS_S3_KMS_KEY"),
                endpoint_url_organizations: text("AWS_ENDPOINT_URL_ORGANIZATIONS"),
                request_timeout_seconds: whole_number(environment, "KEYREEVE_AWS_REQUEST_TIMEOUT_SECONDS")?,
                lend_own_credentials: yes_or_no(environment, "KEYREEVE_AWS_LEND_OWN_CREDENTIALS")?,
                region: text("AWS_REGION"),
                profile: text("AWS_PROFILE"),
            },
        })
    }

    /// These settings where they are set, else those.
    pub(super) fn over(self, other: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(other.data_dir),
            database: self.database.or(other.database),
            key: self.key.or(other.key),
            output: self.output.or(other.output),
            log: self.log.or(other.log),
            log_format: self.log_format.or(other.log_format),
            import_lease_seconds: self.import_lease_seconds.or(other.import_lease_seconds),
            job_lease_seconds: self.job_lease_seconds.or(other.job_lease_seconds),
            import_jobs: self.import_jobs.or(other.import_jobs),
            history_days: self.history_days.or(other.history_days),
            listen: self.listen.or(other.listen),
            server: self.server.or(other.server),
            ca_file: self.ca_file.or(other.ca_file),
            public_url: self.public_url.or(other.public_url),
            tls_certificate: self.tls_certificate.or(other.tls_certificate),
            tls_key: self.tls_key.or(other.tls_key),
            metrics_without_token: self.metrics_without_token.or(other.metrics_without_token),
            allow_plain_http: self.allow_plain_http.or(other.allow_plain_http),
            notifications: other.notifications,
            audit: other.audit,
            sign_in: other.sign_in,
            aws: self.aws.over(other.aws),
        }
    }
}

fn whole_number(environment: &Environment, name: &str) -> Result<Option<u64>, Refusal> {
    let number = environment.get(name).map(str::parse).transpose();
    number.map_err(|_| Refusal::new(DOING, format!("{name} is not a whole number")))
}

fn yes_or_no(environment: &Environment, name: &str) -> Result<Option<bool>, Refusal> {
    let value = environment.get(name).map(str::parse).transpose();
    value.map_err(|_| Refusal::new(DOING, format!("{name} must be true or false")))
}

fn choice<T: ValueEnum>(text: Option<String>, name: &str) -> Result<Option<T>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    T::from_str(&text, true).map(Some).map_err(|_| {
        let known: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|variant| Some(variant.to_possible_value()?.get_name().to_owned()))
            .collect();
        Refusal::new(DOING, format!("{name} must be one of: {}", known.join(", ")))
    })
}

/// A parser's message without the value it complains about.
fn without_values(message: &str) -> String {
    match message.split_once("invalid type: ").or_else(|| message.split_once("invalid value: ")) {
        Some((_, rest)) => match rest.rsplit_once("expected ") {
            Some((_, expected)) => format!("a value of the wrong kind, expected {expected}"),
            None => "a value of the wrong kind".to_owned(),
        },
        None => message.lines().next().unwrap_or_default().to_owned(),
    }
}
