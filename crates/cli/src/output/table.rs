//! Tables for eyes. On a terminal that is too narrow, cells are cut with `…`, never wrapped; elsewhere nothing is
//! cut.

use std::io::IsTerminal;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, LineStyle, Row, Table, TableStyle};

use super::{Column, escape};

/// What is known of the screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    terminal: bool,
    colours: bool,
}

impl Screen {
    /// Standard output.
    pub(super) fn of_stdout() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), colours: super::colours() }
    }
}

/// A list as a table.
pub(super) fn list<T>(items: &[T], columns: &[Column<T>], screen: Screen) -> String {
    let mut table = empty(screen);
    table.set_header(header(columns.iter().map(|column| column.0), screen));
    for item in items {
        let cells: Vec<Cell> =
            columns.iter().map(|column| cell(column.0, &(column.1)(item), screen)).collect();
        table.add_row(one_line(cells));
    }
    finished(&table)
}

fn empty(screen: Screen) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_truncation_indicator("…");
    if screen.terminal {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.force_no_tty();
    }
    table
}

fn header<'a>(names: impl Iterator<Item = &'a str>, screen: Screen) -> Row {
    let cells = names.map(|name| {
        let cell = Cell::new(name.to_uppercase().replace('_', " "));
        if screen.colours { cell.add_attribute(Attribute::Bold) } else { cell }
    });
    one_line(cells.collect())
}

fn one_line(cells: Vec<Cell>) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
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

/// The facts about one object: names and values.
pub(crate) type Facts<'a> = Vec<(&'a str, String)>;

/// Several tables under one another.
#[derive(Debug)]
pub(crate) struct Tables {
    screen: Screen,
    text: String,
}

impl Tables {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, text: String::new() }
    }

    /// Names beside their values; those without a value are left out. Values may take several lines.
    pub(crate) fn facts(&mut self, facts: Facts<'_>) {
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in facts {
            for (number, line) in value.lines().enumerate() {
                let shown = if number == 0 { name } else { "" };
                let line = escape::line(line);
                self.text.push_str(&format!("{shown:width$}  {line}\n"));
            }
        }
    }

    /// A list under a title; nothing when it is empty.
    pub(crate) fn list<T>(&mut self, title: &str, items: &[T], columns: &[Column<T>]) {
        if items.is_empty() {
            return;
        }
        self.title(title);
        self.text.push_str(&list(items, columns, self.screen));
    }

    /// Sentences under a title; nothing when there are none.
    pub(crate) fn sentences(&mut self, title: &str, sentences: &[String]) {
        if sentences.is_empty() {
            return;
        }
        self.title(title);
        for sentence in sentences {
            self.text.push_str(&format!("  - {}\n", escape::line(sentence)));
        }
    }

    fn title(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        if !title.is_empty() {
            self.text.push_str(&format!("{title}\n"));
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Screen = Screen { terminal: false, colours: false };
    const COLUMNS: &[Column<(String, String)>] =
        &[("name", |item| item.0.clone()), ("status", |item| item.1.clone())];

    #[test]
    fn a_table_shows_harmless_text_and_no_escape_sequence() {
        let text = list(&[("a\u{202e}b\nc".into(), "enabled".into())], COLUMNS, PIPE);
        assert!(text.contains(r"a\u{202e}b\u{a}c"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let long = "x".repeat(500);
        assert!(list(&[(long.clone(), String::new())], COLUMNS, PIPE).contains(&long));
    }

    #[test]
    fn on_a_narrow_screen_rows_stay_one_line_each() {
        let mut table = empty(PIPE);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(30);
        table.set_header(header(["name", "status"].into_iter(), PIPE));
        let long = "a-very-long-name ".repeat(9);
        table.add_row(one_line(vec![cell("name", &long, PIPE), cell("status", "enabled", PIPE)]));
        let text = finished(&table);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains('…') && text.lines().all(|line| line.chars().count() <= 30), "{text}");
    }

    #[test]
    fn facts_stand_beside_each_other() {
        let mut tables = Tables::new(PIPE);
        tables.facts(vec![("name", "anna".into()), ("none", String::new()), ("tags", "a=1\nb=2".into())]);
        assert_eq!(tables.text(), "name  anna\ntags  a=1\n      b=2\n");
    }
}
