//! Text in pages. What AWS returns, and what people wrote, is never markup, and says what it seems to say.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};
use keyreeve_model::hidden::is_hidden;

/// Escapes text for HTML, in elements and between the quotes of attributes alike. Characters that do not show, or turn the
/// direction in which a text is read, are written out as `\u{202e}`; line breaks and tabs stay, as HTML shows them as
/// spaces. All templates use it (`askama.toml`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown;

impl Escaper for Shown {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, character)) = rest.char_indices().find(|(_, character)| steers(*character)) {
            let (before, after) = rest.split_at(at);
            Html.write_escaped_str(&mut dest, before)?;
            write!(dest, "{}", character.escape_unicode())?;
            rest = after.get(character.len_utf8()..).unwrap_or_default();
        }
        Html.write_escaped_str(dest, rest)
    }
}

/// Whether a text is shown otherwise than it is.
pub(crate) fn hides(text: &str) -> bool {
    text.chars().any(steers)
}

fn steers(character: char) -> bool {
    is_hidden(character) && !matches!(character, '\n' | '\t')
}

/// What a person types who sees a text: what does not show is written out, and spaces are as HTML shows them.
pub(crate) fn typed_as(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match steers(character) {
            true => shown.extend(character.escape_unicode()),
            false => shown.push(character),
        }
    }
    let typed = shown.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    if typed.is_empty() { text.to_owned() } else { typed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut written = String::new();
        Shown.write_escaped_str(&mut written, text).unwrap();
        written
    }

    #[test]
    fn s21_markup_is_text() {
        let evil = r#"/"><img/src=x/onerror=alert('1')>&/"#;
        assert_eq!(shown(evil), "/&#34;&#62;&#60;img/src=x/onerror=alert(&#39;1&#39;)&#62;&#38;/");
        assert_eq!(shown("Zoë 名前\n\tx"), "Zoë 名前\n\tx");
    }

    #[test]
    fn s22_what_turns_the_direction_or_hides_is_written_out() {
        assert_eq!(shown("<a\u{202e}b\u{200b}>\u{0}"), r"&#60;a\u{202e}b\u{200b}&#62;\u{0}");
        assert_eq!(shown("\u{1b}[2J\r"), r"\u{1b}[2J\u{d}");
    }
}
