//! Strings with wildcards, and the text they match.

use std::collections::HashSet;

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Char(char),
    /// Any one character; a colon only if `colon`.
    One {
        colon: bool,
    },
    /// Any run of characters, also none; with colons only if `colon`.
    Run {
        colon: bool,
    },
}

/// A sequence of pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    /// Whether every piece stands for something known. If not, the pattern matches everything that some
    /// value would make it match.
    pub(crate) certain: bool,
}

/// A character of a text, or one that no pattern at hand names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    Char(char),
    Other,
}

/// The places in a pattern that the text read so far can have led to, one flag for each place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Places(Vec<bool>);

impl Default for Pattern {
    fn default() -> Self {
        Self { pieces: Vec::new(), certain: true }
    }
}

impl Pattern {
    /// With `*` and `?` as wildcards for any characters.
    pub(crate) fn wild(text: &str) -> Self {
        let pieces = text.chars().map(|char| match char {
            '*' => Piece::Run { colon: true },
            '?' => Piece::One { colon: true },
            other => Piece::Char(other),
        });
        Self { pieces: pieces.collect(), certain: true }
    }

    #[cfg(test)]
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(crate) fn push(&mut self, piece: Piece) {
        self.pieces.push(piece);
    }

    pub(crate) fn push_literal(&mut self, text: &str) {
        self.pieces.extend(text.chars().map(Piece::Char));
    }

    /// Adds a value that is not known.
    pub(crate) fn push_unknown(&mut self) {
        self.pieces.push(Piece::Run { colon: true });
        self.certain = false;
    }

    /// The same in lower case.
    pub(crate) fn lower(self) -> Self {
        let lower = self.pieces.into_iter().flat_map(|piece| match piece {
            Piece::Char(char) => char.to_lowercase().map(Piece::Char).collect::<Vec<_>>(),
            other => vec![other],
        });
        Self { pieces: lower.collect(), certain: self.certain }
    }

    /// The characters it names.
    pub(crate) fn chars(&self) -> impl Iterator<Item = char> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Char(char) => Some(*char),
            _ => None,
        })
    }

    /// Whether the whole of `text` fits.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // Most patterns that do not match differ before their first wildcard.
        let mut beginning = self.pieces.iter().map_while(|piece| match piece {
            Piece::Char(char) => Some(*char),
            _ => None,
        });
        let mut chars = text.chars();
        if !beginning.all(|char| chars.next() == Some(char)) {
            return false;
        }
        let mut places = self.start();
        for char in text.chars() {
            places = self.step(&places, Symbol::Char(char));
            if places.is_empty() {
                return false;
            }
        }
        places.at_end()
    }

    /// Where it is before any text.
    pub(crate) fn start(&self) -> Places {
        let mut places = Places(vec![false; self.pieces.len() + 1]);
        self.enter(&mut places, 0);
        places
    }

    /// Where it can be after one more character.
    pub(crate) fn step(&self, places: &Places, symbol: Symbol) -> Places {
        let mut next = Places(vec![false; self.pieces.len() + 1]);
        for (at, piece) in self.pieces.iter().enumerate() {
            if !places.has(at) {
                continue;
            }
            let fits = |colon| colon || symbol != Symbol::Char(':');
            match *piece {
                Piece::Char(char) if symbol == Symbol::Char(char) => self.enter(&mut next, at + 1),
                Piece::One { colon } if fits(colon) => self.enter(&mut next, at + 1),
                Piece::Run { colon } if fits(colon) => self.enter(&mut next, at),
                _ => {}
            }
        }
        next
    }

    /// The characters that can come next; `None` when too many can.
    pub(crate) fn next_chars(&self, places: &Places) -> Option<Vec<char>> {
        let active = self.pieces.iter().enumerate().filter(|(at, _)| places.has(*at));
        active
            .map(|(_, piece)| match piece {
                Piece::Char(char) => Some(*char),
                _ => None,
            })
            .collect()
    }

    /// Whether some text fits both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let mut seen = HashSet::new();
        let mut waiting = vec![(0, 0)];
        while let Some((at, beside)) = waiting.pop() {
            if !seen.insert((at, beside)) {
                continue;
            }
            let (here, there) = (self.pieces.get(at), other.pieces.get(beside));
            if here.is_none() && there.is_none() {
                return true;
            }
            if here.is_some_and(Piece::is_run) {
                waiting.push((at + 1, beside));
            }
            if there.is_some_and(Piece::is_run) {
                waiting.push((at, beside + 1));
            }
            if let (Some(here), Some(there)) = (here, there)
                && here.shares_a_char_with(there)
            {
                let after = |piece: &Piece, at: usize| if piece.is_run() { at } else { at + 1 };
                waiting.push((after(here, at), after(there, beside)));
            }
        }
        false
    }

    /// Marks `at`, and what can be reached from there without text.
    fn enter(&self, places: &mut Places, at: usize) {
        let mut at = at;
        while let Some(flag) = places.0.get_mut(at) {
            *flag = true;
            if !matches!(self.pieces.get(at), Some(Piece::Run { .. })) {
                return;
            }
            at += 1;
        }
    }
}

impl Piece {
    fn is_run(&self) -> bool {
        matches!(self, Self::Run { .. })
    }

    fn shares_a_char_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Char(one), Self::Char(other)) => one == other,
            (Self::Char(':'), Self::One { colon } | Self::Run { colon })
            | (Self::One { colon } | Self::Run { colon }, Self::Char(':')) => *colon,
            _ => true,
        }
    }
}

impl Places {
    fn has(&self, at: usize) -> bool {
        self.0.get(at).copied().unwrap_or(false)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// No text that begins like this fits.
    pub(crate) fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    /// The text read so far fits as a whole.
    pub(crate) fn at_end(&self) -> bool {
        self.0.last().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_runs_and_single_characters() {
        let cases = [
            ("*", "", true),
            ("iam:*", "iam:CreateUser", true),
            ("iam:A?tach*", "iam:AttachUserPolicy", true),
            ("iam:A?tach*", "iam:AtttachUserPolicy", false),
            ("a*b*c", "a-bb-c", true),
            ("a*b*c", "acb", false),
            ("?", "", false),
            ("**", "x", true),
            ("ü?", "üß", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::wild(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_overlap_where_a_text_fits_both() {
        let cases = [
            ("user/*", "*/bob", true),
            ("user/*", "group/*", false),
            ("a*", "*", true),
            ("a?c", "ab*", true),
            ("", "*", true),
            ("?", "", false),
            ("*a*b", "*b*a", false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(Pattern::wild(one).overlaps(&Pattern::wild(other)), expected, "{one} {other}");
            assert_eq!(Pattern::wild(other).overlaps(&Pattern::wild(one)), expected, "{other} {one}");
        }
        let mut one_field = Pattern::default();
        one_field.push(Piece::Run { colon: false });
        assert!(!one_field.overlaps(&Pattern::wild("*:*")));
        assert!(one_field.overlaps(&Pattern::wild("*-*")));
    }

    #[test]
    fn many_asterisks_take_no_longer_than_few() {
        let pattern = Pattern::wild(&format!("{}c", "a*".repeat(200)));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(2_000))));
    }
}
