//! Three-valued logic.

use std::ops::{BitAnd, BitOr, Not};

use serde::Serialize;

/// What is known of a statement: that it holds, that it does not, or neither (Kleene's strong logic).
///
/// The order is that of the logic: *and* is the least, *or* the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It does not hold, whatever the unknown facts are.
    False,
    /// It depends on facts that are not known.
    Unknown,
    /// It holds, whatever the unknown facts are.
    True,
}

impl Truth {
    /// Whether any of `truths` holds; `False` for none at all.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().max().unwrap_or(Self::False)
    }

    /// Whether all of `truths` hold; `True` for none at all.
    pub(crate) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().min().unwrap_or(Self::True)
    }

    /// `yes` if this holds, `no` if it does not; while that is unknown, what both agree on.
    pub(crate) fn choose(self, yes: Self, no: Self) -> Self {
        match self {
            Self::True => yes,
            Self::False => no,
            Self::Unknown if yes == no => yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl BitAnd for Truth {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.min(other)
    }
}

impl BitOr for Truth {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};
    use super::*;

    #[test]
    fn unknown_gives_way_only_where_the_other_side_decides() {
        assert_eq!((Unknown & False, Unknown & True, Unknown & Unknown), (False, Unknown, Unknown));
        assert_eq!((Unknown | False, Unknown | True, Unknown | Unknown), (Unknown, True, Unknown));
        assert_eq!((!Unknown, !True, !False), (Unknown, False, True));
        assert_eq!((Truth::any([]), Truth::all([])), (False, True));
        assert_eq!((Unknown.choose(True, True), Unknown.choose(True, False)), (True, Unknown));
    }
}
