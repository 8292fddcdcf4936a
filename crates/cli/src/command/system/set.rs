//! `keyreeve system set`

use anyhow::Context as _;
use keyreeve_engine::systems::{Given as Set, NotSet, Taken, account_of_role, patched, replace_credentials};
use keyreeve_model::{CredentialKind, RoleBase, System, SystemId};
use keyreeve_store::{Store, SystemPatch};
use serde_json::{Map, Value, json};

use super::credential;
use super::external_id::{self, Asked};
use super::rotate_key::say_who_goes_on;
use super::show::show;
use crate::args::SetSystem;
use crate::command::Context;
use crate::command::connection::{self, Reach};
use crate::exit::{Ended, Refusal};
use crate::output::shape::system_changes;
use crate::output::{Columns, Format, hint, note, single};
use crate::source::{Server, Source};

/// Changes a system: its credentials, or all of the given settings, or nothing.
pub(crate) async fn run(context: &Context, arguments: &SetSystem) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return by_server(context, &server, arguments).await;
    }
    let store = context.store().await?;
    let system = store.get_system(&arguments.system_id).await?;
    if arguments.credential.given() {
        return set_credentials(context, &store, &system, arguments).await;
    }
    let patch = patch(&system, &arguments.settings)?;
    let changed = store
        .update_system(&system.system_id, patch, context.actor.name(), context.clock.now())
        .await
        .with_context(|| doing(&system))?;
    show_changes(context, &system, &changed)
}

/// Has a server change the settings of a system, as they were seen.
async fn by_server(context: &Context, server: &Server, arguments: &SetSystem) -> anyhow::Result<Ended> {
    if arguments.credential.given() {
        return credential_by_server(context, server, arguments).await;
    }
    let (system, version) = server.system_as_it_is(&arguments.system_id).await?;
    let SystemPatch { settings, .. } = patch(&system, &arguments.settings)?;
    let wanted = serde_json::to_value(settings.unwrap_or_else(|| system.settings.clone()))?;
    let (mut change, mut set) = (Map::new(), Map::new());
    for (name, value) in &arguments.settings {
        match name.as_str() {
            "name" | "category" | "region" => change.insert(name.clone(), Value::String(value.clone())),
            // What has no value is taken away by null.
            _ => set.insert(name.clone(), wanted.get(name).cloned().unwrap_or(Value::Null)),
        };
    }
    if !set.is_empty() {
        change.insert("settings".to_owned(), Value::Object(set));
    }
    let changed = server.change_system(&system.system_id, version.as_deref(), &change).await;
    show_changes(context, &system, &changed.with_context(|| doing(&system))?)
}

/// Has a server give a system other credentials.
async fn credential_by_server(
    context: &Context,
    server: &Server,
    arguments: &SetSystem,
) -> anyhow::Result<Ended> {
    let id = &arguments.system_id;
    let doing = || format!("replacing the credentials of system {id}");
    let body =
        json!({"credential": credential::sent(&arguments.credential)?, "external_id": arguments.external_id});
    let set = server.set_credential(id, &body).await.with_context(doing)?;
    match (set.signs_in_as, set.trust) {
        (Some(arn), _) => {
            let ended = show(context, &set.system)?;
            note(&format!("System {id} signs in as {arn} now."));
            if set.lets_in_anybody {
                Asked::For("with a wrong external id").warn();
            }
            Ok(ended)
        }
        (None, trust) => {
            if let Some(trust) = trust {
                credential::print_trust(&trust);
                let key = arguments.credential.access_key_id.as_ref();
                let base = key.map(|key| format!(" --access-key-id {key}")).unwrap_or_default();
                say_unchanged(
                    id,
                    &trust.role_arn,
                    &arguments.credential.via_role_arn,
                    &base,
                    &trust.external_id,
                );
            }
            Ok(Ended::NeedsAttention)
        }
    }
}

fn show_changes(context: &Context, system: &System, changed: &System) -> anyhow::Result<Ended> {
    if context.output.format() != Format::Table {
        return show(context, changed);
    }
    let changes = system_changes(system, changed);
    if changes.is_empty() {
        note(&format!("System {} has these values already.", system.system_id));
        return Ok(Ended::Done);
    }
    context.output.one(changed, Columns::Texts(&[]), |tables| {
        let mut facts = single(vec![("System ID", changed.system_id.to_string())]);
        facts.extend(changes);
        tables.facts(facts);
    })?;
    Ok(Ended::Done)
}

fn doing(system: &System) -> String {
    format!("changing system {}", system.system_id)
}

/// What the settings ask for; all are checked before any is stored.
fn patch(system: &System, asked: &[(String, String)]) -> Result<SystemPatch, Refusal> {
    let refuse = |why: String| Refusal::new(doing(system), why);
    let (mut region, mut others) = (None, Vec::new());
    for (name, value) in asked {
        match name.as_str() {
            "region" if value == "none" => region = Some(None),
            "region" => {
                let named = crate::args::region(value).map_err(refuse)?;
                credential::check_region(&doing(system), Some(&named), system.partition.as_deref())?;
                region = Some(Some(named));
            }
            _ => others.push((name.clone(), Set::Text(value.clone()))),
        }
    }
    match patched(system, &others) {
        Ok(patch) => Ok(SystemPatch { region, ..patch }),
        Err(error @ NotSet::Fixed(_)) => {
            Err(refuse(error.to_string()).hint("register another system with `keyreeve system add`"))
        }
        Err(error) => Err(refuse(error.to_string())),
    }
}

async fn set_credentials(
    context: &Context,
    store: &Store,
    system: &System,
    arguments: &SetSystem,
) -> anyhow::Result<Ended> {
    let doing = || format!("replacing the credentials of system {}", system.system_id);
    let known = known_external_id(&doing(), system, arguments.external_id.as_ref())?;
    let new_id = known.is_none();
    refuse_lent(store, system, arguments.external_id.as_deref(), doing()).await?;
    let given = credential::given(&arguments.credential, known)?;
    if let CredentialKind::Role { role_arn, .. } = &given.kind {
        of_the_pinned_account(&doing(), system, role_arn)?;
        if new_id {
            return Ok(ask_for_trust(context, system, &given).await);
        }
    }
    let Taken { kind, secret } = given;
    let credential = connection::credential(&kind, secret.clone())?;
    let connector = connection::connect(context, credential, system.region.as_deref()).await?;
    let rotation = store.key_rotation(&system.system_id).await?.map(|(rotation, _)| rotation);
    let identity = replace_credentials(
        store,
        context.clock,
        context.actor.name(),
        system,
        kind.clone(),
        secret.clone(),
        &connector,
    )
    .await
    .with_context(doing)?;
    let ended = show(context, &store.get_system(&system.system_id).await?)?;
    note(&format!("System {} signs in as {} now.", system.system_id, identity.arn));
    say_who_goes_on(store, rotation.as_ref()).await?;
    external_id::asked(&Reach::of(context), &kind, secret.as_ref(), system.region.as_deref()).await.warn();
    Ok(ended)
}

/// The external id that the role must ask for: the system's own for good, else the one that was printed for it.
fn known_external_id(
    doing: &str,
    system: &System,
    given: Option<&String>,
) -> Result<Option<String>, Refusal> {
    match (&system.credential, given) {
        (CredentialKind::Role { external_id, .. }, Some(given)) if given != external_id => {
            Err(Refusal::new(doing, "the external id of a system never changes")
                .hint(format!("leave out --external-id: it stays {external_id}")))
        }
        (CredentialKind::Role { external_id, .. }, _) => Ok(Some(external_id.clone())),
        (_, given) => Ok(given.cloned()),
    }
}

/// A role of another AWS account is refused before anybody gives it a trust policy.
fn of_the_pinned_account(doing: &str, system: &System, role_arn: &str) -> Result<(), Refusal> {
    match (account_of_role(role_arn), &system.aws_account_id) {
        (Some((account, _)), Some(pinned)) if account != *pinned => Err(Refusal::new(
            doing,
            format!("the role is in AWS account {account}, but this system is pinned to {pinned}"),
        )
        .hint("register the other account as a system of its own")),
        _ => Ok(()),
    }
}

/// Nobody knows a new external id yet, so the role cannot be assumed yet: a person must give it the trust policy.
async fn ask_for_trust(context: &Context, system: &System, given: &Taken) -> Ended {
    credential::print_trust_policy(context, given).await;
    if let CredentialKind::Role { role_arn, external_id, base, via } = &given.kind {
        let base = match base {
            None => String::new(),
            Some(RoleBase::AccessKey { access_key_id }) => format!(" --access-key-id {access_key_id}"),
            Some(RoleBase::Profile { name }) => format!(" --aws-profile {name}"),
        };
        say_unchanged(&system.system_id, role_arn, via, &base, external_id);
    }
    Ended::NeedsAttention
}

fn say_unchanged(id: &SystemId, role_arn: &str, via: &[String], base: &str, external_id: &str) {
    note(&format!("Nothing has been changed yet: system {id} signs in as before."));
    let via: String = via.iter().map(|role| format!(" --via-role-arn {role}")).collect();
    hint(&format!(
        "give the role this trust policy, then run `keyreeve system set {id} --role-arn {role_arn}{via}{base} \
         --external-id {external_id}`"
    ));
}

/// An external id tells a role which system asks for it, so that no system reaches another's role.
async fn refuse_lent(
    store: &Store,
    system: &System,
    given: Option<&str>,
    doing: String,
) -> anyhow::Result<()> {
    let Some(given) = given else { return Ok(()) };
    let has = |other: &System| matches!(&other.credential, CredentialKind::Role { external_id, .. } if external_id == given);
    let lender = store.list_systems(true).await?.into_iter().find(|other| has(other));
    match lender {
        Some(other) if other.system_id != system.system_id => {
            let why = format!("that external id belongs to another system, {}", other.system_id);
            Err(Refusal::new(doing, why)
                .hint("leave --external-id out, and one is made for this system")
                .into())
        }
        _ => Ok(()),
    }
}
