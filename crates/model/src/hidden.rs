//! Characters that do not show, or turn the direction in which a text is read. What people write for others to read has
//! none of them, so that it says what it seems to say; what AWS returns may, and is shown with them written out.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A text has a character that does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has U+{:04X} at character {place}, which does not show or turns the direction in which a text is read; leave it out",
    u32::from(*.character)
)]
pub struct Hidden {
    /// The character.
    pub character: char,
    /// Which one it is, counted from 1.
    pub place: usize,
}

/// Whether a character does not show, or turns the direction: Unicode's categories Cc, Cf, Zl, Zp, Cs, Co and Cn, and what
/// else is shown as nothing (`Default_Ignorable_Code_Point` of Unicode's `DerivedCoreProperties.txt`, and the empty Braille
/// pattern).
#[must_use]
pub fn is_hidden(character: char) -> bool {
    !character.is_ascii_graphic()
        && (matches!(
            character.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::Surrogate
                | GeneralCategory::PrivateUse
                | GeneralCategory::Unassigned
        ) || matches!(
            character,
            '\u{34f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{ffa0}'
                | '\u{e0100}'..='\u{e01ef}'
        ))
}

/// Refuses a name, or another text of one line, in which something does not show.
///
/// # Errors
/// The first such character.
pub fn check_line(text: &str) -> Result<(), Hidden> {
    check(text, |_| false)
}

/// Refuses a text of several lines in which something does not show: line breaks and tabs may be.
///
/// # Errors
/// The first such character.
pub fn check_lines(text: &str) -> Result<(), Hidden> {
    check(text, |character| matches!(character, '\n' | '\r' | '\t'))
}

fn check(text: &str, may: fn(char) -> bool) -> Result<(), Hidden> {
    let first = (1..).zip(text.chars()).find(|(_, character)| is_hidden(*character) && !may(*character));
    first.map_or(Ok(()), |(place, character)| Err(Hidden { character, place }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_named_by_its_code_point() {
        for hidden in [
            '\0',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e000}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            let text = format!("zoë{hidden}x");
            assert_eq!(check_line(&text), Err(Hidden { character: hidden, place: 4 }), "{hidden:?}");
            assert_eq!(check_lines(&text), check_line(&text), "{hidden:?}");
        }
        let said = check_line("ada\u{202e}").unwrap_err().to_string();
        assert!(said.contains("U+202E") && said.contains("character 4"), "{said}");
        assert!(check_line("\u{ad}").unwrap_err().to_string().contains("U+00AD"));
        for plain in ["", "a b", "Zoë Müller", "名前", "עדה", "👍", "e\u{301}", "نام"] {
            assert_eq!(check_line(plain), Ok(()), "{plain}");
        }
        assert_eq!(check_lines("one\r\n\ttwo"), Ok(()));
        assert!(check_line("one\ntwo").is_err());
    }
}
