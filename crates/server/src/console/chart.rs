//! Charts, drawn here: bars for who sees them, and a table for everybody. Of a single bar nothing can be seen that a sentence
//! does not say better.

use askama::Template;

use super::numbers::grouped;
use super::parts::drawn;

const WIDTH: u64 = 640;
const HEIGHT: u64 = 120;

/// One bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) number: u64,
    /// The page of what it counts.
    pub(crate) leads_to: Option<String>,
}

/// A bar where it stands.
#[derive(Debug, Clone)]
struct Placed {
    bar: Bar,
    x: u64,
    y: u64,
    width: u64,
    height: u64,
}

impl Placed {
    /// For templates.
    fn said(&self) -> String {
        grouped(self.bar.number)
    }
}

/// A chart of bars.
#[derive(Debug, Clone, Template)]
#[template(path = "console/part/chart.html")]
pub(crate) struct Chart {
    title: String,
    /// What the bars are of, and what they count.
    of: &'static str,
    counts: &'static str,
    bars: Vec<Placed>,
    /// The end of the axis.
    largest: String,
    /// What is said in place of the drawing.
    said: Option<String>,
    /// What is not in it.
    besides: Option<String>,
    /// Whether the table is seen at once: what can be gone to stands there.
    leads_on: bool,
    width: u64,
    height: u64,
}

impl Chart {
    pub(crate) fn new(
        title: impl Into<String>,
        of: &'static str,
        counts: &'static str,
        bars: Vec<Bar>,
    ) -> Self {
        let title = title.into();
        let said = match bars.as_slice() {
            [one] => {
                Some(format!("{}: {}. More than that is not known yet.", one.label, grouped(one.number)))
            }
            _ => None,
        };
        let leads_on = bars.iter().any(|bar| bar.leads_to.is_some());
        let largest = bars.iter().map(|bar| bar.number).max().unwrap_or_default();
        let each = WIDTH.checked_div(bars.len() as u64).unwrap_or(WIDTH).clamp(2, 120);
        let room = HEIGHT;
        let placed = |(place, bar): (u64, Bar)| {
            // What there is is seen, however little it is beside the largest.
            let share = u128::from(bar.number) * u128::from(room) / u128::from(largest.max(1));
            let height = u64::try_from(share).unwrap_or(room).max(u64::from(bar.number > 0) * 2);
            Placed { bar, x: place * each, y: HEIGHT - height, width: (each * 4 / 5).max(1), height }
        };
        let width = each.saturating_mul(bars.len() as u64).clamp(1, WIDTH);
        let bars = (0..).zip(bars).map(placed).collect();
        let (largest, besides) = (grouped(largest), None);
        Self { title, of, counts, bars, largest, said, besides, leads_on, width, height: HEIGHT }
    }

    /// One without bars, in whose place a sentence stands.
    pub(crate) fn only_said(
        title: impl Into<String>,
        of: &'static str,
        counts: &'static str,
        said: String,
    ) -> Self {
        Self { said: Some(said), ..Self::new(title, of, counts, Vec::new()) }
    }

    /// The same with what is not in it.
    #[must_use]
    pub(crate) fn besides(self, besides: Option<String>) -> Self {
        Self { besides, ..self }
    }
}

drawn!(Chart);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_and_all_of_them_stand_in_a_table_as_text() {
        let numbers = [0, 1, 1_000_000, u64::MAX];
        let bars = numbers.map(|number| Bar { label: format!("<{number}>"), number, leads_to: None });
        let chart = Chart::new("Changes", "Run", "Changes", bars.to_vec());
        for placed in &chart.bars {
            assert!(placed.x + placed.width <= WIDTH && placed.y + placed.height == HEIGHT);
            assert_eq!(placed.height > 0, placed.bar.number > 0);
        }
        let text = chart.render().unwrap();
        assert!(!text.contains("<1>") && text.contains("&#60;1&#62;"), "{text}");
        for number in numbers {
            assert!(text.contains(&format!(">{}</td>", grouped(number))), "{text}");
        }
        let one = Bar { label: "2026-11-30".to_owned(), number: 1_200, leads_to: None };
        let text = Chart::new("Accounts", "Day", "Accounts", vec![one]).render().unwrap();
        assert!(text.contains("2026-11-30: 1,200.") && !text.contains("<svg"), "{text}");
    }
}
