//! Somebody's public key, to which a password can be encrypted.

use std::str::FromStr;

use age::ssh::ParseRecipientKeyError;
use keyreeve_model::Secret;

/// An age (X25519) or SSH (Ed25519, RSA of 2048 bits or more) public key.
pub struct Recipient(Key);

enum Key {
    Age(Box<age::x25519::Recipient>),
    Ssh(Box<age::ssh::Recipient>),
}

/// A text is no public key that a password may be encrypted to. The text itself is not repeated: it may be a private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// Not a key of a known kind, or mistyped.
    #[error("this is no age or SSH public key (age1…, ssh-ed25519 …, ssh-rsa …); nothing was changed")]
    Invalid,
    /// A private key.
    #[error(
        "this is a private key, not a public one: it must not be given to anybody, and should be replaced now; \
         nothing was changed"
    )]
    Private,
    /// Too weak.
    #[error("this RSA key has fewer than 2048 bits: a password is not encrypted to it; nothing was changed")]
    Weak,
    /// A kind of SSH key that cannot encrypt.
    #[error(
        "SSH keys of the kind {0} cannot be encrypted to; use ssh-ed25519 or ssh-rsa; nothing was changed"
    )]
    Unsupported(String),
    /// The encryption failed.
    #[error("the password could not be encrypted to this key; nothing was changed")]
    Failed,
}

impl Recipient {
    /// Encrypts a password; the result is armoured text that `age --decrypt` opens with the private key.
    ///
    /// # Errors
    /// [`RecipientError::Failed`].
    pub fn seal(&self, password: &Secret) -> Result<String, RecipientError> {
        let plain = password.expose().as_bytes();
        match &self.0 {
            Key::Age(key) => age::encrypt_and_armor(key.as_ref(), plain),
            Key::Ssh(key) => age::encrypt_and_armor(key.as_ref(), plain),
        }
        .map_err(|_| RecipientError::Failed)
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recipient(…)")
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        let text = text.trim();
        let private = text.to_ascii_uppercase();
        if private.contains("AGE-SECRET-KEY") || private.contains("PRIVATE KEY") {
            return Err(RecipientError::Private);
        }
        if text.starts_with("age1") {
            let key = age::x25519::Recipient::from_str(text).map_err(|_| RecipientError::Invalid)?;
            return Ok(Self(Key::Age(Box::new(key))));
        }
        match age::ssh::Recipient::from_str(text) {
            Ok(key) => Ok(Self(Key::Ssh(Box::new(key)))),
            Err(ParseRecipientKeyError::RsaModulusTooSmall) => Err(RecipientError::Weak),
            Err(ParseRecipientKeyError::Unsupported(kind)) => Err(RecipientError::Unsupported(
                kind.chars().filter(char::is_ascii_graphic).take(40).collect(),
            )),
            Err(_) => Err(RecipientError::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SSH: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN alice@host";

    #[test]
    fn a_password_is_opened_by_the_key_it_was_sealed_to_and_by_no_other() {
        let identity = age::x25519::Identity::generate();
        let recipient: Recipient = identity.to_public().to_string().parse().unwrap();
        let sealed = recipient.seal(&Secret::new("canary".to_owned())).unwrap();
        assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") && !sealed.contains("canary"));
        assert_eq!(age::decrypt(&identity, sealed.as_bytes()).unwrap(), b"canary");
        assert!(age::decrypt(&age::x25519::Identity::generate(), sealed.as_bytes()).is_err());
        assert!(SSH.parse::<Recipient>().unwrap().seal(&Secret::new("canary".to_owned())).is_ok());
    }

    #[test]
    fn s09_keys_that_are_none_or_weak_or_private_are_refused_without_repeating_them() {
        use base64::Engine as _;
        // An RSA key of 1024 bits, in SSH's own form: length-prefixed name, exponent and modulus.
        let mut weak = Vec::new();
        let mut field = |bytes: &[u8]| {
            weak.extend((bytes.len() as u32).to_be_bytes());
            weak.extend(bytes);
        };
        field(b"ssh-rsa");
        field(&[1, 0, 1]);
        let mut modulus = vec![0_u8];
        modulus.extend([0xc5_u8; 128]);
        field(&modulus);
        let weak = format!("ssh-rsa {}", base64::engine::general_purpose::STANDARD.encode(weak));
        let secret = "AGE-SECRET-KEY-1CANARYCANARY";
        for (text, expected) in [
            ("", RecipientError::Invalid),
            ("age1qqqq", RecipientError::Invalid),
            ("hello", RecipientError::Invalid),
            (&SSH[..60], RecipientError::Invalid),
            (weak.as_str(), RecipientError::Weak),
            (secret, RecipientError::Private),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", RecipientError::Private),
        ] {
            let error = text.parse::<Recipient>().unwrap_err();
            assert_eq!(error, expected, "{text:?}");
            assert!(!error.to_string().contains("CANARY"));
        }
        assert!(!format!("{:?}", SSH.parse::<Recipient>().unwrap()).contains("AAAA"));
    }
}
