//! Tables for eyes. On a terminal that is too narrow, a list shortens free text, then leaves out its last columns, and
//! says both; a list with sentences in it wraps these. Elsewhere nothing is cut or left out, and only what checks found is
//! wrapped.

use std::io::IsTerminal;

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, LineStyle, Row, Table, TableStyle, Width,
};

use super::fit::{Breadth, GAP, fit};
use super::{Column, escape};

/// What is known of the screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    /// Its width in letters; `None` where there is no screen, and nothing is cut.
    width: Option<u16>,
    colours: bool,
}

impl Screen {
    /// Standard output.
    pub(super) fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        // A terminal that does not know its size says 0.
        let width = Table::new().width().filter(|width| terminal && *width > 0);
        Self { width, colours: super::colours() }
    }
}

/// A list as a table, and what of it is not shown.
pub(super) fn list<T>(
    items: &[T],
    columns: &[Column<T>],
    narrow: Narrow,
    screen: Screen,
) -> (String, Option<String>) {
    let mut table = table_of(items, columns, screen);
    let elsewhere = match narrow {
        Narrow::WrapEverywhere { .. } => Some(PAGE),
        Narrow::Shorten | Narrow::Wrap { .. } => None,
    };
    let Some(width) = screen.width.or(elsewhere) else { return (short_ruled(&table), None) };
    let mut hidden = None;
    match narrow {
        Narrow::Shorten => {
            let breadths = breadths(&table, columns);
            let widths = fit(&breadths, usize::from(width));
            table = table_of(items, columns.get(..widths.len()).unwrap_or(columns), screen);
            shorten(&mut table, &widths);
            hidden =
                not_shown(columns, &breadths, &widths).map(|said| wrapped(&said, usize::from(width), ""));
        }
        Narrow::Wrap { sentences } | Narrow::WrapEverywhere { sentences } => {
            wrap(&mut table, sentences, width);
        }
    }
    table.set_width(width);
    (finished(&table), hidden)
}

/// What a list does on a screen that is too narrow for it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Narrow {
    /// Shortens free text, then leaves out columns, from the last one on.
    Shorten,
    /// Wraps this many columns at the end.
    Wrap {
        /// How many.
        sentences: usize,
    },
    /// The same, and where there is no screen it wraps them too: for sentences of any length.
    WrapEverywhere {
        /// How many.
        sentences: usize,
    },
}

/// How wide a list of long sentences is where there is no screen.
const PAGE: u16 = 160;

fn table_of<T>(items: &[T], columns: &[Column<T>], screen: Screen) -> Table {
    let mut table = empty(screen);
    table.set_header(header(columns.iter().map(|column| column.0), screen));
    for item in items {
        let cells = columns.iter().map(|column| cell(column.0, &(column.1)(item), screen));
        table.add_row(Row::from(cells.collect::<Vec<Cell>>()));
    }
    pad(&mut table);
    table
}

/// One blank after each cell but the last; the other one of the gap is the line between two columns.
fn pad(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    if let Some(last) = table.column_iter_mut().last() {
        last.set_padding((0, 0));
    }
}

const PADDING: usize = GAP - 1;

fn exactly(width: usize) -> ColumnConstraint {
    ColumnConstraint::Absolute(Width::Fixed(u16::try_from(width).unwrap_or(u16::MAX)))
}

fn breadths<T>(table: &Table, columns: &[Column<T>]) -> Vec<Breadth> {
    let widths = table.column_max_content_widths();
    columns
        .iter()
        .zip(widths)
        .map(|(column, width)| Breadth { content: usize::from(width), free: is_free_text(column.0) })
        .collect()
}

/// Whether the beginning of a cell says enough: that of names, paths and sentences does; that of ARNs is the same for
/// all, and a state, a number or a time cannot be shortened.
fn is_free_text(column: &str) -> bool {
    matches!(
        column,
        "account"
            | "actor"
            | "asked_by"
            | "category"
            | "holder"
            | "name"
            | "owner"
            | "path"
            | "reason"
            | "resource"
            | "through_group"
            | "what"
    )
}

fn shorten(table: &mut Table, widths: &[usize]) {
    table.set_content_arrangement(ContentArrangement::Dynamic);
    for (number, (column, width)) in table.column_iter_mut().zip(widths).enumerate() {
        let padding = if number + 1 < widths.len() { PADDING } else { 0 };
        column.set_constraint(exactly(width.saturating_add(padding)));
    }
    for row in table.row_iter_mut() {
        row.max_height(1);
    }
}

/// What a list keeps back, and how to see it.
fn not_shown<T>(columns: &[Column<T>], breadths: &[Breadth], widths: &[usize]) -> Option<String> {
    let titles = |columns: Vec<&Column<T>>| {
        columns.iter().map(|column| title_of(column.0)).collect::<Vec<String>>().join(", ")
    };
    let shortened = columns.iter().zip(breadths).zip(widths);
    let shortened: Vec<_> = shortened
        .filter(|((_, whole), width)| **width < whole.content)
        .map(|((column, _), _)| column)
        .collect();
    let left_out: Vec<_> = columns.iter().skip(widths.len()).collect();
    let said: Vec<String> = [("shortened", shortened), ("left out", left_out)]
        .into_iter()
        .filter(|(_, columns)| !columns.is_empty())
        .map(|(what, columns)| format!("{what}: {}", titles(columns)))
        .collect();
    (!said.is_empty()).then(|| {
        format!("The window is too narrow; {}. A wider one or `--output csv` shows all.", said.join("; "))
    })
}

/// Breaks a line at blanks, so that it is not wider than this where words allow it; what follows is indented.
fn wrapped(line: &str, width: usize, indent: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut taken = 0;
    for (number, word) in line.split(' ').enumerate() {
        let long = word.chars().count();
        if number > 0 && taken > indent.len() && taken + 1 + long > width {
            text.push('\n');
            text.push_str(indent);
            taken = indent.len();
        } else if number > 0 {
            text.push(' ');
            taken += 1;
        }
        text.push_str(word);
        taken += long;
    }
    text
}

/// Lets the last columns take what the others leave, if that is enough to be read.
fn wrap(table: &mut Table, sentences: usize, screen: u16) {
    table.set_content_arrangement(ContentArrangement::Dynamic);
    let widths = table.column_max_content_widths();
    let fixed = widths.len().saturating_sub(sentences);
    let taken: usize = widths.iter().take(fixed).map(|width| usize::from(*width) + GAP).sum();
    if taken > usize::from(screen) / 2 {
        return;
    }
    for column in table.column_iter_mut().take(fixed) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

fn empty(screen: Screen) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    if screen.width.is_none() {
        table.force_no_tty();
    }
    table
}

fn header<'a>(names: impl Iterator<Item = &'a str>, screen: Screen) -> Row {
    let cells = names.map(|name| {
        let cell = Cell::new(title_of(name));
        if screen.colours { cell.add_attribute(Attribute::Bold) } else { cell }
    });
    Row::from(cells.collect::<Vec<Cell>>())
}

fn title_of(column: &str) -> String {
    column.to_uppercase().replace('_', " ")
}

fn cell(column: &str, text: &str, screen: Screen) -> Cell {
    let cell = Cell::new(escape::line(text));
    match tone(column, text).filter(|_| screen.colours) {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}

/// The colour of a word that is a state.
fn tone(column: &str, word: &str) -> Option<Color> {
    if !matches!(column, "state" | "status" | "login" | "change" | "login_profile") {
        return None;
    }
    match word {
        "enabled" | "active" | "published" | "whole" | "ok" | "present" | "created" => Some(Color::Green),
        "unknown" | "cut" | "suspended" | "previewed" | "warning" | "changed" => Some(Color::Yellow),
        "failed" | "denied" | "error" | "quarantined" | "rejected" | "deleted" => Some(Color::Red),
        _ => None,
    }
}

fn finished(table: &Table) -> String {
    let mut text: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    if text.is_empty() {
        text.push('\n');
    }
    text
}

/// The same where there is no screen: the line under the titles is no longer than a page is wide.
fn short_ruled(table: &Table) -> String {
    let text = finished(table);
    let ends = |(number, line): (usize, &str)| match number {
        1 => line.chars().take(usize::from(PAGE)).collect::<String>() + "\n",
        _ => format!("{line}\n"),
    };
    text.lines().enumerate().map(ends).collect()
}

/// The facts about one object: names and values.
pub(crate) type Facts<'a> = Vec<(&'a str, String)>;

/// A value for eyes: one line, whatever it holds, or several that are each one.
pub(crate) struct Lines(Vec<String>);

impl From<String> for Lines {
    fn from(line: String) -> Self {
        Self(vec![line])
    }
}

impl From<Vec<String>> for Lines {
    fn from(lines: Vec<String>) -> Self {
        Self(lines)
    }
}

/// Facts of one line each, to stand beside some of several.
pub(crate) fn single(facts: Facts<'_>) -> Vec<(&str, Lines)> {
    facts.into_iter().map(|(name, value)| (name, value.into())).collect()
}

/// Several tables under one another.
#[derive(Debug)]
pub(crate) struct Tables {
    screen: Screen,
    text: String,
    /// What of it is not shown.
    hidden: Vec<String>,
}

impl Tables {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, text: String::new(), hidden: Vec::new() }
    }

    /// Names beside their values; those without a value are left out.
    pub(crate) fn facts<L: Into<Lines>>(&mut self, facts: Vec<(&str, L)>) {
        let facts: Vec<(&str, Lines)> = facts.into_iter().map(|(name, value)| (name, value.into())).collect();
        let mut table = empty(self.screen);
        for (name, Lines(lines)) in &facts {
            let text = lines.iter().map(|one| escape::line(one)).collect::<Vec<_>>().join("\n");
            if !text.is_empty() {
                table.add_row([(*name).to_owned(), text]);
            }
        }
        pad(&mut table);
        // The names' column is as wide with or without those that are left out, so that it does not move.
        let names = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(exactly(names.saturating_add(PADDING)));
        }
        if let Some(width) = self.screen.width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width);
        }
        self.text.extend(table.lines().map(|line| format!("{}\n", line.trim_end())));
    }

    /// A list under a title; nothing when it is empty.
    pub(crate) fn list<T>(&mut self, title: &str, items: &[T], columns: &[Column<T>], narrow: Narrow) {
        if items.is_empty() {
            return;
        }
        self.title(title);
        let (text, hidden) = list(items, columns, narrow, self.screen);
        self.text.push_str(&text);
        self.hidden.extend(hidden);
    }

    /// Sentences under a title; nothing when there are none.
    pub(crate) fn sentences(&mut self, title: &str, sentences: &[String]) {
        if sentences.is_empty() {
            return;
        }
        self.title(title);
        for sentence in sentences {
            let line = format!("  - {}", escape::line(sentence));
            let line = match self.screen.width {
                Some(width) => wrapped(&line, usize::from(width), "    "),
                None => line,
            };
            self.text.push_str(&format!("{line}\n"));
        }
    }

    fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        if !title.is_empty() {
            self.text.push_str(&format!("{}\n", escape::line(title)));
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What is not shown of its lists, said once.
    pub(super) fn hidden(mut self) -> Vec<String> {
        self.hidden.dedup();
        self.hidden
    }
}

#[cfg(test)]
mod tests;
