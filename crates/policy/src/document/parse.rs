//! From text to a document.

use std::collections::BTreeSet;

use crate::{
    ParseError,
    condition::Condition,
    document::{Actions, Document, Effect, PrincipalName, Resources, Statement, Version, Who, json::Json},
    text::Text,
};

pub(super) fn document(text: &str) -> Result<Document, ParseError> {
    let characters = text.chars().count();
    if characters > Document::MAXIMUM_CHARACTERS {
        return Err(ParseError::TooLong { characters, maximum: Document::MAXIMUM_CHARACTERS });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('%') {
        return Err(ParseError::StillEncoded);
    }
    let place = "the document";
    let mut elements = Elements::of(Json::read(text)?, place, &["Version", "Id", "Statement"])?;
    let version = match elements.take("Version") {
        None => Version::V2008,
        Some(Json::Text(text)) if text == "2008-10-17" => Version::V2008,
        Some(Json::Text(text)) if text == "2012-10-17" => Version::V2012,
        Some(_) => return Err(wrong(place, "Version", "it must be \"2012-10-17\" or \"2008-10-17\"")),
    };
    let id = elements.take("Id").map(|id| string(id, place, "Id")).transpose()?;
    let statements = match elements.take("Statement") {
        None => return Err(ParseError::Missing { place: place.to_owned(), element: "Statement" }),
        Some(Json::Array(statements)) if !statements.is_empty() => statements,
        Some(statement @ Json::Object(_)) => vec![statement],
        Some(_) => {
            return Err(wrong(place, "Statement", "it must be a statement, or a list of at least one"));
        }
    };
    let statements = statements.into_iter().enumerate().map(|(index, json)| statement(json, index, version));
    let statements = statements.collect::<Result<Vec<_>, _>>()?;
    let mut sids = BTreeSet::new();
    for sid in statements.iter().filter_map(Statement::sid).filter(|sid| !sid.is_empty()) {
        if !sids.insert(sid) {
            return Err(wrong(place, "Sid", "each comes only once in a document"));
        }
    }
    Ok(Document { version, id, statements })
}

/// Undoes percent-encoding.
pub(super) fn decode(encoded: &str) -> Result<String, ParseError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'%' {
            bytes.push(*byte);
            rest = after;
            continue;
        }
        let Some((digits, after)) = after.split_at_checked(2) else { return Err(ParseError::Encoding) };
        let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.ok_or(ParseError::Encoding)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| ParseError::Encoding)
}

fn statement(json: Json, index: usize, version: Version) -> Result<Statement, ParseError> {
    const ELEMENTS: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let place = format!("statement {}", index + 1);
    let mut elements = Elements::of(json, &place, &ELEMENTS)?;
    let sid = elements.take("Sid").map(|sid| string(sid, &place, "Sid")).transpose()?;
    let effect = match elements.take("Effect") {
        None => return Err(ParseError::Missing { place, element: "Effect" }),
        Some(Json::Text(text)) if text == "Allow" => Effect::Allow,
        Some(Json::Text(text)) if text == "Deny" => Effect::Deny,
        Some(_) => return Err(wrong(&place, "Effect", "it must be \"Allow\" or \"Deny\"")),
    };
    let principal = match elements.either("Principal", "NotPrincipal")? {
        None => None,
        Some((except, json)) => Some(Who { except, names: principals(json, &place)? }),
    };
    let Some((except, json)) = elements.either("Action", "NotAction")? else {
        return Err(ParseError::Missing { place, element: "Action" });
    };
    let actions = Actions::new(except, actions(json, &place)?);
    let variables = version == Version::V2012;
    let resources = match elements.either("Resource", "NotResource")? {
        None => None,
        Some((except, json)) => Some(Resources { except, patterns: resources(json, &place, variables)? }),
    };
    let conditions = match elements.take("Condition") {
        None => Vec::new(),
        Some(json) => conditions(json, &place, variables)?,
    };
    Ok(Statement { sid, effect, principal, actions, resources, conditions })
}

fn principals(json: Json, place: &str) -> Result<Vec<PrincipalName>, ParseError> {
    let kinds = match json {
        Json::Text(text) if text == "*" => return Ok(vec![PrincipalName::Everyone]),
        Json::Object(entries) if !entries.is_empty() => entries,
        _ => {
            return Err(wrong(
                place,
                "Principal",
                "it must be \"*\", or an object of AWS, Service or Federated",
            ));
        }
    };
    let place = format!("the Principal of {place}");
    let known = ["AWS", "Service", "Federated", "CanonicalUser"];
    let mut names = Vec::new();
    for (kind, json) in Elements::of(Json::Object(kinds), &place, &known)?.entries {
        let kind = kind.as_str();
        let texts = strings(json, &place, kind)?;
        names.extend(texts.into_iter().map(|name| match kind {
            "AWS" if name == "*" => PrincipalName::Everyone,
            "AWS" => PrincipalName::Aws(name),
            "Service" => PrincipalName::Service(name),
            "Federated" => PrincipalName::Federated(name),
            _ => PrincipalName::CanonicalUser(name),
        }));
    }
    Ok(names)
}

/// IAM: "Actions/Conditions must be prefaced by a vendor", "Actions/Condition can contain only one colon", "Vendor …
/// is not valid", "Action vendors … must not contain wildcards".
fn actions(json: Json, place: &str) -> Result<Vec<String>, ParseError> {
    let actions = strings(json, place, "Action")?;
    for action in actions.iter().filter(|action| *action != "*") {
        let service =
            action.split_once(':').filter(|(_, name)| !name.contains(':')).map(|(service, _)| service);
        let plain = |service: &str| {
            !service.is_empty()
                && service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        };
        if !service.is_some_and(plain) {
            let expected = "it must be \"*\" or like \"iam:GetUser\", without a wildcard before the colon";
            return Err(wrong(place, &format!("Action {action:?}"), expected));
        }
    }
    Ok(actions.into_iter().map(|action| action.to_ascii_lowercase()).collect())
}

/// IAM: "Resource … must be in ARN format or \"*\".", "Resource vendor must be fully qualified".
fn resources(json: Json, place: &str, variables: bool) -> Result<Vec<Text>, ParseError> {
    let resources = strings(json, place, "Resource")?;
    for resource in resources.iter().filter(|resource| *resource != "*") {
        if !resource.starts_with("arn:") || resource.split(':').nth(2).is_none_or(str::is_empty) {
            let expected = "it must be \"*\", or an ARN that names at least a partition and a service";
            return Err(wrong(place, &format!("Resource {resource:?}"), expected));
        }
    }
    Ok(resources.iter().map(|resource| Text::new(resource, variables)).collect())
}

fn conditions(json: Json, place: &str, variables: bool) -> Result<Vec<Condition>, ParseError> {
    let place = format!("the Condition of {place}");
    let Json::Object(operators) = json else {
        return Err(wrong(&place, "value", "it must be an object of operators"));
    };
    let mut conditions = Vec::new();
    for (operator, keys) in unique(operators, &place)? {
        let Json::Object(keys) = keys else {
            return Err(wrong(&place, &operator, "an operator holds an object of keys and values"));
        };
        for (key, values) in unique(keys, &place)? {
            let values = values_of(values, &place, &key)?;
            let values = values.iter().map(|value| Text::new(value, variables)).collect();
            conditions.push(Condition::new(&operator, key, values).ok_or_else(|| {
                wrong(
                    &place,
                    &operator,
                    "there is no such operator; Null takes no IfExists and no set operator",
                )
            })?);
        }
    }
    Ok(conditions)
}

/// The values of a condition's key; quotes around numbers and truth values are optional (the grammar).
fn values_of(json: Json, place: &str, key: &str) -> Result<Vec<String>, ParseError> {
    let list = if let Json::Array(list) = json { list } else { vec![json] };
    let values = list.into_iter().map(|value| match value {
        Json::Text(text) | Json::Bare(text) => Ok(text),
        Json::Null | Json::Array(_) | Json::Object(_) => {
            Err(wrong(place, key, "a value is a string, a number or a truth value, or a list of them"))
        }
    });
    values.collect()
}

fn string(json: Json, place: &str, element: &str) -> Result<String, ParseError> {
    if let Json::Text(text) = json { Ok(text) } else { Err(wrong(place, element, "it must be a string")) }
}

/// A string, or a list of at least one.
fn strings(json: Json, place: &str, element: &str) -> Result<Vec<String>, ParseError> {
    let expected = "it must be a string, or a list of at least one";
    match json {
        Json::Array(list) if !list.is_empty() => {
            list.into_iter().map(|json| string(json, place, element)).collect()
        }
        Json::Text(text) => Ok(vec![text]),
        _ => Err(wrong(place, element, expected)),
    }
}

fn unique(entries: Vec<(String, Json)>, place: &str) -> Result<Vec<(String, Json)>, ParseError> {
    let mut seen = BTreeSet::new();
    for (key, _) in &entries {
        if !seen.insert(key) {
            return Err(ParseError::DuplicateKey { place: place.to_owned(), key: key.clone() });
        }
    }
    Ok(entries)
}

fn wrong(place: &str, element: &str, expected: &'static str) -> ParseError {
    ParseError::Wrong { place: place.to_owned(), element: element.to_owned(), expected }
}

/// The elements of an object of the policy language.
struct Elements<'a> {
    place: &'a str,
    entries: Vec<(String, Json)>,
}

impl<'a> Elements<'a> {
    fn of(json: Json, place: &'a str, known: &[&str]) -> Result<Self, ParseError> {
        let Json::Object(entries) = json else { return Err(wrong(place, "type", "it must be an object")) };
        let entries = unique(entries, place)?;
        match entries.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(ParseError::UnknownElement { place: place.to_owned(), name: name.clone() })
            }
            None => Ok(Self { place, entries }),
        }
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.entries.iter().position(|(key, _)| key == name)?;
        Some(self.entries.swap_remove(at).1)
    }

    /// An element or its negation, and whether it is the negation.
    fn either(&mut self, one: &'static str, other: &'static str) -> Result<Option<(bool, Json)>, ParseError> {
        match (self.take(one), self.take(other)) {
            (Some(_), Some(_)) => Err(ParseError::Both { place: self.place.to_owned(), one, other }),
            (Some(json), None) => Ok(Some((false, json))),
            (None, Some(json)) => Ok(Some((true, json))),
            (None, None) => Ok(None),
        }
    }
}
