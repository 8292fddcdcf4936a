//! What went wrong, sorted into the closed list of causes. All detection is in this file.
//!
//! The codes are those that the IAM and STS service models declare for the operations used, and AWS's common
//! errors (IAM API Reference, "Common errors"). A refusal with an unlisted code is permanent; an answer that was
//! lost or not understood is unknown.

mod chain;
mod code;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use keyreeve_connector::{Cause, Error};
use keyreeve_model::ExternalId;

use chain::Trouble;

/// One call, for the words of its errors.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    operation: &'static str,
    subject: Option<String>,
    write: bool,
    sts: bool,
}

impl Call {
    pub(crate) fn read(operation: &'static str, subject: Option<&str>) -> Self {
        Self { operation, subject: subject.map(str::to_owned), write: false, sts: false }
    }

    pub(crate) fn sts(operation: &'static str) -> Self {
        Self { operation, subject: None, write: false, sts: true }
    }

    /// An argument was not fit to be sent; nothing was.
    pub(crate) fn refused(&self, why: &str) -> Error {
        self.error(Cause::Permanent, format!("{why}; nothing was sent"))
    }

    /// The answer parsed, but `field` is missing or makes no sense.
    pub(crate) fn unusable(&self, field: &str) -> Error {
        self.error(
            Cause::Unknown,
            format!("AWS's answer was not understood: {field} is missing or makes no sense in it"),
        )
    }

    /// A field that every entry has.
    pub(crate) fn required<'a>(&self, field: &str, value: Option<&'a str>) -> Result<&'a str, Error> {
        value.filter(|value| !value.is_empty()).ok_or_else(|| self.unusable(field))
    }

    /// An id that every entry has.
    pub(crate) fn external_id(&self, field: &str, value: Option<&str>) -> Result<ExternalId, Error> {
        ExternalId::new(self.required(field, value)?).map_err(|_| self.unusable(field))
    }

    fn error(&self, cause: Cause, message: String) -> Error {
        Error {
            cause,
            operation: self.operation,
            subject: self.subject.clone(),
            code: None,
            message,
            request_id: None,
            write: self.write,
            source: None,
        }
    }

    /// Sorts the SDK's error.
    pub(crate) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match &error {
            SdkError::ServiceError(refusal) => {
                let answer = Answer {
                    status: refusal.raw().status().as_u16(),
                    code: refusal.err().code(),
                    message: refusal.err().message(),
                    request_id: refusal
                        .err()
                        .meta()
                        .request_id()
                        .map(str::to_owned)
                        .or_else(|| request_id(refusal.raw())),
                    retry_after: refusal.raw().headers().get("retry-after"),
                };
                self.answered(&answer)
            }
            SdkError::ResponseError(_) => {
                self.error(Cause::Unknown, "AWS's answer was not understood".to_owned()).caused_by(&error)
            }
            SdkError::TimeoutError(_) => self.error(Cause::Unknown, "AWS did not answer in time".to_owned()),
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => self.not_answered(&error),
            _ => self.error(Cause::Unknown, "the outcome is not known".to_owned()).caused_by(&error),
        }
    }

    fn answered(&self, answer: &Answer<'_>) -> Error {
        let cause = code::cause(self.operation, self.sts, answer.status, answer.code, answer.retry_after);
        let message = code::explain(cause, answer.status, answer.code, answer.message);
        let code = answer.code.map(code::presentable);
        Error { code, request_id: answer.request_id.clone(), ..self.error(cause, message) }
    }

    fn not_answered(&self, error: &(dyn StdError + 'static)) -> Error {
        let (cause, message, code) = match chain::trouble(error) {
            Trouble::Credentials { cause, message, code } => (cause, message, code),
            Trouble::NotConnected => (Cause::NotSent, "no connection to AWS could be made".to_owned(), None),
            Trouble::Flawed(flaw) => (Cause::Unknown, flaw, None),
            Trouble::TimedOut => (Cause::Unknown, "AWS did not answer in time".to_owned(), None),
            Trouble::Lost => {
                (Cause::Unknown, "the connection broke before AWS had answered".to_owned(), None)
            }
            Trouble::NeverBuilt => {
                (Cause::Permanent, "the request could not be put together; nothing was sent".to_owned(), None)
            }
        };
        Error { code, ..self.error(cause, message) }.caused_by(error)
    }
}

/// What AWS answered, as far as it decides about the cause.
struct Answer<'a> {
    status: u16,
    code: Option<&'a str>,
    message: Option<&'a str>,
    request_id: Option<String>,
    retry_after: Option<&'a str>,
}

/// The request's id from the headers, or from the body of an error (`<RequestId>`), where IAM puts it.
fn request_id(response: &HttpResponse) -> Option<String> {
    if let Some(id) = response.headers().get("x-amzn-requestid") {
        return Some(code::presentable(id));
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (_, after) = body.split_once("<RequestId>")?;
    let (id, _) = after.split_once("</RequestId>")?;
    Some(code::presentable(id)).filter(|id| !id.is_empty())
}

trait CausedBy {
    /// Keeps what the SDK said, as text without secrets: its own errors would print raw answers.
    fn caused_by(self, error: &(dyn StdError + 'static)) -> Self;
}

impl CausedBy for Error {
    fn caused_by(mut self, error: &(dyn StdError + 'static)) -> Self {
        self.source = chain::told(error);
        self
    }
}
