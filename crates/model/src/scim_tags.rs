//! Which attributes of SCIM are mirrored to tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{check_tags, is_own_tag};

/// An attribute of a SCIM user that a tag can mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ScimAttribute {
    /// What the client calls the user.
    #[serde(rename = "externalId")]
    ExternalId,
    /// The name to show.
    #[serde(rename = "displayName")]
    DisplayName,
    /// The given name.
    #[serde(rename = "name.givenName")]
    GivenName,
    /// The family name.
    #[serde(rename = "name.familyName")]
    FamilyName,
    /// The primary address for mail, or else the one for work.
    #[serde(rename = "emails")]
    Email,
    /// The person's number, of the enterprise extension.
    #[serde(rename = "employeeNumber")]
    EmployeeNumber,
    /// The department, of the enterprise extension.
    #[serde(rename = "department")]
    Department,
    /// The cost centre, of the enterprise extension.
    #[serde(rename = "costCenter")]
    CostCenter,
    /// The manager's id, of the enterprise extension.
    #[serde(rename = "manager")]
    Manager,
}

impl ScimAttribute {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ExternalId,
        Self::DisplayName,
        Self::GivenName,
        Self::FamilyName,
        Self::Email,
        Self::EmployeeNumber,
        Self::Department,
        Self::CostCenter,
        Self::Manager,
    ];

    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExternalId => "externalId",
            Self::DisplayName => "displayName",
            Self::GivenName => "name.givenName",
            Self::FamilyName => "name.familyName",
            Self::Email => "emails",
            Self::EmployeeNumber => "employeeNumber",
            Self::Department => "department",
            Self::CostCenter => "costCenter",
            Self::Manager => "manager",
        }
    }
}

/// The tag that mirrors each attribute; none by default.
pub type ScimTags = BTreeMap<ScimAttribute, String>;

/// Reads `ATTRIBUTE=KEY,…`; a key has no comma in it.
pub(crate) fn from_text(text: &str) -> Result<ScimTags, String> {
    let mut tags = ScimTags::new();
    for one in text.split(',').map(str::trim) {
        let (name, key) = one.split_once('=').ok_or_else(|| form(one))?;
        let attribute = ScimAttribute::ALL.into_iter().find(|attribute| attribute.as_str() == name.trim());
        let attribute = attribute.ok_or_else(|| form(one))?;
        if tags.insert(attribute, key.trim().to_owned()).is_some() {
            return Err(format!("{} is there twice", attribute.as_str()));
        }
    }
    Ok(tags)
}

fn form(part: &str) -> String {
    let known: Vec<&str> = ScimAttribute::ALL.into_iter().map(ScimAttribute::as_str).collect();
    format!(
        "{part:?} is none of ATTRIBUTE=KEY with commas between, or none; the attributes are: {}",
        known.join(", ")
    )
}

/// What is wrong with the tags, as IAM has its rules.
pub(crate) fn check(tags: &ScimTags) -> Result<(), String> {
    let mut seen = BTreeMap::new();
    for (attribute, key) in tags {
        check_tags(&BTreeMap::from([(key.clone(), String::new())])).map_err(|error| error.to_string())?;
        if is_own_tag(key) {
            return Err(format!("the tags that begin with keyreeve: are Keyreeve's own, not {key:?}"));
        }
        if let Some(other) = seen.insert(key.to_lowercase(), attribute.as_str()) {
            return Err(format!("{other} and {} would have one tag, {key:?}", attribute.as_str()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_json() {
        for attribute in ScimAttribute::ALL {
            assert_eq!(serde_json::to_value(attribute).unwrap(), attribute.as_str());
        }
    }

    #[test]
    fn tags_are_read_and_held_to_the_rules() {
        let tags = from_text("displayName=Name, department=org:unit=1").unwrap();
        assert_eq!(tags[&ScimAttribute::DisplayName], "Name");
        assert_eq!(tags[&ScimAttribute::Department], "org:unit=1");
        assert_eq!(check(&tags), Ok(()));
        for text in ["", "displayName", "nickName=x", "displayName=a,displayName=b", "displayName=a,"] {
            assert!(from_text(text).is_err(), "{text}");
        }
        for text in [
            "displayName=",
            "displayName=a*b",
            "displayName=aws:x",
            "displayName=keyreeve:task",
            "displayName=Keyreeve:x",
            "displayName=Team,department=team",
        ] {
            assert!(check(&from_text(text).unwrap()).is_err(), "{text}");
        }
    }
}
