//! The kinds of values and their rules, as the service model of IAM and its API reference give them.
//!
//! `\w` in AWS's patterns is ASCII; lengths count characters. What AWS says of a value that breaks a rule
//! does not repeat the value.

use super::error::ApiError;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The name of a user that exists: 1 to 128 of `[A-Za-z0-9_+=,.@-]`.
    UserName,
    /// A user's name where the API allows 64 characters only (login profiles, attaching, creating).
    NewUserName,
    /// The name of a group or policy.
    Name,
    /// The name of a role, 64 characters at most.
    RoleName,
    /// The name of a virtual MFA device; the model sets no upper length, an ARN does.
    DeviceName,
    Path,
    PathPrefix,
    PolicyPath,
    Arn,
    Marker,
    /// An access key id: 16 to 128 word characters.
    KeyId,
    /// The id of an SSH key or of a service-specific credential: 20 to 128 word characters.
    CredentialId,
    /// The id of a signing certificate: 24 to 128 word characters.
    CertificateId,
    VersionId,
    SessionName,
    ExternalId,
    Password,
    /// A policy document before it is read.
    Document,
    /// The body of an SSH key or a certificate before it is read.
    Upload,
    Description,
    TagKey,
    TagValue,
    /// The serial number of an MFA device; its ARN when it is virtual.
    SerialNumber,
    /// Six digits.
    AuthenticationCode,
}

impl Kind {
    pub(crate) fn check(self, name: &str, value: &str) -> Result<(), ApiError> {
        let length = value.chars().count();
        let (least, most) = self.lengths();
        if length < least {
            return Err(constraint(
                name,
                &format!("Member must have length greater than or equal to {least}"),
            ));
        }
        if length > most {
            return Err(constraint(name, &format!("Member must have length less than or equal to {most}")));
        }
        if self.matches(value) {
            return Ok(());
        }
        let field = lower_first(name);
        Err(match self {
            Self::UserName | Self::NewUserName | Self::Name | Self::RoleName | Self::DeviceName => {
                ApiError::validation(format!(
                    "The specified value for {field} is invalid. It must contain only alphanumeric characters \
                     and/or the following: +=,.@_-"
                ))
            }
            Self::Path | Self::PathPrefix | Self::PolicyPath => ApiError::validation(format!(
                "The specified value for {field} is invalid. It must begin and end with / and contain only \
                 alphanumeric characters and/or / characters."
            )),
            Self::Document => ApiError::validation(format!(
                "The specified value for {field} is invalid. It must contain only printable ASCII characters."
            )),
            Self::Marker => ApiError::validation("Invalid Marker."),
            Self::Arn => ApiError::validation(format!("ARN {value} is not valid.")),
            _ => constraint(name, "Member must satisfy regular expression pattern"),
        })
    }

    fn lengths(self) -> (usize, usize) {
        match self {
            Self::UserName | Self::Name | Self::DeviceName => (1, 128),
            Self::NewUserName | Self::RoleName => (1, 64),
            Self::Path | Self::PathPrefix | Self::PolicyPath => (1, 512),
            Self::Arn => (20, 2048),
            Self::Marker => (1, 320),
            Self::KeyId => (16, 128),
            Self::CredentialId => (20, 128),
            Self::CertificateId => (24, 128),
            Self::VersionId => (2, 64),
            Self::SessionName => (2, 64),
            Self::ExternalId => (2, 1224),
            Self::Password | Self::TagKey => (1, 128),
            Self::Document => (1, 131_072),
            Self::Upload => (1, 16_384),
            Self::Description => (0, 1000),
            Self::TagValue => (0, 256),
            Self::SerialNumber => (9, 256),
            Self::AuthenticationCode => (6, 6),
        }
    }

    pub(crate) fn matches(self, value: &str) -> bool {
        let all = |allowed: fn(u8) -> bool| value.bytes().all(allowed);
        match self {
            Self::UserName
            | Self::NewUserName
            | Self::Name
            | Self::RoleName
            | Self::DeviceName
            | Self::SessionName => all(is_name_byte),
            Self::ExternalId | Self::SerialNumber => {
                all(|byte| is_name_byte(byte) || matches!(byte, b':' | b'/'))
            }
            Self::Path => {
                value == "/"
                    || (value.len() > 2
                        && value.starts_with('/')
                        && value.ends_with('/')
                        && all(|byte| (0x21..=0x7e).contains(&byte)))
            }
            Self::PathPrefix => value.starts_with('/') && all(|byte| (0x21..=0x7f).contains(&byte)),
            Self::PolicyPath => {
                value.starts_with('/')
                    && value.ends_with('/')
                    && !value.contains("//")
                    && all(|byte| is_name_byte(byte) || byte == b'/')
            }
            Self::Arn => value.starts_with("arn:") && value.matches(':').count() >= 5,
            Self::Marker => value.chars().all(|c| ('\u{20}'..='\u{ff}').contains(&c)),
            Self::KeyId | Self::CredentialId | Self::CertificateId => {
                all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            }
            Self::VersionId => value.strip_prefix('v').is_some_and(|rest| {
                rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !rest.starts_with('0')
            }),
            Self::Password | Self::Document | Self::Upload => value.chars().all(is_text),
            Self::Description => true,
            Self::TagKey | Self::TagValue => value.chars().all(is_tag_char),
            Self::AuthenticationCode => all(|byte| byte.is_ascii_digit()),
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
}

fn is_text(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')
}

/// Letters, digits and spaces of any script, and `_.:/=+-@`.
fn is_tag_char(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

pub(crate) fn constraint(name: &str, rule: &str) -> ApiError {
    constraints(&[violation(name, rule)])
}

/// One broken rule, as one of several.
pub(crate) fn violation(name: &str, rule: &str) -> String {
    format!("Value at '{}' failed to satisfy constraint: {rule}", lower_first(name))
}

/// AWS tells all rules that a request breaks at once.
pub(crate) fn constraints(violations: &[String]) -> ApiError {
    let plural = if violations.len() == 1 { "error" } else { "errors" };
    let (count, all) = (violations.len(), violations.join("; "));
    ApiError::validation(format!("{count} validation {plural} detected: {all}"))
}

pub(crate) fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(characters).collect()
}
