//! The proof that a listing was read to its end: pure, one [`Listing`] per chain of pages.
//!
//! IAM may return short or empty pages although more follow, so only its own word that nothing follows ends a
//! listing. Everything that would make that word worthless is refused: a page that promises more without saying
//! where, a marker that was seen before, and pages that go on without bringing anything new.

use std::collections::HashSet;

use keyreeve_connector::{Marker, Next};

/// So many pages in a row may bring nothing new.
const MOST_BARREN_PAGES: u32 = 100;
/// No listing of IAM can have more pages than this: its quotas allow some thousand objects of a kind.
const MOST_PAGES: u32 = 2_000;

/// Follows the pages of one listing.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    seen: HashSet<Marker>,
    pages: u32,
    barren: u32,
}

/// What to do after a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Ask for the next page.
    Page(Marker),
    /// All was read.
    Whole,
    /// The listing contradicts itself and cannot be trusted to be whole.
    Broken(String),
}

impl Listing {
    /// Takes note of a page that brought `new_items` objects not seen before in this listing.
    pub(crate) fn follow(&mut self, next: Next, new_items: usize) -> Follow {
        self.pages += 1;
        self.barren = if new_items == 0 { self.barren + 1 } else { 0 };
        match next {
            Next::End => Follow::Whole,
            Next::MarkerMissing => {
                Follow::Broken("a page says that more follows, but not where (no marker)".to_owned())
            }
            Next::More(marker) if !self.seen.insert(marker.clone()) => {
                Follow::Broken("a page points back to one that was read before (repeated marker)".to_owned())
            }
            Next::More(_) if self.barren >= MOST_BARREN_PAGES => {
                Follow::Broken(format!("{MOST_BARREN_PAGES} pages in a row brought nothing new, and no end"))
            }
            Next::More(_) if self.pages >= MOST_PAGES => {
                Follow::Broken(format!("no end after {MOST_PAGES} pages"))
            }
            Next::More(marker) => Follow::Page(marker),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn more(marker: &str) -> Next {
        Next::More(Marker(marker.to_owned()))
    }

    #[test]
    fn only_the_last_page_makes_a_listing_whole() {
        let mut listing = Listing::default();
        assert_eq!(listing.follow(more("a"), 3), Follow::Page(Marker("a".into())));
        assert_eq!(listing.follow(more("b"), 0), Follow::Page(Marker("b".into())), "an empty page goes on");
        assert_eq!(listing.follow(Next::End, 0), Follow::Whole);
    }

    #[test]
    fn listings_that_contradict_themselves_are_broken() {
        let mut listing = Listing::default();
        assert!(matches!(listing.follow(Next::MarkerMissing, 3), Follow::Broken(_)));
        let mut listing = Listing::default();
        listing.follow(more("a"), 1);
        listing.follow(more("b"), 1);
        assert!(matches!(listing.follow(more("a"), 1), Follow::Broken(_)), "a cycle");
        let mut listing = Listing::default();
        let pages =
            (0..).take_while(|page| matches!(listing.follow(more(&format!("m{page}")), 0), Follow::Page(_)));
        assert!(pages.count() <= 100, "endless pages without anything new");
        let mut listing = Listing::default();
        let pages =
            (0..).take_while(|page| matches!(listing.follow(more(&format!("m{page}")), 1), Follow::Page(_)));
        assert!(pages.count() <= 2_000, "endless pages");
    }
}
