//! Passwords as they are kept: Argon2id (RFC 9106), with the parameters that OWASP's Password Storage Cheat Sheet names
//! first for 19 MiB. A hash says its own parameters, so they may be raised later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use keyreeve_model::Secret;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// Memory of one hash, in KiB.
const MEMORY: u32 = 19 * 1024;
/// How often the memory is gone over.
const PASSES: u32 = 2;
/// Parts of the memory that could be worked on at the same time.
const LANES: u32 = 1;
/// Bytes of salt (RFC 9106 section 3.1).
const SALT: usize = 16;
/// So many passwords are looked at at once; each takes [`MEMORY`].
const AT_ONCE: usize = 2;

/// A password could not be hashed or looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The operating system gave no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// What is kept is no hash.
    #[error("what is kept of the password is not as it was written")]
    Malformed,
    /// The work ended without a result.
    #[error("the work came to an end that it should never come to")]
    BrokeOff,
}

/// Looks at passwords, a few at once and on threads of their own. Copies share everything.
#[derive(Clone)]
pub struct Passwords {
    free: Arc<Semaphore>,
    /// What passwords are held against that nobody has: the hash of a text that nobody knows.
    nobody: Arc<str>,
    looked_at: Arc<AtomicU64>,
}

impl Passwords {
    /// Ready to look at passwords.
    ///
    /// # Errors
    /// [`HashError::NoRandomness`].
    pub fn new() -> Result<Self, HashError> {
        let mut unknown = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *unknown).map_err(|_| HashError::NoRandomness)?;
        Ok(Self {
            free: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: hash_bytes(&*unknown)?.into(),
            looked_at: Arc::default(),
        })
    }

    /// The hash under which a password is kept.
    ///
    /// # Errors
    /// [`HashError::NoRandomness`].
    pub fn hash(password: &Secret) -> Result<String, HashError> {
        hash_bytes(password.expose().as_bytes())
    }

    /// Whether a password is the one that is kept. Where none is kept the answer is no, and takes the same work.
    ///
    /// # Errors
    /// [`HashError::Malformed`], [`HashError::BrokeOff`].
    pub async fn fits(&self, kept: Option<&str>, given: Secret) -> Result<bool, HashError> {
        let against = kept.unwrap_or(&self.nobody).to_owned();
        let free = Arc::clone(&self.free).acquire_owned().await.map_err(|_| HashError::BrokeOff)?;
        self.looked_at.fetch_add(1, Ordering::Relaxed);
        let fits = spawn_blocking(move || {
            let _free = free;
            let against = PasswordHash::new(&against).map_err(|_| HashError::Malformed)?;
            match hasher()?.verify_password(given.expose().as_bytes(), &against) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(_) => Err(HashError::Malformed),
            }
        });
        Ok(fits.await.map_err(|_| HashError::BrokeOff)?? && kept.is_some())
    }

    /// How many passwords were looked at.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.looked_at.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").field("looked_at", &self.looked_at()).finish_non_exhaustive()
    }
}

fn hasher() -> Result<Argon2<'static>, HashError> {
    let parameters = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| HashError::Malformed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn hash_bytes(password: &[u8]) -> Result<String, HashError> {
    let mut salt = [0_u8; SALT];
    getrandom::fill(&mut salt).map_err(|_| HashError::NoRandomness)?;
    let hash = hasher()?.hash_password_with_salt(password, &salt).map_err(|_| HashError::Malformed)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone_and_each_look_is_the_same_work() {
        let passwords = Passwords::new().unwrap();
        let (one, again) = (Passwords::hash(&secret("a long one")), Passwords::hash(&secret("a long one")));
        let one = one.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, again.unwrap(), "two hashes have one salt");
        assert!(passwords.fits(Some(&one), secret("a long one")).await.unwrap());
        for wrong in ["a long onf", "", "A long one"] {
            assert!(!passwords.fits(Some(&one), secret(wrong)).await.unwrap(), "{wrong}");
        }
        // S39: nobody's password is looked at as anybody else's, against a hash of the same parameters.
        assert!(!passwords.fits(None, secret("a long one")).await.unwrap());
        assert_eq!(passwords.looked_at(), 5);
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().unwrap().to_owned();
        assert_eq!(parameters(&passwords.nobody), parameters(&one));
        assert_eq!(passwords.fits(Some("x"), secret("x")).await, Err(HashError::Malformed));
    }
}
