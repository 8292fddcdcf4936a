//! Digests that do not depend on field order.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// JSON with sorted object keys and no white space: the same value always gives the same text.
///
/// # Errors
/// When the value cannot be written as JSON (a map with keys that are no strings).
pub fn canonical_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    // serde_json's own map is sorted by key, so the way through `Value` is canonical.
    serde_json::to_string(&serde_json::to_value(value)?)
}

/// SHA-256 of some bytes, in lower-case hex.
#[must_use]
pub fn digest_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_the_same_text_whatever_the_order() {
        let one: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":{"d":2,"c":3}}"#).unwrap();
        assert_eq!(canonical_json(&one).unwrap(), r#"{"a":{"c":3,"d":2},"b":1}"#);
        assert_eq!(digest_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
