//! The JSON 1.1 protocol, which AWS Organizations speaks: the operation in a header, parameters and answers as JSON.

use hyper::http::request::Parts;
use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;

pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The operation that a request names in `X-Amz-Target`, if it is one of this service.
pub(crate) fn target<'a>(parts: &'a Parts, service: &str) -> Option<&'a str> {
    parts.headers.get("x-amz-target")?.to_str().ok()?.strip_prefix(service)?.strip_prefix('.')
}

/// The parameters: those that are texts or numbers. Pages are asked for in the words that all listings of the sandbox
/// know.
pub(crate) fn params(body: &[u8]) -> Option<Params> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return None };
    let pairs = fields.into_iter().filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let name = match name.as_str() {
            "NextToken" => "Marker".to_owned(),
            "MaxResults" => "MaxItems".to_owned(),
            _ => name,
        };
        Some((name, text))
    });
    Some(Params::of(pairs.collect()))
}

/// The status and body of a refusal, in the words this protocol has for what the Query protocol calls otherwise.
pub(crate) fn refusal(error: &ApiError) -> (u16, String) {
    let status = if error.status >= 500 { error.status } else { 400 };
    let body = json!({"__type": code(error), "Message": error.message});
    (status, body.to_string())
}

/// AWS's common errors have other names here ("Common Error Types" in the Organizations API Reference).
pub(crate) fn code(error: &ApiError) -> String {
    match error.code.as_ref() {
        "AccessDenied" => "AccessDeniedException",
        "InvalidAction" => "UnknownOperationException",
        "InvalidClientTokenId" => "UnrecognizedClientException",
        "ExpiredToken" => "ExpiredTokenException",
        "SignatureDoesNotMatch" => "InvalidSignatureException",
        "MissingAuthenticationToken" => "MissingAuthenticationTokenException",
        "IncompleteSignature" => "IncompleteSignatureException",
        "MalformedInput" => "SerializationException",
        "Throttling" => "TooManyRequestsException",
        "ValidationError" => "InvalidInputException",
        other => other,
    }
    .to_owned()
}
