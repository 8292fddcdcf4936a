//! What the configuration says about AWS. The process's own `AWS_…` variables win, as they do in every AWS tool.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Environment;

/// The `[aws]` table. Only the configuration and the environment can say this, never a system's data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AwsEnvironment {
    /// `AWS_ENDPOINT_URL`
    pub(crate) endpoint_url: Option<String>,
    /// `AWS_ENDPOINT_URL_IAM`
    pub(crate) endpoint_url_iam: Option<String>,
    /// `AWS_ENDPOINT_URL_KMS`
    pub(crate) endpoint_url_kms: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`
    pub(crate) endpoint_url_s3: Option<String>,
    /// `AWS_ENDPOINT_URL_STS`
    pub(crate) endpoint_url_sts: Option<String>,
    /// `AWS_ENDPOINT_URL_ORGANIZATIONS`
    pub(crate) endpoint_url_organizations: Option<String>,
    /// The longest that one request may take, its answer included, in seconds.
    pub(crate) request_timeout_seconds: Option<u64>,
    /// Whether administrators who ask from afar may have systems sign in with this machine's own credentials.
    pub(crate) lend_own_credentials: Option<bool>,
    /// Whether an export may go to an endpoint of S3 on another machine without TLS.
    pub(crate) s3_allow_http: Option<bool>,
    /// How S3 is to encrypt exports: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub(crate) s3_encryption: Option<String>,
    /// The key of AWS KMS for that.
    pub(crate) s3_kms_key: Option<String>,
    /// `AWS_REGION`
    pub(crate) region: Option<String>,
    /// `AWS_PROFILE`
    pub(crate) profile: Option<String>,
}

impl AwsEnvironment {
    /// These settings where they are set, else those.
    pub(super) fn over(self, other: Self) -> Self {
        Self {
            endpoint_url: self.endpoint_url.or(other.endpoint_url),
            endpoint_url_iam: self.endpoint_url_iam.or(other.endpoint_url_iam),
            endpoint_url_kms: self.endpoint_url_kms.or(other.endpoint_url_kms),
            endpoint_url_s3: self.endpoint_url_s3.or(other.endpoint_url_s3),
            endpoint_url_sts: self.endpoint_url_sts.or(other.endpoint_url_sts),
            s3_allow_http: self.s3_allow_http.or(other.s3_allow_http),
            s3_encryption: self.s3_encryption.or(other.s3_encryption),
            s3_kms_key: self.s3_kms_key.or(other.s3_kms_key),
            endpoint_url_organizations: self.endpoint_url_organizations.or(other.endpoint_url_organizations),
            request_timeout_seconds: self.request_timeout_seconds.or(other.request_timeout_seconds),
            lend_own_credentials: self.lend_own_credentials.or(other.lend_own_credentials),
            region: self.region.or(other.region),
            profile: self.profile.or(other.profile),
        }
    }

    /// The variables to add to those of the process: only what the process does not say itself.
    pub(crate) fn additions(&self, process: &Environment) -> BTreeMap<String, String> {
        let mut additions = BTreeMap::new();
        let mut add = |name: &str, overridden_by: &[&str], value: Option<&String>| {
            if let Some(value) = value
                && overridden_by.iter().all(|name| process.get(name).is_none())
            {
                additions.insert(name.to_owned(), value.clone());
            }
        };
        let iam = self.endpoint_url_iam.as_ref().or(self.endpoint_url.as_ref());
        let kms = self.endpoint_url_kms.as_ref().or(self.endpoint_url.as_ref());
        let s3 = self.endpoint_url_s3.as_ref().or(self.endpoint_url.as_ref());
        let sts = self.endpoint_url_sts.as_ref().or(self.endpoint_url.as_ref());
        add("AWS_ENDPOINT_URL_IAM", &["AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL"], iam);
        add("AWS_ENDPOINT_URL_KMS", &["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"], kms);
        add("AWS_ENDPOINT_URL_S3", &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], s3);
        add("AWS_ENDPOINT_URL_STS", &["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"], sts);
        let organizations = self.endpoint_url_organizations.as_ref().or(self.endpoint_url.as_ref());
        let name = "AWS_ENDPOINT_URL_ORGANIZATIONS";
        add(name, &[name, "AWS_ENDPOINT_URL"], organizations);
        add("AWS_REGION", &["AWS_REGION", "AWS_DEFAULT_REGION"], self.region.as_ref());
        add("AWS_PROFILE", &["AWS_PROFILE"], self.profile.as_ref());
        additions
    }

    /// The region that AWS is reached in where a system has none of its own.
    pub(crate) fn region(&self, process: &Environment) -> Option<String> {
        let said = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| process.get(name));
        said.map(str::to_owned).or_else(|| self.region.clone()).filter(|region| !region.is_empty())
    }

    /// The endpoints that are not AWS's own, by the name of the service.
    pub(crate) fn endpoints(&self, process: &Environment) -> Vec<(&'static str, String)> {
        let additions = self.additions(process);
        let services = [
            ("IAM", "AWS_ENDPOINT_URL_IAM"),
            ("KMS", "AWS_ENDPOINT_URL_KMS"),
            ("S3", "AWS_ENDPOINT_URL_S3"),
            ("STS", "AWS_ENDPOINT_URL_STS"),
            ("Organizations", "AWS_ENDPOINT_URL_ORGANIZATIONS"),
        ];
        services
            .into_iter()
            .filter_map(|(service, name)| {
                let said = process.get(name).or_else(|| process.get("AWS_ENDPOINT_URL"));
                let url = said.or_else(|| additions.get(name).map(String::as_str))?;
                Some((service, url.to_owned()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_wins_and_a_general_endpoint_reaches_what_it_left_open() {
        let file = AwsEnvironment {
            endpoint_url: Some("http://file".into()),
            region: Some("eu-west-1".into()),
            ..AwsEnvironment::default()
        };
        let additions = |variables: &[(&str, &str)]| -> Vec<String> {
            file.additions(&Environment::of(variables)).into_keys().collect()
        };
        let organizations = "AWS_ENDPOINT_URL_ORGANIZATIONS";
        assert_eq!(
            additions(&[]),
            [
                "AWS_ENDPOINT_URL_IAM",
                "AWS_ENDPOINT_URL_KMS",
                organizations,
                "AWS_ENDPOINT_URL_S3",
                "AWS_ENDPOINT_URL_STS",
                "AWS_REGION"
            ]
        );
        assert_eq!(additions(&[("AWS_ENDPOINT_URL", "http://process")]), ["AWS_REGION"]);
        assert_eq!(
            additions(&[("AWS_ENDPOINT_URL_IAM", "http://p"), ("AWS_DEFAULT_REGION", "x")]),
            ["AWS_ENDPOINT_URL_KMS", organizations, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"]
        );
        let process = Environment::of(&[("AWS_ENDPOINT_URL_IAM", "http://p")]);
        assert_eq!(
            file.endpoints(&process)
                .into_iter()
                .map(|(service, url)| format!("{service} {url}"))
                .collect::<Vec<_>>(),
            [
                "IAM http://p",
                "KMS http://file",
                "S3 http://file",
                "STS http://file",
                "Organizations http://file"
            ]
        );
    }
}
