//! The process's environment, taken once.

use std::collections::BTreeMap;

use keyreeve_model::Secret;

/// Holds a token, so it is kept apart and not shown.
const TOKEN: &str = "KEYREEVE_TOKEN";

/// The variables of the process that are text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    token: Option<Secret>,
}

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        let wanted =
            |name: &str| (name.starts_with("KEYREEVE_") && name != TOKEN) || name.starts_with("AWS_");
        let text = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| wanted(name))?;
            let value = without_key(&name, value.into_string().ok()?)?;
            Some((name, value))
        });
        // A token that is no text, or empty, is still one: it must be refused, not passed over.
        let token = std::env::var_os(TOKEN);
        let token = token.map(|value| Secret::new(value.to_string_lossy().into_owned()));
        Self { variables: text.collect(), token }
    }

    /// The token that says who acts.
    pub(crate) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// These variables and no others.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { variables: variables.iter().map(owned).collect(), token: None }
    }

    /// A variable; one that is empty counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }
}

/// A variable that holds a key of a store is read where the key is needed, and kept nowhere else. Where a place should
/// be named, a key must still be refused.
fn without_key(name: &str, value: String) -> Option<String> {
    match (keyreeve_store::is_key(&value), name) {
        (false, _) => Some(value),
        (true, "KEYREEVE_KEY") => Some("a key".to_owned()),
        (true, _) => None,
    }
}

/// The keys of the file that are variables too.
pub(super) const KEYS: [&str; 31] = [
    "DATA_DIR",
    "DATABASE",
    "KEY",
    "OUTPUT",
    "LOG",
    "LOG_FORMAT",
    "IMPORT_LEASE_SECONDS",
    "JOB_LEASE_SECONDS",
    "IMPORT_JOBS",
    "HISTORY_DAYS",
    "LISTEN",
    "SERVER",
    "CA_FILE",
    "PUBLIC_URL",
    "TLS_CERTIFICATE",
    "TLS_KEY",
    "ALLOW_PLAIN_HTTP",
    "METRICS_WITHOUT_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_ORGANIZATIONS",
    "AWS_REQUEST_TIMEOUT_SECONDS",
    "AWS_LEND_OWN_CREDENTIALS",
    "AWS_S3_ALLOW_HTTP",
    "AWS_S3_ENCRYPTION",
    "AWS_S3_KMS_KEY",
    "AWS_REGION",
    "AWS_PROFILE",
];

/// Variables that look like ours but mean nothing: misspelt ones.
pub(crate) fn unknown_names(environment: &Environment) -> Vec<String> {
    let known = |name: &str| {
        name.strip_prefix("KEYREEVE_")
            .is_none_or(|key| key == "CONFIG" || key.starts_with("TEST_") || KEYS.contains(&key))
    };
    environment.names().filter(|name| !known(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_variables_are_found() {
        let environment =
            Environment::of(&[("KEYREEVE_DATADIR", "x"), ("KEYREEVE_DATA_DIR", "x"), ("AWS_REGION", "x")]);
        assert_eq!(unknown_names(&environment), ["KEYREEVE_DATADIR"]);
    }
}
