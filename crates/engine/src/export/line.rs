//! Things as lines of JSON.

use std::fmt::Write as _;

use serde::Serialize;

/// A thing in one line, without its end. All that is not ASCII is escaped, as JSON allows: no reader takes anything in it
/// for the end of a line, or is steered by it.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json_line<T: Serialize>(thing: &T) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(thing)?;
    let mut line = String::with_capacity(json.len());
    // JSON has what is not ASCII within texts alone, and there an escape means the same.
    for sign in json.chars() {
        if sign.is_ascii() && sign != '\u{7f}' {
            line.push(sign);
            continue;
        }
        for unit in sign.encode_utf16(&mut [0; 2]) {
            // Writing to a text cannot fail.
            let _ = write!(line, "\\u{unit:04x}");
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s25_whatever_a_thing_holds_is_one_line_of_ascii_and_reads_back() {
        let text = "a\nb\r\u{0}\u{1b}[2J\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\"]\\ ü 🔑";
        let thing = serde_json::json!({ text: [text, 1.5, null] });
        let line = json_line(&thing).unwrap();
        assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), thing);
    }
}
