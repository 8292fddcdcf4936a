//! `keyreeve policy generate`

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use keyreeve_aws::{Escalation, PolicyScope, Surroundings};
use keyreeve_connector::Connector as _;
use keyreeve_model::{
    CredentialKind, FirstSignIn, PermissionProfile, Protection, ProtectionKind, System, SystemSettings,
};
use keyreeve_policy::{Document, Policy, PolicySet};
use keyreeve_store::{AccountFilter, AsOf, Store};

use super::{Context, connection};
use crate::args::{GeneratePolicy, PolicyCommand, PolicyLimits};
use crate::exit::{Ended, Refusal};
use crate::output::{hint, note, write};

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

/// What is asked for, with the settings of the system where one is named.
async fn scope(context: &Context, arguments: &GeneratePolicy) -> anyhow::Result<PolicyScope> {
    let Some(id) = &arguments.system else {
        let profile = arguments.profile.map_or(PermissionProfile::Reference, PermissionProfile::from);
        let partition = arguments.partition.as_deref().unwrap_or("aws");
        let mut scope = limited(PolicyScope::new(profile, partition), &arguments.limits);
        scope.account_id.clone_from(&arguments.account_id);
        return Ok(scope);
    };
    let store = context.store().await?;
    let system = store.get_system(id).await?;
    let profile = arguments.profile.map_or(system.settings.permission_profile, PermissionProfile::from);
    let partition = arguments.partition.as_deref().or(system.partition.as_deref());
    let scope = PolicyScope::new(profile, partition.unwrap_or("aws"));
    let mut scope = limited(with_settings(scope, &system.settings), &arguments.limits);
    let pinned = system.aws_account_id.as_ref().map(ToString::to_string);
    scope.account_id = arguments.account_id.clone().or(pinned);
    scope.protected = protected(&store, &system).await?;
    if scope.connector.is_empty() {
        scope.connector.extend(connector(context, &store, &system).await);
    }
    Ok(scope)
}

/// What the command line says.
pub(super) fn limited(mut scope: PolicyScope, limits: &PolicyLimits) -> PolicyScope {
    scope.paths.clone_from(&limits.paths);
    scope.groups.clone_from(&limits.groups);
    scope.policies.clone_from(&limits.policies);
    scope.boundary.clone_from(&limits.boundary);
    scope.break_glass.clone_from(&limits.break_glass);
    scope.connector.clone_from(&limits.connector);
    scope.rotate_own_key = limits.rotate_own_key;
    scope
}

/// What the settings of a system say.
pub(super) fn with_settings(mut scope: PolicyScope, settings: &SystemSettings) -> PolicyScope {
    scope.change_password = settings.first_sign_in == FirstSignIn::Attach;
    scope.deny_all_policy.clone_from(&settings.deny_all_policy);
    scope
}

/// The protect list, with names in the case in which the last import read them: ARNs in policies go by case.
async fn protected(store: &Store, system: &System) -> anyhow::Result<Vec<ProtectionKind>> {
    let protections = store.protections_in_force(&system.system_id).await?;
    let named = protections.iter().any(|one| matches!(one.kind, ProtectionKind::Account(_)));
    let known = match named {
        true if store.latest_published(&system.system_id).await?.is_some() => {
            store.list_accounts(&system.system_id, AsOf::Now, &AccountFilter::default()).await?
        }
        _ => Vec::new(),
    };
    let as_read = |Protection { kind, .. }: Protection| match kind {
        ProtectionKind::Account(name) => {
            let found = known.iter().find(|account| account.name.eq_ignore_ascii_case(&name));
            ProtectionKind::Account(found.map_or(name, |account| account.name.clone()))
        }
        other => other,
    };
    Ok(protections.into_iter().map(as_read).collect())
}

/// Who the connector of a system is: a role by its ARN, anybody else by asking AWS, which needs no permission.
async fn connector(context: &Context, store: &Store, system: &System) -> Option<String> {
    if let CredentialKind::Role { role_arn, .. } = &system.credential {
        return Some(role_arn.clone());
    }
    let connector = connection::of_system(context, store, system).await.ok()?;
    let identity = connector.identify().await.ok()?;
    let own = system.aws_account_id.as_ref().is_none_or(|pinned| *pinned == identity.account_id);
    let named = [":user/", ":assumed-role/"].iter().any(|kind| identity.arn.contains(kind));
    (own && named).then_some(identity.arn)
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
    let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
    let account = scope.account_id.as_deref().unwrap_or("123456789012");
    warn_of(&escalations(&scope.partition, account, &texts));
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
