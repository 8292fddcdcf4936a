//! A recipient's public key, and sealing for it.
//!
//! The format is age's (`age-encryption.org/v1`), so that the owner opens a password with `age --decrypt` or `rage`,
//! and an SSH key people have already will do. A key is looked at closely before it is used: with a key of small
//! order everybody could open what was sealed.

use std::fmt;

use age::ssh::ParseRecipientKeyError;
use keyreeve_model::Secret;

/// The public key of somebody who is to read a password: age X25519, SSH Ed25519, or SSH RSA of 2048 to 4096 bits.
#[derive(Clone)]
pub struct Recipient(Key);

#[derive(Clone)]
enum Key {
    Age(age::x25519::Recipient),
    Ssh(Box<age::ssh::Recipient>),
}

/// A recipient's key was refused. It never repeats what was given, as that may be a private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientError {
    /// It is, or may be, a private key.
    #[error(
        "the recipient is a private key, not a public one: nothing was done with it and it is not repeated here, but \
         it may be in a shell's history now. Give the public key (age1…, ssh-ed25519 … or ssh-rsa …), and make a new \
         pair if others can have seen it"
    )]
    PrivateKey,
    /// It is no key we know.
    #[error(
        "the recipient is not understood: give one public key on one line, age1… (from `age-keygen -y`), \
         ssh-ed25519 … or ssh-rsa … (from a .pub file)"
    )]
    Unknown,
    /// It is a key of another kind.
    #[error(
        "the recipient is {0}, which cannot be sealed for: give an age1…, ssh-ed25519 … or ssh-rsa … public key"
    )]
    Unsupported(&'static str),
    /// It is damaged.
    #[error("the recipient looks like {0}, but it is damaged or cut off: copy the whole public key again")]
    Damaged(&'static str),
    /// Others could open what is sealed for it.
    #[error("the recipient's key is too weak, {0}: give another key, best a new one from `age-keygen`")]
    Weak(&'static str),
    /// It is longer than can be used.
    #[error("the recipient's RSA key has more than 4096 bits, which cannot be used: give another key")]
    TooLarge,
}

/// A password could not be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "sealing the password for its owner failed; it was thrown away and nothing was handed over, try again"
)]
pub struct SealError;

impl Recipient {
    /// Reads a public key; the comment of an SSH key is left out.
    ///
    /// # Errors
    /// Anything that is not the public key of one recipient, and keys for which sealing would not be safe.
    pub fn parse(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        if is_private(text) {
            return Err(RecipientError::PrivateKey);
        }
        if text.is_empty() || text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(RecipientError::Unknown);
        }
        let mut words = text.split_whitespace();
        match (words.next(), words.next()) {
            (Some(word), None) => age_key(word),
            (Some(kind), Some(blob)) => ssh_key(kind, blob),
            _ => Err(RecipientError::Unknown),
        }
    }

    /// Seals a password in the armoured form of age, which begins with `-----BEGIN AGE ENCRYPTED FILE-----`.
    ///
    /// age draws its random bytes from the operating system itself.
    ///
    /// # Errors
    /// [`SealError`] when age could not do it.
    pub fn seal(&self, secret: &Secret) -> Result<String, SealError> {
        let plain = secret.expose().as_bytes();
        match &self.0 {
            Key::Age(key) => age::encrypt_and_armor(key, plain),
            Key::Ssh(key) => age::encrypt_and_armor(key.as_ref(), plain),
        }
        .map_err(|_| SealError)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Key::Age(key) => key.fmt(f),
            Key::Ssh(key) => key.fmt(f),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

/// Whether a text is, or has in it, a private key: age's, PEM's and OpenSSH's, PuTTY's, or a one-time secret of ours.
fn is_private(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    ["AGE-SECRET-KEY", "AGE-PLUGIN-", "PRIVATE KEY", "PUTTY-USER-KEY-FILE", "B3BLBNNZAC1RZXKTDJ", "KRS_"]
        .iter()
        .any(|mark| upper.contains(mark))
}

fn age_key(word: &str) -> Result<Recipient, RecipientError> {
    const KIND: &str = "an age public key";
    let lower = word.to_ascii_lowercase();
    // The data of Bech32 (BIP 173) have no 1, so the last one ends the kind.
    match lower.rsplit_once('1') {
        Some(("age", _)) => {}
        Some((kind, _)) if kind.starts_with("age1") => {
            return Err(RecipientError::Unsupported("an age key of a plugin or of another kind"));
        }
        _ if lower.starts_with("age1") => return Err(RecipientError::Damaged(KIND)),
        _ => return Err(RecipientError::Unknown),
    }
    let key = word.parse().map_err(|_| RecipientError::Damaged(KIND))?;
    let (_, point) = bech32::decode(word).map_err(|_| RecipientError::Damaged(KIND))?;
    let point: [u8; 32] = point.try_into().map_err(|_| RecipientError::Damaged(KIND))?;
    // Any scalar of X25519 is a multiple of the cofactor: exactly the points of small order give zero.
    if x25519_dalek::x25519([1; 32], point) == [0; 32] {
        return Err(RecipientError::Weak(SMALL_ORDER));
    }
    Ok(Recipient(Key::Age(key)))
}

const SMALL_ORDER: &str = "as everybody could open what is sealed for it (a point of small order)";

fn ssh_key(kind: &str, blob: &str) -> Result<Recipient, RecipientError> {
    let name = match kind {
        "ssh-ed25519" => "an SSH Ed25519 public key",
        "ssh-rsa" => "an SSH RSA public key",
        _ => return Err(foreign(kind)),
    };
    let key: age::ssh::Recipient = format!("{kind} {blob}").parse().map_err(|error| match error {
        ParseRecipientKeyError::RsaModulusTooSmall => {
            RecipientError::Weak("as RSA keys must have at least 2048 bits")
        }
        ParseRecipientKeyError::RsaModulusTooLarge => RecipientError::TooLarge,
        _ => RecipientError::Damaged(name),
    })?;
    // The parser stops where the key ends: what follows without a space would go unnoticed.
    if key.to_string().trim_end_matches('=') != format!("{kind} {}", blob.trim_end_matches('=')) {
        return Err(RecipientError::Damaged(name));
    }
    match &key {
        age::ssh::Recipient::SshEd25519(_, point) if point.is_small_order() => {
            Err(RecipientError::Weak(SMALL_ORDER))
        }
        _ => Ok(Recipient(Key::Ssh(Box::new(key)))),
    }
}

fn foreign(kind: &str) -> RecipientError {
    if kind.starts_with("ssh-") && kind.contains("-cert-") {
        RecipientError::Unsupported("an SSH certificate")
    } else if kind.starts_with("ecdsa-sha2-") {
        RecipientError::Unsupported("an SSH ECDSA key")
    } else if kind.starts_with("sk-") {
        RecipientError::Unsupported("an SSH key of a security key")
    } else if kind == "ssh-dss" {
        RecipientError::Unsupported("an SSH DSA key")
    } else {
        RecipientError::Unknown
    }
}

#[cfg(test)]
mod tests;
