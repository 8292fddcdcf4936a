//! AWS's error codes.

use std::time::Duration;

use keyreeve_connector::Cause;

/// The longest wait that is believed.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// The cause of an answer that was no success.
///
/// A success that could not be read, and any failure on AWS's side, leave open what happened. Codes are written
/// with and without the suffix `Exception` by AWS and its look-alikes.
pub(super) fn cause(
    operation: &str,
    sts: bool,
    status: u16,
    code: Option<&str>,
    retry_after: Option<&str>,
) -> Cause {
    let code = code.map(|code| code.strip_suffix("Exception").unwrap_or(code));
    let throttled =
        code.is_some_and(|code| is_throttling(operation, code)) || (code.is_none() && status == 429);
    match (status, code) {
        (..300, _) => Cause::Unknown,
        _ if throttled => Cause::Throttled(retry_after.and_then(wait)),
        (500.., _) | (408, None) => Cause::Unknown,
        (_, Some(code)) => refusal(sts, code),
        (_, None) => Cause::Permanent,
    }
}

fn is_throttling(operation: &str, code: &str) -> bool {
    match code {
        "Throttling"
        | "Throttled"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "RequestThrottling" => true,
        // A quota elsewhere; here it means that reports were asked for too often.
        "LimitExceeded" => operation == "GenerateCredentialReport",
        _ => false,
    }
}

fn refusal(sts: bool, code: &str) -> Cause {
    match code {
        "ExpiredToken"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "UnrecognizedClient"
        | "SignatureDoesNotMatch"
        | "InvalidSignature"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "InvalidToken"
        | "AuthFailure"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => Cause::CredentialBad,
        "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" if sts => Cause::CredentialBad,
        "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" => Cause::Denied,
        "EntityTemporarilyUnmodifiable" | "ConcurrentModification" | "ReportInProgress" => Cause::Busy,
        "EntityAlreadyExists" => Cause::AlreadyThere,
        "NoSuchEntity" | "ReportNotPresent" | "ReportExpired" | "AWSOrganizationsNotInUse" => Cause::Gone,
        "DeleteConflict" => Cause::Dependants,
        "PasswordPolicyViolation" => Cause::PasswordRefused,
        // LimitExceeded, MalformedPolicyDocument, InvalidInput, ValidationError, UnmodifiableEntity,
        // PolicyNotAttachable, and whatever AWS may add.
        _ => Cause::Permanent,
    }
}

fn wait(retry_after: &str) -> Option<Duration> {
    retry_after.trim().parse().ok().map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT))
}

/// Why, in a sentence; AWS's own words where they help, never with a signature or what was signed.
pub(super) fn explain(cause: Cause, status: u16, code: Option<&str>, said: Option<&str>) -> String {
    let said = said.map(quotable).filter(|said| !said.is_empty());
    let short = code.map(|code| code.strip_suffix("Exception").unwrap_or(code));
    let clock = said.as_deref().is_some_and(speaks_of_the_clock)
        || matches!(short, Some("RequestExpired" | "RequestTimeTooSkewed"));
    match (cause, short, said) {
        (Cause::CredentialBad, _, Some(said)) if clock => {
            format!(
                "the clock of this machine and that of AWS differ too much ({said}); set this machine's clock"
            )
        }
        (Cause::CredentialBad, _, _) if clock => {
            "the clock of this machine and that of AWS differ too much; set this machine's clock".to_owned()
        }
        (Cause::CredentialBad, Some("SignatureDoesNotMatch"), _) => {
            "the secret access key does not belong to the access key id".to_owned()
        }
        (Cause::CredentialBad, Some("ExpiredToken"), _) => "the credentials have expired".to_owned(),
        (Cause::CredentialBad, Some("InvalidClientTokenId"), _) => {
            "AWS does not know the access key id, or the key is inactive".to_owned()
        }
        (Cause::Throttled(_), _, _) => "AWS asks to slow down".to_owned(),
        (Cause::Unknown, None, _) if status < 300 => "AWS's answer was not understood".to_owned(),
        (_, None, None) => format!("AWS answered with HTTP status {status} and no word of its own"),
        (_, Some(code), None) => format!("AWS answered {} (HTTP status {status})", presentable(code)),
        (_, _, Some(said)) => said,
    }
}

/// AWS says so in the text of `SignatureDoesNotMatch`: "Signature expired: … is now earlier than …" and
/// "Signature not yet current: …".
fn speaks_of_the_clock(said: &str) -> bool {
    said.contains("Signature expired") || said.contains("not yet current")
}

/// The beginning of AWS's message in one line. What it signed, and signatures, are cut off.
pub(super) fn quotable(message: &str) -> String {
    const SENSITIVE: &[&str] = &[
        "The Canonical String",
        "The String-to-Sign",
        "Canonical",
        "String-to-Sign",
        "AWS4-HMAC",
        "Signature=",
        "Credential=",
    ];
    let end = SENSITIVE.iter().filter_map(|mark| message.find(mark)).min().unwrap_or(message.len());
    let kept = message.get(..end).unwrap_or_default();
    let line: String = kept.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A code or an id, shortened and without anything that could disturb a terminal.
pub(super) fn presentable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(80).collect()
}
