//! `keyreeve system add`

use anyhow::Context as _;
use keyreeve_connector::Cause;
use keyreeve_engine::systems::{SystemError, Taken, account_of_role, note_base_or_warn, register};
use keyreeve_model::{CredentialKind, System, SystemId, SystemSettings};
use keyreeve_store::{NewSystem, Store};
use serde_json::json;

use super::credential;
use super::show::show;
use crate::args::AddSystem;
use crate::command::{Context, connection};
use crate::exit::{Ended, Refusal};
use crate::output::{hint, note};
use crate::source::{Server, Source};

/// Registers a system.
pub(crate) async fn run(context: &Context, arguments: AddSystem) -> anyhow::Result<Ended> {
    debug_assert_eq!((arguments.technology.as_str(), arguments.content.as_str()), ("aws", "access_rights"));
    if let Some(server) = Source::server(context)? {
        return by_server(context, &server, &arguments).await;
    }
    let store = context.store().await?;
    let doing = || format!("registering system {}", arguments.system_id);
    store.require_free(&arguments.system_id, &arguments.name).await.with_context(doing)?;
    let given = credential::given(&arguments.credential, None)?;
    let Taken { kind, secret } = &given;
    let mut new = NewSystem {
        system_id: arguments.system_id.clone(),
        name: arguments.name.clone(),
        category: arguments.category.clone(),
        region: arguments.region.clone(),
        credential: kind.clone(),
        secret: secret.clone(),
        aws_account_id: None,
        partition: arguments.region.as_deref().and_then(keyreeve_aws::partition_of_region).map(str::to_owned),
        settings: SystemSettings::default(),
    };
    if let CredentialKind::Role { role_arn, .. } = kind {
        // The role cannot be assumed yet, because nobody knew the external id; its ARN names the AWS account.
        if let Some((account, partition)) = account_of_role(role_arn) {
            // What is given wins over the environment, as it does when AWS is called.
            let surrounding = context.config.aws.region(&context.environment);
            let region = arguments.region.as_deref().or(surrounding.as_deref());
            credential::check_region(&doing(), region, Some(&partition))?;
            new.aws_account_id = Some(account);
            new.partition = Some(partition);
        }
        let system =
            store.create_system(new, context.actor.name(), context.clock.now()).await.with_context(doing)?;
        let credential = connection::credential(kind, secret.clone())?;
        let connector = connection::connect(context, credential, arguments.region.as_deref()).await?;
        note_base_or_warn(&store, context.clock, &system, &connector).await.with_context(doing)?;
        let ended = show(context, &system)?;
        tell_of_others(&store, &system).await?;
        credential::print_trust_policy(context, &given).await;
        hint(&when_trusted(&system.system_id));
        return Ok(ended);
    }
    let credential = connection::credential(kind, secret.clone())?;
    let connector = connection::connect(context, credential, arguments.region.as_deref()).await?;
    let registered = match register(&store, context.clock, context.actor.name(), new, &connector).await {
        Err(error @ SystemError::OtherPartition { .. }) => {
            return Err(other_partition(&doing(), &error).into());
        }
        registered => registered.with_context(doing)?,
    };
    let ended = show(context, &registered.system)?;
    tell_of_others(&store, &registered.system).await?;
    let id = &registered.system.system_id;
    match registered.unreachable {
        Some(error) if error.cause == Cause::NoCredentials => {
            note(&format!("System {id} is registered, but not verified: {error}"));
            hint(&format!("when there are credentials: `keyreeve system check {id}`"));
        }
        Some(error) => {
            note(&format!("System {id} is registered, but AWS could not be reached: {error}"));
            hint(&format!("when it can be reached: `keyreeve system check {id}`"));
        }
        None => hint(&format!("read it: `keyreeve import run {id}`")),
    }
    Ok(ended)
}

/// Two systems may be of one AWS account, but hardly anybody wants that.
async fn tell_of_others(store: &Store, system: &System) -> anyhow::Result<()> {
    let Some(account) = &system.aws_account_id else { return Ok(()) };
    let all = store.list_systems(false).await?;
    let others: Vec<SystemId> = all
        .into_iter()
        .filter(|other| other.system_id != system.system_id && other.aws_account_id.as_ref() == Some(account))
        .map(|other| other.system_id)
        .collect();
    say_others(system, &others);
    Ok(())
}

fn say_others(system: &System, others: &[SystemId]) {
    if let Some(account) = system.aws_account_id.as_ref().filter(|_| !others.is_empty()) {
        note(&format!(
            "AWS account {account} is connected already, as {}: each of its users is now an account of each system. \
             Protect lists hold for all of them, and no two tasks change one account at a time; but imports, settings, \
             limits without a second person, jobs, what was switched off and what waits to be confirmed are each \
             system's own.",
            others.iter().map(SystemId::as_str).collect::<Vec<_>>().join(", ")
        ));
    }
}

/// What to do when a role was given its trust policy.
fn when_trusted(id: &SystemId) -> String {
    format!("when the role has it, with the credentials that are to assume it: `keyreeve system check {id}`")
}

/// Has a server register a system.
async fn by_server(context: &Context, server: &Server, arguments: &AddSystem) -> anyhow::Result<Ended> {
    let AddSystem { system_id, name, category, region, .. } = arguments;
    let credential = credential::sent(&arguments.credential)?;
    let body = json!({
        "system_id": system_id, "name": name, "category": category, "region": region, "credential": credential,
    });
    let made =
        server.register_system(&body).await.with_context(|| format!("registering system {system_id}"))?;
    let ended = show(context, &made.system)?;
    say_others(&made.system, &made.same_account);
    match (made.trust, made.unreachable) {
        (Some(trust), _) => {
            credential::print_trust(&trust);
            hint(&when_trusted(system_id));
        }
        (None, Some(error)) => {
            note(&format!("System {system_id} is registered, but not verified: {error}"));
            hint(&format!("when it can be reached: `keyreeve system check {system_id}`"));
        }
        (None, None) => hint(&format!("read it: `keyreeve import run {system_id}`")),
    }
    Ok(ended)
}

fn other_partition(doing: &str, error: &SystemError) -> Refusal {
    let refusal = Refusal::new(doing, error.to_string());
    match error {
        SystemError::OtherPartition { found, .. } => refusal.hint(credential::regions_hint(found)),
        _ => refusal,
    }
}
