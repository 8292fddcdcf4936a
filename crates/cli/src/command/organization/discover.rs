//! `keyreeve organization discover`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use keyreeve_aws::{AwsConnector, Credential};
use keyreeve_connector::Connector;
use keyreeve_engine::import::Patience;
use keyreeve_engine::organization::{
    Access, Discovered, Discoverer, DiscoveryAction, DiscoveryError, DiscoveryRequest, Entrance, Survey,
};
use keyreeve_engine::pace::Pacers;
use keyreeve_model::{RoleBase, SystemState};
use keyreeve_store::Store;

use super::set_up;
use crate::args::{DiscoverAccounts, Via};
use crate::command::{Context, MADE_LATER, connection};
use crate::exit::{Ended, Refusal};
use crate::output::note;
use crate::output::shape::DISCOVERED;
use crate::stop::Stop;
use crate::terminal;

const DOING: &str = "discovering the accounts of the organization";

/// Reads the organization, shows what is to be done, does it, and shows what became of each account.
pub(crate) async fn run(context: &Context, arguments: &DiscoverAccounts) -> anyhow::Result<Ended> {
    let mut stop = Stop::listen()?;
    let store = Arc::new(context.store().await?);
    let connector = via(context, &store, &arguments.via, arguments.region.as_deref()).await?;
    let request = request(context, arguments);
    let discoverer = Discoverer {
        store: Arc::clone(&store),
        clock: context.clock,
        patience: Patience::default(),
        pacers: Arc::new(Pacers::default()),
    };
    let mut survey = tokio::select! {
        survey = discoverer.survey(&connector, &request) => match survey {
            Err(error @ DiscoveryError::NotWhole(_)) => return Err(Refusal::failed(DOING, error.to_string()).into()),
            Err(error @ DiscoveryError::Unreadable { .. }) => {
                let hint = "whoever asks must be allowed what the guide's page about many accounts lists, in the account that \
                            owns the organization or is delegated to";
                return Err(Refusal::new(DOING, error.to_string()).hint(hint).into());
            }
            survey => survey.context(DOING)?,
        },
        () = stop.requested() => return Err(Refusal::failed(DOING, "it was stopped; nothing was changed").into()),
    };
    survey.notices.iter().for_each(|notice| note(&format!("warning: {notice}")));
    if arguments.consent.plan {
        hide_ids_of_no_use(&mut survey);
        show(context, &survey)?;
    }
    if !terminal::agrees(arguments.consent, DOING, &in_words(&survey))? {
        return Ok(Ended::done_if(!survey.accounts.iter().any(Discovered::failed)));
    }
    let total = survey.accounts.len();
    let ended = AtomicUsize::new(0);
    let said = |account: &Discovered| {
        let number = ended.fetch_add(1, Ordering::Relaxed) + 1;
        let access = account.access.as_str();
        // Why is told in the list.
        note(&format!("{number} of at most {total}: {} ({}) {access}", account.name, account.account_id));
    };
    let entrance = Roles { context, profile: arguments.via.aws_profile.as_deref() };
    tokio::select! {
        done = discoverer.carry_out(&mut survey, &request, &entrance, said) => done.context(DOING)?,
        () = stop.requested() => {
            let why = "it was stopped; what was registered stays, and the same command goes on from there";
            return Err(Refusal::failed(DOING, why).into());
        }
    }
    let reason = arguments.reason.as_deref();
    record(context, &store, &survey, reason).await?;
    show(context, &survey)?;
    set_up::advise(&survey, &request);
    Ok(Ended::done_if(!survey.accounts.iter().any(Discovered::failed)))
}

fn request(context: &Context, arguments: &DiscoverAccounts) -> DiscoveryRequest {
    DiscoveryRequest {
        role: arguments.role_name.clone(),
        base: arguments.via.aws_profile.as_ref().map(|name| RoleBase::Profile { name: name.clone() }),
        filter: arguments.which.filter(),
        system_id: arguments.system_id_pattern.clone(),
        category: arguments.category.clone(),
        region: arguments.region.clone(),
        fresh_external_id: uuid::Uuid::new_v4().to_string(),
        actor: context.actor.name().to_owned(),
        at_once: usize::from(arguments.jobs),
    }
}

/// The connection that asks the organization.
async fn via(
    context: &Context,
    store: &Store,
    via: &Via,
    region: Option<&str>,
) -> anyhow::Result<AwsConnector> {
    if let Some(id) = &via.system {
        let system = store.get_system(id).await?;
        if system.state != SystemState::Active {
            let why = format!("system {id}, which is to ask, is {}", system.state.as_str());
            return Err(Refusal::new(DOING, why).into());
        }
        return connection::of_system(context, store, &system).await;
    }
    let credential = match &via.aws_profile {
        Some(name) => Credential::Profile { name: name.clone() },
        None => Credential::Ambient,
    };
    connection::connect(context, credential, region).await
}

/// Member accounts are entered as their systems will be: with the profile that was given, or the ambient credentials.
struct Roles<'a> {
    context: &'a Context,
    profile: Option<&'a str>,
}

impl Entrance for Roles<'_> {
    async fn connect(
        &self,
        role_arn: &str,
        external_id: Option<&str>,
        region: Option<&str>,
    ) -> Result<Box<dyn Connector>, String> {
        let credential = Credential::Role {
            role_arn: role_arn.to_owned(),
            external_id: external_id.map(str::to_owned),
            base: Box::new(match self.profile {
                Some(name) => Credential::Profile { name: name.to_owned() },
                None => Credential::Ambient,
            }),
        };
        match connection::connect(self.context, credential, region).await {
            Ok(connector) => Ok(Box::new(connector)),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}

/// What external ids begin with is kept when a discovery is carried out for the first time. Those of a plan before that
/// would open nothing.
fn hide_ids_of_no_use(survey: &mut Survey) {
    if !survey.first {
        return;
    }
    let new = survey.accounts.iter_mut().filter(|account| account.action == DiscoveryAction::Add);
    new.for_each(|account| account.external_id = Some(MADE_LATER.to_owned()));
    note("The external ids are made when this is carried out; from then on --plan shows them, too.");
}

fn show(context: &Context, survey: &Survey) -> anyhow::Result<()> {
    context.output.list(&survey.accounts, &DISCOVERED, "The organization has no accounts.")
}

/// How many accounts each thing is done with.
fn counts(survey: &Survey) -> Vec<(DiscoveryAction, usize)> {
    use DiscoveryAction::{Add, Exclude, Failed, Keep, Resume, Skip, Suspend};
    let count = |action| survey.accounts.iter().filter(|account| account.action == action).count();
    let all = [Add, Keep, Suspend, Resume, Skip, Exclude, Failed];
    all.into_iter().map(|action| (action, count(action))).filter(|(_, count)| *count > 0).collect()
}

fn in_words(survey: &Survey) -> String {
    let counts: Vec<String> =
        counts(survey).into_iter().map(|(action, count)| format!("{count} {}", action.as_str())).collect();
    let organization = &survey.organization;
    format!(
        "Organization {} of AWS account {} has {} accounts: {}. Systems are registered and marked here; AWS is not \
         changed.",
        organization.id,
        organization.management_account,
        survey.accounts.len(),
        if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") }
    )
}

/// One row in the audit log for the whole, besides those of each system.
async fn record(
    context: &Context,
    store: &Store,
    survey: &Survey,
    reason: Option<&str>,
) -> anyhow::Result<()> {
    let counts: serde_json::Map<String, serde_json::Value> = counts(survey)
        .into_iter()
        .map(|(action, count)| (action.as_str().to_owned(), count.into()))
        .collect();
    let failed = survey.accounts.iter().filter(|account| account.access == Access::Failed).count();
    let subject = serde_json::json!({
        "organization": survey.organization.id, "accounts": counts, "not_entered": failed, "reason": reason,
    });
    store.record_discovery(&subject, context.actor.name(), context.clock.now()).await.context(DOING)
}
