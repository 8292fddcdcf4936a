//! What is said besides the data: on standard error, escaped, and never in the way of the data.

use std::io::Write;

use owo_colors::OwoColorize;

use super::escape;

/// A sentence. It stays one line, whatever it names.
pub(crate) fn note(text: &str) {
    // When standard error is closed, there is nobody to tell.
    let _ = writeln!(anstream::stderr().lock(), "{}", escape::line(text));
}

/// Several lines, in which every word of others is escaped already.
pub(crate) fn paragraph(text: &str) {
    // As above.
    let _ = writeln!(anstream::stderr().lock(), "{}", escape::lines(text));
}

/// What a person should not overlook.
pub(crate) fn warning(text: &str) {
    // As above.
    let _ = writeln!(anstream::stderr().lock(), "{} {}", "warning:".red().bold(), escape::lines(text));
}

/// What to do next.
pub(crate) fn hint(text: &str) {
    // As above.
    let _ = writeln!(anstream::stderr().lock(), "{} {}", "hint:".cyan().bold(), escape::line(text));
}
