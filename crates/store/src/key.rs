//! The key of a store, under which its data keys are sealed.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyreeve_model::{Secret, digest_hex};
use zeroize::Zeroizing;

use crate::open_regular_file;

/// What the one line of a key file begins with.
const FORMAT: &str = "keyreeve-key-1 ";

/// The key of a store: 32 random bytes. Nothing shows, compares or serialises them.
///
/// ```compile_fail
/// println!("{}", keyreeve_store::StoreKey::generate().unwrap());
/// ```
/// ```compile_fail
/// serde_json::to_string(&keyreeve_store::StoreKey::generate().unwrap()).unwrap();
/// ```
/// ```compile_fail
/// let key = keyreeve_store::StoreKey::generate().unwrap();
/// let _ = key == key.clone();
/// ```
/// What does compile, beside the key that a custody has made:
/// ```
/// let key = keyreeve_store::StoreKey::generate().unwrap();
/// let text = key.to_text();
/// let made = keyreeve_store::MadeKey { key, sealed: None };
/// assert!(!format!("{made:?} {text:?}").contains(&text.expose()[15..]));
/// ```
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; 32]>);

/// A key could not be had. It never repeats what was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No key file.
    #[error(
        "there is no key file at {}; put the store's key back in its place, from the copy that is kept apart from the \
         database. Nothing else opens this store or its backups: if the key is lost for good, deactivate the stored \
         access keys in AWS, move the database aside, and begin anew with `keyreeve init`",
        path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A key file is there already.
    #[error("making a key file at {}: there is one already; keep it, it may be the only key of a store", path.display())]
    AlreadyThere {
        /// Where it is.
        path: PathBuf,
    },
    /// Others can read the key file.
    #[error(
        "the key file {} can be read or changed by others (mode {mode:04o}); run `chmod 600 {}`, and if others used \
         the machine, rotate what the store keeps",
        path.display(),
        path.display()
    )]
    Exposed {
        /// Where it is.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Not a key.
    #[error(
        "{place} does not hold a Keyreeve key (one line, `keyreeve-key-1` and 32 bytes in base64); put the store's \
         key back in its place"
    )]
    Malformed {
        /// Where it was read.
        place: String,
    },
    /// An environment variable is not set.
    #[error(
        "the environment variable {name} is not set; it should hold the store's key: `keyreeve-key-1 ` and 32 random \
         bytes in base64, such as `openssl rand -base64 32` prints"
    )]
    NotSet {
        /// Its name.
        name: String,
    },
    /// systemd gave no such credential.
    #[error(
        "systemd has given this service no credential {credential}, which should hold the store's key; set \
         `LoadCredentialEncrypted={credential}` or `LoadCredential={credential}:/path` in the service's unit"
    )]
    NoCredentials {
        /// Its name.
        credential: String,
    },
    /// A service that opens the key refused, or could not be reached.
    #[error("fetching the store's key from {place}: {why}; {advice}")]
    Custody {
        /// Where it is kept.
        place: String,
        /// Why it could not be had.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// The file could not be read or written.
    #[error("{doing} the key file {}: the disk refused; check its folder", path.display())]
    Io {
        /// Reading or writing.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The operating system gave no random bytes.
    #[error("making a key: the operating system gave no random bytes ({0}); nothing was made")]
    NoRandomness(String),
}

impl StoreKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        fill_random(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// Reads a key from its one-line text form.
    ///
    /// # Errors
    /// [`KeyError::Malformed`], naming `place`.
    pub fn from_text(text: &str, place: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed { place: place.to_owned() };
        let encoded = text.trim_end().strip_prefix(FORMAT).ok_or_else(malformed)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| malformed())?);
        let mut key = Zeroizing::new([0_u8; 32]);
        if bytes.len() != key.len() {
            return Err(malformed());
        }
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }

    /// The key in its text form, one line. Hand it only to what keeps it, or seals it.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(format!("{FORMAT}{}\n", *Zeroizing::new(STANDARD.encode(self.0.as_ref()))))
    }

    /// Makes a new key and its file: mode 0600, only if there is none, and on the disk before this returns.
    ///
    /// # Errors
    /// [`KeyError::AlreadyThere`] or [`KeyError::Io`].
    pub fn create_file(path: &Path) -> Result<Self, KeyError> {
        let key = Self::generate()?;
        let refused = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AlreadyExists => KeyError::AlreadyThere { path: path.to_owned() },
            _ => KeyError::Io { doing: "writing", path: path.to_owned(), source },
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(path).map_err(refused)?;
        file.write_all(key.to_text().expose().as_bytes()).and_then(|()| file.sync_all()).map_err(refused)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused)?;
        }
        Ok(key)
    }

    /// Reads a key file that only its owner can read.
    ///
    /// # Errors
    /// [`KeyError::Missing`], [`KeyError::Exposed`] (with what to do), [`KeyError::Malformed`] or
    /// [`KeyError::Io`].
    pub fn read_file(path: &Path) -> Result<Self, KeyError> {
        Self::read(path, 0o077)
    }

    /// Reads a key file that a service manager made for its service. Its group's bits may be those of an access list.
    pub(crate) fn read_credential(path: &Path) -> Result<Self, KeyError> {
        Self::read(path, 0o007)
    }

    fn read(path: &Path, too_much: u32) -> Result<Self, KeyError> {
        let refused = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => KeyError::Missing { path: path.to_owned() },
            _ => KeyError::Io { doing: "reading", path: path.to_owned(), source },
        };
        let file = open_regular_file(path).map_err(refused)?;
        #[cfg(not(unix))]
        let _ = too_much;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().map_err(refused)?.permissions().mode() & 0o7777;
            if mode & too_much != 0 {
                return Err(KeyError::Exposed { path: path.to_owned(), mode });
            }
        }
        let mut text = Zeroizing::new(String::with_capacity(128));
        let place = path.display().to_string();
        match file.take(128).read_to_string(&mut text) {
            Ok(_) => Self::from_text(&text, &place),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(KeyError::Malformed { place })
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// What tells this key from others without giving it away.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = Zeroizing::new(b"keyreeve key fingerprint\0".to_vec());
        text.extend_from_slice(self.0.as_ref());
        digest_hex(&text).chars().take(32).collect()
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// Whether a text has the form of a key: then it must go no further.
#[must_use]
pub fn is_key(text: &str) -> bool {
    text.trim_start().starts_with(FORMAT)
}

/// Fills a buffer with random bytes of the operating system.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::NoRandomness(error.to_string()))
}
