//! Opaque markers, bound to one listing: account, action and filters.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::ApiError;
use crate::seeded::digest;

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cursor {
    /// 1 for the first page of a listing.
    pub(crate) page: u32,
    /// The key of the last entry given so far; `None` at the beginning.
    pub(crate) after: Option<String>,
    /// The page before was empty although more followed.
    pub(crate) after_empty: bool,
    /// Tells markers of the same place apart where a fault wants them unique.
    pub(crate) nonce: u32,
}

impl Cursor {
    pub(crate) fn first() -> Self {
        Self { page: 1, ..Self::default() }
    }

    /// The marker's text. `list` stands for the listing, `salt` for the sandbox.
    pub(crate) fn encode(&self, list: u64, salt: u64) -> String {
        let flags = u8::from(self.after.is_some()) | (u8::from(self.after_empty) << 1);
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(self.page.to_be_bytes());
        bytes.push(flags);
        bytes.extend(self.nonce.to_be_bytes());
        bytes.extend(self.after.as_deref().unwrap_or_default().as_bytes());
        let check = checksum(&bytes, list, salt);
        bytes.extend(check.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a marker; one that is garbled or belongs to another listing is refused as IAM does.
    pub(crate) fn decode(marker: &str, list: u64, salt: u64) -> Result<Self, ApiError> {
        Self::read(marker, list, salt).ok_or_else(|| ApiError::validation("Invalid Marker."))
    }

    fn read(marker: &str, list: u64, salt: u64) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(marker).ok()?;
        let (content, check) = bytes.split_last_chunk::<8>()?;
        if u64::from_be_bytes(*check) != checksum(content, list, salt) {
            return None;
        }
        let (page, rest) = content.split_first_chunk::<4>()?;
        let (flags, rest) = rest.split_first()?;
        let (nonce, after) = rest.split_first_chunk::<4>()?;
        let after = std::str::from_utf8(after).ok()?.to_owned();
        Some(Self {
            page: u32::from_be_bytes(*page),
            after: (flags & 1 != 0).then_some(after),
            after_empty: flags & 2 != 0,
            nonce: u32::from_be_bytes(*nonce),
        })
    }
}

fn checksum(content: &[u8], list: u64, salt: u64) -> u64 {
    let text: String = content.iter().map(|byte| char::from(*byte)).collect();
    digest(&format!("{list:x}/{salt:x}/{text}"))
}
