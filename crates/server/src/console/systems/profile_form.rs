//! An import profile as its form has it: by name of field, and back.

use std::collections::BTreeMap;

use keyreeve_engine::export::word;
use keyreeve_model::{
    CronExpression, ImportObject, ImportProfile, Limits, ProfileError, ProfileName, Thresholds,
};
use serde::de::DeserializeOwned;

use crate::console::form::{Field, Takes, Wrong};
use crate::problem::Problem;

/// What is in the fields, by their names.
pub(super) type Filled = BTreeMap<&'static str, String>;

/// What can be read, each a switch.
const OBJECTS: [(ImportObject, &str, &str); 5] = [
    (ImportObject::Accounts, "accounts", "Accounts"),
    (ImportObject::LoginProfiles, "login_profiles", "Login profiles and credentials"),
    (ImportObject::Groups, "groups", "Groups"),
    (ImportObject::Policies, "policies", "Policies"),
    (ImportObject::Assignments, "assignments", "Assignments: who holds what"),
];

/// The names of one size of population: deleted, deleted percent, changed, changed percent, created, created percent.
type Names = [&'static str; 6];

const SMALL: Names = [
    "small_deleted",
    "small_deleted_percent",
    "small_changed",
    "small_changed_percent",
    "small_created",
    "small_created_percent",
];
const MEDIUM: Names = [
    "medium_deleted",
    "medium_deleted_percent",
    "medium_changed",
    "medium_changed_percent",
    "medium_created",
    "medium_created_percent",
];
const LARGE: Names = [
    "large_deleted",
    "large_deleted_percent",
    "large_changed",
    "large_changed_percent",
    "large_created",
    "large_created_percent",
];
const LABELS: [(&str, &str); 6] = [
    ("More deletions than", "Objects. Empty: no limit."),
    ("More deletions than, in percent", "Either limit is enough to wait for a person."),
    ("More changes than", "Objects. They count only together with the percentage."),
    ("More changes than, in percent", "Empty: changes are never suspicious."),
    ("More new objects than", "Objects. They count only together with the percentage."),
    ("More new objects than, in percent", "Empty: new objects are never suspicious."),
];

/// Everything that the form has.
pub(super) fn values(profile: &ImportProfile) -> Filled {
    let mut values = BTreeMap::from([
        ("path_prefix", profile.path_prefix.clone()),
        ("policy_scope", word(&profile.policy_scope)),
        ("login_profile_source", word(&profile.login_profile_source)),
        ("schedule", profile.schedule.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("time_zone", profile.time_zone.clone()),
    ]);
    values.extend(
        OBJECTS.iter().map(|(object, name, _)| (*name, profile.objects.contains(object).to_string())),
    );
    let Thresholds { small, medium, large } = &profile.thresholds;
    for (names, limits) in [(SMALL, small), (MEDIUM, medium), (LARGE, large)] {
        values.extend(names.into_iter().zip(numbers(limits)));
    }
    values
}

fn numbers(limits: &Limits) -> [String; 6] {
    let Limits { deleted, deleted_percent, changed_percent, changed, created_percent, created } = *limits;
    let share = |percent: Option<u32>| percent.map(u64::from);
    [deleted, share(deleted_percent), changed, share(changed_percent), created, share(created_percent)]
        .map(|number| number.map(|number| number.to_string()).unwrap_or_default())
}

/// What was sent, by the names that the form has.
///
/// # Errors
/// A name that it does not have, or one that is missing.
pub(super) fn sent(mut given: BTreeMap<String, String>, known: &Filled) -> Result<Filled, Problem> {
    let mut values = known.clone();
    for (name, value) in &mut values {
        *value = match given.remove(*name) {
            Some(given) => given.trim().to_owned(),
            // What is switched off is not sent.
            None if OBJECTS.iter().any(|(_, object, _)| object == name) => "false".to_owned(),
            None => return Err(Problem::bad_request("what was sent is not all that the form has")),
        };
    }
    if given.is_empty() {
        Ok(values)
    } else {
        Err(Problem::bad_request("what was sent is not what the form has"))
    }
}

/// The profile that the fields say, or which of them stands in the way.
pub(super) fn profile(name: ProfileName, values: &Filled) -> Result<ImportProfile, Wrong> {
    let text = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
    let on = OBJECTS.iter().filter(|(_, object, _)| text(object) == "true");
    let profile = ImportProfile {
        name,
        objects: on.map(|(object, ..)| *object).collect(),
        path_prefix: text("path_prefix").to_owned(),
        policy_scope: one_of("policy_scope", text("policy_scope"))?,
        login_profile_source: one_of("login_profile_source", text("login_profile_source"))?,
        thresholds: Thresholds {
            small: limits(SMALL, values)?,
            medium: limits(MEDIUM, values)?,
            large: limits(LARGE, values)?,
        },
        schedule: match text("schedule") {
            "" => None,
            text => Some(CronExpression::new(text).map_err(|why| Wrong::with("schedule", why))?),
        },
        time_zone: text("time_zone").to_owned(),
    };
    profile.validate().map_err(|error| Wrong { field: place_of(&error), ..Wrong::whole(error) })?;
    Ok(profile)
}

fn one_of<T: DeserializeOwned>(name: &'static str, value: &str) -> Result<T, Wrong> {
    serde_json::from_value(value.into()).map_err(|_| Wrong::with(name, "choose one of these"))
}

fn limits(names: Names, values: &Filled) -> Result<Limits, Wrong> {
    fn number<T: std::str::FromStr>(name: &'static str, values: &Filled) -> Result<Option<T>, Wrong> {
        match values.get(name).map(String::as_str).unwrap_or_default() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Wrong::with(name, "give a whole number, or none")),
        }
    }
    let [deleted, deleted_percent, changed, changed_percent, created, created_percent] = names;
    Ok(Limits {
        deleted: number(deleted, values)?,
        deleted_percent: number(deleted_percent, values)?,
        changed: number(changed, values)?,
        changed_percent: number(changed_percent, values)?,
        created: number(created, values)?,
        created_percent: number(created_percent, values)?,
    })
}

/// Which field a refusal is about.
fn place_of(error: &ProfileError) -> Option<&'static str> {
    match error {
        ProfileError::PathPrefix(_) => Some("path_prefix"),
        ProfileError::Objects("login profiles", _) => Some("login_profiles"),
        ProfileError::Objects(..) => Some("assignments"),
        ProfileError::Nothing => Some("accounts"),
        ProfileError::Percent { size, limit, .. } => {
            let wanted = format!("{size}_{limit}");
            [SMALL, MEDIUM, LARGE].into_iter().flatten().find(|name| **name == wanted)
        }
        ProfileError::Schedule(_) => Some("time_zone"),
    }
}

/// The fields, under what they are about.
pub(super) fn groups(values: &Filled, wrong: Option<&Wrong>) -> Vec<(&'static str, Vec<Field>)> {
    let field = |name: &'static str, label, takes, hint| {
        let value = values.get(name).map(String::as_str).unwrap_or_default();
        Field::new(name, label, takes).value(value).hint(hint).unless(wrong)
    };
    let one_of = |name, label, choices: &[(&str, &str)], hint| {
        let choices = choices.iter().map(|(one, called)| ((*one).to_owned(), (*called).to_owned()));
        field(name, label, Takes::OneOf(choices.collect()), hint).required()
    };
    let schedule = vec![
        field(
            "schedule",
            "Schedule",
            Takes::Line(Vec::new()),
            "Minute, hour, day of the month, month, day of the week: 30 2 * * * is half past two every night. Empty: imports run only when somebody asks.",
        ),
        field(
            "time_zone",
            "Time zone",
            Takes::Line(vec!["UTC".to_owned()]),
            "Whose clocks it is read by: a name of the IANA database, such as Europe/Berlin.",
        )
        .required(),
    ];
    let mut reads: Vec<Field> =
        OBJECTS.iter().map(|(_, name, label)| field(name, label, Takes::Switch, "")).collect();
    reads.extend([
        field(
            "path_prefix",
            "Users whose path begins with",
            Takes::Line(Vec::new()),
            "And their assignments. What lies outside stays as it is known.",
        )
        .required(),
        one_of(
            "policy_scope",
            "Policies",
            &[
                ("all", "Those of AWS and of the account"),
                ("customer", "Those of the account"),
                ("attached", "Those attached to anything"),
            ],
            "",
        ),
        one_of(
            "login_profile_source",
            "Login profiles come from",
            &[
                ("auto", "The credential report, or one call for each user"),
                ("credential_report", "The credential report"),
                ("per_user", "One call for each user"),
            ],
            "",
        ),
    ]);
    let thresholds = |names: Names| {
        let fields = names.into_iter().zip(LABELS);
        fields.map(|(name, (label, hint))| field(name, label, Takes::Number, hint)).collect()
    };
    vec![
        ("When it runs", schedule),
        ("What it reads", reads),
        ("It waits for a person: up to 20 objects of a type", thresholds(SMALL)),
        ("It waits for a person: 21 to 200 objects", thresholds(MEDIUM)),
        ("It waits for a person: more than 200 objects", thresholds(LARGE)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> ImportProfile {
        ImportProfile::default_named("default".parse().unwrap())
    }

    #[test]
    fn a_profile_stays_the_same_by_its_form_and_what_is_wrong_is_said_beside_its_field() {
        let name = || "default".parse::<ProfileName>().unwrap();
        let values = values(&usual());
        assert_eq!(profile(name(), &values).unwrap(), usual());
        for (field, value, place) in [
            ("schedule", "every day", "schedule"),
            ("time_zone", "Europe/Nowhere", "time_zone"),
            ("path_prefix", "staff", "path_prefix"),
            ("policy_scope", "none", "policy_scope"),
            ("medium_deleted_percent", "101", "medium_deleted_percent"),
            ("large_created", "many", "large_created"),
            ("small_changed_percent", "-1", "small_changed_percent"),
            ("accounts", "false", "login_profiles"),
        ] {
            let mut wrong = values.clone();
            wrong.insert(field, value.to_owned());
            assert_eq!(profile(name(), &wrong).unwrap_err().field, Some(place), "{field}={value}");
        }
    }

    #[test]
    fn every_field_is_shown_and_nothing_else_is_taken() {
        let values = values(&usual());
        let shown: usize = groups(&values, None).iter().map(|(_, fields)| fields.len()).sum();
        assert_eq!(shown, values.len());
        let all = || values.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        assert!(sent(all().collect(), &values).is_ok());
        assert!(sent(all().chain([("more".to_owned(), String::new())]).collect(), &values).is_err());
        assert!(sent(all().filter(|(name, _)| name != "schedule").collect(), &values).is_err());
        let off = sent(all().filter(|(name, _)| name != "groups").collect(), &values).unwrap();
        assert_eq!(off.get("groups").map(String::as_str), Some("false"));
    }
}
