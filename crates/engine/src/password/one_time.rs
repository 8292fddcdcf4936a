//! A one-time secret: whoever has it can open one password, once, and nobody else can.
//!
//! The secret is an X25519 private key in disguise. Its public half is kept with the job, so that any worker, also
//! after a crash, can seal a new candidate for it; the private half is shown once and kept nowhere. So the store alone
//! cannot be opened, and no worker needs the secret.

use std::str::FromStr;

use keyreeve_model::Secret;
use zeroize::Zeroizing;

/// What every one-time secret begins with, so that secret scanners know it.
const PREFIX: &str = "krs_";
/// How age writes a private key (`age-encryption.org/v1`, X25519).
const IDENTITY: &str = "AGE-SECRET-KEY-1";
/// Characters of the public half by which a sealed password is found: 80 bits.
const LOOKUP_BYTES: usize = 10;

/// A new one-time secret with both its halves.
pub struct OneTimeSecret {
    /// The text that is shown once.
    pub text: Secret,
    /// By which the sealed password is found; no secret.
    pub lookup: String,
    /// The public key to seal to; no secret.
    pub recipient: String,
}

/// A one-time secret was not made, or does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OneTimeError {
    /// The operating system gave no random numbers.
    #[error("no one-time secret was made: the operating system gives no random numbers; nothing was changed")]
    NoRandomness,
    /// Wrong, mistyped, or for something else. Which of these is not said.
    #[error("this one-time secret does not open anything")]
    Wrong,
    /// The password could not be sealed.
    #[error("the password could not be sealed; nothing was changed")]
    Failed,
}

impl OneTimeSecret {
    /// Makes one.
    ///
    /// # Errors
    /// [`OneTimeError::NoRandomness`].
    pub fn generate() -> Result<Self, OneTimeError> {
        let mut bytes = [0_u8; LOOKUP_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| OneTimeError::NoRandomness)?;
        let lookup: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let identity = age::x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        let written =
            Secret::new(age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned());
        let half = written.expose().strip_prefix(IDENTITY).ok_or(OneTimeError::Failed)?;
        let text = Secret::new(format!("{PREFIX}{lookup}_{}", half.to_ascii_lowercase()));
        Ok(Self { text, lookup, recipient })
    }
}

impl std::fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OneTimeSecret({}, …)", self.lookup)
    }
}

/// The public half of a one-time secret's text.
///
/// # Errors
/// [`OneTimeError::Wrong`].
pub fn lookup_of(text: &Secret) -> Result<String, OneTimeError> {
    parts(text).map(|(lookup, _)| lookup.to_owned())
}

fn parts(text: &Secret) -> Result<(&str, &str), OneTimeError> {
    let (lookup, half) = text
        .expose()
        .trim()
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('_'))
        .ok_or(OneTimeError::Wrong)?;
    let shaped = lookup.len() == 2 * LOOKUP_BYTES && lookup.bytes().all(|byte| byte.is_ascii_hexdigit());
    if shaped { Ok((lookup, half)) } else { Err(OneTimeError::Wrong) }
}

/// Seals a password for whoever has the secret. The lookup is sealed with it, so that sealed passwords cannot be
/// exchanged for each other.
///
/// # Errors
/// [`OneTimeError::Failed`].
pub fn seal_for(recipient: &str, lookup: &str, password: &Secret) -> Result<Vec<u8>, OneTimeError> {
    let recipient = age::x25519::Recipient::from_str(recipient).map_err(|_| OneTimeError::Failed)?;
    let plain = Zeroizing::new(format!("{lookup}\n{}", password.expose()));
    age::encrypt(&recipient, plain.as_bytes()).map_err(|_| OneTimeError::Failed)
}

/// Opens a sealed password.
///
/// # Errors
/// [`OneTimeError::Wrong`] whatever is wrong.
pub fn open(text: &Secret, sealed: &[u8]) -> Result<Secret, OneTimeError> {
    let (lookup, half) = parts(text)?;
    let written = Zeroizing::new(format!("{IDENTITY}{}", half.to_ascii_uppercase()));
    let identity = age::x25519::Identity::from_str(&written).map_err(|_| OneTimeError::Wrong)?;
    let plain = Zeroizing::new(age::decrypt(&identity, sealed).map_err(|_| OneTimeError::Wrong)?);
    let plain = std::str::from_utf8(&plain).map_err(|_| OneTimeError::Wrong)?;
    match plain.split_once('\n') {
        Some((sealed_for, password)) if sealed_for == lookup => Ok(Secret::new(password.to_owned())),
        _ => Err(OneTimeError::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_opens_what_was_sealed_for_it() {
        let (one, other) = (OneTimeSecret::generate().unwrap(), OneTimeSecret::generate().unwrap());
        let password = Secret::new("canary".to_owned());
        let sealed = seal_for(&one.recipient, &one.lookup, &password).unwrap();
        assert_eq!(lookup_of(&one.text).unwrap(), one.lookup);
        assert_eq!(open(&one.text, &sealed).unwrap().expose(), "canary");
        assert_eq!(open(&other.text, &sealed).unwrap_err(), OneTimeError::Wrong);
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(open(&one.text, &altered).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_sealed_password_cannot_be_put_in_anothers_place() {
        let one = OneTimeSecret::generate().unwrap();
        let moved =
            seal_for(&one.recipient, "00000000000000000000", &Secret::new("canary".to_owned())).unwrap();
        assert_eq!(open(&one.text, &moved).unwrap_err(), OneTimeError::Wrong);
    }

    #[test]
    fn nothing_prints_the_secret_and_garbage_opens_nothing() {
        let one = OneTimeSecret::generate().unwrap();
        let half = one.text.expose().rsplit('_').next().unwrap().to_owned();
        assert!(!format!("{one:?}").contains(&half));
        for bad in ["", "krs_", "krs_00_11", "x", "krs_zzzzzzzzzzzzzzzzzzzz_q", &half] {
            assert_eq!(open(&Secret::new(bad.to_owned()), b"x").unwrap_err(), OneTimeError::Wrong, "{bad:?}");
        }
    }
}
