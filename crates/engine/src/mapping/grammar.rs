//! Names in an expression that nothing will ever be known under: found when a mapping is set, not in the middle of a job.

use super::functions;

/// Words of the grammar that a bracket may follow.
const KEYWORDS: [&str; 7] = ["and", "or", "not", "if", "else", "in", "is"];
/// What there is below `system` and `account`.
const FIELDS: [(&str, &[&str]); 2] =
    [("system", &["id", "partition", "account_id"]), ("account", &["name", "path"])];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'s> {
    Name(&'s str),
    Sign(char),
}

/// The first name that is none: of a function, of a fact about the system, or of one about the account, which only a
/// custom action has. Attributes may have any name.
pub(super) fn unknown_name(source: &str, in_action: bool) -> Option<String> {
    let tokens = tokens(source);
    let at = |place: Option<usize>| place.and_then(|place| tokens.get(place)).copied();
    tokens.iter().enumerate().find_map(|(place, token)| {
        let Token::Name(name) = *token else { return None };
        let (before, after) = (at(place.checked_sub(1)), at(place.checked_add(1)));
        let called = after == Some(Token::Sign('('));
        let function = functions::NAMES.contains(&name);
        match before {
            Some(Token::Sign('.')) if called => Some(format!("texts have no .{name}(); {}", functions())),
            Some(Token::Sign('.')) => None,
            Some(Token::Sign('|')) if !function => {
                Some(format!("there is no filter {name}; {}", functions()))
            }
            _ if called && !function && !KEYWORDS.contains(&name) => {
                Some(format!("there is no function {name}; {}", functions()))
            }
            _ if after == Some(Token::Sign('.')) => field(name, at(place.checked_add(2)), in_action),
            _ => None,
        }
    })
}

fn field(map: &str, field: Option<Token<'_>>, in_action: bool) -> Option<String> {
    let (_, known) = FIELDS.iter().find(|(name, _)| *name == map)?;
    if map == "account" && !in_action {
        return Some("account is known in custom actions alone".to_owned());
    }
    match field {
        Some(Token::Name(field)) if !known.contains(&field) => {
            let known: Vec<String> = known.iter().map(|field| format!("{map}.{field}")).collect();
            Some(format!("there is no {map}.{field}; there are {}", known.join(", ")))
        }
        _ => None,
    }
}

fn functions() -> String {
    format!("the functions are {}", functions::NAMES.join(", "))
}

/// Names and signs; texts in quotes, numbers and blanks are passed over.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut letters = source.char_indices().peekable();
    while let Some((start, letter)) = letters.next() {
        if letter == '\'' || letter == '"' {
            while let Some((_, inner)) = letters.next() {
                match inner {
                    '\\' => drop(letters.next()),
                    _ if inner == letter => break,
                    _ => {}
                }
            }
            tokens.push(Token::Sign(letter));
        } else if letter.is_alphanumeric() || letter == '_' {
            let mut end = start + letter.len_utf8();
            while let Some((place, more)) = letters.peek().copied()
                && (more.is_alphanumeric() || more == '_')
            {
                end = place + more.len_utf8();
                letters.next();
            }
            tokens.extend(source.get(start..end).map(Token::Name));
        } else if !letter.is_whitespace() {
            tokens.push(Token::Sign(letter));
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_is_known_under_is_named() {
        for (source, why) in [
            ("lowr(first)", "no function lowr"),
            ("'lower(x)' ~ uper ( first )", "no function uper"),
            ("first | lwer", "no filter lwer"),
            ("first.lower()", "no .lower()"),
            ("system.nme", "no system.nme"),
            ("account.name", "custom actions"),
        ] {
            let found = unknown_name(source, false).unwrap_or_else(|| panic!("{source}"));
            assert!(found.contains(why), "{source}: {found}");
        }
        assert!(unknown_name("account.nme", true).is_some());
        for good in [
            "lower(first[0] + last)",
            "'/' ~ lower(department | replace(' ', '-')) ~ '/'",
            "'lowr(x)' ~ \"it\\\"s upr(y)\"",
            "'a' if not (first == 'x') and (last in ('y')) else ('b')",
            "attributes.anything ~ system.account_id ~ person.nme",
            "title is defined",
        ] {
            assert_eq!(unknown_name(good, false), None, "{good}");
        }
        assert_eq!(unknown_name("account.path", true), None);
    }
}
