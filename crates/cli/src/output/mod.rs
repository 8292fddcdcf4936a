//! How data reach standard output: as a table for eyes, as JSON by the contract, as CSV for spreadsheets. What is
//! not data goes to standard error.

mod brief;
pub(crate) mod failure;
mod fit;
mod json;
mod pages;
pub(crate) mod shape;
mod table;
mod talk;

use std::io::{IsTerminal, Write};
use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::exit::Refusal;

pub(crate) use brief::brief;
pub(crate) use keyreeve_engine::escape;
use keyreeve_engine::export::csv;
pub(crate) use shape::{Column, Columns, Shape};
pub(crate) use table::{Facts, Lines, Narrow, Tables, single};
pub(crate) use talk::{hint, note, paragraph, warning};

/// The three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// For eyes; may change at any time.
    Table,
    /// The stable contract.
    Json,
    /// RFC 4180, safe to open in a spreadsheet unless --raw is given.
    Csv,
}

/// Nobody reads standard output any more.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(crate) struct Closed;

/// Writes data to standard output, one document for each command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    raw: bool,
}

impl Output {
    /// `raw` leaves CSV cells as they are.
    pub(crate) fn new(format: Format, raw: bool) -> Self {
        Self { format, raw }
    }

    /// The same, with CSV cells as they are: for what is copied letter by letter, such as a password.
    pub(crate) fn exact(&self) -> Self {
        Self { raw: true, ..*self }
    }

    /// Whether CSV cells stay as they are.
    pub(crate) fn is_raw(&self) -> bool {
        self.raw
    }

    /// The form that was asked for.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// A list. When it is empty, `empty` says so on standard error.
    pub(crate) fn list<T: Serialize>(
        &self,
        items: &[T],
        shape: &Shape<T>,
        empty: &str,
    ) -> anyhow::Result<()> {
        if items.is_empty() {
            note(empty);
        }
        match self.format {
            Format::Table if items.is_empty() => Ok(()),
            Format::Table => {
                let (text, hidden) =
                    table::list(items, shape.table, shape.narrow, table::Screen::of_stdout());
                write(&text)?;
                hidden.iter().for_each(|hidden| paragraph(hidden));
                Ok(())
            }
            Format::Json => write(&json::document(&items)?),
            Format::Csv => write(&csv::document(items, shape.csv, self.raw)?),
        }
    }

    /// One object; `tables` says how it is shown to eyes.
    pub(crate) fn one<T: Serialize + 'static>(
        &self,
        item: &T,
        columns: impl Into<Columns<T>>,
        tables: impl FnOnce(&mut Tables),
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Table => {
                let mut shown = Tables::new(table::Screen::of_stdout());
                tables(&mut shown);
                write(shown.text())?;
                shown.hidden().iter().for_each(|hidden| paragraph(hidden));
                Ok(())
            }
            Format::Json => write(&json::document(item)?),
            Format::Csv => write(&csv::document(std::slice::from_ref(item), columns, self.raw)?),
        }
    }
}

/// Writes a text that is data by itself.
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    write_bytes(text.as_bytes())
}

/// Writes data that are no text.
pub(crate) fn write_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Closed.into()),
        Err(error) => Err(Refusal::failed("writing to standard output", error.to_string()).into()),
        Ok(()) => Ok(()),
    }
}

/// Refuses what would print a secret that exists nowhere else while standard output is closed. A closed one is opened on
/// the null device when a program begins, for reading and writing, which no redirection does.
pub(crate) fn require_open(doing: &str) -> Result<(), Refusal> {
    let target = std::fs::read_link("/proc/self/fd/1").unwrap_or_default();
    let details = std::fs::read_to_string("/proc/self/fdinfo/1").unwrap_or_default();
    let flags = details.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    if target == Path::new("/dev/null") && flags.is_some_and(|flags| flags & 0o3 == 0o2) {
        let why = "standard output is closed, and the one-time secret that would be written to it is shown nowhere else";
        return Err(
            Refusal::failed(doing, format!("{why}. Nothing was changed")).hint("leave standard output open")
        );
    }
    Ok(())
}

/// What to say when a secret that exists nowhere else could not be written: nobody has it.
pub(crate) fn lost(error: anyhow::Error, doing: &str, lost: &str, way_out: &str) -> anyhow::Error {
    let why = match error.is::<Closed>() {
        true => Closed.to_string(),
        false => failure::words(&error).0,
    };
    Refusal::failed(doing, format!("{why}, so {lost}")).hint(way_out).into()
}

/// Whether colours are wanted on standard output: only on a terminal, and not with `NO_COLOR` (no-color.org).
fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}
