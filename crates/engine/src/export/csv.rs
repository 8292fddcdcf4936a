//! CSV by RFC 4180: a header, then one record for each object, lines ending in CR LF.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, and
//! IAM names may begin with four of these. Such a cell is written with an apostrophe before it (CWE-1236), unless
//! `--raw` was given. Nor does a cell hold characters that steer a terminal or hide: as in tables they are written as
//! `\u{202e}`, but for line breaks, which CSV can quote.

use csv::WriterBuilder;

use super::field::Columns;
use crate::escape;

/// A column: its name, and the text of its cell.
pub type Column<T> = (&'static str, fn(&T) -> String);

/// A row cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("writing the answer as CSV: {0}")]
pub struct Unwritten(String);

/// The document.
///
/// # Errors
/// [`Unwritten`].
pub fn document<T: 'static>(
    items: &[T],
    columns: impl Into<Columns<T>>,
    raw: bool,
) -> Result<String, Unwritten> {
    let columns = columns.into();
    Ok(written(vec![columns.names()])? + &records(items, columns, raw)?)
}

/// The records alone.
///
/// # Errors
/// [`Unwritten`].
pub fn records<T: 'static>(
    items: &[T],
    columns: impl Into<Columns<T>>,
    raw: bool,
) -> Result<String, Unwritten> {
    let columns = columns.into();
    let shown = |cell: String| if raw { cell } else { without_formula(&escape::lines(&cell)) };
    written(items.iter().map(|item| columns.cells(item).into_iter().map(shown).collect()))
}

/// A document of rows that are texts already.
///
/// # Errors
/// [`Unwritten`].
pub fn of_rows(names: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Result<String, Unwritten> {
    let shown = |cell: String| without_formula(&escape::lines(&cell));
    written(std::iter::once(names).chain(rows).map(|row| row.into_iter().map(shown).collect()))
}

fn written(records: impl IntoIterator<Item = Vec<String>>) -> Result<String, Unwritten> {
    let mut writer =
        WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::with_capacity(4096));
    for record in records {
        writer.write_record(record).map_err(|error| Unwritten(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| Unwritten(error.error().to_string()))?;
    String::from_utf8(bytes).map_err(|error| Unwritten(error.to_string()))
}

fn without_formula(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column<&str>] = &[("name", |name| (*name).to_owned())];

    #[test]
    fn no_cell_is_taken_for_a_formula() {
        let text =
            document(&["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "a=1", "'x"], COLUMNS, false).unwrap();
        assert_eq!(text, "name\r\n'=1+1\r\n'+1\r\n'-1\r\n'@x\r\n\\u{9}=1\r\n\\u{d}=1\r\na=1\r\n'x\r\n");
        assert_eq!(document(&["=1"], COLUMNS, true).unwrap(), "name\r\n=1\r\n");
    }

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_obeyed_unless_raw_is_wanted() {
        let evil = "evil\u{202e}nimda\u{200b}\u{1b}[31m";
        assert_eq!(
            document(&[evil], COLUMNS, false).unwrap(),
            "name\r\nevil\\u{202e}nimda\\u{200b}\\u{1b}[31m\r\n"
        );
        assert_eq!(document(&[evil], COLUMNS, true).unwrap(), format!("name\r\n{evil}\r\n"));
    }

    #[test]
    fn separators_and_quotes_are_quoted() {
        let text = document(&["a,b", "say \"x\"", "two\nlines"], COLUMNS, false).unwrap();
        assert_eq!(text, "name\r\n\"a,b\"\r\n\"say \"\"x\"\"\"\r\n\"two\nlines\"\r\n");
        assert_eq!(document(&[] as &[&str], COLUMNS, false).unwrap(), "name\r\n");
    }

    #[test]
    fn s23_a_parser_reads_back_what_was_written() {
        let hostile = [
            "=1+1",
            "a,b;c",
            "say \"x\"",
            "two\nlines",
            "two\r\nlines",
            "\t=1",
            "\u{0}nul",
            " x ",
            "",
            "名前",
            "'x",
        ];
        let text = document(&hostile, COLUMNS, true).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let read: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(read, hostile);
        let text = document(&hostile, COLUMNS, false).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let read: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(read.len(), hostile.len());
        assert!(read.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{read:?}");
    }
}
