//! Files that people write: YAML or JSON, which is YAML too, so that one reader takes both and the file's name does not
//! matter.
//!
//! A key that is there twice, a second document, a merge key and an unquoted number or `true` where a text belongs are
//! refused: each could mean something else than the writer thought.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::options::AliasLimits;
use serde_saphyr::{DuplicateKeyPolicy, Error, MergeKeyPolicy, Options, SnippetMode};

use crate::exit::Refusal;

/// The most bytes a file may have.
const LARGEST_BYTES: u64 = 1024 * 1024;
/// How many nodes anchors may stand for in all.
const MOST_REPEATED: usize = 100_000;

/// Reads a file into a value; `-` is standard input.
///
/// # Errors
/// A refusal that names the file and, where something in it is wrong, the line and the column.
pub(crate) fn read_structured<T: DeserializeOwned>(path: &Path) -> Result<T, Refusal> {
    let from_input = path == Path::new("-");
    let place = if from_input { "standard input".to_owned() } else { path.display().to_string() };
    let doing = format!("reading {place}");
    let refused = |why: String| Refusal::new(doing.clone(), why);
    let bytes = if from_input { bytes_of(stdin().lock()) } else { File::open(path).and_then(bytes_of) };
    let bytes = bytes.map_err(|error| refused(error.to_string()))?;
    if bytes.len() as u64 > LARGEST_BYTES {
        let refusal = refused("it has more than 1 MiB".to_owned());
        return Err(refusal.hint("Divide it into several files."));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        refused(format!("line {line}: it is not UTF-8"))
    })?;
    parse(&text).map_err(refused)
}

/// No more than is needed to see that there is too much.
fn bytes_of(source: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(LARGEST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| words(&error))
}

fn options() -> Options {
    let mut aliases = AliasLimits::default();
    aliases.max_total_replayed_events = MOST_REPEATED;
    serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        alias_limits: aliases,
        strict_booleans: true,
        no_schema: true,
        with_snippet: false,
    }
}

/// Where it is wrong, and what.
fn words(error: &Error) -> String {
    let plain = serde_saphyr::render_options! { snippets: SnippetMode::Off };
    let place = error.location().map(|at| (at.line(), at.column()));
    let what = match error.without_snippet() {
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key {key:?} is there twice"),
        Error::DuplicateMappingKey { .. } => "a key is there twice".to_owned(),
        Error::MultipleDocuments { .. } => "a second document begins; put one into each file".to_owned(),
        Error::MergeKeyNotAllowed { .. } => "merge keys (<<) are not read; write the keys out".to_owned(),
        Error::Eof { .. } => "it ends too early".to_owned(),
        other => other.render_with_options(plain),
    };
    match place {
        Some((line, column)) => {
            let what = what.strip_suffix(&format!(" at line {line}, column {column}")).unwrap_or(&what);
            format!("line {line}, column {column}: {what}")
        }
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use keyreeve_model::{TaskMapping, Wish};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn yaml_and_json_give_the_same() {
        let expected = json!({"a": ["x", {"b": "1.10"}], "c": {"d": "no", "e": null}, "f": 7, "g": "😀/"});
        for text in [
            "a:\n  - x\n  - b: '1.10'\nc: {d: no, e: ~}\nf: 7\ng: \"\\U0001f600/\"\n",
            "{\"a\": [\"x\", {\"b\": \"1.10\"}], \"c\": {\"d\": \"no\", \"e\": null}, \"f\": 7, \"g\": \"😀/\"}",
            "{\n\t\"a\": [\"x\",\n\t\t{\"b\": \"1.10\"}],\n\t\"c\": {\"d\": \"no\", \"e\": null},\r\n\t\"f\": 7, \"g\": \"\\ud83d\\ude00\\/\"\n}",
            "\u{feff}a: [x, {b: &n '1.10'}] # said once\nc: {d: no, e: null}\nf: 7\ng: 😀/\n",
        ] {
            assert_eq!(parse::<Value>(text), Ok(expected.clone()), "{text}");
        }
        for mapping in TaskMapping::defaults() {
            let text = serde_json::to_string_pretty(&mapping).unwrap();
            assert_eq!(parse::<TaskMapping>(&text), Ok(mapping));
        }
    }

    #[test]
    fn what_is_wrong_has_its_line_and_column() {
        for (text, expected) in [
            ("a: 1\na: 2\n", "line 2, column 1: the key \"a\" is there twice"),
            ("{\"a\": {\"b\": 1, \"b\": 1}}", "line 1, column 16: the key \"b\" is there twice"),
            ("a: {b: 1, 'b': 2}", "line 1, column 11: the key \"b\" is there twice"),
            ("a: x\n---\nb: y\n", "line 3, column 1: a second document begins"),
            ("b: {<<: {c: d}}", "line 1, column 5: merge keys"),
            ("a: 'open", "line 1, column "),
            ("a: x\n\tb: y", "line 1, column 4: "),
            ("{\"a\": ", "line 1, column "),
        ] {
            let error = parse::<Value>(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
            assert!(!error.contains("Policy") && error.matches("line").count() == 1, "{error}");
        }
        let wishes = "- {task: delete_account, account: ada}\n- {task: delete_account, account: 7}\n";
        let error = parse::<Vec<Wish>>(wishes).unwrap_err();
        assert!(error.starts_with("line 2, column 3: ") && error.contains("expected a string"), "{error}");
        let mapping = "name: AWS - User\nmain: {create_account: CreateLoginProfile}\ncolour: red\n";
        let error = parse::<TaskMapping>(mapping).unwrap_err();
        assert!(error.starts_with("line 3, column 1: unknown field `colour`"), "{error}");
    }

    #[test]
    fn a_text_that_looks_like_something_else_must_be_quoted() {
        for text in ["- 1.10", "- true", "- 0x10", "- ~", "- 1e3"] {
            let error = parse::<Vec<String>>(text).unwrap_err();
            assert!(error.starts_with("line 1, column 3: "), "{text}: {error}");
        }
        assert_eq!(parse::<Vec<String>>("[no, '1.10', \"true\", 1.1.1]").map(|list| list.len()), Ok(4));
    }

    #[test]
    fn anchors_cannot_make_much_out_of_little() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..5 {
            let list = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(parse::<Value>(&text).is_err());
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse::<Value>(&deep).is_err());
        let steps = (0..2_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
        let _ = parse::<Value>(&steps);
    }

    #[test]
    fn a_file_has_its_limits() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wishes");
        let refusal = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            read_structured::<Value>(&file).unwrap_err().to_string()
        };
        let mut fits = vec![b' '; 1024 * 1024];
        fits[..4].copy_from_slice(b"a: b");
        std::fs::write(&file, &fits).unwrap();
        assert_eq!(read_structured::<Value>(&file).unwrap(), json!({"a": "b"}));
        fits.push(b' ');
        assert!(refusal(&fits).ends_with("it has more than 1 MiB"));
        assert!(refusal(b"a: b\nc: \xff\n").ends_with("line 2: it is not UTF-8"));
        let missing = read_structured::<Value>(&folder.path().join("none")).unwrap_err().to_string();
        assert!(missing.starts_with("reading ") && missing.contains("No such file"), "{missing}");
    }
}
