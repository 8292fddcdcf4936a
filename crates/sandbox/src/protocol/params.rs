//! The form parameters of a request, with the checks of the IAM API reference on each kind of value.
//!
//! `\w` in AWS's patterns is ASCII; lengths count characters.

use percent_encoding::percent_decode;

use super::error::ApiError;

#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

/// Parameters whose values never reach the trace.
const SECRET: [&str; 5] = ["Password", "NewPassword", "OldPassword", "SessionToken", "WebIdentityToken"];

impl Params {
    /// Reads `application/x-www-form-urlencoded`; `None` when it is not UTF-8.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut pairs = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            pairs.push((name, value));
        }
        Some(Self(pairs))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `Name.member.1`, `Name.member.2`, … as far as they go.
    pub(crate) fn members(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|n| self.get(&format!("{name}.member.{n}"))).collect()
    }

    /// All parameters but the protocol's own and secrets, for the trace.
    pub(crate) fn for_trace(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(key, _)| key != "Action" && key != "Version").map(|(key, value)| {
            let value = if SECRET.contains(&key.as_str()) { "(secret)" } else { value.as_str() };
            (key.as_str(), value)
        })
    }

    pub(crate) fn required(&self, name: &str, kind: Kind) -> Result<&str, ApiError> {
        self.optional(name, kind)?.ok_or_else(|| {
            ApiError::validation(format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must \
                 not be null",
                lower_first(name)
            ))
        })
    }

    pub(crate) fn optional(&self, name: &str, kind: Kind) -> Result<Option<&str>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        kind.check(name, value)?;
        Ok(Some(value))
    }

    /// A whole number inside the bounds, or the default when it is not given.
    pub(crate) fn number(&self, name: &str, default: u32, least: u32, most: u32) -> Result<u32, ApiError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        match value.parse::<u32>() {
            Ok(number) if number < least => Err(constraint(
                name,
                value,
                &format!("Member must have value greater than or equal to {least}"),
            )),
            Ok(number) if number > most => {
                Err(constraint(name, value, &format!("Member must have value less than or equal to {most}")))
            }
            Ok(number) => Ok(number),
            Err(_) => Err(ApiError::new(400, "MalformedInput", format!("Invalid value for {name}"))),
        }
    }

    /// `true` or `false`; false when it is not given.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ApiError::new(400, "MalformedInput", format!("Invalid value for {name}"))),
        }
    }

    /// One of the words, or `None` when it is not given.
    pub(crate) fn choice(&self, name: &str, words: &[&str]) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(word) if words.contains(&word) => Ok(Some(word)),
            Some(word) => {
                let set = format!("Member must satisfy enum value set: [{}]", words.join(", "));
                Err(constraint(name, word, &set))
            }
        }
    }
}

/// The kinds of values and their rules, as the IAM API reference gives them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The name of a user that exists: 1 to 128 of `[A-Za-z0-9_+=,.@-]`.
    UserName,
    /// A user's name where the API allows 64 characters only (login profiles, attaching, creating).
    NewUserName,
    /// The name of a group, policy or role.
    Name,
    Path,
    PathPrefix,
    PolicyPath,
    Arn,
    Marker,
    /// An access key id: 16 to 128 word characters.
    KeyId,
    VersionId,
    SessionName,
    ExternalId,
}

impl Kind {
    pub(crate) fn check(self, name: &str, value: &str) -> Result<(), ApiError> {
        let length = value.chars().count();
        let (least, most) = self.lengths();
        if length < least {
            let rule = format!("Member must have length greater than or equal to {least}");
            return Err(constraint(name, value, &rule));
        }
        if length > most {
            let rule = format!("Member must have length less than or equal to {most}");
            return Err(constraint(name, value, &rule));
        }
        if self.matches(value) {
            return Ok(());
        }
        Err(match self {
            Self::UserName | Self::NewUserName | Self::Name => ApiError::validation(format!(
                "The specified value for {} is invalid. It must contain only alphanumeric characters and/or \
                 the following: +=,.@_-",
                lower_first(name)
            )),
            Self::Path | Self::PathPrefix | Self::PolicyPath => ApiError::validation(format!(
                "The specified value for {} is invalid. It must begin and end with / and contain only \
                 alphanumeric characters and/or / characters.",
                lower_first(name)
            )),
            Self::Marker => ApiError::validation("Invalid Marker."),
            Self::Arn => ApiError::validation(format!("ARN {value} is not valid.")),
            _ => constraint(name, value, "Member must satisfy regular expression pattern"),
        })
    }

    fn lengths(self) -> (usize, usize) {
        match self {
            Self::UserName | Self::Name => (1, 128),
            Self::NewUserName => (1, 64),
            Self::Path | Self::PathPrefix | Self::PolicyPath => (1, 512),
            Self::Arn => (20, 2048),
            Self::Marker => (1, 320),
            Self::KeyId => (16, 128),
            Self::VersionId => (2, 64),
            Self::SessionName => (2, 64),
            Self::ExternalId => (2, 1224),
        }
    }

    pub(crate) fn matches(self, value: &str) -> bool {
        let all = |allowed: fn(u8) -> bool| value.bytes().all(allowed);
        match self {
            Self::UserName | Self::NewUserName | Self::Name | Self::SessionName => all(is_name_byte),
            Self::ExternalId => all(|byte| is_name_byte(byte) || matches!(byte, b':' | b'/')),
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
            Self::KeyId => all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            Self::VersionId => value.strip_prefix('v').is_some_and(|rest| {
                rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !rest.starts_with('0')
            }),
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
}

fn constraint(name: &str, value: &str, rule: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: {rule}",
        lower_first(name)
    ))
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(characters).collect()
}

fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}
