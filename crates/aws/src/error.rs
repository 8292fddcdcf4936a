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

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use keyreeve_connector::{Cause, Error};
use keyreeve_model::{ExternalId, Secret};

use chain::Trouble;
pub(crate) use chain::{links, not_connected};

use crate::name::UserName;

/// One call, for the words of its errors.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    operation: &'static str,
    subject: Option<String>,
    write: bool,
    sts: bool,
    withheld: Option<Secret>,
}

impl Call {
    pub(crate) fn read(operation: &'static str, subject: Option<&str>) -> Self {
        Self { operation, subject: subject.map(str::to_owned), write: false, sts: false, withheld: None }
    }

    /// A call that changes something: a lost answer leaves open whether it did.
    pub(crate) fn write(operation: &'static str, subject: String) -> Self {
        Self { subject: Some(subject), write: true, ..Self::read(operation, None) }
    }

    pub(crate) fn sts(operation: &'static str) -> Self {
        Self { sts: true, ..Self::read(operation, None) }
    }

    /// A call to KMS. It changes nothing there.
    pub(crate) fn kms(operation: &'static str, key: &str) -> Self {
        Self::read(operation, Some(key))
    }

    /// The request holds a secret: words of an answer that repeat it are left out of errors.
    pub(crate) fn withholding(self, secret: &Secret) -> Self {
        Self { withheld: Some(secret.clone()), ..self }
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

    /// An answer about a user must be about the one that was asked for. Names are unique ignoring case; an answer
    /// that names nobody is not held against it.
    pub(crate) fn owned_by(&self, user: &UserName, named: Option<&str>) -> Result<(), Error> {
        let fits = named.is_none_or(|name| name.eq_ignore_ascii_case(user.as_str()));
        if fits { Ok(()) } else { Err(self.unusable("UserName")) }
    }

    /// As [`Self::required`], without copying the text: a large account has some hundred thousand of them.
    pub(crate) fn taken(&self, field: &str, value: Option<String>) -> Result<String, Error> {
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
            SdkError::ResponseError(_) => Error {
                source: self.told(&error),
                ..self.error(Cause::Unknown, "AWS's answer was not understood".to_owned())
            },
            SdkError::TimeoutError(_) => self.error(Cause::Unknown, "AWS did not answer in time".to_owned()),
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => self.not_answered(&error),
            _ => Error {
                source: self.told(&error),
                ..self.error(Cause::Unknown, "the outcome is not known".to_owned())
            },
        }
    }

    fn answered(&self, answer: &Answer<'_>) -> Error {
        let cause = code::cause(self.operation, self.sts, answer.status, answer.code, answer.retry_after);
        if matches!(cause, Cause::Throttled(_)) {
            metrics::counter!("keyreeve_aws_throttled_total", "action" => self.operation).increment(1);
        }
        let code = answer.code.filter(|code| self.may_show(code));
        let said = answer.message.filter(|said| self.may_show(said));
        let message = code::explain(cause, answer.status, code, said);
        let request_id = answer.request_id.clone().filter(|id| self.may_show(id));
        Error { code: code.map(code::presentable), request_id, ..self.error(cause, message) }
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
        // Where none are found, the SDK lists each place where it has looked, and says of each the same.
        let source = if cause == Cause::NoCredentials { None } else { self.told(error) };
        Error { code, source, ..self.error(cause, message) }
    }

    /// What the SDK said, as text without secrets: its own errors would print raw answers.
    fn told(&self, error: &(dyn StdError + 'static)) -> Option<Box<dyn StdError + Send + Sync>> {
        chain::told(error, &|text| self.may_show(text))
    }

    /// Whether a text of the other side is free of the secret that was sent, plain or as a form holds it.
    fn may_show(&self, text: &str) -> bool {
        let Some(secret) = &self.withheld else { return true };
        let plain = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        !text.contains(secret.expose()) && !plain.contains(secret.expose())
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

/// The request's id from the headers, or from the body (`<RequestId>`), where IAM puts it.
fn request_id(response: &HttpResponse) -> Option<String> {
    match response.headers().get("x-amzn-requestid") {
        Some(id) => Some(code::presentable(id)),
        None => request_id_in(response.body().bytes()?),
    }
}

/// Why there are no credentials, and whether none were found at all.
pub(crate) fn without_credentials(error: &CredentialsError) -> (bool, String) {
    match chain::credentials_trouble(error) {
        Trouble::Credentials { cause, message, .. } => (cause == Cause::NoCredentials, message),
        _ => (false, "AWS credentials could not be got".to_owned()),
    }
}

/// What a store of objects says in the body of a refusal: its message, and its code. All else is left out, since what was
/// signed, and tokens, come back there.
pub(crate) fn refusal_of_objects(body: &str) -> Option<String> {
    let of = |name: &str| {
        let (_, after) = body.split_once(&format!("<{name}>"))?;
        let (text, _) = after.split_once(&format!("</{name}>"))?;
        Some(code::quotable(&quick_xml::escape::unescape(text).ok()?)).filter(|text| !text.is_empty())
    };
    let code = code::presentable(&of("Code")?);
    Some(match of("Message") {
        Some(said) => format!("{} ({code})", said.trim_end_matches('.')),
        None => code,
    })
}

/// The request's id as the body of an answer has it.
pub(crate) fn request_id_in(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, after) = body.rsplit_once("<RequestId>")?;
    let (id, _) = after.split_once("</RequestId>")?;
    Some(code::presentable(id)).filter(|id| !id.is_empty())
}
