//! Import profiles.

use jiff::Timestamp;
use keyreeve_engine::schedule::LastTime;
use keyreeve_model::{ImportProfile, Limits};
use serde::Serialize;

use super::{Columns, Shape, joined, minute, text, time, word};
use crate::output::{Lines, Narrow, single};

/// An import profile, and what its schedule will do and did last. In JSON it is the profile with more fields.
#[derive(Serialize)]
pub(crate) struct ShownProfile {
    #[serde(flatten)]
    pub(crate) profile: ImportProfile,
    /// The next times of its schedule.
    pub(crate) next_times: Vec<Timestamp>,
    /// The last time that was seen to.
    pub(crate) last_time: Option<LastTime>,
}

fn last_in_words(last: &LastTime) -> String {
    let what = match (&last.run, &last.reason) {
        (Some(run), _) => format!("run {run}, {}", last.state),
        (None, reason) => {
            format!("passed over: {}", reason.as_deref().unwrap_or("no reason is known"))
        }
    };
    format!("{}: {what}", minute(Some(last.at)))
}

fn scheduled(profile: &ImportProfile) -> String {
    profile
        .schedule
        .as_ref()
        .map_or_else(|| "none".to_owned(), |expression| format!("{expression} ({})", profile.time_zone))
}

fn times(shown: &ShownProfile) -> Vec<String> {
    shown.next_times.iter().map(|at| time(Some(*at))).collect()
}

/// A list of import profiles.
pub(crate) const PROFILES: Shape<ShownProfile> = Shape {
    table: &[
        ("name", |shown| shown.profile.name.to_string()),
        ("objects", |shown| joined(&shown.profile.objects, word).replace(';', ", ")),
        ("path_prefix", |shown| shown.profile.path_prefix.clone()),
        ("policy_scope", |shown| word(&shown.profile.policy_scope)),
        ("login_profile_source", |shown| word(&shown.profile.login_profile_source)),
        ("schedule", |shown| scheduled(&shown.profile)),
        ("next", |shown| minute(shown.next_times.first().copied())),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("name", |shown| shown.profile.name.to_string()),
        ("objects", |shown| joined(&shown.profile.objects, word)),
        ("path_prefix", |shown| shown.profile.path_prefix.clone()),
        ("policy_scope", |shown| word(&shown.profile.policy_scope)),
        ("login_profile_source", |shown| word(&shown.profile.login_profile_source)),
        ("thresholds.small", |shown| limits(&shown.profile.thresholds.small).join(";")),
        ("thresholds.medium", |shown| limits(&shown.profile.thresholds.medium).join(";")),
        ("thresholds.large", |shown| limits(&shown.profile.thresholds.large).join(";")),
        ("schedule", |shown| text(shown.profile.schedule.as_ref())),
        ("time_zone", |shown| shown.profile.time_zone.clone()),
        ("next_times", |shown| times(shown).join(";")),
        ("last_time", |shown| time(shown.last_time.as_ref().map(|last| last.at))),
        ("last_time.run", |shown| text(shown.last_time.as_ref().and_then(|last| last.run.as_ref()))),
        ("last_time.state", |shown| text(shown.last_time.as_ref().map(|last| &last.state))),
    ]),
};

/// One import profile.
pub(crate) fn profile_facts(shown: &ShownProfile) -> Vec<(&'static str, Lines)> {
    let profile = &shown.profile;
    let mut facts = single(vec![
        ("name", profile.name.to_string()),
        ("objects", joined(&profile.objects, word).replace(';', ",")),
        ("path_prefix", profile.path_prefix.clone()),
        ("policy_scope", word(&profile.policy_scope)),
        ("login_profile_source", word(&profile.login_profile_source)),
    ]);
    facts.extend([
        ("thresholds.small", limits(&profile.thresholds.small).into()),
        ("thresholds.medium", limits(&profile.thresholds.medium).into()),
        ("thresholds.large", limits(&profile.thresholds.large).into()),
        ("schedule", profile.schedule.as_ref().map_or("none".to_owned(), ToString::to_string).into()),
        ("time_zone", profile.time_zone.clone().into()),
    ]);
    if !shown.next_times.is_empty() {
        facts.push(("next_times", times(shown).into()));
    }
    if let Some(last) = &shown.last_time {
        facts.push(("last_time", last_in_words(last).into()));
    }
    facts
}

fn limits(limits: &Limits) -> Vec<String> {
    match serde_json::to_value(limits) {
        Ok(serde_json::Value::Object(limits)) => limits
            .iter()
            .map(
                |(name, limit)| {
                    if limit.is_null() { format!("{name}=none") } else { format!("{name}={limit}") }
                },
            )
            .collect(),
        _ => Vec::new(),
    }
}
