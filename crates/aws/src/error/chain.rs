//! Why no answer came: read from the chain of the SDK's errors.

use std::error::Error as StdError;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use keyreeve_connector::Cause;

use super::code;
use crate::well_formed::Flaw;

const NONE_FOUND: &str = "no AWS credentials were found in the environment, the AWS configuration files or the \
                          instance's metadata, so nothing was sent: set AWS_PROFILE (to a \
                          profile that exists) or AWS_ACCESS_KEY_ID, or \
                          give the system its own with `keyreeve system set ID --aws-profile …` or `--access-key-id …`";

/// What stood in the way.
pub(super) enum Trouble {
    /// No credentials were to be had, so nothing was sent.
    Credentials { cause: Cause, message: String, code: Option<String> },
    /// No connection, so nothing was sent.
    NotConnected,
    /// An answer came, but none that can be used.
    Flawed(String),
    /// No answer in time.
    TimedOut,
    /// The connection broke.
    Lost,
    /// The request itself could not be made.
    NeverBuilt,
}

pub(super) fn trouble(error: &(dyn StdError + 'static)) -> Trouble {
    if let Some(credentials) = find::<CredentialsError>(error) {
        return credentials_trouble(credentials);
    }
    if let Some(flaw) = find::<Flaw>(error) {
        return Trouble::Flawed(flaw.to_string());
    }
    if not_connected(error) {
        return Trouble::NotConnected;
    }
    match find::<ConnectorError>(error) {
        Some(connector) if connector.is_timeout() => Trouble::TimedOut,
        Some(connector) if connector.is_user() => Trouble::NeverBuilt,
        Some(_) => Trouble::Lost,
        None => Trouble::NeverBuilt,
    }
}

/// Whether there was no connection, so that nothing was sent.
pub(crate) fn not_connected(error: &(dyn StdError + 'static)) -> bool {
    find::<hyper_util::client::legacy::Error>(error).is_some_and(|error| error.is_connect())
}

/// The request was waiting for credentials and was never sent. A refusal by the service that hands out
/// credentials means that ours are bad; trouble on the way to it, that it may be tried again.
pub(super) fn credentials_trouble(error: &CredentialsError) -> Trouble {
    let no_code =
        |cause, message: &str| Trouble::Credentials { cause, message: message.to_owned(), code: None };
    if let Some((status, code, said)) = refusal(error) {
        let cause = match code::cause("AssumeRole", true, status, code.as_deref(), None) {
            throttled @ Cause::Throttled(_) => throttled,
            Cause::Unknown => Cause::NotSent,
            _ => Cause::CredentialBad,
        };
        let why = code::explain(cause, status, code.as_deref(), said.as_deref());
        let message = format!("no credentials could be got, because STS refused: {why}");
        return Trouble::Credentials { cause, message, code: code.as_deref().map(code::presentable) };
    }
    match error {
        _ if none_found(error) => no_code(Cause::NoCredentials, NONE_FOUND),
        _ if matches!(error, CredentialsError::ProviderTimedOut(_)) || timed_out(error) => {
            no_code(Cause::NotSent, "AWS credentials could not be got in time; nothing was sent")
        }
        CredentialsError::InvalidConfiguration(_) => no_code(
            Cause::CredentialBad,
            "the configuration of the AWS credentials is wrong; nothing was sent",
        ),
        _ => no_code(Cause::NotSent, "AWS credentials could not be got; nothing was sent"),
    }
}

/// Nowhere were credentials to be found: neither for us, nor to assume a role with. The last place that is looked at is
/// the instance's metadata, where something may answer that knows nothing of credentials.
fn none_found(error: &(dyn StdError + 'static)) -> bool {
    links(error).any(|link| {
        let not_loaded = matches!(link.downcast_ref(), Some(CredentialsError::CredentialsNotLoaded(_)));
        let no_instance = match link.downcast_ref::<ImdsError>() {
            Some(ImdsError::FailedToLoadToken(_)) => true,
            Some(ImdsError::ErrorResponse(refusal)) => refusal.response().status().is_client_error(),
            _ => false,
        };
        not_loaded || no_instance
    })
}

/// Whether the service that hands out credentials kept silent for as long as a request may take.
fn timed_out(error: &(dyn StdError + 'static)) -> bool {
    links(error).any(|link| silent::<AssumeRoleError>(link) || silent::<AssumeRoleWithWebIdentityError>(link))
}

fn silent<E: StdError + 'static>(link: &(dyn StdError + 'static)) -> bool {
    matches!(link.downcast_ref::<SdkError<E, HttpResponse>>(), Some(SdkError::TimeoutError(_)))
}

type Refusal = (u16, Option<String>, Option<String>);

/// The answer of STS inside an error, if there was one.
fn refusal(error: &(dyn StdError + 'static)) -> Option<Refusal> {
    links(error).find_map(|link| {
        service::<AssumeRoleError>(link).or_else(|| service::<AssumeRoleWithWebIdentityError>(link))
    })
}

fn service<E: StdError + ProvideErrorMetadata + 'static>(link: &(dyn StdError + 'static)) -> Option<Refusal> {
    let words = |error: &E| (error.code().map(str::to_owned), error.message().map(str::to_owned));
    if let Some(SdkError::ServiceError(refusal)) = link.downcast_ref::<SdkError<E, HttpResponse>>() {
        let (code, message) = words(refusal.err());
        return Some((refusal.raw().status().as_u16(), code, message));
    }
    let (code, message) = words(link.downcast_ref::<E>()?);
    code.as_ref()?;
    Some((400, code, message))
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    links(error).find_map(|link| link.downcast_ref::<E>())
}

/// An error, and what it came from.
pub(crate) fn links<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&link| link.source()).take(32)
}

/// What an error said, kept as text.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Told {
    text: String,
    #[source]
    source: Option<Box<Told>>,
}

/// The words of a chain that may be shown, each cut before anything secret.
pub(super) fn told(
    error: &(dyn StdError + 'static),
    may_show: &dyn Fn(&str) -> bool,
) -> Option<Box<dyn StdError + Send + Sync>> {
    let texts = links(error).map(|link| link.to_string()).filter(|text| may_show(text));
    let mut texts: Vec<String> = texts.map(|text| code::quotable(&text)).collect();
    texts.retain(|text| !text.is_empty());
    texts.dedup();
    let chain = texts.into_iter().rev().fold(None, |source, text| Some(Box::new(Told { text, source })));
    chain.map(|told| told as Box<dyn StdError + Send + Sync>)
}
