//! `keyreeve aws bootstrap`

mod journal;
mod plan;
mod print;
mod shown;

use anyhow::Context as _;
use keyreeve_aws::{AwsConnector, Credential, OWN_PATH, PolicyScope};
use keyreeve_connector::{Cause, Connector as _, NewAccessKey};
use keyreeve_engine::systems::note_user;
use keyreeve_model::{CredentialKind, Secret, System, SystemName, SystemSettings};
use keyreeve_store::NewSystem;

use self::journal::Journal;
use self::plan::{Step, Target, plan};
use self::shown::{Access, own_key_of_a_role};
use super::policy::limited;
use super::{Context, connection, policy};
use crate::args::{AwsCommand, Bootstrap};
use crate::exit::{Ended, Refusal};
use crate::output::{hint, note};
use crate::terminal;

const DOING: &str = "making the connector's access";

/// Makes the access, or writes it.
pub(crate) async fn run(context: &Context, command: &AwsCommand) -> anyhow::Result<Ended> {
    let AwsCommand::Bootstrap(arguments) = command;
    if own_key_of_a_role(arguments) {
        let why = "a role has no access key of its own, so there is nothing to rotate";
        return Err(Refusal::new(DOING, why).hint("leave out --rotate-own-key").into());
    }
    let store = match (context.store().await, arguments.print) {
        (Ok(store), _) => store,
        // To write it as text takes no store.
        (Err(_), Some(template)) => {
            print::run(arguments, None, template)?;
            return Ok(Ended::Done);
        }
        (Err(error), None) => return Err(error),
    };
    let known = store.list_systems(true).await?;
    let known = known.into_iter().find(|system| system.system_id == arguments.system_id);
    if let Some(template) = arguments.print {
        print::run(arguments, known.as_ref(), template)?;
        return Ok(Ended::Done);
    }
    let administrator = administrator(context, arguments).await?;
    let identity = administrator.identify().await.map_err(of_nobody)?;
    let scope = scope(arguments, &identity.partition, identity.account_id.as_str());
    let target = Target::new(arguments, &identity, known.as_ref(), scope.documents().context(DOING)?);
    target.check(known.as_ref())?;
    let plan = plan(&administrator, &target, known.as_ref()).await?;
    let documents: Vec<&str> = target.policies.iter().map(|(_, _, document)| document.as_str()).collect();
    let ways = policy::escalations(&target.partition, target.account_id.as_str(), &documents);
    let mut access = Access::new(&plan, &target, known.as_ref(), &identity.arn, &ways);
    access.warn(&ways);
    if plan.steps.is_empty() {
        access.show(context)?;
        note("Everything is there already, and nothing was done.");
        hint(&format!("look at it: `keyreeve system check {}`", arguments.system_id));
        return Ok(Ended::Done);
    }
    if arguments.consent.plan {
        access.show(context)?;
        note("Nothing was done, because of --plan.");
        return Ok(Ended::Done);
    }
    if !terminal::agrees(arguments.consent, DOING, &access.in_words())? {
        return Ok(Ended::Done);
    }
    let journal = Journal {
        context,
        store: &store,
        system_id: &arguments.system_id,
        signed_in_as: &identity.arn,
        reason: arguments.reason.as_deref(),
    };
    let mut request_ids = Vec::new();
    let mut outcome = Ok(());
    for step in &plan.steps {
        match carry_out(&journal, &administrator, &target, step).await {
            Ok(request_id) => request_ids.extend(step.call(&target).map(|_| request_id)),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    access.ended(request_ids, outcome.is_err());
    let shown = access.show(context);
    outcome.and(shown)?;
    advise(arguments, &target);
    Ok(Ended::Done)
}

/// What to do next.
fn advise(arguments: &Bootstrap, target: &Target<'_>) {
    let id = &arguments.system_id;
    note(&format!("System {id} has its access: {}", target.arn));
    if arguments.role.is_some() {
        note(&format!(
            "Whoever Keyreeve signs in as must be allowed sts:AssumeRole on {} by a policy of its own, unless the role \
             trusts it by name in the same account. Here the administrator's credentials may still be in force: whom the \
             role does not trust cannot check it.",
            target.arn
        ));
        hint(&format!(
            "AWS takes some seconds to know it everywhere; then, with the credentials of {}: `keyreeve system check \
             {id}`",
            arguments.trusted_principal.as_deref().unwrap_or_default()
        ));
        return;
    }
    hint(&format!("AWS takes some seconds to know it everywhere; then: `keyreeve system check {id}`"));
}

/// What an administrator without credentials is to do: a system has none yet.
fn of_nobody(error: keyreeve_connector::Error) -> anyhow::Error {
    if error.cause != Cause::NoCredentials {
        return anyhow::Error::new(error).context(DOING);
    }
    let why = "no AWS credentials of an administrator were found in the environment, the AWS configuration files or the \
               instance's metadata, so nothing was sent";
    let hint = "for this command alone, give --aws-profile P, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and \
                AWS_SECRET_ACCESS_KEY";
    Refusal::new(DOING, why).hint(hint).into()
}

async fn administrator(context: &Context, arguments: &Bootstrap) -> anyhow::Result<AwsConnector> {
    let credential = match &arguments.aws_profile {
        Some(name) => Credential::Profile { name: name.clone() },
        None => Credential::Ambient,
    };
    connection::connect(context, credential, arguments.region.as_deref()).await
}

/// What the connector may do: limited as asked for, and never to itself.
fn scope(arguments: &Bootstrap, partition: &str, account: &str) -> PolicyScope {
    let mut scope = limited(PolicyScope::new(arguments.profile.into(), partition), &arguments.limits.asked());
    scope.account_id = (account != "*").then(|| account.to_owned());
    scope.connector.push(match (&arguments.user, &arguments.role) {
        (Some(user), _) => format!("arn:{partition}:iam::{account}:user{OWN_PATH}{user}"),
        (None, role) => {
            format!("arn:{partition}:iam::{account}:role{OWN_PATH}{}", role.as_deref().unwrap_or_default())
        }
    });
    scope
}

/// Does one thing. Gives AWS's id of the request, where it was one.
async fn carry_out(
    journal: &Journal<'_>,
    administrator: &AwsConnector,
    target: &Target<'_>,
    step: &Step,
) -> anyhow::Result<Option<String>> {
    let (name, system) = (target.name, target.arguments.system_id.as_str());
    let (operation, on) = step.call(target).unwrap_or_default();
    match step {
        Step::CreatePolicy { name, document, .. } => {
            let call = administrator.create_policy(name, document, &target.description, system);
            journal.make(operation, &on, call).await
        }
        Step::ReplacePolicy { arn, document, .. } => {
            journal.make(operation, &on, administrator.replace_policy(arn, document)).await
        }
        Step::CreateUser => journal.make(operation, &on, administrator.create_user(name, system)).await,
        Step::CreateRole { trust } => {
            let call = administrator.create_role(name, trust, &target.description, system);
            journal.make(operation, &on, call).await
        }
        Step::ReplaceTrust { trust, .. } => {
            journal.make(operation, &on, administrator.replace_trust(name, trust)).await
        }
        Step::Attach { policy } if target.arguments.user.is_some() => {
            journal.make(operation, &on, administrator.attach_to_user(name, policy)).await
        }
        Step::Attach { policy } => {
            journal.make(operation, &on, administrator.attach_to_role(name, policy)).await
        }
        Step::Detach { policy } if target.arguments.user.is_some() => {
            journal.make(operation, &on, administrator.detach_from_user(name, policy)).await
        }
        Step::Detach { policy } => {
            journal.make(operation, &on, administrator.detach_from_role(name, policy)).await
        }
        Step::DeleteKey { key } => journal.make(operation, &on, administrator.delete_key(name, key)).await,
        Step::CreateKey => {
            let keep = async |key: NewAccessKey| {
                let kind = CredentialKind::AccessKey { access_key_id: key.id.clone() };
                let kept = register(journal, target, kind, Some(key.secret)).await;
                kept.with_context(|| {
                    let id = key.id;
                    format!(
                        "keeping the access key {id} of user {name}, whose secret is lost now: run this again with \
                         --replace-key {id}"
                    )
                })
            };
            let request_id = journal.make_key(&on, administrator.create_key(name), keep).await?;
            keep_hands_off(journal, administrator, target).await?;
            Ok(request_id)
        }
        Step::Register { external_id } => {
            let kind = CredentialKind::Role {
                role_arn: target.arn.clone(),
                external_id: external_id.clone(),
                base: None,
                via: Vec::new(),
            };
            register(journal, target, kind, None).await.map(|()| None)
        }
    }
}

/// Keeps every system of this store from changing the user that was made, whether or not it has signed in by then.
async fn keep_hands_off(
    journal: &Journal<'_>,
    administrator: &AwsConnector,
    target: &Target<'_>,
) -> anyhow::Result<()> {
    let (Journal { context, store, system_id, .. }, name) = (journal, target.name);
    let user = match administrator.inventory() {
        Some(inventory) => inventory.get_account(name).await,
        None => Ok(None),
    };
    let why = match user {
        Ok(Some(user)) => {
            return note_user(store, context.clock, system_id, &target.account_id, &user)
                .await
                .context(DOING);
        }
        Ok(None) => "AWS does not show it yet".to_owned(),
        Err(error) => error.to_string(),
    };
    note(&format!(
        "Until `keyreeve system check {system_id}` has run, nothing keeps other systems from changing user {name}: {why}."
    ));
    Ok(())
}

async fn register(
    Journal { context, store, .. }: &Journal<'_>,
    target: &Target<'_>,
    credential: CredentialKind,
    secret: Option<Secret>,
) -> anyhow::Result<()> {
    let arguments = target.arguments;
    let (actor, now) = (context.actor.name(), context.clock.now());
    if let Some(known) = &target.registered {
        let pin = Some((target.account_id.clone(), target.partition.clone()));
        store.set_credentials(known, credential, secret, pin, actor, now).await?;
        return Ok(());
    }
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => SystemName::new(arguments.system_id.as_str())
            .map_err(|error| Refusal::new(DOING, error.to_string()))?,
    };
    let settings =
        SystemSettings { permission_profile: arguments.profile.into(), ..SystemSettings::default() };
    let new = NewSystem {
        system_id: arguments.system_id.clone(),
        name,
        category: "AWS".to_owned(),
        region: arguments.region.clone(),
        credential,
        secret,
        aws_account_id: Some(target.account_id.clone()),
        partition: Some(target.partition.clone()),
        settings,
    };
    store.create_system(new, actor, now).await?;
    Ok(())
}

/// The external id of a system that is registered with a role.
fn external_id_of(system: &System) -> Option<&str> {
    match &system.credential {
        CredentialKind::Role { external_id, .. } => Some(external_id),
        _ => None,
    }
}
