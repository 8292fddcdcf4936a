//! Why something is done.

use keyreeve_model::hidden::check_lines;

/// A reason: others read it later, so all of it shows.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    check_lines(text).map(|()| text.to_owned()).map_err(|hidden| hidden.to_string())
}
