//! Whether patterns have a text in common.

use std::collections::{BTreeSet, HashSet, VecDeque};

use crate::pattern::{Pattern, Places, Symbol};

/// How many pieces of patterns are looked at before a search gives up; some milliseconds of work.
const MAXIMUM_WORK: usize = 500_000;

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Search {
    /// The shortest such text, or one of them.
    Found(String),
    /// There is no such text.
    Nothing,
    /// The patterns are too tangled to say.
    GaveUp,
}

/// Looks for a text that fits all of `inside` and none of `outside`.
///
/// Breadth first over the places that a text can lead to in each pattern, which are finitely many. Of all
/// characters that no pattern names one is tried, since the patterns cannot tell them apart.
pub(crate) fn find(inside: &[&Pattern], outside: &[&Pattern]) -> Search {
    let patterns: Vec<&Pattern> = inside.iter().chain(outside).copied().collect();
    let named: BTreeSet<char> = patterns.iter().flat_map(|pattern| pattern.chars()).chain([':']).collect();
    let start: Vec<Places> = patterns.iter().map(|pattern| pattern.start()).collect();
    let size: usize = start.iter().map(Places::len).sum();
    let mut seen = HashSet::from([start.clone()]);
    let mut waiting = VecDeque::from([(start, Vec::new())]);
    let mut work = 0;
    while let Some((places, text)) = waiting.pop_front() {
        let (within, without) = places.split_at(inside.len());
        if within.iter().all(Places::at_end) && !without.iter().any(Places::at_end) {
            return Search::Found(spell(&text, &named));
        }
        for symbol in next_symbols(inside, within, &named) {
            work += size;
            if work > MAXIMUM_WORK {
                return Search::GaveUp;
            }
            let next: Vec<Places> =
                patterns.iter().zip(&places).map(|(pattern, at)| pattern.step(at, symbol)).collect();
            if next.iter().take(inside.len()).any(Places::is_empty) || !seen.insert(next.clone()) {
                continue;
            }
            let mut longer = text.clone();
            longer.push(symbol);
            waiting.push_back((next, longer));
        }
    }
    Search::Nothing
}

/// The symbols that do not at once lead out of `inside`, and perhaps some that do.
fn next_symbols(inside: &[&Pattern], places: &[Places], named: &BTreeSet<char>) -> Vec<Symbol> {
    let few = inside.iter().zip(places).find_map(|(pattern, places)| pattern.next_chars(places));
    match few {
        Some(chars) => chars.into_iter().map(Symbol::Char).collect(),
        None => [Symbol::Other].into_iter().chain(named.iter().copied().map(Symbol::Char)).collect(),
    }
}

/// The text, with a character that no pattern names for all those.
fn spell(text: &[Symbol], named: &BTreeSet<char>) -> String {
    let other = ('a'..='z').chain('0'..='9').chain('\u{e000}'..).find(|char| !named.contains(char));
    text.iter()
        .filter_map(|symbol| match symbol {
            Symbol::Char(char) => Some(*char),
            Symbol::Other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::*;
    use crate::pattern::Piece;

    const PIECES: [Piece; 6] = [
        Piece::Char('a'),
        Piece::Char(':'),
        Piece::One { colon: true },
        Piece::One { colon: false },
        Piece::Run { colon: true },
        Piece::Run { colon: false },
    ];

    fn pattern() -> impl Strategy<Value = Pattern> {
        vec(select(&PIECES[..]), 0..4).prop_map(|pieces| {
            let mut pattern = Pattern::default();
            pieces.into_iter().for_each(|piece| pattern.push(piece));
            pattern
        })
    }

    /// The same, said as plainly as possible.
    fn fits(pieces: &[Piece], text: &[char]) -> bool {
        let Some((piece, more)) = pieces.split_first() else { return text.is_empty() };
        let first = |colon: bool| text.first().is_some_and(|char| colon || *char != ':');
        match *piece {
            Piece::Char(char) => text.first() == Some(&char) && fits(more, &text[1..]),
            Piece::One { colon } => first(colon) && fits(more, &text[1..]),
            Piece::Run { colon } => fits(more, text) || (first(colon) && fits(pieces, &text[1..])),
        }
    }

    /// All texts of up to six characters, which is as long as the shortest text common to two patterns of three pieces.
    fn texts() -> Vec<String> {
        let mut texts = vec![String::new()];
        let mut from = 0;
        for _ in 0..6 {
            let longest: Vec<String> = texts[from..].to_vec();
            from = texts.len();
            texts.extend(longest.iter().flat_map(|text| ['a', 'b', ':'].map(|char| format!("{text}{char}"))));
        }
        texts
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        #[test]
        fn searching_finds_what_trying_every_text_finds(one in pattern(), other in pattern(), not in pattern()) {
            let texts = texts();
            for text in &texts {
                let chars: Vec<char> = text.chars().collect();
                prop_assert_eq!(one.matches(text), fits(one.pieces(), &chars), "{:?} {}", one, text);
            }
            let common = texts.iter().find(|text| one.matches(text) && other.matches(text));
            prop_assert_eq!(one.overlaps(&other), common.is_some());
            let left = texts.iter().any(|text| one.matches(text) && other.matches(text) && !not.matches(text));
            match find(&[&one, &other], &[&not]) {
                Search::Found(text) => {
                    prop_assert!(one.matches(&text) && other.matches(&text) && !not.matches(&text), "{}", text);
                }
                found => prop_assert!(found == Search::Nothing && !left),
            }
        }
    }

    fn search(inside: &[&str], outside: &[&str]) -> Search {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::wild(text)).collect::<Vec<_>>();
        let (inside, outside) = (patterns(inside), patterns(outside));
        find(&inside.iter().collect::<Vec<_>>(), &outside.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_patterns_have_in_common() {
        assert_eq!(search(&["user/*", "*/bob"], &[]), Search::Found("user/bob".into()));
        assert_eq!(search(&["user/*", "group/*"], &[]), Search::Nothing);
        assert_eq!(search(&["a*", "*b"], &["ab"]), Search::Found("acb".into()));
        // Together they cover it, though neither does.
        assert_eq!(search(&["x?*"], &["x", "xa*", "x?", "x*"]), Search::Nothing);
        assert_eq!(search(&["*"], &["?*", ""]), Search::Nothing);
    }

    #[test]
    fn a_tangled_search_gives_up() {
        let tangled = (0..12).map(|at| format!("*a{}b*", "?".repeat(at + 9))).collect::<Vec<_>>();
        let tangled: Vec<&str> = tangled.iter().map(String::as_str).collect();
        assert_eq!(search(&["*"], &[]), Search::Found(String::new()));
        assert_eq!(search(&tangled, &["*"]), Search::GaveUp);
    }
}
