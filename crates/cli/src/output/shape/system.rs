//! Systems.

use keyreeve_model::{CredentialKind, RoleBase, System};

use super::{Columns, Shape, text, time, word};
use crate::output::{Lines, Narrow, single};

/// A list of systems.
pub(crate) const SYSTEMS: Shape<System> = Shape {
    table: &[
        ("system_id", |system| system.system_id.to_string()),
        ("name", |system| system.name.to_string()),
        ("category", |system| system.category.clone()),
        ("state", |system| system.state.as_str().to_owned()),
        ("aws_account", |system| text(system.aws_account_id.as_ref())),
        ("region", |system| system.region.clone().unwrap_or_default()),
        ("signs_in_with", |system| signs_in_with(&system.credential)),
    ],
    narrow: Narrow::Shorten,
    csv: Columns::Texts(&[
        ("system_id", |system| system.system_id.to_string()),
        ("name", |system| system.name.to_string()),
        ("category", |system| system.category.clone()),
        ("technology", |system| word(&system.technology)),
        ("content", |system| word(&system.content)),
        ("state", |system| system.state.as_str().to_owned()),
        ("state_reason", |system| {
            system.state_reason.as_ref().map(|reason| reason.message.clone()).unwrap_or_default()
        }),
        ("aws_account_id", |system| text(system.aws_account_id.as_ref())),
        ("partition", |system| system.partition.clone().unwrap_or_default()),
        ("region", |system| system.region.clone().unwrap_or_default()),
        ("credential", |system| signs_in_with(&system.credential)),
        ("created_at", |system| system.created_at.to_string()),
        ("updated_at", |system| system.updated_at.to_string()),
        ("removed_at", |system| time(system.removed_at)),
    ]),
};

/// One system.
pub(crate) fn system_facts(system: &System) -> Vec<(&'static str, Lines)> {
    let external_id = match &system.credential {
        CredentialKind::Role { external_id, .. } => external_id.clone(),
        _ => String::new(),
    };
    let mut facts = single(vec![
        ("System ID", system.system_id.to_string()),
        ("Name", system.name.to_string()),
        ("Category", system.category.clone()),
        ("Technology", word(&system.technology)),
        ("Content", word(&system.content)),
        ("State", system.state.as_str().to_owned()),
        ("Because", system.state_reason.as_ref().map(|reason| reason.message.clone()).unwrap_or_default()),
        (
            "AWS account",
            system
                .aws_account_id
                .as_ref()
                .map_or_else(|| "not known yet: run `keyreeve system check`".to_owned(), ToString::to_string),
        ),
        ("Partition", system.partition.clone().unwrap_or_default()),
        ("Region", system.region.clone().unwrap_or_else(|| "from the environment".to_owned())),
        ("Signs in with", signs_in_with(&system.credential)),
        ("External id", external_id),
    ]);
    facts.push(("Settings", settings_lines(system).into()));
    facts.extend(single(vec![
        ("Registered", system.created_at.to_string()),
        ("Last changed", system.updated_at.to_string()),
        ("Removed", time(system.removed_at)),
    ]));
    facts
}

/// What is different of a system: the old value and the new one.
pub(crate) fn system_changes(before: &System, after: &System) -> Vec<(&'static str, Lines)> {
    let region = |system: &System| system.region.clone().unwrap_or_else(|| "from the environment".to_owned());
    let mut changes = single(
        [
            ("Name", before.name.to_string(), after.name.to_string()),
            ("Category", before.category.clone(), after.category.clone()),
            ("Region", region(before), region(after)),
        ]
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| (name, format!("{after} (was {before})")))
        .collect(),
    );
    let old = settings_lines(before);
    let settings = settings_lines(after).into_iter().filter(|line| !old.contains(line));
    let settings: Vec<String> = settings
        .map(|line| {
            let name = line.split_once('=').map_or(line.as_str(), |(name, _)| name);
            let was = old.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            was.map_or_else(|| line.clone(), |was| format!("{line} (was {was})"))
        })
        .collect();
    if !settings.is_empty() {
        changes.push(("Settings", settings.into()));
    }
    changes
}

fn settings_lines(system: &System) -> Vec<String> {
    match serde_json::to_value(&system.settings) {
        Ok(serde_json::Value::Object(settings)) => settings
            .iter()
            .map(|(name, value)| match value {
                serde_json::Value::Null => format!("{name}=none"),
                serde_json::Value::String(text) => format!("{name}={text}"),
                other => format!("{name}={other}"),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn signs_in_with(credential: &CredentialKind) -> String {
    match credential {
        CredentialKind::AccessKey { access_key_id } => format!("access key {access_key_id}"),
        CredentialKind::Profile { name } => format!("profile {name}"),
        CredentialKind::Ambient => "ambient credentials".to_owned(),
        CredentialKind::Role { role_arn, base, via, .. } => {
            let base = match base {
                None => String::new(),
                Some(RoleBase::AccessKey { access_key_id }) => format!(" with access key {access_key_id}"),
                Some(RoleBase::Profile { name }) => format!(" with profile {name}"),
            };
            let via: String = via.iter().map(|role| format!(" via {role}")).collect();
            format!("role {role_arn}{via}{base}")
        }
    }
}
