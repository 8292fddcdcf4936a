//! A list that is written page by page, because it may be too long to be held: JSON and CSV as one document, a table at
//! the end, when its widths are known.

use anyhow::Context;
use serde::Serialize;

use super::{Format, Output, Shape, csv, note, write};

/// A list in the making.
pub(crate) struct Pages<T: 'static> {
    output: Output,
    shape: &'static Shape<T>,
    /// What a table will show.
    held: Vec<T>,
    any: bool,
}

impl Output {
    /// Begins a list.
    pub(crate) fn pages<T: Serialize>(&self, shape: &'static Shape<T>) -> anyhow::Result<Pages<T>> {
        if self.format == Format::Csv {
            write(&csv::document(&[], shape.csv, self.raw)?)?;
        }
        Ok(Pages { output: *self, shape, held: Vec::new(), any: false })
    }
}

impl<T: Serialize> Pages<T> {
    /// Writes some more.
    pub(crate) fn write(&mut self, items: Vec<T>) -> anyhow::Result<()> {
        let first = !self.any;
        self.any |= !items.is_empty();
        match self.output.format {
            Format::Table => self.held.extend(items),
            Format::Csv => write(&csv::records(&items, self.shape.csv, self.output.raw)?)?,
            Format::Json => write(&piece(&items, first)?)?,
        }
        Ok(())
    }

    /// Ends the list. When it is empty, `empty` says so on standard error.
    pub(crate) fn end(self, empty: &str) -> anyhow::Result<()> {
        match self.output.format {
            Format::Table => return self.output.list(&self.held, self.shape, empty),
            Format::Json => write(ending(self.any))?,
            Format::Csv => {}
        }
        if !self.any {
            note(empty);
        }
        Ok(())
    }
}

/// Some items of a JSON list, the first ones of it or later ones.
fn piece<T: Serialize>(items: &[T], first: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    for (place, item) in items.iter().enumerate() {
        text.push_str(if first && place == 0 { "[\n  " } else { ",\n  " });
        let item = serde_json::to_string_pretty(item).context("writing the answer as JSON")?;
        // In JSON a line break is never part of a text.
        text.push_str(&item.replace('\n', "\n  "));
    }
    Ok(text)
}

fn ending(any: bool) -> &'static str {
    if any { "\n]\n" } else { "[]\n" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_make_the_document_that_one_list_makes() {
        let items = [json!({"a": [1, 2], "text": "two\nlines"}), json!([]), json!("x"), json!({})];
        let whole = super::super::json::document(&items).unwrap();
        for cut in 1..items.len() {
            let (begin, rest) = items.split_at(cut);
            let text = piece(begin, true).unwrap() + &piece(rest, false).unwrap() + ending(true);
            assert_eq!(text, whole, "{cut}");
        }
        let none: [serde_json::Value; 0] = [];
        let text = piece(&none, true).unwrap() + ending(false);
        assert_eq!(text, super::super::json::document(&none).unwrap());
    }
}
