//! Many requests at once (RFC 7644 §3.7): what is asked for, and what is said of it. Who carries it out is elsewhere.

mod order;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::{Cause, Error, body::Message, error::quoted, limits, resource::Model, urn};

/// The word before a name that stands for a resource that the same request makes.
const PREFIX: &str = "bulkId:";

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct Bulk {
    /// After how many errors nothing more is done; `None` for never.
    pub fail_on_errors: Option<usize>,
    /// The operations in the order in which they are to be done: what an operation refers to is made before it. Those
    /// that cannot be done are among them, each with its refusal.
    pub operations: Vec<BulkOperation>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkOperation {
    /// As it was sent, for the answer.
    pub method: String,
    /// The client's name for it.
    pub bulk_id: Option<String>,
    /// What is to be done, or why nothing is.
    pub request: Result<BulkRequest, Error>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkRequest {
    /// How.
    pub method: Method,
    /// The name of the type of resource.
    pub resource_type: &'static str,
    /// Which resource; `None` for one that is to be made.
    pub id: Option<Reference>,
    /// The version the client knows: [`Versions::parse`](super::etag::Versions::parse).
    pub version: Option<String>,
    /// The body; `None` for a DELETE. References in it are still to be resolved.
    pub data: Option<Value>,
}

/// How something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A resource is made.
    Post,
    /// It is replaced.
    Put,
    /// It is changed.
    Patch,
    /// It is deleted.
    Delete,
}

/// A resource that exists, or one that the same request makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// Its id.
    Id(String),
    /// The name of the operation that makes it.
    BulkId(String),
}

impl Bulk {
    /// Reads a bulk request and puts its operations in order.
    ///
    /// # Errors
    /// When the request as a whole is refused: `TooLarge` for more than [`limits::BULK_OPERATIONS`] operations,
    /// `invalidSyntax` for what is no bulk request or uses one name for two operations.
    pub fn read(model: &Model, body: &Value) -> Result<Self, Error> {
        let message = Message::of(body, urn::BULK_REQUEST, &["failonerrors", "operations"])?;
        let listed = message
            .get("operations")
            .and_then(Value::as_array)
            .ok_or_else(|| syntax("Operations must be a list of operations".into()))?;
        if listed.len() > limits::BULK_OPERATIONS {
            let detail = format!("there are more than {} operations", limits::BULK_OPERATIONS);
            return Err(Error::new(Cause::TooLarge, detail));
        }
        let fail_on_errors = match message.get("failonerrors") {
            None => None,
            Some(number) => {
                let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
                Some(number.ok_or_else(|| syntax("failOnErrors must be a whole number, 0 or more".into()))?)
            }
        };
        let operations: Vec<BulkOperation> =
            listed.iter().map(|operation| BulkOperation::read(model, operation)).collect::<Result<_, _>>()?;
        let mut names = HashSet::new();
        if let Some(twice) =
            operations.iter().filter_map(|one| one.bulk_id.as_ref()).find(|id| !names.insert(*id))
        {
            return Err(syntax(format!("two operations have the bulkId {}", quoted(twice))));
        }
        Ok(Self { fail_on_errors, operations: order::in_order(operations) })
    }

    /// Whether nothing more is to be done after so many errors.
    #[must_use]
    pub fn ends_after(&self, errors: usize) -> bool {
        errors > 0 && self.fail_on_errors.is_some_and(|limit| errors >= limit)
    }
}

impl BulkOperation {
    /// What cannot be named in an answer is refused as a whole; else it is the operation that is.
    fn read(model: &Model, operation: &Value) -> Result<Self, Error> {
        let message = Message::part(operation, &["method", "bulkid", "version", "path", "data"])?;
        let method =
            message.text("method")?.ok_or_else(|| syntax("an operation has no method".into()))?.to_owned();
        let bulk_id = message.text("bulkid")?.map(str::to_owned);
        let request = BulkRequest::read(model, &message, &method, bulk_id.as_deref());
        Ok(Self { method, bulk_id, request })
    }
}

impl BulkRequest {
    fn read(
        model: &Model,
        message: &Message<'_>,
        method: &str,
        bulk_id: Option<&str>,
    ) -> Result<Self, Error> {
        let method = match method {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(syntax("method must be POST, PUT, PATCH or DELETE".into())),
        };
        let path = message.text("path")?.ok_or_else(|| syntax("an operation has no path".into()))?;
        let not_found = || Error::new(Cause::NotFound, format!("there is nothing at {}", quoted(path)));
        let mut segments = path.strip_prefix('/').ok_or_else(not_found)?.split('/');
        let resource_type = segments.next().and_then(|segment| model.at(segment)).ok_or_else(not_found)?;
        let id = segments.next().map(reference).transpose()?;
        if segments.next().is_some() {
            return Err(not_found());
        }
        match (method, &id, bulk_id) {
            (Method::Post, Some(_), _) => {
                return Err(syntax("POST is to a type of resource, not to one".into()));
            }
            (Method::Post, None, None) => return Err(syntax("POST needs a bulkId".into())),
            (Method::Post, None, Some(_)) | (_, Some(_), _) => {}
            (_, None, _) => return Err(syntax("the path must name a resource".into())),
        }
        let data = match (method, message.get("data")) {
            (Method::Delete, _) => None,
            (_, Some(data)) if data.is_object() => Some(data.clone()),
            _ => return Err(syntax("the operation needs data, an object".into())),
        };
        let version = message.text("version")?.map(str::to_owned);
        Ok(Self { method, resource_type: resource_type.name, id, version, data })
    }

    /// The names of the operations that make what this one refers to.
    #[must_use]
    pub fn refers_to(&self) -> HashSet<&str> {
        let mut names = HashSet::new();
        if let Some(Reference::BulkId(name)) = &self.id {
            names.insert(name.as_str());
        }
        if let Some(data) = &self.data {
            collect(data, &mut names);
        }
        names
    }

    /// Puts ids in the place of names. `made` has the ids of what was made, by name.
    ///
    /// # Errors
    /// `invalidValue` for a name of something that was not made.
    pub fn resolve(&mut self, made: &HashMap<String, String>) -> Result<(), Error> {
        if let Some(Reference::BulkId(name)) = &self.id {
            self.id = Some(Reference::Id(lookup(made, name)?));
        }
        self.data.as_mut().map_or(Ok(()), |data| substitute(data, made))
    }
}

/// What follows a type in a path. An id is a text without anything that a URL reads otherwise.
fn reference(segment: &str) -> Result<Reference, Error> {
    if let Some(name) = segment.strip_prefix(PREFIX) {
        return Ok(Reference::BulkId(name.to_owned()));
    }
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if segment.is_empty() || !segment.chars().all(plain) {
        return Err(Error::new(Cause::NotFound, format!("there is no resource {}", quoted(segment))));
    }
    Ok(Reference::Id(segment.to_owned()))
}

fn collect<'a>(value: &'a Value, names: &mut HashSet<&'a str>) {
    match value {
        Value::String(text) => names.extend(text.strip_prefix(PREFIX)),
        Value::Array(list) => list.iter().for_each(|element| collect(element, names)),
        Value::Object(object) => object.values().for_each(|value| collect(value, names)),
        _ => {}
    }
}

fn substitute(value: &mut Value, made: &HashMap<String, String>) -> Result<(), Error> {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(PREFIX) {
                *text = lookup(made, name)?;
            }
            Ok(())
        }
        Value::Array(list) => list.iter_mut().try_for_each(|element| substitute(element, made)),
        Value::Object(object) => object.values_mut().try_for_each(|value| substitute(value, made)),
        _ => Ok(()),
    }
}

fn lookup(made: &HashMap<String, String>, name: &str) -> Result<String, Error> {
    made.get(name).cloned().ok_or_else(|| unmade(name))
}

fn unmade(name: &str) -> Error {
    Error::new(Cause::InvalidValue, format!("nothing was made by the name of bulkId {}", quoted(name)))
}

fn syntax(detail: String) -> Error {
    Error::new(Cause::InvalidSyntax, detail)
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkAnswer {
    /// As it was sent.
    pub method: String,
    /// The client's name for it.
    pub bulk_id: Option<String>,
    /// The resource's address; `None` for one that was not made.
    pub location: Option<String>,
    /// The resource's version.
    pub version: Option<String>,
    /// The HTTP status, or the refusal.
    pub outcome: Result<u16, Error>,
}

/// The body of the answer (RFC 7644 §3.7.3).
#[must_use]
pub fn response(answers: &[BulkAnswer]) -> Value {
    let operations: Vec<Value> = answers
        .iter()
        .map(|answer| {
            let mut out = Map::new();
            let status = answer.outcome.as_ref().map_or_else(|error| error.cause.status(), |status| *status);
            out.insert("method".into(), json!(answer.method));
            out.insert("status".into(), json!(status.to_string()));
            for (name, value) in
                [("bulkId", &answer.bulk_id), ("location", &answer.location), ("version", &answer.version)]
            {
                if let Some(value) = value {
                    out.insert(name.into(), json!(value));
                }
            }
            if let Err(error) = &answer.outcome {
                out.insert("response".into(), error.to_json());
            }
            Value::Object(out)
        })
        .collect();
    json!({ "schemas": [urn::BULK_RESPONSE], "Operations": operations })
}
