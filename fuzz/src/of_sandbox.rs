//! What is sent to the sandbox.

use keyreeve_sandbox::parsers;

/// A form is read or refused; a marker that nobody gave is refused.
pub(crate) fn request(bytes: &[u8]) {
    parsers::form(bytes);
    if let Some(text) = crate::text(bytes) {
        parsers::marker(text);
    }
}
