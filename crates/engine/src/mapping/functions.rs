//! What an expression can call, as a function or as a filter: `lower(last)` and `last | lower` are the same.

use minijinja::{Environment, Error, ErrorKind, Value};

use super::limits::TEXT_BYTES;

/// Their names. An attribute that has one of these is seen as `attributes.<name>` only.
pub(super) const NAMES: [&str; 6] = ["lower", "upper", "trim", "replace", "ascii", "default"];

/// Makes them known.
pub(super) fn add(environment: &mut Environment<'_>) {
    // Those are there from the start, and write HTML.
    for escape in ["safe", "escape", "e"] {
        environment.remove_filter(escape);
    }
    macro_rules! both {
        ($name:literal, $function:expr) => {
            environment.add_function($name, $function);
            environment.add_filter($name, $function);
        };
    }
    both!("lower", lower);
    both!("upper", upper);
    both!("trim", trim);
    both!("replace", replace);
    both!("ascii", ascii);
    both!("default", default);
}

fn lower(text: &Value) -> Result<String, Error> {
    text_of(text).map(str::to_lowercase)
}

fn upper(text: &Value) -> Result<String, Error> {
    text_of(text).map(str::to_uppercase)
}

fn trim(text: &Value) -> Result<String, Error> {
    text_of(text).map(|text| text.trim().to_owned())
}

/// Every occurrence of one text replaced by another.
fn replace(text: &Value, from: &Value, to: &Value) -> Result<String, Error> {
    let (text, from, to) = (text_of(text)?, text_of(from)?, text_of(to)?);
    if from.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "replace needs a text to look for"));
    }
    let added = text.matches(from).count().saturating_mul(to.len());
    if added > TEXT_BYTES { Err(too_long()) } else { Ok(text.replace(from, to)) }
}

/// Letters without their marks: `Łukasz` is `Lukasz`, `Jürgen` is `Jurgen`, `Weiß` is `Weiss`. With `'de'` as German
/// writes it: `Juergen`. Other scripts are spelled out, as far as that goes; what has no spelling is left out.
fn ascii(text: &Value, language: Option<&str>) -> Result<String, Error> {
    let text = text_of(text)?;
    match language {
        None => Ok(spelled(text)),
        Some("de") => Ok(spelled(&german(text))),
        Some(other) => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("ascii knows no language {other:?}, only 'de'"),
        )),
    }
}

fn spelled(text: &str) -> String {
    deunicode::deunicode_with_tofu(text, "")
}

/// The umlauts as two letters each, whether they are written as one character or as a letter and its dots.
fn german(text: &str) -> String {
    const LETTERS: [(&str, &str, &str); 6] = [
        ("ä", "a\u{308}", "ae"),
        ("ö", "o\u{308}", "oe"),
        ("ü", "u\u{308}", "ue"),
        ("Ä", "A\u{308}", "Ae"),
        ("Ö", "O\u{308}", "Oe"),
        ("Ü", "U\u{308}", "Ue"),
    ];
    LETTERS
        .iter()
        .fold(text.to_owned(), |text, (one, two, written)| text.replace(one, written).replace(two, written))
}

/// Another value for one that is not there, or is an empty text.
fn default(value: Value, other: Value) -> Value {
    let absent = value.is_undefined() || value.as_str().is_some_and(str::is_empty);
    if absent { other } else { value }
}

/// The text an argument is, if it is one and not too long.
fn text_of(value: &Value) -> Result<&str, Error> {
    match value.as_str() {
        Some(text) if text.len() > TEXT_BYTES => Err(too_long()),
        Some(text) => Ok(text),
        None if value.is_undefined() => Err(Error::from(ErrorKind::UndefinedError)),
        None => {
            let why = format!("a text was expected, not a {}; '' ~ value makes text of it", value.kind());
            Err(Error::new(ErrorKind::InvalidOperation, why))
        }
    }
}

/// Told from other failures by its kind.
fn too_long() -> Error {
    Error::from(ErrorKind::OutOfFuel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_measured_before_it_is_made() {
        let (long, longer) = ("x".repeat(TEXT_BYTES), "x".repeat(TEXT_BYTES + 1));
        let (long, longer, short) = (Value::from(long), Value::from(longer), Value::from("x"));
        assert_eq!(replace(&long, &short, &long).unwrap_err().kind(), ErrorKind::OutOfFuel);
        assert_eq!(replace(&long, &short, &short).unwrap().len(), TEXT_BYTES);
        for function in [lower, upper, trim] {
            assert_eq!(function(&longer).unwrap_err().kind(), ErrorKind::OutOfFuel);
            assert!(function(&long).is_ok());
        }
        assert!(replace(&short, &Value::from(""), &short).is_err());
    }
}
