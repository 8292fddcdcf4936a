//! Policy documents as IAM returns them: percent-encoded after RFC 3986.

use keyreeve_model::{InlinePolicy, digest_hex};

/// The document in clear: `%20` is a space, a `+` is a plus (this is not form encoding). `None` when an escape
/// is broken or the bytes are no UTF-8.
pub(crate) fn decode(encoded: &str) -> Option<String> {
    let broken = encoded.split('%').skip(1).any(|after| {
        let mut digits = after.bytes();
        !(digits.next().is_some_and(|digit| digit.is_ascii_hexdigit())
            && digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()))
    });
    if broken {
        return None;
    }
    percent_encoding::percent_decode_str(encoded).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The policy as it is kept: its name and a digest of its document.
pub(crate) fn inline_policy(name: &str, document: Option<&str>) -> InlinePolicy {
    let document_sha256 = document.and_then(decode).map(|text| digest_hex(text.as_bytes()));
    InlinePolicy { name: name.to_owned(), document_sha256 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_percent_decoded_and_a_plus_stays_a_plus() {
        assert_eq!(decode("%7B%22a%22%3A%20%22b+c%22%7D").unwrap(), r#"{"a": "b+c"}"#);
        assert_eq!(decode("%c3%BC").unwrap(), "ü");
        assert_eq!(decode("").unwrap(), "");
        for broken in ["%", "%2", "a%zz", "%%20", "%ü0", "%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_broken_document_keeps_its_name() {
        assert_eq!(inline_policy("p", Some("%zz")), InlinePolicy { name: "p".into(), document_sha256: None });
        assert_eq!(inline_policy("p", None).document_sha256, None);
        let digest = inline_policy("p", Some("%61bc")).document_sha256.unwrap();
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
