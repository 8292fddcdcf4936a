//! The form parameters of a request.

use std::fmt;

use keyreeve_model::Secret;
use percent_encoding::percent_decode;

use super::error::ApiError;
pub(crate) use super::kind::Kind;
use super::kind::constraint;

#[derive(Default)]
pub(crate) struct Params(Vec<(String, String)>);

/// Parameters whose values never reach the trace.
const SECRET: [&str; 9] = [
    "AuthenticationCode1",
    "AuthenticationCode2",
    "NewPassword",
    "OldPassword",
    "Password",
    "SecretAccessKey",
    "SessionToken",
    "TokenCode",
    "WebIdentityToken",
];

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.for_trace()).finish()
    }
}

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

    /// Parameters that came otherwise than as a form.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
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
        self.optional(name, kind)?.ok_or_else(|| constraint(name, "Member must not be null"))
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
            Ok(number) if number < least => {
                Err(constraint(name, &format!("Member must have value greater than or equal to {least}")))
            }
            Ok(number) if number > most => {
                Err(constraint(name, &format!("Member must have value less than or equal to {most}")))
            }
            Ok(number) => Ok(number),
            Err(_) => Err(ApiError::new(400, "MalformedInput", format!("Invalid value for {name}"))),
        }
    }

    /// A password. What is wrong with one is told without it.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<Secret>, ApiError> {
        Ok(self.optional(name, Kind::Password)?.map(|text| Secret::new(text.to_owned())))
    }

    /// A password that must be given.
    pub(crate) fn required_secret(&self, name: &str) -> Result<Secret, ApiError> {
        self.required(name, Kind::Password).map(|text| Secret::new(text.to_owned()))
    }

    /// `true` or `false`; false when it is not given.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        Ok(self.optional_flag(name)?.unwrap_or(false))
    }

    /// `true` or `false`, or `None` when it is not given.
    pub(crate) fn optional_flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("false") => Ok(Some(false)),
            Some("true") => Ok(Some(true)),
            Some(_) => Err(ApiError::new(400, "MalformedInput", format!("Invalid value for {name}"))),
        }
    }

    /// One of the words, or `None` when it is not given.
    pub(crate) fn choice(&self, name: &str, words: &[&str]) -> Result<Option<&str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(word) if words.contains(&word) => Ok(Some(word)),
            Some(_) => {
                let set = format!("Member must satisfy enum value set: [{}]", words.join(", "));
                Err(constraint(name, &set))
            }
        }
    }
}

fn decode(text: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}
