//! One page of a listing.

use std::collections::BTreeSet;

use keyreeve_model::AwsAccountId;

/// One page of a listing, and how it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries. A page may be short, or empty, although more follow.
    pub items: Vec<T>,
    /// How the listing goes on.
    pub next: Next,
    /// The AWS accounts that the ARNs on this page belong to (AWS's own policies left out), so that answers of
    /// another account are noticed wherever they come.
    pub account_ids: BTreeSet<AwsAccountId>,
}

/// How a listing goes on after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This was the last page.
    End,
    /// Ask again with this marker.
    More(Marker),
    /// The page says that more follows, but not where. The listing cannot be completed.
    MarkerMissing,
}

/// An opaque position in a listing, as the connected system gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker(pub String);
