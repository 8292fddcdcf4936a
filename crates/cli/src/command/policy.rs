//! `keyreeve policy generate`

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use keyreeve_aws::{Escalation, PolicyScope, Surroundings};
use keyreeve_engine::own_policy::{PolicyAsked, PolicyFacts, PolicyLimits, WayUp, WrittenPolicy};
use keyreeve_model::PermissionProfile;
use keyreeve_policy::{Document, Policy, PolicySet};

use super::Context;
use super::change::{desk, refused};
use crate::args::{GeneratePolicy, PolicyCommand};
use crate::exit::{Ended, Refusal};
use crate::output::{hint, note, write};
use crate::source::Source;

const DOING: &str = "generating the policy";

/// Writes the policy: JSON in every output format, ready for AWS.
pub(crate) async fn run(context: &Context, command: &PolicyCommand) -> anyhow::Result<Ended> {
    let PolicyCommand::Generate(arguments) = command;
    let scope = scope(context, arguments).await?;
    let documents = scope.documents().context(DOING)?;
    match &arguments.output_dir {
        Some(folder) => write_files(folder, &documents)?,
        None => write(&together(&documents)?)?,
    }
    if documents.len() > 1 {
        note(&format!(
            "The policy is too large for one, so it is {} of them, one after the other: make each a managed policy \
             and attach all.",
            documents.len()
        ));
    }
    warn(&scope, &documents);
    Ok(Ended::Done)
}

/// What is asked for, with what is known of the system where one is named.
async fn scope(context: &Context, arguments: &GeneratePolicy) -> anyhow::Result<PolicyScope> {
    let asked = arguments.asked();
    let Some(id) = &arguments.system else {
        let profile = asked.profile.unwrap_or(PermissionProfile::Reference);
        let partition = asked.partition.as_deref().unwrap_or("aws");
        let mut scope = limited(PolicyScope::new(profile, partition), &asked.limits);
        scope.account_id = asked.account_id;
        return Ok(scope);
    };
    let facts = match Source::server(context)? {
        Some(server) => server.policy_facts(id, &asked).await.context(DOING)?,
        None => desk(context).await?.policy_facts(&context.actor, id, &asked).await.map_err(refused)?,
    };
    Ok(scope_of(&facts, &asked))
}

/// What a policy is to grant by what is known of a system and what is asked for besides.
fn scope_of(facts: &PolicyFacts, asked: &PolicyAsked) -> PolicyScope {
    let partition = asked.partition.as_deref().or(facts.partition.as_deref()).unwrap_or("aws");
    let profile = asked.profile.unwrap_or(facts.permission_profile);
    let mut scope = limited(PolicyScope::new(profile, partition), &asked.limits);
    scope.change_password = facts.change_password;
    scope.deny_all_policy.clone_from(&facts.deny_all_policy);
    let pinned = facts.aws_account_id.as_ref().map(ToString::to_string);
    scope.account_id = asked.account_id.clone().or(pinned);
    scope.protected.clone_from(&facts.protected);
    if scope.connector.is_empty() {
        scope.connector.extend(facts.connector.clone());
    }
    scope
}

/// The policy by what is known of a system and what is asked for besides.
pub(super) fn written(facts: &PolicyFacts, asked: &PolicyAsked) -> Result<WrittenPolicy, String> {
    let scope = scope_of(facts, asked);
    let documents = scope.documents().map_err(|error| in_fields(&error.to_string()))?;
    let way = |Escalation { action, what }: Escalation| WayUp { action: action.to_owned(), what };
    let becomes_administrator_by = ways_of(&scope, &documents).into_iter().map(way).collect();
    let parsed = documents.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>();
    let documents = parsed.map_err(|error: serde_json::Error| error.to_string())?;
    Ok(WrittenPolicy { documents, becomes_administrator_by })
}

/// A refusal that names options, with the fields of a request in their place: `--break-glass` is `break_glass`.
fn in_fields(refusal: &str) -> String {
    let field = |word: &str| match word.strip_prefix("--") {
        Some(option) => option.replace('-', "_"),
        None => word.to_owned(),
    };
    refusal.split(' ').map(field).collect::<Vec<_>>().join(" ")
}

/// What is asked for besides.
pub(super) fn limited(mut scope: PolicyScope, limits: &PolicyLimits) -> PolicyScope {
    scope.paths.clone_from(&limits.path);
    scope.groups.clone_from(&limits.groups);
    scope.policies.clone_from(&limits.policies);
    scope.boundary.clone_from(&limits.boundary);
    scope.break_glass.clone_from(&limits.break_glass);
    scope.connector.clone_from(&limits.connector);
    scope.rotate_own_key = limits.rotate_own_key;
    scope
}

/// One document as it is; several as a list.
fn together(documents: &[String]) -> anyhow::Result<String> {
    if let [one] = documents {
        return Ok(one.clone());
    }
    let parsed: Vec<serde_json::Value> =
        documents.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>().context(DOING)?;
    Ok(serde_json::to_string_pretty(&parsed).context(DOING)? + "\n")
}

/// A file that is there already is not written over: it may be one of a longer policy.
fn write_files(folder: &Path, documents: &[String]) -> anyhow::Result<()> {
    for (index, document) in documents.iter().enumerate() {
        let name = match documents {
            [_] => "keyreeve-policy.json".to_owned(),
            _ => format!("keyreeve-policy-{}.json", index + 1),
        };
        let path = folder.join(name);
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::File::create_new(&path))
            .and_then(|mut file| file.write_all(document.as_bytes()));
        written.map_err(|error| {
            Refusal::new(DOING, format!("{} cannot be written: {error}", path.display()))
                .hint("give a folder that has no policy in it yet")
        })?;
        note(&format!("Written: {}", path.display()));
    }
    Ok(())
}

/// Says what whoever approves the policy should know. The reference policy as it stands is described in the guide.
fn warn(scope: &PolicyScope, documents: &[String]) {
    if scope.profile == PermissionProfile::Read || is_verbatim(scope) {
        return;
    }
    warn_of(&ways_of(scope, documents));
    if scope.connector.is_empty() {
        hint("give --connector, the user or role that will hold the policy, so that it cannot change itself");
    } else {
        note(
            "No policy can keep the connector from being taken out of a group, because AWS asks about the group alone: \
             attach its policies to itself.",
        );
    }
    if scope.boundary.is_some() && scope.profile != PermissionProfile::Full {
        note(
            "With this boundary users can be made only with it: it is sent when the system's permission_profile is \
             full, and the task mapping of create_account names it.",
        );
    }
}

/// The ways in which whoever holds what is granted can become an administrator.
fn ways_of(scope: &PolicyScope, documents: &[String]) -> Vec<Escalation> {
    let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
    escalations(&scope.partition, scope.account_id.as_deref().unwrap_or("123456789012"), &texts)
}

/// The ways in which whoever holds these policies can become an administrator.
pub(super) fn escalations(partition: &str, account: &str, documents: &[&str]) -> Vec<Escalation> {
    let policies = documents.iter().filter_map(|text| Document::parse(text).ok());
    let identity = policies.map(|document| Policy::new("generated", document)).collect();
    let set = PolicySet { identity, ..PolicySet::default() };
    Surroundings::of(partition, account).escalations(&set)
}

/// Says so.
pub(super) fn warn_of(ways: &[Escalation]) {
    if ways.is_empty() {
        return;
    }
    note("warning: whoever holds this policy can become an administrator of the AWS account:");
    ways.iter().for_each(|way| note(&format!("  {} {}", way.action, way.what)));
    hint("limit it with --path, --groups and --policies");
}

fn is_verbatim(scope: &PolicyScope) -> bool {
    let limits = [&scope.paths, &scope.groups, &scope.policies, &scope.break_glass, &scope.connector];
    scope.profile == PermissionProfile::Reference
        && limits.iter().all(|limit| limit.is_empty())
        && scope.protected.is_empty()
}

#[cfg(test)]
mod tests {
    use super::in_fields;

    #[test]
    fn a_request_is_told_of_its_fields_and_not_of_options() {
        for (said, of_fields) in [
            ("with --break-glass: it changes nothing", "with break_glass: it changes nothing"),
            ("say with --connector whose key", "say with connector whose key"),
            ("a path as /a--b/ stays", "a path as /a--b/ stays"),
        ] {
            assert_eq!(in_fields(said), of_fields);
        }
    }
}
