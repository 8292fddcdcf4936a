//! Tables for eyes. On a terminal that is too narrow, a list leaves out its last columns and says so, and a list with
//! sentences in it wraps these; elsewhere nothing is cut or left out.

use std::io::IsTerminal;

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, LineStyle, Row, Table, TableStyle,
};

use super::{Column, escape, note};

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
pub(super) fn list<T>(items: &[T], columns: &[Column<T>], narrow: Narrow, screen: Screen) -> String {
    let mut shown = columns.len();
    let mut table = table_of(items, columns, screen);
    if let Some(width) = table.width().filter(|_| screen.terminal) {
        match narrow {
            Narrow::LeaveOut => {
                shown = fitting(&table.column_max_content_widths(), width);
                let kept = columns.get(..shown).unwrap_or(columns);
                table = table_of(items, kept, screen);
                table.set_content_arrangement(ContentArrangement::Dynamic);
            }
            Narrow::Wrap { sentences } => wrap(&mut table, sentences, width),
        }
    }
    let left_out: Vec<String> = columns.iter().skip(shown).map(|column| title_of(column.0)).collect();
    if !left_out.is_empty() {
        note(&format!("Left out, because the window is narrow: {}.", left_out.join(", ")));
    }
    finished(&table)
}

/// What a list does on a screen that is too narrow for it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Narrow {
    /// Leaves out columns, from the last one on.
    LeaveOut,
    /// Wraps this many columns at the end.
    Wrap {
        /// How many.
        sentences: usize,
    },
}

fn table_of<T>(items: &[T], columns: &[Column<T>], screen: Screen) -> Table {
    let mut table = empty(screen);
    table.set_header(header(columns.iter().map(|column| column.0), screen));
    for item in items {
        let cells = columns.iter().map(|column| cell(column.0, &(column.1)(item), screen));
        table.add_row(Row::from(cells.collect::<Vec<Cell>>()));
    }
    table
}

/// What stands around a cell: a blank on each side, and one between two cells.
const AROUND: usize = 3;

/// How many columns fit; two at least, and these are wrapped if need be.
fn fitting(widths: &[u16], screen: u16) -> usize {
    let mut left = usize::from(screen) + 1;
    let fitting = widths.iter().take_while(|width| {
        let needed = usize::from(**width) + AROUND;
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    fitting.count().max(2)
}

/// Lets the last columns take what the others leave, if that is enough to be read.
fn wrap(table: &mut Table, sentences: usize, screen: u16) {
    table.set_content_arrangement(ContentArrangement::Dynamic);
    let widths = table.column_max_content_widths();
    let fixed = widths.len().saturating_sub(sentences);
    let taken: usize = widths.iter().take(fixed).map(|width| usize::from(*width) + AROUND).sum();
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
    if !screen.terminal {
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
    pub(crate) fn list<T>(&mut self, title: &str, items: &[T], columns: &[Column<T>], narrow: Narrow) {
        if items.is_empty() {
            return;
        }
        self.title(title);
        self.text.push_str(&list(items, columns, narrow, self.screen));
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
        let text = list(&[("a\u{202e}b\nc".into(), "enabled".into())], COLUMNS, Narrow::LeaveOut, PIPE);
        assert!(text.contains(r"a\u{202e}b\u{a}c"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let long = "x".repeat(500);
        assert!(list(&[(long.clone(), String::new())], COLUMNS, Narrow::LeaveOut, PIPE).contains(&long));
    }

    #[test]
    fn on_a_narrow_screen_the_last_columns_are_left_out() {
        assert_eq!(fitting(&[10, 10, 10], 38), 3);
        assert_eq!(fitting(&[10, 10, 10], 37), 2);
        assert_eq!(fitting(&[100, 100, 1], 20), 2);
        assert_eq!(fitting(&[10, 90, 1], 40), 2);
    }

    #[test]
    fn sentences_are_wrapped_and_everything_else_stays_whole() {
        let sentence = "one two three four five six seven eight nine ten eleven twelve".to_owned();
        let mut table = table_of(&[("iam:ListUsers".to_owned(), sentence)], COLUMNS, PIPE);
        wrap(&mut table, 1, 40);
        table.set_width(40);
        let text = finished(&table);
        assert!(text.contains("iam:ListUsers") && text.contains("twelve"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }

    #[test]
    fn facts_stand_beside_each_other() {
        let mut tables = Tables::new(PIPE);
        tables.facts(vec![("name", "anna".into()), ("none", String::new()), ("tags", "a=1\nb=2".into())]);
        assert_eq!(tables.text(), "name  anna\ntags  a=1\n      b=2\n");
    }
}
