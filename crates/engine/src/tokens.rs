//! Access tokens: `keyreeve_pat_`, a public half by which one is found, `_`, and a secret half.
//!
//! The secret half is 256 random bits, so its SHA-256 is all that need be kept: it cannot be guessed, and no slow
//! password hash would make that harder.

use jiff::Timestamp;
use keyreeve_model::{Secret, Token, TokenId};
use keyreeve_store::{Store, StoreError};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What every token begins with, so that secret scanners know it.
const PREFIX: &str = "keyreeve_pat_";
/// Bytes of the public half.
const ID_BYTES: usize = 8;
/// Bytes of the secret half.
const SECRET_BYTES: usize = 32;

/// A token that was made, to be shown once.
pub struct MadeToken {
    /// The whole text.
    pub text: Secret,
    /// Its public half; no secret.
    pub id: TokenId,
    /// What is kept of its secret half.
    pub secret_sha256: [u8; 32],
}

/// A token does not let anybody in, or was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Mistyped, unknown, or with another secret half. Which of these is not said.
    #[error("the token is not valid")]
    Invalid,
    /// It was taken back.
    #[error("the token {id} of {owner} was revoked at {at}")]
    Revoked {
        /// Its public half.
        id: TokenId,
        /// Whose it is.
        owner: String,
        /// When.
        at: Timestamp,
    },
    /// Its time is over.
    #[error("the token {id} of {owner} expired at {at}")]
    Expired {
        /// Its public half.
        id: TokenId,
        /// Whose it is.
        owner: String,
        /// When.
        at: Timestamp,
    },
    /// The operating system gave no random numbers.
    #[error("no token was made: the operating system gives no random numbers")]
    NoRandomness,
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl MadeToken {
    /// Makes the halves of a token; nothing is written down.
    ///
    /// # Errors
    /// [`TokenError::NoRandomness`].
    pub fn generate() -> Result<Self, TokenError> {
        let mut id = [0_u8; ID_BYTES];
        let mut secret = Zeroizing::new([0_u8; SECRET_BYTES]);
        getrandom::fill(&mut id).map_err(|_| TokenError::NoRandomness)?;
        getrandom::fill(&mut *secret).map_err(|_| TokenError::NoRandomness)?;
        let (id, secret) = (hex(&id), Zeroizing::new(hex(&*secret)));
        let text = Secret::new(format!("{PREFIX}{id}_{}", *secret));
        Ok(Self { text, id: TokenId(id), secret_sha256: digest(&secret) })
    }
}

impl std::fmt::Debug for MadeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeToken({}, …)", self.id)
    }
}

/// Whose token this is, if it is valid now. That it is used, the caller has to note: [`Store::touch_token`].
///
/// # Errors
/// See [`TokenError`]. That a token was revoked or has expired is told only to who has its secret half.
pub async fn authenticate(store: &Store, text: &Secret, now: Timestamp) -> Result<Token, TokenError> {
    let (id, secret) = halves(text).ok_or(TokenError::Invalid)?;
    let found = store.find_token(&TokenId(id.to_owned())).await?;
    let (token, kept) = found.ok_or(TokenError::Invalid)?;
    if !bool::from(digest(secret).ct_eq(&kept)) {
        return Err(TokenError::Invalid);
    }
    let (id, owner) = (token.id.clone(), token.owner.clone());
    if let Some(at) = token.revoked_at {
        return Err(TokenError::Revoked { id, owner, at });
    }
    if let Some(at) = token.expires_at.filter(|at| *at <= now) {
        return Err(TokenError::Expired { id, owner, at });
    }
    Ok(token)
}

/// The token as it is now, as long as it lets somebody in. This is no use of it.
///
/// # Errors
/// When the database cannot be read.
pub async fn still(store: &Store, token: &TokenId, now: Timestamp) -> Result<Option<Token>, StoreError> {
    let found = store.find_token(token).await?.map(|(token, _)| token);
    Ok(found.filter(|token| token.revoked_at.is_none() && token.expires_at.is_none_or(|at| at > now)))
}

fn halves(text: &Secret) -> Option<(&str, &str)> {
    let (id, secret) = text.expose().trim().strip_prefix(PREFIX)?.split_once('_')?;
    let shaped = id.len() == 2 * ID_BYTES && secret.len() == 2 * SECRET_BYTES;
    shaped.then_some((id, secret))
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use keyreeve_model::Role;
    use keyreeve_store::{DatabaseUrl, NewToken, StoreKey};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn a_token_lets_in_by_its_own_secret_half_until_it_expires_or_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("store.db"));
        let store = Store::create(&url, StoreKey::generate().unwrap(), at(0)).await.unwrap();
        let (made, other) = (MadeToken::generate().unwrap(), MadeToken::generate().unwrap());
        for (token, expires_at) in [(&made, Some(at(100))), (&other, None)] {
            let new = NewToken {
                id: token.id.clone(),
                secret_sha256: token.secret_sha256,
                owner: "ada".to_owned(),
                role: Role::Viewer,
                systems: Vec::new(),
                expires_at,
            };
            store.create_token(&new, "local:x", at(0)).await.unwrap();
        }
        let token = authenticate(&store, &made.text, at(99)).await.unwrap();
        assert_eq!((token.id, token.owner.as_str()), (made.id.clone(), "ada"));
        store.touch_token(&made.id, at(99)).await.unwrap();
        assert_eq!(store.find_token(&made.id).await.unwrap().unwrap().0.last_used_at, Some(at(99)));
        let expired = authenticate(&store, &made.text, at(100)).await;
        assert!(matches!(expired, Err(TokenError::Expired { at: end, .. }) if end == at(100)));
        let (_, secret) = halves(&other.text).unwrap();
        let exchanged = Secret::new(format!("{PREFIX}{}_{secret}", made.id));
        store.revoke_token(&made.id, "local:x", None, at(50)).await.unwrap();
        let revoked = authenticate(&store, &made.text, at(60)).await;
        assert!(matches!(revoked, Err(TokenError::Revoked { .. })));
        let unknown = Secret::new(format!("{PREFIX}0000000000000000_{secret}"));
        for wrong in [exchanged, unknown] {
            assert!(matches!(authenticate(&store, &wrong, at(60)).await, Err(TokenError::Invalid)));
        }
        assert!(authenticate(&store, &other.text, at(1_000)).await.is_ok());
        store.close().await;
    }

    #[test]
    fn a_token_has_its_shape_and_debug_hides_the_secret_half() {
        let (one, other) = (MadeToken::generate().unwrap(), MadeToken::generate().unwrap());
        let (id, secret) = halves(&one.text).unwrap();
        assert_eq!((id, digest(secret)), (one.id.0.as_str(), one.secret_sha256));
        assert!(one.id != other.id && one.secret_sha256 != other.secret_sha256);
        assert!(!format!("{one:?}").contains(secret));
        for bad in ["", PREFIX, "keyreeve_pat_00_11", &one.text.expose()[..90], "krs_0_1"] {
            assert!(halves(&Secret::new(bad.to_owned())).is_none(), "{bad}");
        }
        assert!(halves(&Secret::new(format!("{}0", one.text.expose()))).is_none());
    }
}
