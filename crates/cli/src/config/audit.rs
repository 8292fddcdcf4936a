//! Where the audit log is sent while it is written.

use std::collections::HashSet;
use std::path::PathBuf;

use keyreeve_server::audit_export::{SinkError, SyslogPlace};
use keyreeve_server::notify::Network;
use keyreeve_store::AuditFrom;
use serde::Deserialize;

use crate::exit::Refusal;

const LONGEST_NAME: usize = 32;

/// The `[audit]` table. Only the file says this: neither a request nor a system's data names a place that we send to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditSettings {
    /// The places.
    pub(crate) sinks: Vec<AuditSinkSettings>,
}

/// One place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditSinkSettings {
    /// What it is called; how far it is, is kept under this name.
    pub(crate) name: String,
    /// What it is.
    kind: AuditSinkKind,
    /// Where it begins, if nothing was sent to it yet.
    #[serde(default)]
    pub(crate) from: AuditFrom,
    path: Option<PathBuf>,
    address: Option<String>,
    url: Option<String>,
    secret_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    /// Networks that may be called besides the internet.
    #[serde(default, deserialize_with = "super::notifications::networks")]
    pub(crate) networks: Vec<Network>,
    /// A file of certificates to know the other end by, instead of the machine's own.
    pub(crate) authorities: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuditSinkKind {
    File,
    Syslog,
    Http,
}

/// A place, with what it needs.
#[derive(Debug)]
pub(crate) enum AuditPlace<'a> {
    /// A file.
    File(&'a PathBuf),
    /// A syslog server, or a socket of this machine.
    Syslog(SyslogPlace),
    /// An address, the file of the secret to sign with, and that of a token.
    Http { url: &'a str, secret_file: &'a PathBuf, token_file: Option<&'a PathBuf> },
}

impl AuditSettings {
    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let refuse = |why: String| Refusal::new("reading the configuration", why);
        let (mut names, mut paths) = (HashSet::new(), HashSet::new());
        for sink in &self.sinks {
            let well = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
            if sink.name.is_empty() || sink.name.len() > LONGEST_NAME || !sink.name.chars().all(well) {
                return Err(refuse(format!(
                    "`name` in [[audit.sinks]] must be 1 to {LONGEST_NAME} of a-z, 0-9 and hyphens"
                )));
            }
            if !names.insert(&sink.name) {
                return Err(refuse(format!("two of [[audit.sinks]] are called {}", sink.name)));
            }
            if let AuditPlace::File(path) = sink.place()?
                && !paths.insert(path)
            {
                return Err(refuse(format!(
                    "sink {} in [[audit.sinks]] has the file of another one",
                    sink.name
                )));
            }
        }
        Ok(())
    }
}

impl AuditSinkSettings {
    /// What the kind of sink needs.
    ///
    /// # Errors
    /// Something is missing, is of another kind, or makes no sense.
    pub(crate) fn place(&self) -> Result<AuditPlace<'_>, Refusal> {
        let refuse = |why: String| {
            let why = format!("sink {} in [[audit.sinks]]: {why}", self.name);
            Refusal::new("reading the configuration", why)
        };
        let allowed: &[&str] = match self.kind {
            AuditSinkKind::File => &["path"],
            AuditSinkKind::Syslog => &["address", "networks", "authorities"],
            AuditSinkKind::Http => &["url", "secret_file", "token_file", "networks", "authorities"],
        };
        for (key, is_set) in [
            ("path", self.path.is_some()),
            ("address", self.address.is_some()),
            ("url", self.url.is_some()),
            ("secret_file", self.secret_file.is_some()),
            ("token_file", self.token_file.is_some()),
            ("networks", !self.networks.is_empty()),
            ("authorities", self.authorities.is_some()),
        ] {
            if is_set && !allowed.contains(&key) {
                return Err(refuse(format!("`{key}` is not of its kind, which has {}", allowed.join(", "))));
            }
        }
        let missing = |key: &str| refuse(format!("`{key}` is missing"));
        match self.kind {
            AuditSinkKind::File => self.path.as_ref().map(AuditPlace::File).ok_or_else(|| missing("path")),
            AuditSinkKind::Syslog => {
                let address = self.address.as_ref().ok_or_else(|| missing("address"))?;
                let place = address.parse().map_err(|error: SinkError| refuse(error.to_string()))?;
                Ok(AuditPlace::Syslog(place))
            }
            AuditSinkKind::Http => Ok(AuditPlace::Http {
                url: self.url.as_deref().ok_or_else(|| missing("url"))?,
                secret_file: self.secret_file.as_ref().ok_or_else(|| {
                    missing("secret_file")
                        .hint("make a secret: `openssl rand -hex 32`, in a file for this user alone")
                })?,
                token_file: self.token_file.as_ref(),
            }),
        }
    }

    /// The files with secrets that it names.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.secret_file, &self.token_file].into_iter().flatten()
    }
}
