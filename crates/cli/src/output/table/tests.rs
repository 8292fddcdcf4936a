use super::*;

const PIPE: Screen = Screen { width: None, colours: false };
const COLUMNS: &[Column<(String, String)>] =
    &[("name", |item| item.0.clone()), ("status", |item| item.1.clone())];
const THREE: &[Column<(String, String, String)>] =
    &[("name", |item| item.0.clone()), ("path", |item| item.1.clone()), ("status", |item| item.2.clone())];

fn screen(width: u16) -> Screen {
    Screen { width: Some(width), colours: false }
}

fn long_path() -> Vec<(String, String, String)> {
    vec![
        ("anna".to_owned(), "/staff/engineering/platform/databases/".to_owned(), "enabled".to_owned()),
        ("bert".to_owned(), "/".to_owned(), "disabled".to_owned()),
    ]
}

#[test]
fn a_table_shows_harmless_text_and_no_escape_sequence() {
    let (text, _) = list(&[("a\u{202e}b\nc".into(), "enabled".into())], COLUMNS, Narrow::Shorten, PIPE);
    assert!(text.contains(r"a\u{202e}b\u{a}c"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn without_a_terminal_nothing_is_cut_and_columns_are_as_wide_as_their_text() {
    let long = "x".repeat(500);
    let (text, hidden) = list(&[(long.clone(), "enabled".to_owned())], COLUMNS, Narrow::Shorten, PIPE);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[2], format!("{long}  enabled"));
    assert_eq!(lines[0].find("STATUS"), Some(502));
    assert_eq!(lines[1].chars().count(), 160, "a line is for eyes");
    assert_eq!(hidden, None);
}

#[test]
fn without_a_terminal_sentences_of_any_length_stay_on_the_page() {
    let long = vec!["word"; 140].join(" ");
    let narrow = Narrow::WrapEverywhere { sentences: 1 };
    let (text, _) = list(&[("ok".to_owned(), long.clone())], COLUMNS, narrow, PIPE);
    assert!(text.lines().all(|line| line.chars().count() <= 160), "{text}");
    assert_eq!(text.matches("word").count(), 140);
    let (short, _) = list(&[("ok".to_owned(), "fine".to_owned())], COLUMNS, narrow, PIPE);
    assert!(short.contains("ok    fine"), "{short}");
}

#[test]
fn on_a_narrow_screen_long_text_is_shortened_and_no_column_missing() {
    let (text, hidden) = list(&long_path(), THREE, Narrow::Shorten, screen(32));
    assert_eq!(
        text,
        "NAME  PATH              STATUS\n\
         ────────────────────────────────\n\
         anna  /staff/engineer…  enabled\n\
         bert  /                 disabled\n"
    );
    assert_eq!(
        hidden.as_deref(),
        Some("The window is too narrow;\nshortened: PATH. A wider one or\n`--output csv` shows all.")
    );
}

#[test]
fn a_column_that_is_left_out_is_said() {
    let (text, hidden) = list(&long_path(), THREE, Narrow::Shorten, screen(30));
    assert!(!text.contains("STATUS") && text.lines().all(|line| line.chars().count() <= 30), "{text}");
    let hidden = hidden.unwrap();
    assert!(hidden.lines().all(|line| line.chars().count() <= 30), "{hidden}");
    let hidden = hidden.replace('\n', " ");
    assert!(
        hidden.contains("shortened: PATH; left out: STATUS") && hidden.contains("--output csv"),
        "{hidden}"
    );
}

#[test]
fn a_screen_that_is_wide_enough_hides_nothing() {
    let (wide, hidden) = list(&long_path(), THREE, Narrow::Shorten, screen(54));
    assert_eq!((wide, hidden), list(&long_path(), THREE, Narrow::Shorten, PIPE));
}

#[test]
fn sentences_are_wrapped_and_everything_else_stays_whole() {
    let sentence = "one two three four five six seven eight nine ten eleven twelve".to_owned();
    let (text, hidden) =
        list(&[("iam:ListUsers".to_owned(), sentence)], COLUMNS, Narrow::Wrap { sentences: 1 }, screen(40));
    assert!(text.contains("iam:ListUsers") && text.contains("twelve"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    assert_eq!(hidden, None);
}

#[test]
fn facts_stand_beside_each_other() {
    let mut tables = Tables::new(PIPE);
    let mut facts = single(vec![("name", "anna\nfact".into()), ("none", String::new())]);
    facts.push(("tags", vec!["a=1".to_owned(), "b=2".to_owned()].into()));
    tables.facts(facts);
    assert_eq!(tables.text(), "name  anna\\u{a}fact\ntags  a=1\n      b=2\n");
}

#[test]
fn a_long_value_is_wrapped_under_its_column_on_a_screen_and_nowhere_else() {
    let facts = || vec![("Name", "anna".to_owned()), ("Because", "one two three four five".to_owned())];
    let mut tables = Tables::new(screen(20));
    tables.facts(facts());
    assert_eq!(tables.text(), "Name     anna\nBecause  one two\n         three four\n         five\n");
    let mut tables = Tables::new(PIPE);
    tables.facts(facts());
    assert_eq!(tables.text(), "Name     anna\nBecause  one two three four five\n");
}
