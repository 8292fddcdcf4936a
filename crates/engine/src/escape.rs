//! Text from outside, made harmless for a terminal: control characters and characters that change the direction
//! or hide ([`keyreeve_model::hidden`]) are written as `\u{202e}`.

use std::borrow::Cow;

use keyreeve_model::hidden::is_hidden;

/// One line: line breaks are escaped too.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, false)
}

/// Text of our own that may have several lines.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, true)
}

fn escaped(text: &str, keep_line_breaks: bool) -> Cow<'_, str> {
    let bad = |character: char| is_hidden(character) && !(keep_line_breaks && character == '\n');
    if !text.chars().any(bad) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if bad(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_obeyed() {
        assert_eq!(line("anna \u{202e}nimda"), r"anna \u{202e}nimda");
        assert_eq!(line("\u{1b}[31mred\u{7}"), r"\u{1b}[31mred\u{7}");
        assert_eq!(line("a\nb\tc\r"), r"a\u{a}b\u{9}c\u{d}");
        assert_eq!(line("\u{200b}\u{2066}\u{feff}\u{e0041}"), r"\u{200b}\u{2066}\u{feff}\u{e0041}");
        assert_eq!(lines("a\nb\u{9b}"), "a\nb\\u{9b}");
        for plain in ["", "=cmd", "Zoë Müller", "名前", "a b", "/\"><script>/"] {
            assert!(matches!(line(plain), Cow::Borrowed(text) if text == plain), "{plain}");
        }
    }
}
