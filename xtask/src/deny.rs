//! The lists of `deny.toml`: the one place that says which licences, crates and sources may be used.
//!
//! The file is in cargo-deny's format, so `cargo deny check` and `cargo xtask licences` judge by the same lists.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow};
use toml::{Table, Value};

/// The parts of `deny.toml` that our own check reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    /// SPDX identifiers (possibly `WITH` an exception) every crate may use.
    pub(crate) licences: Vec<String>,
    /// Crates that may use further licences.
    pub(crate) exceptions: Vec<Exception>,
    /// Names of crates that may not be in the tree, with the reason.
    pub(crate) forbidden: Vec<(String, String)>,
    /// Versions that may be present beside a newer one.
    pub(crate) duplicates: Vec<Duplicate>,
    /// Indexes that crates may come from.
    pub(crate) registries: Vec<String>,
}

/// A crate that may use licences besides the general ones.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) name: String,
    pub(crate) licences: Vec<String>,
}

/// An older version that may stay: `name:0.5`, where all of `0.5.x` count as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Duplicate {
    pub(crate) name: String,
    pub(crate) series: String,
}

impl Lists {
    /// Reads `deny.toml` in `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let text = fs::read_to_string(root.join("deny.toml")).context("reading deny.toml")?;
        Self::parse(&text).context("reading deny.toml")
    }

    /// Reads the text of a `deny.toml`; every listed duplicate and ban must carry its reason.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let file: Table = text.parse().context("it is not valid TOML")?;
        let mut lists = Self {
            licences: strings(&file, "licenses", "allow")?,
            registries: strings(&file, "sources", "allow-registry")?,
            ..Self::default()
        };
        for entry in entries(&file, "licenses", "exceptions")? {
            let licences =
                text_array(entry.get("allow")).context("licenses.exceptions: `allow` is missing")?;
            lists.exceptions.push(Exception { name: field(entry, "crate")?.to_owned(), licences });
        }
        for entry in entries(&file, "bans", "deny")? {
            lists.forbidden.push((field(entry, "crate")?.to_owned(), field(entry, "reason")?.to_owned()));
        }
        for entry in entries(&file, "bans", "skip")? {
            field(entry, "reason")?;
            let (name, series) = field(entry, "crate")?
                .split_once(':')
                .ok_or_else(|| anyhow!("bans.skip: write `name:series`, such as `syn:1`"))?;
            lists.duplicates.push(Duplicate { name: name.to_owned(), series: series.to_owned() });
        }
        Ok(lists)
    }
}

fn section<'a>(file: &'a Table, section: &str, key: &str) -> Result<&'a Vec<Value>> {
    file.get(section)
        .and_then(|section| section.get(key))
        .and_then(Value::as_array)
        .ok_or_else(|| anyhow!("the list {section}.{key} is missing"))
}

fn strings(file: &Table, name: &str, key: &str) -> Result<Vec<String>> {
    let list = section(file, name, key)?;
    list.iter()
        .map(|value| {
            value.as_str().map(str::to_owned).ok_or_else(|| anyhow!("{name}.{key} holds more than text"))
        })
        .collect()
}

fn entries<'a>(file: &'a Table, name: &str, key: &str) -> Result<Vec<&'a Table>> {
    let list = section(file, name, key)?;
    list.iter()
        .map(|value| value.as_table().ok_or_else(|| anyhow!("{name}.{key}: write {{ crate = …, … }}")))
        .collect()
}

fn field<'a>(entry: &'a Table, key: &str) -> Result<&'a str> {
    entry.get(key).and_then(Value::as_str).ok_or_else(|| anyhow!("an entry has no `{key}`: {entry}"))
}

fn text_array(value: Option<&Value>) -> Option<Vec<String>> {
    value?.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "roots", allow = ["CDLA-Permissive-2.0"] }]
        [bans]
        deny = [{ crate = "openssl", reason = "rustls" }]
        skip = [{ crate = "syn:1", reason = "old macros" }]
        [sources]
        allow-registry = ["https://github.com/rust-lang/crates.io-index"]
    "#;

    #[test]
    fn every_list_is_read() {
        let lists = Lists::parse(FILE).unwrap();
        assert_eq!(lists.licences, ["MIT"]);
        assert_eq!(lists.exceptions[0].licences, ["CDLA-Permissive-2.0"]);
        assert_eq!(lists.forbidden, [("openssl".to_owned(), "rustls".to_owned())]);
        assert_eq!(lists.duplicates, [Duplicate { name: "syn".into(), series: "1".into() }]);
        assert_eq!(lists.registries.len(), 1);
    }

    #[test]
    fn an_entry_without_its_reason_or_series_is_refused() {
        assert!(Lists::parse(&FILE.replace(", reason = \"old macros\"", "")).is_err());
        assert!(Lists::parse(&FILE.replace(", reason = \"rustls\"", "")).is_err());
        assert!(Lists::parse(&FILE.replace("syn:1", "syn@1.0.0")).is_err());
    }

    #[test]
    fn a_missing_list_is_named() {
        let error = Lists::parse(&FILE.replace("allow-registry", "allow-git")).unwrap_err();
        assert!(error.to_string().contains("sources.allow-registry"), "{error}");
    }
}
