//! A system: one connected AWS account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mapping::check_one_policy;
use crate::scim_tags::{self, ScimTags};
use crate::{AwsAccountId, Failure, SystemId, SystemName};

/// One connected AWS account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct System {
    /// The System ID; never changes.
    pub system_id: SystemId,
    /// The display name; unique ignoring case.
    pub name: SystemName,
    /// The category it is filed under.
    pub category: Category,
    /// How it is reached; never changes.
    pub technology: Technology,
    /// What is governed in it; never changes.
    pub content: Content,
    /// Whether it may be worked with.
    pub state: SystemState,
    /// Why it is quarantined or suspended.
    pub state_reason: Option<Failure>,
    /// The AWS account the system is pinned to; `None` until the first successful check.
    pub aws_account_id: Option<AwsAccountId>,
    /// The partition (`aws`, `aws-cn`, `aws-us-gov`, …), once known.
    pub partition: Option<String>,
    /// The region to reach AWS in; decides the partition's endpoint. `None` means the environment's.
    pub region: Option<String>,
    /// How the connector signs in, without the secret.
    pub credential: CredentialKind,
    /// Settings an operator may change.
    pub settings: SystemSettings,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When its definition was last changed.
    pub updated_at: Timestamp,
    /// When it was removed; its history is kept.
    pub removed_at: Option<Timestamp>,
}

/// A free label to file systems under; made by being used.
pub type Category = String;

/// How a system is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Technology {
    /// AWS IAM.
    Aws,
}

/// What is governed in a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Accounts, resources and who holds what.
    AccessRights,
}

/// Whether a system may be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SystemState {
    /// In use.
    Active,
    /// Its credentials are bad or belong to another AWS account: nothing runs until it is released.
    Quarantined,
    /// Its AWS account is not in use, as its organization says: nothing runs until it is again.
    Suspended,
    /// Removed; only its history remains.
    Removed,
}

impl SystemState {
    /// The word used in JSON, SQL and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Quarantined => "quarantined",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
        }
    }
}

/// How the connector signs in, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CredentialKind {
    /// An access key of an IAM user; its secret half is kept encrypted.
    AccessKey {
        /// The public half, `AKIA…`.
        access_key_id: String,
    },
    /// A named profile of the AWS configuration files.
    Profile {
        /// Its name.
        name: String,
    },
    /// The ordinary AWS credential chain: environment, web identity, container, instance.
    Ambient,
    /// A role assumed with an external id that Keyreeve made up.
    Role {
        /// The role's ARN.
        role_arn: String,
        /// The external id its trust policy must ask for.
        external_id: String,
        /// What it is assumed with; `None` is the ambient chain.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<RoleBase>,
        /// ARNs of roles that are assumed before it, each with the one before, in this order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        via: Vec<String>,
    },
}

impl CredentialKind {
    /// The public half of the access key whose secret is kept: that of the system, or the one its role is assumed with.
    #[must_use]
    pub fn access_key_id(&self) -> Option<&str> {
        match self {
            Self::AccessKey { access_key_id }
            | Self::Role { base: Some(RoleBase::AccessKey { access_key_id }), .. } => Some(access_key_id),
            _ => None,
        }
    }

    /// The same with another access key in the place of the one that is kept.
    #[must_use]
    pub fn with_access_key(&self, id: &str) -> Self {
        let mut changed = self.clone();
        if let Self::AccessKey { access_key_id }
        | Self::Role { base: Some(RoleBase::AccessKey { access_key_id }), .. } = &mut changed
        {
            id.clone_into(access_key_id);
        }
        changed
    }
}

/// What a role is assumed with, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RoleBase {
    /// An access key of an IAM user; its secret half is kept encrypted.
    AccessKey {
        /// The public half, `AKIA…`.
        access_key_id: String,
    },
    /// A named profile of the AWS configuration files.
    Profile {
        /// Its name.
        name: String,
    },
}

/// Settings of a system, with their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SystemSettings {
    /// Which permissions the connector's policy grants.
    pub permission_profile: PermissionProfile,
    /// Whether a deletion removes what stands in its way first.
    pub prioritise_delete_tasks: bool,
    /// What to do when a new user could not change the first password.
    pub first_sign_in: FirstSignIn,
    /// How a generated password reaches its owner.
    pub password_delivery: PasswordDelivery,
    /// What a SCIM `DELETE` does.
    pub scim_delete: ScimDelete,
    /// What is done about a password that a SCIM client chose.
    pub scim_password: ScimPassword,
    /// Whether SCIM clients may attach policies to users and detach them.
    pub scim_entitlements: bool,
    /// Attributes of SCIM that are mirrored to tags, each with the tag's key.
    #[cfg_attr(feature = "schema", schema(value_type = std::collections::BTreeMap<String, String>, inline))]
    pub scim_tags: ScimTags,
    /// So long a SCIM client waits for what it asks for, at most.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 300))]
    pub scim_wait_seconds: u32,
    /// ARN of a deny-all policy that a deactivation attaches.
    pub deny_all_policy: Option<String>,
    /// Whether policies of groups may be changed.
    pub group_policy_writes: bool,
    /// So many accounts may be deleted in one hour, and by one job, before a second person must approve.
    pub max_deletes: u32,
    /// So many accounts may be deactivated in one hour, and by one job, before a second person must approve.
    pub max_deactivations: u32,
    /// Whether a second person must approve what lets an account do everything.
    pub approve_administrators: bool,
    /// A password that nobody has opened for so many days is said to be unclaimed.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 365))]
    pub unclaimed_password_days: u32,
    /// Whether the last account that holds an administrator policy is protected.
    pub keep_last_administrator: bool,
    /// At most this many requests a second to AWS; `None` leaves it to AWS's own throttling.
    #[cfg_attr(feature = "schema", schema(minimum = 0.1, maximum = 10_000))]
    pub max_requests_per_second: Option<f64>,
    /// At most this many requests at once.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 500))]
    pub max_concurrent_requests: u32,
}

impl Default for SystemSettings {
    fn default() -> Self {
        Self {
            permission_profile: PermissionProfile::Reference,
            prioritise_delete_tasks: true,
            first_sign_in: FirstSignIn::Attach,
            password_delivery: PasswordDelivery::Link,
            scim_delete: ScimDelete::Deactivate,
            scim_password: ScimPassword::Refuse,
            scim_entitlements: false,
            scim_tags: ScimTags::new(),
            scim_wait_seconds: 20,
            deny_all_policy: None,
            group_policy_writes: false,
            max_deletes: 10,
            max_deactivations: 25,
            approve_administrators: false,
            unclaimed_password_days: 3,
            keep_last_administrator: true,
            max_requests_per_second: None,
            max_concurrent_requests: 50,
        }
    }
}

/// A setting was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No such setting.
    #[error("there is no setting {name:?}; the settings are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// A value that does not fit.
    #[error("the setting {name} cannot be {value:?}: {why}")]
    Value {
        /// The setting.
        name: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

fn refusal(name: &str, given: &str, why: String) -> SettingError {
    SettingError::Value { name: name.to_owned(), value: given.chars().take(80).collect(), why }
}

impl SystemSettings {
    /// Sets one setting from its text form: `true`, `12.5`, `none`, or a word.
    ///
    /// # Errors
    /// An unknown name, or a value that does not fit; the settings are then unchanged.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        let json = match value {
            "none" => serde_json::Value::Null,
            _ if name == "scim_tags" => scim_tags::from_text(value)
                .and_then(|tags| serde_json::to_value(tags).map_err(|error| error.to_string()))
                .map_err(|why| refusal(name, value, why))?,
            _ => serde_json::from_str(value)
                .ok()
                .filter(|json: &serde_json::Value| json.is_boolean() || json.is_number())
                .unwrap_or_else(|| serde_json::Value::String(value.to_owned())),
        };
        self.put(name, json, value)
    }

    /// Sets one setting as JSON has it; null where [`SystemSettings::set`] takes `none`.
    ///
    /// # Errors
    /// As [`SystemSettings::set`].
    pub fn set_json(&mut self, name: &str, value: &serde_json::Value) -> Result<(), SettingError> {
        self.put(name, value.clone(), &value.to_string())
    }

    fn put(&mut self, name: &str, json: serde_json::Value, given: &str) -> Result<(), SettingError> {
        let refuse = |why: String| refusal(name, given, why);
        let mut fields = match serde_json::to_value(&*self) {
            Ok(serde_json::Value::Object(fields)) => fields,
            Ok(_) | Err(_) => return Err(refuse("the settings cannot be written as JSON".to_owned())),
        };
        if !fields.contains_key(name) {
            let known = fields.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(SettingError::Unknown { name: name.to_owned(), known });
        }
        // Of these, none is a map without any.
        let none = json.is_null() && name == "scim_tags";
        let json = if none { serde_json::Value::Object(serde_json::Map::new()) } else { json };
        fields.insert(name.to_owned(), json);
        let changed: Self = serde_json::from_value(serde_json::Value::Object(fields))
            .map_err(|error| refuse(expected(name).map_or_else(|| error.to_string(), str::to_owned)))?;
        changed.validate(name).map_err(refuse)?;
        *self = changed;
        Ok(())
    }

    /// Looks at this one setting: another that an older version let pass is not in its way.
    fn validate(&self, name: &str) -> Result<(), String> {
        let fits = match name {
            "max_requests_per_second" => {
                self.max_requests_per_second.is_none_or(|rate| (0.1..=10_000.0).contains(&rate))
            }
            "max_concurrent_requests" => (1..=500).contains(&self.max_concurrent_requests),
            "unclaimed_password_days" => (1..=365).contains(&self.unclaimed_password_days),
            "scim_wait_seconds" => (1..=300).contains(&self.scim_wait_seconds),
            "scim_tags" => {
                scim_tags::check(&self.scim_tags)?;
                return self.may_tag();
            }
            "permission_profile" => return self.may_tag(),
            "deny_all_policy" => {
                let arn = self.deny_all_policy.as_deref();
                return arn.map_or(Ok(()), |arn| check_one_policy(arn).map_err(str::to_owned));
            }
            _ => true,
        };
        if fits { Ok(()) } else { Err(expected(name).unwrap_or("it is out of its range").to_owned()) }
    }

    fn may_tag(&self) -> Result<(), String> {
        if self.scim_tags.is_empty() || self.permission_profile != PermissionProfile::Reference {
            return Ok(());
        }
        let why = "tags are never sent under permission_profile=reference, so no attribute can be mirrored: set \
                   permission_profile to lifecycle or full before, or scim_tags to none";
        Err(why.to_owned())
    }
}

/// Which permissions the connector's policy grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PermissionProfile {
    /// The fourteen actions of the reference policy.
    Reference,
    /// Reading only.
    Read,
    /// The whole life cycle of accounts.
    Lifecycle,
    /// Every feature.
    Full,
}

impl PermissionProfile {
    /// The word used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Read => "read",
            Self::Lifecycle => "lifecycle",
            Self::Full => "full",
        }
    }
}

/// What to do when a new user could not change the first password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FirstSignIn {
    /// Attach AWS's policy that allows it.
    Attach,
    /// Refuse the task.
    Refuse,
    /// Go on.
    Ignore,
}

/// How a generated password reaches its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PasswordDelivery {
    /// A one-time secret.
    Link,
    /// Encrypted to a recipient's key.
    Recipient,
    /// Shown to the operator.
    Operator,
}

/// What a SCIM `DELETE` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScimDelete {
    /// Deactivates the account.
    Deactivate,
    /// Deletes it.
    Delete,
}

/// What is done about a password that a SCIM client chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScimPassword {
    /// It is refused: no password chosen by somebody else passes through.
    Refuse,
    /// It becomes the console password, to be changed at the next sign-in.
    Accept,
}

/// What a setting takes that is a number, a switch or a word.
fn expected(name: &str) -> Option<&'static str> {
    Some(match name {
        "max_requests_per_second" => "it must be from 0.1 to 10000 requests a second, or none",
        "max_concurrent_requests" => "it must be a whole number from 1 to 500",
        "unclaimed_password_days" => "it must be from 1 to 365 days",
        "scim_wait_seconds" => "it must be from 1 to 300 seconds",
        "max_deletes" | "max_deactivations" => "it must be a whole number from 0 to 4294967295",
        "prioritise_delete_tasks"
        | "group_policy_writes"
        | "keep_last_administrator"
        | "approve_administrators"
        | "scim_entitlements" => "it must be true or false",
        "permission_profile" => "it must be reference, read, lifecycle or full",
        "first_sign_in" => "it must be attach, refuse or ignore",
        "password_delivery" => "it must be link, recipient or operator",
        "scim_delete" => "it must be deactivate or delete",
        "scim_password" => "it must be refuse or accept",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_set_by_name_and_bad_ones_change_nothing() {
        let mut settings = SystemSettings::default();
        settings.set("max_requests_per_second", "12.5").unwrap();
        assert_eq!(settings.max_requests_per_second, Some(12.5));
        settings.set("max_requests_per_second", "none").unwrap();
        settings.set("prioritise_delete_tasks", "false").unwrap();
        settings.set("permission_profile", "full").unwrap();
        assert_eq!(settings.permission_profile, PermissionProfile::Full);
        let before = settings.clone();
        for arn in
            ["arn:aws:iam::aws:policy/AWSDenyAll", "arn:aws-cn:iam::123456789012:policy/team/Nothing", "none"]
        {
            settings.set("deny_all_policy", arn).unwrap();
        }
        for arn in [
            "AWSDenyAll",
            "",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam::aws:policy/*",
            "arn:aws:iam::aws:policy/AWSDeny?ll",
            "arn:aws:iam::12345678901:policy/Nothing",
            "arn:aws:iam::123456789012:role/Nothing",
            "arn:aws:s3:::policy/Nothing",
            "arn:aws:iam::aws:policy/AWSDeny\u{200b}All",
            "arn:aws:iam::aws:policy/a b",
        ] {
            let said = settings.set("deny_all_policy", arn).unwrap_err().to_string();
            assert!(said.contains("policy/name"), "{said}");
        }
        for (name, value) in [
            ("max_requests_per_second", "0"),
            ("max_requests_per_second", "-1"),
            ("max_requests_per_second", "fast"),
            ("max_concurrent_requests", "0"),
            ("permission_profile", "root"),
            ("prioritise_delete_tasks", "none"),
        ] {
            assert!(matches!(settings.set(name, value), Err(SettingError::Value { .. })), "{name}={value}");
        }
        let error = settings.set("max_requests_per_second", "abc").unwrap_err().to_string();
        assert!(error.contains("from 0.1 to 10000") && !error.contains("invalid type"), "{error}");
        settings.set_json("max_requests_per_second", &serde_json::json!(2)).unwrap();
        assert_eq!(settings.max_requests_per_second, Some(2.0));
        settings.set_json("max_requests_per_second", &serde_json::Value::Null).unwrap();
        for (name, value) in [
            ("max_deletes", serde_json::json!("3")),
            ("max_deletes", serde_json::Value::Null),
            ("max_deletes", serde_json::json!({})),
            ("permission_profile", serde_json::json!(true)),
            ("max_concurrent_requests", serde_json::json!(501)),
        ] {
            assert!(
                matches!(settings.set_json(name, &value), Err(SettingError::Value { .. })),
                "{name}={value}"
            );
        }
        for (name, value, takes) in [
            ("max_deletes", "4294967296", "from 0 to 4294967295"),
            ("max_deactivations", "-1", "from 0 to 4294967295"),
            ("max_concurrent_requests", "501", "from 1 to 500"),
            ("unclaimed_password_days", "366", "from 1 to 365 days"),
            ("scim_wait_seconds", "4294967296", "from 1 to 300 seconds"),
            ("scim_entitlements", "maybe", "true or false"),
            ("permission_profile", "root", "reference, read, lifecycle or full"),
            ("first_sign_in", "x", "attach, refuse or ignore"),
            ("password_delivery", "x", "link, recipient or operator"),
            ("scim_delete", "x", "deactivate or delete"),
            ("scim_password", "x", "refuse or accept"),
        ] {
            let said = settings.set(name, value).unwrap_err().to_string();
            assert!(
                said.starts_with(&format!("the setting {name} cannot be")) && said.contains(takes),
                "{said}"
            );
            assert!(!said.contains("variant") && !said.contains("u32"), "{said}");
        }
        let error = settings.set("colour", "red").unwrap_err().to_string();
        assert!(error.contains("colour") && error.contains("permission_profile"), "{error}");
        assert_eq!(settings, before);
    }

    #[test]
    fn attributes_are_mirrored_only_where_tags_may_be_sent() {
        let mut settings = SystemSettings::default();
        let refused = settings.set("scim_tags", "displayName=Name").unwrap_err().to_string();
        assert!(refused.contains("permission_profile=reference"), "{refused}");
        settings.set("permission_profile", "full").unwrap();
        settings.set("scim_tags", "displayName=Name,department=Unit").unwrap();
        assert_eq!(settings.scim_tags.len(), 2);
        let before = settings.clone();
        for (name, value) in [
            ("permission_profile", "reference"),
            ("scim_tags", "displayName=aws:x"),
            ("scim_tags", "title=Title"),
            ("scim_tags", "{}"),
        ] {
            assert!(matches!(settings.set(name, value), Err(SettingError::Value { .. })), "{name}={value}");
        }
        assert_eq!(settings, before);
        let json = serde_json::to_value(&settings).unwrap();
        assert_eq!(json["scim_tags"], serde_json::json!({"displayName": "Name", "department": "Unit"}));
        assert_eq!(serde_json::from_value::<SystemSettings>(json).unwrap(), settings);
        settings.set("scim_tags", "none").unwrap();
        settings.set("permission_profile", "reference").unwrap();
    }

    #[test]
    fn a_value_that_an_older_version_let_pass_is_in_the_way_of_no_other() {
        let stored = SystemSettings { max_requests_per_second: Some(0.05), ..SystemSettings::default() };
        let mut settings = stored.clone();
        settings.set("max_deletes", "3").unwrap();
        assert_eq!(settings, SystemSettings { max_deletes: 3, ..stored });
        settings.set("max_requests_per_second", "0.1").unwrap();
    }
}
