//! How wide the columns of a list are on a screen that is too narrow for it: first free text is shortened, then the
//! last columns are left out.

/// What is known of a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Breadth {
    /// The width of its widest cell, its title's at least.
    pub(super) content: usize,
    /// Whether its cells are still understood when they are shortened.
    pub(super) free: bool,
}

/// What stands between two cells.
pub(super) const GAP: usize = 2;

/// As far as free text is shortened before a column is left out for it.
const SHORTEST: usize = 16;

/// The widths of the columns that are shown, from the first one on: two at least.
pub(super) fn fit(columns: &[Breadth], screen: usize) -> Vec<usize> {
    let mut left = screen.saturating_add(GAP);
    let fitting = columns.iter().take_while(|column| {
        let needed = column.least() + GAP;
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    let shown = columns.get(..fitting.count().max(2)).unwrap_or(columns);
    let mut widths: Vec<usize> = shown.iter().map(Breadth::least).collect();
    let room = screen.saturating_sub(GAP * widths.len().saturating_sub(1)).max(widths.len());
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max() else { break };
        *widest -= 1;
    }
    while widths.iter().sum::<usize>() < room {
        let wanting = widths.iter_mut().zip(shown).filter(|(width, column)| **width < column.content);
        let Some((narrowest, _)) = wanting.min_by_key(|(width, _)| **width) else { break };
        *narrowest += 1;
    }
    widths
}

impl Breadth {
    fn least(&self) -> usize {
        if self.free { self.content.min(SHORTEST) } else { self.content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(columns: &[(usize, bool)], screen: usize) -> Vec<usize> {
        let columns: Vec<Breadth> =
            columns.iter().map(|&(content, free)| Breadth { content, free }).collect();
        fit(&columns, screen)
    }

    #[test]
    fn what_fits_keeps_its_width() {
        assert_eq!(widths(&[(10, true), (90, true), (5, false)], 109), [10, 90, 5]);
    }

    #[test]
    fn free_text_is_shortened_before_a_column_is_left_out() {
        assert_eq!(widths(&[(10, true), (90, true), (5, false)], 60), [10, 41, 5]);
        assert_eq!(widths(&[(64, true), (90, true), (5, false)], 41), [16, 16, 5]);
        assert_eq!(widths(&[(64, true), (90, true), (5, false)], 46), [19, 18, 5]);
        assert_eq!(widths(&[(64, true), (90, true), (5, false)], 40), [19, 19]);
    }

    #[test]
    fn states_and_times_are_never_shortened_while_they_can_be_left_out() {
        assert_eq!(widths(&[(10, true), (10, false), (20, false)], 43), [10, 10]);
    }

    #[test]
    fn two_columns_are_shown_on_the_narrowest_screen() {
        assert_eq!(widths(&[(100, true), (100, false), (1, false)], 20), [9, 9]);
        assert_eq!(widths(&[(100, true), (100, false)], 1), [1, 1]);
        assert_eq!(widths(&[(30, true)], 20), [20]);
        assert_eq!(widths(&[], 20), [] as [usize; 0]);
    }
}
