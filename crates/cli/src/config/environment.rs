//! The process's environment, taken once.

use std::collections::BTreeMap;

/// The variables of the process that are text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        let wanted = |name: &str| name.starts_with("KEYREEVE_") || name.starts_with("AWS_");
        let text = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok().filter(|name| wanted(name))?, value.into_string().ok()?))
        });
        Self(text.collect())
    }

    /// These variables and no others.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A variable; one that is empty counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The keys of the file that are variables too.
pub(super) const KEYS: [&str; 11] = [
    "DATA_DIR",
    "DATABASE",
    "OUTPUT",
    "LOG",
    "LOG_FORMAT",
    "IMPORT_LEASE_SECONDS",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_STS",
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
