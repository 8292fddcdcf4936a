//! The files that Keyreeve keeps or reads itself: no audit sink writes there.

use std::path::{Path, PathBuf};

use keyreeve_server::audit_export::may_be_written;
use keyreeve_store::{CHECKPOINT_NAME, folder_of};

use super::{AuditPlace, AuditSinkSettings, Config};

/// Where a file is, whatever it is called.
#[derive(PartialEq, Eq)]
struct Place {
    folder: PathBuf,
    name: String,
}

impl Place {
    fn of(path: &Path) -> Option<Self> {
        let folder = folder_of(path);
        let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder)).ok()?;
        Some(Self { folder, name: path.file_name()?.to_string_lossy().into_owned() })
    }
}

/// Whether both paths are one file: the same place, or another name of the same file.
fn is_one_file(one: &Path, other: &Path) -> bool {
    (Place::of(one).is_some() && Place::of(one) == Place::of(other))
        || identity(one).is_some_and(|found| identity(other) == Some(found))
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

impl Config {
    /// Whether the audit log may be added to the file of a sink.
    ///
    /// # Errors
    /// Why not, in words.
    pub(crate) fn may_take_rows(&self, sink: &AuditSinkSettings, path: &Path) -> Result<(), String> {
        if let Some(own) = self.own_file_at(path) {
            return Err(format!("it is {own}, which Keyreeve needs as it is"));
        }
        let others = self.audit.sinks.iter().filter(|other| other.name != sink.name);
        for other in others {
            if let Ok(AuditPlace::File(taken)) = other.place()
                && is_one_file(path, taken)
            {
                return Err(format!("it is the file of sink {}", other.name));
            }
        }
        may_be_written(path)
    }

    /// Which file of Keyreeve's own is at this path, or is meant to be.
    fn own_file_at(&self, path: &Path) -> Option<&'static str> {
        let named = self.named_files().into_iter().find(|(_, own)| is_one_file(path, own));
        named.map(|(what, _)| what).or_else(|| {
            let mut families = self.families().into_iter();
            families.find(|(_, first, ends)| is_of_family(path, first, ends)).map(|(what, ..)| what)
        })
    }

    /// Files with others beside them, whose names go on in one of these ways: logs, backups and keys of before.
    fn families(&self) -> Vec<(&'static str, PathBuf, &'static [&'static str])> {
        let places = &self.places;
        let database = places.database.sqlite_path().map(|path| {
            let ends: &[&str] = &["-wal", "-shm", "-journal", "."];
            ("a file of the database", path.to_owned(), ends)
        });
        let key = places.key.file().map(|path| {
            let ends: &[&str] = &["."];
            ("a file of the store's key", path.to_owned(), ends)
        });
        let checkpoint = places.checkpoint_folder().join(CHECKPOINT_NAME);
        let ends: &[&str] = &[""];
        let checkpoint = ("the checkpoint of the audit log", checkpoint, ends);
        database.into_iter().chain(key).chain([checkpoint]).collect()
    }

    /// Files that the configuration names, and the configuration's own.
    fn named_files(&self) -> Vec<(&'static str, PathBuf)> {
        let (told, sign_in) = (&self.notifications, &self.sign_in);
        let tls = self.http.tls.as_ref();
        let sinks = || self.audit.sinks.iter();
        const AUTHORITIES: &str = "a file of certificates";
        const SECRET: &str = "the file of a secret";
        let one = [
            ("the configuration", self.file.as_ref()),
            ("the certificate of TLS", tls.map(|files| &files.certificate)),
            ("the key of TLS", tls.map(|files| &files.key)),
            (AUTHORITIES, self.server.as_ref().and_then(|server| server.ca_file.as_ref())),
            (AUTHORITIES, told.webhook_authorities.as_ref()),
            (AUTHORITIES, sign_in.oidc_authorities.as_ref()),
            (SECRET, told.webhook_secret_file.as_ref()),
            (SECRET, told.mail_password_file.as_ref()),
            (SECRET, sign_in.oidc_client_secret_file.as_ref()),
        ];
        let one = one.into_iter().filter_map(|(what, path)| Some((what, path?.clone())));
        let of_sinks = sinks().flat_map(AuditSinkSettings::secret_files).map(|path| (SECRET, path.clone()));
        let authorities = sinks().filter_map(|sink| Some((AUTHORITIES, sink.authorities.clone()?)));
        one.chain(of_sinks).chain(authorities).collect()
    }
}

/// Whether a path is this file, or one in its folder whose name begins as its own and goes on in one of these ways, or is
/// another name of such a one.
fn is_of_family(path: &Path, first: &Path, ends: &[&str]) -> bool {
    let (Some(at), Some(first)) = (Place::of(path), Place::of(first)) else { return false };
    let is_named = |name: &str| {
        let rest = name.strip_prefix(first.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || ends.iter().any(|end| rest.starts_with(end)))
    };
    if at.folder == first.folder && is_named(&at.name) {
        return true;
    }
    let Some(found) = identity(path) else { return false };
    let entries = std::fs::read_dir(&first.folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| is_named(&entry.file_name().to_string_lossy()))
        .any(|entry| identity(&entry.path()).is_some_and(|other| other == found))
}
