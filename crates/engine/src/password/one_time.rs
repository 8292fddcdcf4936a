//! The one-time secret: a text shown once, with which a sealed password is opened.
//!
//! The text is `krs_`, the public half in hex, `_`, and 32 random bytes in base64url. From it follows a key pair of
//! age (X25519). Its public key is kept with the job, so that any worker, also after a crash, seals passwords for it;
//! its private key is kept nowhere, so that only the holder of the text can open them (decision record 0010 says why).
//!
//! The private key is SHA-256 of a label, the public half and the random bytes. A slower or stretching derivation
//! would add nothing: the input has 256 random bits, all fields have fixed lengths, and one output of 32 bytes is
//! wanted. The label keeps it apart from every other use of SHA-256 here.

use std::fmt;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyreeve_model::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{PasswordError, Random, SealError};

const PREFIX: &str = "krs_";
const KEY_LABEL: &[u8] = b"keyreeve one-time secret, version 1, x25519 private key\0";
const CONTENT_LABEL: &str = "keyreeve one-time password, version 1";

/// A one-time secret that was just made. The token is shown once to whoever asked, and kept nowhere.
pub struct OneTimeSecret {
    /// The text that opens.
    pub token: Secret,
    /// What the job keeps.
    pub key: LinkKey,
}

/// The public side of a one-time secret. With it passwords are sealed, not opened.
///
/// It is not secret, but whoever could exchange it would read the next password: keep it where it cannot be changed
/// unseen, sealed like a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkKey {
    /// The public half of the token, by which the sealed password is found: 20 hex digits.
    pub lookup: String,
    /// The age public key, `age1…`.
    pub public_key: String,
}

/// A one-time secret opened nothing: it is garbled, belongs to another password, or the sealed password was altered.
/// Which of these is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this one-time secret opens no password: it is wrong, was used, or has expired; ask whoever gave it to you for a \
     password reset"
)]
pub struct OpenRefused;

impl OneTimeSecret {
    /// Makes one.
    ///
    /// # Errors
    /// When there are no random bytes.
    pub fn new(random: &mut Random<'_>) -> Result<Self, PasswordError> {
        let mut lookup = [0; 10];
        random(&mut lookup)?;
        let mut half = Zeroizing::new([0; 32]);
        random(half.as_mut())?;
        let lookup: String = lookup.iter().map(|byte| format!("{byte:02x}")).collect();
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(half.as_slice()));
        let mut token = String::with_capacity(PREFIX.len() + lookup.len() + 1 + encoded.len());
        for part in [PREFIX, &lookup, "_", &encoded] {
            token.push_str(part);
        }
        let public_key = identity(&lookup, &half)
            .map_err(|OpenRefused| PasswordError::BrokenRandomness)?
            .to_public()
            .to_string();
        Ok(Self { token: Secret::new(token), key: LinkKey { lookup, public_key } })
    }
}

impl fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeSecret").field("key", &self.key).finish_non_exhaustive()
    }
}

impl LinkKey {
    /// The public side of a token.
    ///
    /// # Errors
    /// [`OpenRefused`] for a text that is no token.
    pub fn of(token: &Secret) -> Result<Self, OpenRefused> {
        let (lookup, half) = parse(token)?;
        let public_key = identity(lookup, &half)?.to_public().to_string();
        Ok(Self { lookup: lookup.to_owned(), public_key })
    }

    /// Seals a password, in age's binary form.
    ///
    /// # Errors
    /// [`SealError`] when the public key is damaged.
    pub fn seal(&self, password: &Secret) -> Result<Vec<u8>, SealError> {
        let key: age::x25519::Recipient = self.public_key.parse().map_err(|_| SealError)?;
        let parts = [CONTENT_LABEL, "\n", &self.lookup, "\n", password.expose()];
        let mut plain = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
        for part in parts {
            plain.push_str(part);
        }
        age::encrypt(&key, plain.as_bytes()).map_err(|_| SealError)
    }
}

/// The public half of a token, by which its sealed password is found.
///
/// # Errors
/// [`OpenRefused`] for a text that is no token.
pub fn lookup_of(token: &Secret) -> Result<String, OpenRefused> {
    parse(token).map(|(lookup, _)| lookup.to_owned())
}

/// Opens a sealed password with a token. White space around the token does not matter.
///
/// # Errors
/// [`OpenRefused`], always the same.
pub fn open(token: &Secret, ciphertext: &[u8]) -> Result<Secret, OpenRefused> {
    let (lookup, half) = parse(token)?;
    let identity = identity(lookup, &half)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(ciphertext.len()));
    age::Decryptor::new_buffered(ciphertext)
        .and_then(|decryptor| decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)))
        .map_err(|_| OpenRefused)?
        .read_to_end(&mut plain)
        .map_err(|_| OpenRefused)?;
    std::str::from_utf8(&plain)
        .ok()
        .and_then(|plain| plain.strip_prefix(CONTENT_LABEL)?.strip_prefix('\n')?.strip_prefix(lookup))
        .and_then(|plain| plain.strip_prefix('\n'))
        .map(|password| Secret::new(password.to_owned()))
        .ok_or(OpenRefused)
}

/// The halves of a token. The form is strict: one secret has one text.
fn parse(token: &Secret) -> Result<(&str, Zeroizing<[u8; 32]>), OpenRefused> {
    let rest = token.expose().trim_ascii().strip_prefix(PREFIX).ok_or(OpenRefused)?;
    let (lookup, encoded) = rest.split_once('_').ok_or(OpenRefused)?;
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if lookup.len() != 20 || !lookup.bytes().all(is_hex) {
        return Err(OpenRefused);
    }
    let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).map_err(|_| OpenRefused)?);
    let mut half = Zeroizing::new([0; 32]);
    if decoded.len() != half.len() {
        return Err(OpenRefused);
    }
    half.copy_from_slice(&decoded);
    Ok((lookup, half))
}

/// The key pair that follows from a token. age takes a private key only in its text form.
fn identity(lookup: &str, half: &[u8; 32]) -> Result<age::x25519::Identity, OpenRefused> {
    let mut hash = Sha256::new();
    for field in [KEY_LABEL, lookup.as_bytes(), half.as_slice()] {
        hash.update(field);
    }
    let mut private: [u8; 32] = hash.finalize().into();
    let text = bech32::Hrp::parse("age-secret-key-")
        .ok()
        .and_then(|kind| bech32::encode_upper::<bech32::Bech32>(kind, &private).ok())
        .map(Zeroizing::new);
    private.zeroize();
    text.ok_or(OpenRefused)?.parse().map_err(|_| OpenRefused)
}

#[cfg(test)]
mod tests;
