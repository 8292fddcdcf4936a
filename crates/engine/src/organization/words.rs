//! Names that discovery makes up, and those it is given.

use keyreeve_model::{AwsAccountId, SystemId, SystemName};

/// The name of a role, with its path: `keyreeve`, or `/access/keyreeve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName(String);

impl RoleName {
    /// Checks a name of 1 to 64 of `[A-Za-z0-9_+=,.@-]`, with a path of visible ASCII before it (IAM service model,
    /// `roleNameType` and `pathType`). A wildcard is none.
    ///
    /// # Errors
    /// What it must look like.
    pub fn new(text: &str) -> Result<Self, String> {
        let given = text.strip_prefix('/').unwrap_or(text);
        let name = given.rsplit('/').next().unwrap_or_default();
        let fits = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
            && given.len() <= 512
            && !given.split('/').any(str::is_empty)
            && given.bytes().all(|byte| byte.is_ascii_graphic() && !b"*?:".contains(&byte));
        match fits {
            true => Ok(Self(given.to_owned())),
            false => {
                Err("a role's name has 1 to 64 letters, digits and _+=,.@-, and perhaps a path before it: \
                          keyreeve, or /access/keyreeve"
                    .to_owned())
            }
        }
    }

    /// The name with its path, as it can be given again.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The role in an account.
    #[must_use]
    pub fn arn(&self, partition: &str, account: &AwsAccountId) -> String {
        format!("arn:{partition}:iam::{account}:role/{}", self.0)
    }

    /// The name without its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path, `/` or `/access/`.
    #[must_use]
    pub fn path(&self) -> String {
        match self.0.rsplit_once('/') {
            Some((path, _)) => format!("/{path}/"),
            None => "/".to_owned(),
        }
    }
}

/// What System IDs of accounts look like: a text with `{account_id}` or `{name}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemIdPattern(String);

impl SystemIdPattern {
    /// Checks that every account has a System ID of its own by it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        let tried = text.replace("{account_id}", "123456789012").replace("{name}", "a");
        if tried == text {
            return Err("it must hold {account_id} or {name}, or all accounts would have the same System ID"
                .to_owned());
        }
        SystemId::new(tried).map_err(|error| error.to_string())?;
        Ok(Self(text.to_owned()))
    }

    /// The pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(&self, account: &AwsAccountId, name: &str) -> Result<SystemId, String> {
        let text = self.0.replace("{account_id}", account.as_str()).replace("{name}", &slug(name));
        let length = text.len();
        SystemId::new(text).map_err(|_| {
            format!(
                "its System ID by the pattern {} would have {length} characters: give a shorter pattern",
                self.0
            )
        })
    }
}

/// A name in the letters that a System ID may have: `Payments (prod)` is `payments-prod`.
fn slug(name: &str) -> String {
    let plain = deunicode::deunicode(name).to_ascii_lowercase();
    let parts = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let slug = parts.collect::<Vec<_>>().join("-");
    if slug.is_empty() { "account".to_owned() } else { slug }
}

/// The name of a system for an account: that of the account, or with its id where another system has that.
pub(super) fn system_name(
    name: &str,
    account: &AwsAccountId,
    taken: impl Fn(&SystemName) -> bool,
) -> Option<SystemName> {
    let clean: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(180).collect();
    let clean = clean.trim();
    let own = SystemName::new(clean).ok().filter(|name| !taken(name));
    own.or_else(|| SystemName::new(format!("{clean} ({account})").trim()).ok().filter(|name| !taken(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AwsAccountId {
        AwsAccountId::new("123456789012").unwrap()
    }

    #[test]
    fn a_role_is_named_with_or_without_its_path_in_any_partition() {
        let role = RoleName::new("/access/keyreeve").unwrap();
        assert_eq!(role.arn("aws-cn", &account()), "arn:aws-cn:iam::123456789012:role/access/keyreeve");
        assert_eq!((role.name(), role.path().as_str()), ("keyreeve", "/access/"));
        assert_eq!(RoleName::new("keyreeve").unwrap().path(), "/");
        let long = "x".repeat(65);
        for bad in
            ["", "/", "a/", "a//b", "key*", "a b", "arn:aws:iam::1:role/x", "keyreeve\n", long.as_str()]
        {
            assert!(RoleName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_gives_each_account_an_id() {
        let of = |pattern: &str, name| SystemIdPattern::new(pattern).unwrap().of(&account(), name);
        assert_eq!(of("aws-{account_id}", "x").unwrap().as_str(), "aws-123456789012");
        assert_eq!(of("{name}", "Zahlungen für Größe (prod)").unwrap().as_str(), "zahlungen-fur-grosse-prod");
        assert_eq!(of("{name}", "☃").unwrap().as_str(), "snowman");
        assert!(of("{name}", &"x".repeat(80)).unwrap_err().contains("80 characters"));
        for bad in ["", "prod", "-{account_id}", "{account_id} x", "{nam}"] {
            assert!(SystemIdPattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_made_unique_and_fit_to_be_shown() {
        let nothing = |_: &SystemName| false;
        let named = |name, taken: &dyn Fn(&SystemName) -> bool| {
            system_name(name, &account(), taken).unwrap().to_string()
        };
        assert_eq!(named("prod", &nothing), "prod");
        assert_eq!(named(" a\u{1b}b ", &nothing), "a b");
        assert_eq!(named("prod", &|name| name.as_str() == "prod"), "prod (123456789012)");
        assert_eq!(named("\n", &nothing), "(123456789012)");
    }
}
