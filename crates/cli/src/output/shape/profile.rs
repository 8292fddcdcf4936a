//! Import profiles.

use keyreeve_model::{ImportProfile, Limits};

use super::{Shape, joined, word};
use crate::output::{Facts, Narrow};

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
        ("thresholds.small", |profile| limits(&profile.thresholds.small, ";")),
        ("thresholds.medium", |profile| limits(&profile.thresholds.medium, ";")),
        ("thresholds.large", |profile| limits(&profile.thresholds.large, ";")),
    ],
};

/// One import profile.
pub(crate) fn profile_facts(profile: &ImportProfile) -> Facts<'static> {
    vec![
        ("name", profile.name.to_string()),
        ("objects", joined(&profile.objects, word).replace(';', ",")),
        ("path_prefix", profile.path_prefix.clone()),
        ("policy_scope", word(&profile.policy_scope)),
        ("login_profile_source", word(&profile.login_profile_source)),
        ("thresholds.small", limits(&profile.thresholds.small, "\n")),
        ("thresholds.medium", limits(&profile.thresholds.medium, "\n")),
        ("thresholds.large", limits(&profile.thresholds.large, "\n")),
    ]
}

fn limits(limits: &Limits, separator: &str) -> String {
    match serde_json::to_value(limits) {
        Ok(serde_json::Value::Object(limits)) => limits
            .iter()
            .map(
                |(name, limit)| {
                    if limit.is_null() { format!("{name}=none") } else { format!("{name}={limit}") }
                },
            )
            .collect::<Vec<_>>()
            .join(separator),
        _ => String::new(),
    }
}
