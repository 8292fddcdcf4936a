//! What AWS sends.

use keyreeve_aws::parsers;

/// An answer passes only as one whole document, so it never does when its end is missing.
pub(crate) fn answer(bytes: &[u8]) {
    let whole = parsers::is_whole_answer(bytes, None);
    let _ = parsers::is_whole_answer(bytes, Some("ListUsersResponse"));
    let trimmed = bytes.trim_ascii_end();
    if whole && trimmed.len() > 1 {
        assert!(!parsers::is_whole_answer(&trimmed[..trimmed.len() - 1], None), "it passes without its end");
    }
    let _ = parsers::request_id(bytes);
}

/// A report has no more rows than lines.
pub(crate) fn credential_report(bytes: &[u8]) {
    if let Some(rows) = parsers::credential_report_rows(bytes) {
        assert!(rows <= bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1);
    }
}

/// An encoded document is no longer in clear.
pub(crate) fn texts(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    if let Some(document) = parsers::policy_document(text) {
        assert!(document.len() <= text.len());
    }
    parsers::arn(text);
    let (name, file) = crate::halves(text).unwrap_or(("default", text));
    let _ = parsers::has_profile(file.as_bytes(), name);
}
