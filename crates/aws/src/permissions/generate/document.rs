//! Policy documents as IAM takes them, and how they are split where one would be too large.

use std::collections::BTreeMap;

use serde::Serialize;

use super::PolicyError;

/// A managed policy has at most so many characters, white space not counted (IAM User Guide, "IAM and AWS STS quotas").
pub(super) const MANAGED_POLICY_SIZE: usize = 6144;
/// So many managed policies can be attached to a user or a role unless AWS has raised the quota.
const ATTACHED_POLICIES: usize = 10;
/// More than what stands around the statements: the version and brackets.
const FRAME: usize = 64;

/// One statement.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    pub(super) sid: String,
    pub(super) effect: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) action: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) not_action: Vec<&'static str>,
    pub(super) resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) condition: BTreeMap<&'static str, BTreeMap<String, Vec<String>>>,
}

impl Statement {
    pub(super) fn allow(sid: &str, action: &[&'static str], resource: Vec<String>) -> Self {
        Self {
            sid: sid.to_owned(),
            effect: "Allow",
            action: action.to_vec(),
            not_action: Vec::new(),
            resource,
            condition: BTreeMap::new(),
        }
    }

    /// The same where `key` is one of `values`.
    pub(super) fn when(mut self, operator: &'static str, key: &str, values: Vec<String>) -> Self {
        self.condition.entry(operator).or_default().insert(key.to_owned(), values);
        self
    }

    /// Two statements that together say the same: each list means *any of these*.
    fn halves(&self) -> Option<(Self, Self)> {
        let (mut left, mut right) = (self.clone(), self.clone());
        let longest = self
            .condition
            .iter()
            .flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (*operator, key, values)))
            .max_by_key(|(.., values)| length(values))
            .filter(|(.., values)| values.len() > 1 && length(values) > length(&self.resource));
        if let Some((operator, key, values)) = longest {
            let (one, other) = values.split_at(values.len() / 2);
            left = left.when(operator, key, one.to_vec());
            right = right.when(operator, key, other.to_vec());
        } else if self.resource.len() > 1 {
            let (one, other) = self.resource.split_at(self.resource.len() / 2);
            (left.resource, right.resource) = (one.to_vec(), other.to_vec());
        } else {
            return None;
        }
        Some((left, right))
    }
}

fn length(values: &[String]) -> usize {
    values.iter().map(String::len).sum()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: &'static str,
    statement: &'a [Statement],
}

/// The documents, in pretty ASCII JSON that ends in a line break: one if possible.
pub(super) fn written(statements: Vec<Statement>) -> Result<Vec<String>, PolicyError> {
    let mut fitting = Vec::new();
    for statement in statements {
        push_fitting(&mut fitting, statement)?;
    }
    let mut documents: Vec<Vec<Statement>> = Vec::new();
    let mut room = 0;
    for statement in fitting {
        let size = size(&statement)?;
        match documents.last_mut().filter(|_| size <= room) {
            Some(last) => last.push(statement),
            None => {
                documents.push(vec![statement]);
                room = MANAGED_POLICY_SIZE - FRAME;
            }
        }
        room = room.saturating_sub(size);
    }
    if documents.len() > ATTACHED_POLICIES {
        return Err(PolicyError::TooLarge(documents.len()));
    }
    documents.iter_mut().for_each(|document| number_sids(document));
    documents.iter().map(|document| text(document)).collect()
}

/// Halves a statement until each part fits into a document of its own.
fn push_fitting(fitting: &mut Vec<Statement>, statement: Statement) -> Result<(), PolicyError> {
    let mut waiting = vec![statement];
    while let Some(next) = waiting.pop() {
        if size(&next)? <= MANAGED_POLICY_SIZE - FRAME {
            fitting.push(next);
            continue;
        }
        let (left, right) = next.halves().ok_or(PolicyError::TooLarge(usize::MAX))?;
        waiting.extend([right, left]);
    }
    Ok(())
}

/// A `Sid` is unique within its policy.
fn number_sids(document: &mut [Statement]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for statement in document {
        let count = seen.entry(statement.sid.clone()).or_default();
        *count += 1;
        if *count > 1 {
            statement.sid = format!("{}{count}", statement.sid);
        }
    }
}

/// Characters of a statement that count, with a comma after it and three digits that its Sid may get.
fn size(statement: &Statement) -> Result<usize, PolicyError> {
    let json = serde_json::to_string(statement).map_err(|_| PolicyError::Json)?;
    Ok(ascii(&json).bytes().filter(|byte| !byte.is_ascii_whitespace()).count() + 4)
}

fn text(statements: &[Statement]) -> Result<String, PolicyError> {
    let document = Document { version: "2012-10-17", statement: statements };
    let json = serde_json::to_string_pretty(&document).map_err(|_| PolicyError::Json)?;
    Ok(ascii(&json) + "\n")
}

/// JSON that says the same in ASCII: other characters stand only within its strings.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_ascii() {
            text.push(char);
        } else {
            let mut units = [0; 2];
            let escaped = char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}"));
            text.extend(escaped);
        }
    }
    text
}
