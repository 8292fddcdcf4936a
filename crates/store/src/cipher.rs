//! The one cipher: XChaCha20-Poly1305, with a random nonce for each sealing.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::key::fill_random;

/// How long a nonce is, in bytes.
pub(crate) const NONCE: usize = 24;

/// What sealing gives.
pub(crate) struct Sealed {
    pub(crate) nonce: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

/// Seals some bytes, bound to what they are for.
pub(crate) fn seal(key: &[u8; 32], plain: &[u8], bound_to: &[u8]) -> Result<Sealed, StoreError> {
    let mut nonce = [0_u8; NONCE];
    fill_random(&mut nonce)?;
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: bound_to })
        .map_err(|_| StoreError::Data { what: "a secret is too long to be sealed".to_owned() })?;
    Ok(Sealed { nonce: nonce.to_vec(), ciphertext })
}

/// Opens what was sealed under this key for this very purpose; `None` for anything else, whatever the reason.
pub(crate) fn open(
    key: &[u8; 32],
    nonce: &[u8],
    ciphertext: &[u8],
    bound_to: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let nonce: [u8; NONCE] = nonce.try_into().ok()?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: bound_to })
        .map(Zeroizing::new)
        .ok()
}
