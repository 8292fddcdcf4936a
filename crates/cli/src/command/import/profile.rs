//! `keyreeve import profile …`

use anyhow::Context as _;
use keyreeve_model::{ImportProfile, SystemId};
use keyreeve_store::StoreError;
use serde_json::Value;

use crate::args::{ListProfiles, ProfileCommand, RemoveProfile, SetProfile, ShowProfile};
use crate::command::Context;
use crate::exit::{Ended, Refusal};
use crate::output::note;
use crate::output::shape::{PROFILES, ShownProfile, profile_facts};
use crate::source::Source;
use crate::terminal;

/// Does what was asked for.
pub(crate) async fn run(context: &Context, command: ProfileCommand) -> anyhow::Result<Ended> {
    match command {
        ProfileCommand::List(arguments) => list(context, &arguments).await,
        ProfileCommand::Show(arguments) => show(context, &arguments).await,
        ProfileCommand::Set(arguments) => set(context, &arguments).await,
        ProfileCommand::Remove(arguments) => remove(context, &arguments).await,
    }
}

async fn list(context: &Context, arguments: &ListProfiles) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let profiles = source.import_profiles(&arguments.system_id).await?;
    let profiles = shown(context, &source, &arguments.system_id, profiles).await?;
    context.output.list(&profiles, &PROFILES, "There is no import profile.")?;
    Ok(Ended::Done)
}

async fn show(context: &Context, arguments: &ShowProfile) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let profile = source.import_profile(&arguments.system_id, &arguments.profile).await?;
    print(context, &source, &arguments.system_id, profile).await
}

async fn print(
    context: &Context,
    source: &Source,
    system_id: &SystemId,
    profile: ImportProfile,
) -> anyhow::Result<Ended> {
    for profile in shown(context, source, system_id, vec![profile]).await? {
        context.output.one(&profile, PROFILES.csv, |tables| tables.facts(profile_facts(&profile)))?;
    }
    Ok(Ended::Done)
}

/// Profiles with what their schedules will do, and did last.
async fn shown(
    context: &Context,
    source: &Source,
    system_id: &SystemId,
    profiles: Vec<ImportProfile>,
) -> anyhow::Result<Vec<ShownProfile>> {
    let mut schedules = source.schedule_times(context, system_id).await?;
    let with_times = |profile: ImportProfile| {
        let own = schedules.iter().position(|times| times.profile == profile.name);
        let own = own.map(|place| schedules.swap_remove(place));
        let (next_times, last_time) = own.map(|own| (own.next_times, own.last_time)).unwrap_or_default();
        ShownProfile { profile, next_times, last_time }
    };
    Ok(profiles.into_iter().map(with_times).collect())
}

async fn set(context: &Context, arguments: &SetProfile) -> anyhow::Result<Ended> {
    let SetProfile { system_id, profile: name, settings } = arguments;
    let doing = format!("setting import profile {name} of system {system_id}");
    let source = Source::of(context).await?;
    let there = source.import_profile_as_it_is(system_id, name).await.with_context(|| doing.clone())?;
    let is_new = there.is_none();
    let (known, version) = there.unwrap_or_else(|| (ImportProfile::default_named(name.clone()), None));
    let profile = with(&known, settings).map_err(|why| Refusal::new(doing.clone(), why))?;
    let seen = (!is_new).then_some(version.as_deref());
    source.set_import_profile(context, system_id, &profile, seen).await.with_context(|| doing.clone())?;
    let is_new_schedule = profile.schedule.is_some()
        && (&profile.schedule, &profile.time_zone) != (&known.schedule, &known.time_zone);
    let ended = print(context, &source, system_id, profile).await?;
    let limits = settings.iter().filter(|(name, _)| name.starts_with("thresholds."));
    for (name, _) in limits.filter(|(_, value)| value == "none") {
        note(&format!(
            "warning: {name} is switched off: imports through this profile have no such limit any more."
        ));
    }
    if is_new {
        note(&format!("Import profile {name} is new."));
    }
    if is_new_schedule {
        note("Schedules are carried out by `keyreeve serve`, as long as it runs.");
    }
    Ok(ended)
}

async fn remove(context: &Context, arguments: &RemoveProfile) -> anyhow::Result<Ended> {
    let RemoveProfile { system_id, profile: name, reason, consent } = arguments;
    let doing = format!("removing import profile {name} of system {system_id}");
    let source = Source::of(context).await?;
    let there = source.import_profile_as_it_is(system_id, name).await.with_context(|| doing.clone())?;
    let Some((profile, version)) = there else {
        let (system_id, profile) = (system_id.clone(), name.clone());
        return Err(StoreError::ProfileNotFound { system_id, profile }.into());
    };
    if name.as_str() == "default" {
        let (system_id, profile) = (system_id.clone(), name.clone());
        return Err(StoreError::ProfileStays { system_id, profile }.into());
    }
    let schedule = profile.schedule.as_ref().map_or("", |_| ", with its schedule");
    let what = format!(
        "Import profile {name} of system {system_id} is taken away{schedule}. What was imported through it stays known."
    );
    if !terminal::agrees(*consent, &doing, &what)? {
        return Ok(Ended::Done);
    }
    let seen = (&profile, version.as_deref());
    source.remove_import_profile(context, system_id, seen, reason.as_deref()).await.with_context(|| doing)?;
    list(context, &ListProfiles { system_id: system_id.clone() }).await
}

/// A profile with other settings; all are checked before any counts.
fn with(known: &ImportProfile, settings: &[(String, String)]) -> Result<ImportProfile, String> {
    let mut json = serde_json::to_value(known).map_err(|error| error.to_string())?;
    for (name, value) in settings {
        let slot = place(&mut json, name).ok_or_else(|| unknown(name))?;
        *slot = match name.as_str() {
            "objects" => {
                Value::Array(value.split(',').map(|word| Value::String(word.trim().to_owned())).collect())
            }
            _ if name.starts_with("thresholds.") => number(name, value)?,
            "schedule" if value == "none" => Value::Null,
            _ => Value::String(value.clone()),
        };
        // One by one, so that the error names the setting.
        serde_json::from_value::<ImportProfile>(json.clone())
            .map_err(|error| format!("{name} cannot be {value:?}: {error}"))?;
    }
    let profile: ImportProfile = serde_json::from_value(json).map_err(|error| error.to_string())?;
    profile.validate().map_err(|error| error.to_string())?;
    Ok(profile)
}

fn number(name: &str, value: &str) -> Result<Value, String> {
    match value {
        "none" => Ok(Value::Null),
        _ => value
            .parse::<u32>()
            .map(Value::from)
            .map_err(|_| format!("{name} cannot be {value:?}: give a whole number, or none for no limit")),
    }
}

/// Where a setting stands; `None` when there is none of that name. The profile's own name is no setting.
fn place<'a>(json: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    let mut value = json;
    if name == "name" {
        return None;
    }
    for part in name.split('.') {
        value = value.as_object_mut()?.get_mut(part)?;
    }
    // A group of settings is not set as a whole.
    (!value.is_object()).then_some(value)
}

fn unknown(name: &str) -> String {
    format!(
        "there is no setting {name:?}; the settings are: objects, path_prefix, policy_scope, login_profile_source, \
         schedule, time_zone, thresholds.{{small,medium,large}}.{{deleted,deleted_percent,changed,changed_percent,created,created_percent}}"
    )
}

#[cfg(test)]
mod tests {
    use keyreeve_model::{ImportObject, PolicyScope, ProfileName};

    use super::*;

    #[test]
    fn the_guide_has_every_setting_of_a_profile_and_every_threshold() {
        let guide = include_str!("../../../../../docs/guide/settings.md");
        let profile = ImportProfile::default_named(ProfileName::new("p").unwrap());
        let Value::Object(mut settings) = serde_json::to_value(&profile).unwrap() else { panic!() };
        let sizes = settings.remove("thresholds").unwrap();
        settings.remove("name");
        for name in settings.keys() {
            assert!(guide.contains(&format!("\n| `{name}` | ")), "{name}");
        }
        let limit = |size: &str, name: &str| match &sizes[size][name] {
            Value::Null => "none".to_owned(),
            number => number.to_string(),
        };
        for name in sizes["small"].as_object().unwrap().keys() {
            let [small, medium, large] = ["small", "medium", "large"].map(|size| limit(size, name));
            let row = format!("\n| `thresholds.….{name}` | `{small}` | `{medium}` | `{large}` | ");
            assert!(guide.contains(&row), "{row}");
        }
    }

    fn set_all(settings: &[(&str, &str)]) -> Result<ImportProfile, String> {
        let known = ImportProfile::default_named(ProfileName::new("p").unwrap());
        let owned: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        with(&known, &owned)
    }

    #[test]
    fn settings_are_set_by_name() {
        let profile = set_all(&[
            ("objects", "accounts, groups"),
            ("path_prefix", "/staff/"),
            ("policy_scope", "customer"),
            ("thresholds.small.deleted", "5"),
            ("thresholds.large.deleted_percent", "none"),
        ])
        .unwrap();
        assert_eq!(profile.objects, [ImportObject::Accounts, ImportObject::Groups].into());
        assert_eq!(profile.policy_scope, PolicyScope::Customer);
        assert_eq!(profile.thresholds.small.deleted, Some(5));
        assert_eq!(profile.thresholds.large.deleted_percent, None);
        let scheduled = set_all(&[("schedule", "30 2 * * *"), ("time_zone", "Europe/Berlin")]).unwrap();
        assert_eq!(scheduled.schedule.unwrap().as_str(), "30 2 * * *");
        assert_eq!(scheduled.time_zone, "Europe/Berlin");
        assert!(set_all(&[("schedule", "@daily"), ("schedule", "none")]).unwrap().schedule.is_none());
    }

    #[test]
    fn bad_settings_are_named() {
        for (name, value) in [
            ("colour", "red"),
            ("name", "x"),
            ("thresholds", "5"),
            ("thresholds.small", "5"),
            ("thresholds.small.deleted", "-1"),
            ("thresholds.small.deleted", "many"),
            ("policy_scope", "some"),
            ("objects", "accounts,pets"),
            ("path_prefix", "staff"),
            ("objects", "login_profiles"),
            ("schedule", "every day"),
            ("time_zone", "none"),
        ] {
            let error = set_all(&[(name, value)]).unwrap_err();
            assert!(!error.is_empty(), "{name}={value}");
        }
        let error = set_all(&[("thresholds.small.changed_percent", "101")]).unwrap_err();
        assert!(error.contains("thresholds.small.changed_percent cannot be 101"), "{error}");
        assert!(set_all(&[("policy_scope", "some")]).unwrap_err().contains("policy_scope"));
    }
}
