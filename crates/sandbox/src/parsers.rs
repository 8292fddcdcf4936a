//! The parsers of what is sent to the sandbox, by themselves: for fuzzing, and for nobody else.

use crate::protocol::marker::Cursor;
use crate::protocol::params::Params;

/// Reads a form.
pub fn form(body: &[u8]) {
    if let Some(params) = Params::parse(body) {
        let _ = (params.members("UserNames"), params.get("Action"), format!("{params:?}"));
    }
}

/// Reads a marker.
pub fn marker(text: &str) {
    let _ = Cursor::decode(text, 1, 2);
}
