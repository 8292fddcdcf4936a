//! The named filter an import runs through.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::schedule::find_zone;
use crate::{CronExpression, ImportScope, ProfileName, Schedule, ScheduleError, Thresholds};

/// What an import reads, and which results are suspicious.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportProfile {
    /// Its name, unique within the system; every system has one called `default`.
    pub name: ProfileName,
    /// Which objects are read.
    pub objects: BTreeSet<ImportObject>,
    /// Only users and their assignments whose path begins with this text. A plain string prefix, as IAM has it.
    #[cfg_attr(feature = "schema", schema(pattern = r"^/[!-~]*$", max_length = 512))]
    pub path_prefix: String,
    /// Which policies are read.
    pub policy_scope: PolicyScope,
    /// Where the state of the login profiles comes from.
    pub login_profile_source: LoginProfileSource,
    /// When a run waits for a person.
    pub thresholds: Thresholds,
    /// When imports run through it by themselves.
    #[serde(default)]
    pub schedule: Option<CronExpression>,
    /// The zone whose clocks the schedule is read by: a name of the IANA database.
    #[serde(default = "universal_time")]
    pub time_zone: String,
}

fn universal_time() -> String {
    "UTC".to_owned()
}

/// A kind of object an import can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportObject {
    /// IAM users.
    Accounts,
    /// The users' login profiles and what else is known of their credentials.
    LoginProfiles,
    /// Groups.
    Groups,
    /// Policies.
    Policies,
    /// Who holds what, as far as both ends are read.
    Assignments,
}

/// Which policies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PolicyScope {
    /// Those of AWS and of the customer.
    All,
    /// Those of the customer.
    Customer,
    /// Those attached to anything.
    Attached,
}

/// Where the state of the login profiles comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LoginProfileSource {
    /// One call per user: exact, and all that the reference policy permits.
    PerUser,
    /// The credential report: two or three calls for all users, up to four hours old.
    CredentialReport,
    /// The report where it is permitted, else one call per user.
    Auto,
}

/// An import profile was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A path prefix that IAM would refuse.
    #[error(
        "the path prefix {0:?} is not valid: it begins with '/', has at most 512 printable ASCII characters \
         and no space"
    )]
    PathPrefix(String),
    /// A combination that reads nothing useful.
    #[error("an import profile that reads {0} must read {1} too")]
    Objects(&'static str, &'static str),
    /// Nothing to read.
    #[error("an import profile must read at least accounts, groups or policies")]
    Nothing,
    /// A share of more than all.
    #[error("thresholds.{size}.{limit} cannot be {percent}: no more than 100 percent can change")]
    Percent {
        /// Which size of population.
        size: &'static str,
        /// Which limit.
        limit: &'static str,
        /// What was given.
        percent: u32,
    },
    /// A schedule by a clock that nobody knows.
    #[error("{0}")]
    Schedule(#[from] ScheduleError),
}

impl ImportProfile {
    /// The profile every system begins with: everything, login profiles by the cheapest permitted way.
    #[must_use]
    pub fn default_named(name: ProfileName) -> Self {
        use ImportObject::{Accounts, Assignments, Groups, LoginProfiles, Policies};
        Self {
            name,
            objects: [Accounts, LoginProfiles, Groups, Policies, Assignments].into(),
            path_prefix: "/".to_owned(),
            policy_scope: PolicyScope::All,
            login_profile_source: LoginProfileSource::Auto,
            thresholds: Thresholds::default(),
            schedule: None,
            time_zone: universal_time(),
        }
    }

    /// Refuses what cannot be carried out.
    ///
    /// # Errors
    /// See [`ProfileError`]. The path prefix follows the IAM service model: `/[\x21-\x7F]*`, at most 512.
    pub fn validate(&self) -> Result<(), ProfileError> {
        let prefix = &self.path_prefix;
        if !prefix.starts_with('/')
            || prefix.len() > 512
            || !prefix.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
        {
            return Err(ProfileError::PathPrefix(prefix.chars().take(80).collect()));
        }
        use ImportObject::{Accounts, Assignments, Groups, LoginProfiles, Policies};
        let reads = |object| self.objects.contains(&object);
        if reads(LoginProfiles) && !reads(Accounts) {
            return Err(ProfileError::Objects("login profiles", "accounts"));
        }
        if reads(Assignments) && !reads(Accounts) && !reads(Groups) {
            return Err(ProfileError::Objects("assignments", "accounts or groups"));
        }
        if reads(Assignments) && !reads(Groups) && !reads(Policies) {
            return Err(ProfileError::Objects("assignments", "groups or policies"));
        }
        if !(reads(Accounts) || reads(Groups) || reads(Policies)) {
            return Err(ProfileError::Nothing);
        }
        if let Some((size, limit, percent)) = self.thresholds.beyond_all() {
            return Err(ProfileError::Percent { size, limit, percent });
        }
        find_zone(&self.time_zone)?;
        Ok(())
    }

    /// When imports run through it by themselves; `None` when they do not.
    ///
    /// # Errors
    /// [`ScheduleError::TimeZone`] where this machine does not know the zone.
    pub fn times(&self) -> Result<Option<Schedule>, ScheduleError> {
        self.schedule.as_ref().map(|expression| Schedule::new(expression, &self.time_zone)).transpose()
    }

    /// What a run through this profile covers.
    #[must_use]
    pub fn scope(&self) -> ImportScope {
        ImportScope {
            objects: self.objects.clone(),
            path_prefix: self.path_prefix.clone(),
            policy_scope: self.policy_scope,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_that_cannot_be_carried_out_are_refused() {
        let good = ImportProfile::default_named(ProfileName::new("default").unwrap());
        assert_eq!(good.validate(), Ok(()));
        for prefix in ["", "staff/", "/a b", "/ü/", &format!("/{}", "a".repeat(512))] {
            let bad = ImportProfile { path_prefix: prefix.to_owned(), ..good.clone() };
            assert!(matches!(bad.validate(), Err(ProfileError::PathPrefix(_))), "{prefix:?}");
        }
        for objects in [vec![], vec![ImportObject::LoginProfiles], vec![ImportObject::Assignments]] {
            let bad = ImportProfile { objects: objects.into_iter().collect(), ..good.clone() };
            assert!(bad.validate().is_err());
        }
        for size in ["small", "medium", "large"] {
            for limit in ["deleted_percent", "changed_percent", "created_percent"] {
                let with = |percent: u32| {
                    let mut profile = serde_json::to_value(&good).unwrap();
                    profile["thresholds"][size][limit] = percent.into();
                    serde_json::from_value::<ImportProfile>(profile).unwrap().validate()
                };
                assert_eq!((with(0), with(100)), (Ok(()), Ok(())));
                assert_eq!(with(101), Err(ProfileError::Percent { size, limit, percent: 101 }));
                let said = with(101).unwrap_err().to_string();
                assert!(said.contains(&format!("thresholds.{size}.{limit} cannot be 101")), "{said}");
            }
        }
        let bad = ImportProfile { time_zone: "Europe/Nowhere".to_owned(), ..good.clone() };
        assert!(matches!(bad.validate(), Err(ProfileError::Schedule(_))));
        let json = r#"{"name":"x","objects":[],"path_prefix":"/","policy_scope":"all","login_profile_source":
            "auto","thresholds":{},"surprise":1}"#;
        assert!(serde_json::from_str::<ImportProfile>(json).is_err());
    }
}
