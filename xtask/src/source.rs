//! Rust source with what is not code blanked out, so that a text search sees only code.
//!
//! This is a scanner, not a parser: it knows comments, strings, raw strings and character literals, and
//! nothing else. Blanked characters become spaces and line ends stay, so line numbers hold.

/// The text without comments; strings are kept.
pub(crate) fn without_comments(text: &str) -> String {
    scan(text, true)
}

/// The text without comments and without the contents of strings.
pub(crate) fn code_only(text: &str) -> String {
    scan(text, false)
}

/// Whether `character` may stand inside an identifier.
pub(crate) fn is_identifier(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn scan(text: &str, keep_strings: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(first) = rest.chars().next() {
        let (length, kept) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (block_comment(rest), false)
        } else if let Some(length) = string(rest, previous) {
            (length, keep_strings)
        } else if let Some(length) = character_literal(rest) {
            (length, keep_strings)
        } else {
            (first.len_utf8(), true)
        };
        let (piece, after) = rest.split_at(length.max(first.len_utf8()));
        if kept {
            out.push_str(piece);
        } else {
            out.extend(piece.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        }
        previous = piece.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    out
}

/// The length of the (possibly nested) block comment `text` begins with.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string literal `text` begins with, prefix and quotes included.
fn string(text: &str, previous: char) -> Option<usize> {
    if text.starts_with('"') {
        return Some(quoted(text));
    }
    if is_identifier(previous) {
        return None;
    }
    let unprefixed = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let prefix = text.len() - unprefixed.len();
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes = raw.chars().take_while(|&character| character == '#').count();
        let body = raw.get(hashes..)?.strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        return Some(prefix + 1 + hashes + 1 + length);
    }
    unprefixed.starts_with('"').then(|| prefix + quoted(unprefixed))
}

/// The length of a plain string literal, quotes included.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; `None` for a lifetime.
fn character_literal(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    if let Some(escape) = body.strip_prefix('\\') {
        let after = escape.chars().next()?.len_utf8();
        let end = escape.get(after..)?.find('\'')?;
        return Some(2 + after + end + 1);
    }
    let character = body.chars().next()?;
    body.get(character.len_utf8()..)?.starts_with('\'').then(|| 2 + character.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_and_lines_kept() {
        let text = "a // todo\nb /* x /* y */\n z */ c \"todo \\\" d\" e r#\"f \" g\"# h";
        let code = code_only(text);
        assert_eq!(code.lines().count(), 3);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "e", "h"]);
        let kept = without_comments(text);
        assert!(kept.contains("todo \\\" d") && kept.contains("f \" g") && !kept.contains("// todo"));
    }

    #[test]
    fn a_quote_character_does_not_open_a_string() {
        let code = code_only("let a = '\"'; let b = '\\''; fn f<'x>(y: &'x str) { seen }");
        assert!(code.contains("seen") && code.contains("<'x>"), "{code}");
    }

    #[test]
    fn prefixed_strings_are_strings_and_names_ending_in_r_are_not() {
        let code = code_only("b\"gone\" br\"gone\" c\"gone\" for_r \"gone\" stay");
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["for_r", "stay"]);
    }
}
