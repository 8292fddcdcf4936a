//! The certificate that `serve` answers with, and the secret that it signs with.

use std::path::Path;

use keyreeve_server::Tls;
use keyreeve_store::open_regular_file;

use crate::command::init::exposed_mode;
use crate::config::TlsFiles;
use crate::output::shape::{Check, CheckState};

const NAME: &str = "tls";

/// Whether certificate and key are of use, and the key for its owner alone.
pub(super) fn files(files: &TlsFiles) -> Check {
    let (certificate, key) = (files.certificate.display(), files.key.display());
    if let Err(error) = Tls::read(&files.certificate, &files.key) {
        return Check::new(NAME, CheckState::Error, error.to_string(), error.advice());
    }
    match std::fs::metadata(&files.key).ok().as_ref().and_then(exposed_mode) {
        Some(mode) => Check::new(
            NAME,
            CheckState::Error,
            format!("{key}: {} (mode {mode:04o})", super::keys::others_can(mode)),
            format!("run `chmod 600 {key}`, and have a new certificate made if others used this machine"),
        ),
        None => Check::ok(NAME, format!("{certificate} and its key, which is for its owner alone")),
    }
}

/// Whether a secret that a table of the configuration names is for its owner alone.
pub(super) fn secret(name: &'static str, table: &str, path: &Path) -> Check {
    let shown = path.display();
    match open_regular_file(path).and_then(|file| file.metadata()).as_ref().map(exposed_mode) {
        Err(error) => Check::new(
            name,
            CheckState::Error,
            format!("{shown}: {error}"),
            format!("mend its path in {table}"),
        ),
        Ok(Some(mode)) => Check::new(
            name,
            CheckState::Error,
            format!("{shown}: {} (mode {mode:04o})", super::keys::others_can(mode)),
            format!("run `chmod 600 {shown}`, and have a new one made if others used this machine"),
        ),
        Ok(None) => Check::ok(name, format!("{shown}, for its owner alone")),
    }
}
