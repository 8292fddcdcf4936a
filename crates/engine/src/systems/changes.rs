//! What somebody wants of a system: its name, its category and its settings, as text or as JSON has them.

use keyreeve_model::hidden::{Hidden, check_line};
use keyreeve_model::{Category, SettingError, System, SystemName};
use keyreeve_store::SystemPatch;
use serde_json::Value;

/// A category has so many characters at most.
const LONGEST_CATEGORY: usize = 100;

/// A value, in one of two forms.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// As a person types it: `none` is nothing.
    Text(String),
    /// As JSON has it: null is nothing.
    Json(Value),
}

/// Something cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSet {
    /// It was given once, and for good.
    #[error("the {0} of a system never changes")]
    Fixed(String),
    /// The name is none.
    #[error("{0}")]
    Name(String),
    /// No text is given for the category.
    #[error("a category is a text")]
    NoCategory,
    /// The category is none.
    #[error("a category has 1 to {LONGEST_CATEGORY} characters, and no space at either end")]
    Category,
    /// Something does not show in the category.
    #[error("the category cannot be used: {0}")]
    HiddenInCategory(Hidden),
    /// There is no such setting, or it has no such value.
    #[error("{0}")]
    Setting(#[from] SettingError),
}

/// What is to be changed of a system. All of it is checked before any of it counts.
///
/// # Errors
/// See [`NotSet`].
pub fn patched(system: &System, asked: &[(String, Given)]) -> Result<SystemPatch, NotSet> {
    let mut patch = SystemPatch::default();
    let mut settings = system.settings.clone();
    for (name, given) in asked {
        match (name.as_str(), given) {
            ("name", given) => {
                let name = text(given).ok_or_else(|| NotSet::Name("a name is a text".to_owned()))?;
                patch.name = Some(SystemName::given(name).map_err(|error| NotSet::Name(error.to_string()))?);
            }
            ("category", given) => {
                let category = text(given).ok_or(NotSet::NoCategory)?;
                patch.category = Some(self::category(category)?);
            }
            ("system_id" | "technology" | "content", _) => return Err(NotSet::Fixed(name.clone())),
            (name, Given::Text(value)) => settings.set(name, value)?,
            (name, Given::Json(value)) => settings.set_json(name, value)?,
        }
    }
    if settings.deny_all_policy != system.settings.deny_all_policy {
        is_reachable(settings.deny_all_policy.as_deref(), system)?;
    }
    patch.settings = (settings != system.settings).then_some(settings);
    Ok(patch)
}

/// AWS attaches its own policies and those of the account itself, and no others.
fn is_reachable(deny_all_policy: Option<&str>, system: &System) -> Result<(), NotSet> {
    let (Some(arn), Some(own)) = (deny_all_policy, &system.aws_account_id) else { return Ok(()) };
    let of = arn.split(':').nth(4).unwrap_or_default();
    if of == "aws" || of == own.as_str() {
        return Ok(());
    }
    let why = format!("it is of the AWS account {of}, and {} is the AWS account {own}", system.system_id);
    Err(SettingError::Value { name: "deny_all_policy".to_owned(), value: arn.to_owned(), why }.into())
}

/// A category.
///
/// # Errors
/// [`NotSet::Category`], [`NotSet::HiddenInCategory`].
pub fn category(text: &str) -> Result<Category, NotSet> {
    check_line(text).map_err(NotSet::HiddenInCategory)?;
    let fits = !text.is_empty() && text.chars().count() <= LONGEST_CATEGORY && text.trim() == text;
    if fits { Ok(text.to_owned()) } else { Err(NotSet::Category) }
}

fn text(given: &Given) -> Option<&str> {
    match given {
        Given::Text(text) | Given::Json(Value::String(text)) => Some(text),
        Given::Json(_) => None,
    }
}
