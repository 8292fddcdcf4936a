//! Import profiles.

use keyreeve_model::{ImportProfile, Limits};

use super::{Shape, joined, word};
use crate::output::{Lines, Narrow, single};

/// A list of import profiles.
pub(crate) const PROFILES: Shape<ImportProfile> = Shape {
    table: &[
        ("name", |profile| profile.name.to_string()),
        ("objects", |profile| joined(&profile.objects, word).replace(';', ", ")),
        ("path_prefix", |profile| profile.path_prefix.clone()),
        ("policy_scope", |profile| word(&profile.policy_scope)),
        ("login_profile_source", |profile| word(&profile.login_profile_source)),
    ],
    narrow: Narrow::Shorten,
    csv: &[
        ("name", |profile| profile.name.to_string()),
        ("objects", |profile| joined(&profile.objects, word)),
        ("path_prefix", |profile| profile.path_prefix.clone()),
        ("policy_scope", |profile| word(&profile.policy_scope)),
        ("login_profile_source", |profile| word(&profile.login_profile_source)),
        ("thresholds.small", |profile| limits(&profile.thresholds.small).join(";")),
        ("thresholds.medium", |profile| limits(&profile.thresholds.medium).join(";")),
        ("thresholds.large", |profile| limits(&profile.thresholds.large).join(";")),
    ],
};

/// One import profile.
pub(crate) fn profile_facts(profile: &ImportProfile) -> Vec<(&'static str, Lines)> {
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
    ]);
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
