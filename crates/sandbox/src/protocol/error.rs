//! The errors IAM and STS answer with: HTTP status, the short code, a message.

use std::borrow::Cow;

use super::xml::Xml;
use crate::authorise::Refusal;

#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// Why, where policies did not permit it; for the trace.
    pub(crate) refusal: Option<Box<Refusal>>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code: Cow::Borrowed(code), message: message.into(), refusal: None }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    pub(crate) fn no_such_entity(message: impl Into<String>) -> Self {
        Self::new(404, "NoSuchEntity", message)
    }

    pub(crate) fn no_such_user(name: &str) -> Self {
        Self::no_such_entity(format!("The user with name {name} cannot be found."))
    }

    pub(crate) fn no_such_group(name: &str) -> Self {
        Self::no_such_entity(format!("The group with name {name} cannot be found."))
    }

    pub(crate) fn access_denied(caller_arn: &str, action: &str, resource: &str) -> Self {
        Self::new(
            403,
            "AccessDenied",
            format!(
                "User: {caller_arn} is not authorized to perform: {action} on resource: {resource} because \
                 no identity-based policy allows the {action} action"
            ),
        )
    }

    pub(crate) fn throttling() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(403, "ExpiredToken", "The security token included in the request is expired")
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    }

    /// The `ErrorResponse` document.
    pub(crate) fn body(&self, namespace: &str, request_id: &str) -> String {
        let mut xml = Xml::default();
        xml.raw(&format!("<ErrorResponse xmlns=\"{namespace}\">"));
        xml.element("Error", |xml| {
            xml.text("Type", if self.status >= 500 { "Receiver" } else { "Sender" });
            xml.text("Code", &self.code);
            xml.text("Message", &self.message);
        });
        xml.text("RequestId", request_id);
        xml.close("ErrorResponse");
        xml.into_string()
    }
}
