//! Policy documents, as far as IAM looks at them before it takes them ("Grammar of the IAM JSON policy
//! language" in the IAM user guide).

use keyreeve_policy::{Document, Place};
use serde_json::{Map, Value};

use crate::protocol::error::ApiError;
use crate::protocol::params::{Kind, Params};
use crate::state::Trust;

/// Characters that count towards a quota: all but blanks.
pub(super) fn size(document: &str) -> u64 {
    document.chars().filter(|character| !character.is_whitespace()).count() as u64
}

fn malformed(message: &str) -> ApiError {
    ApiError::new(400, "MalformedPolicyDocument", message)
}

/// A document that says what is allowed.
pub(super) fn permissions<'a>(params: &'a Params, name: &str) -> Result<&'a str, ApiError> {
    let document = params.required(name, Kind::Document)?;
    for statement in statements(document)? {
        one_of(&statement, "Action", "NotAction")?;
        one_of(&statement, "Resource", "NotResource")?;
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(malformed("Policy document should not specify a principal."));
        }
    }
    check(document, Place::Identity)?;
    Ok(document)
}

/// A document that says whom a role trusts, and what the sandbox reads out of it.
pub(super) fn trust<'a>(params: &'a Params, name: &str) -> Result<(&'a str, Trust), ApiError> {
    let document = params.required(name, Kind::Document)?;
    let mut trust = Trust::default();
    for statement in statements(document)? {
        one_of(&statement, "Action", "NotAction")?;
        if statement.contains_key("Resource") || statement.contains_key("NotResource") {
            return Err(malformed("Has prohibited field Resource"));
        }
        match statement.get("Principal") {
            Some(Value::String(everyone)) if everyone == "*" => trust.principals.push(everyone.clone()),
            Some(Value::Object(kinds)) if !kinds.is_empty() => {
                trust.principals.extend(kinds.values().flat_map(texts));
            }
            _ => return Err(malformed("Missing required field Principal")),
        }
        let condition = statement.get("Condition").and_then(|condition| condition.get("StringEquals"));
        let external_id = condition.and_then(|equals| equals.get("sts:ExternalId")).map(texts);
        trust.external_id = trust.external_id.or(external_id.and_then(|ids| ids.into_iter().next()));
    }
    check(document, Place::Trust)?;
    Ok((document, trust))
}

/// What the evaluator could not read IAM does not take either.
fn check(document: &str, place: Place) -> Result<(), ApiError> {
    let read = Document::parse(document).and_then(|document| document.check_place(place));
    read.map_err(|_| malformed("Syntax errors in policy."))
}

/// A text, or all of a list of texts.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn statements(document: &str) -> Result<Vec<Map<String, Value>>, ApiError> {
    let syntax = || malformed("Syntax errors in policy.");
    let parsed: Map<String, Value> = serde_json::from_str(document).map_err(|_| syntax())?;
    if parsed.keys().any(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
        return Err(syntax());
    }
    match parsed.get("Version") {
        None => {}
        Some(Value::String(version)) if ["2012-10-17", "2008-10-17"].contains(&version.as_str()) => {}
        Some(_) => return Err(syntax()),
    }
    let statements = match parsed.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.clone(),
        Some(Value::Object(statement)) => vec![Value::Object(statement.clone())],
        _ => return Err(syntax()),
    };
    statements.into_iter().map(|statement| checked(statement).ok_or_else(syntax)).collect()
}

fn checked(statement: Value) -> Option<Map<String, Value>> {
    let Value::Object(statement) = statement else { return None };
    let effect = statement.get("Effect").and_then(Value::as_str)?;
    ["Allow", "Deny"].contains(&effect).then_some(statement)
}

/// One of two fields must be there, with a text or texts in it.
fn one_of(statement: &Map<String, Value>, name: &str, opposite: &str) -> Result<(), ApiError> {
    match (statement.get(name), statement.get(opposite)) {
        (Some(value), None) | (None, Some(value)) if !texts(value).is_empty() => Ok(()),
        (None, None) => Err(malformed(&format!("Policy statement must contain {}s.", name.to_lowercase()))),
        _ => Err(malformed("Syntax errors in policy.")),
    }
}
