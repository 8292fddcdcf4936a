//! `keyreeve organization discover`

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use keyreeve_engine::desk::{AskedBy, DeskError, DiscoveryAsked};
use keyreeve_engine::organization::{Discovered, DiscoveryAction, DiscoveryError, DiscoveryReport};
use serde_json::{Value, json};

use super::set_up;
use crate::args::DiscoverAccounts;
use crate::command::change::{desk, refused};
use crate::command::{Context, MADE_LATER};
use crate::exit::{Ended, Refusal};
use crate::output::note;
use crate::output::shape::DISCOVERED;
use crate::source::{Server, Source};
use crate::stop::Stop;
use crate::terminal;

const DOING: &str = "discovering the accounts of the organization";

/// Reads the organization, shows what is to be done, does it, and shows what became of each account.
pub(crate) async fn run(context: &Context, arguments: &DiscoverAccounts) -> anyhow::Result<Ended> {
    if let Some(server) = Source::server(context)? {
        return by_server(context, &server, arguments).await;
    }
    let mut stop = Stop::listen()?;
    let desk = desk(context).await?;
    let mut discovery = tokio::select! {
        discovery = desk.survey_organization(&context.actor, asked(arguments)) => discovery.map_err(unread)?,
        () = stop.requested() => return Err(Refusal::failed(DOING, "it was stopped; nothing was changed").into()),
    };
    let report = discovery.survey.report();
    if !agreed(context, arguments, report.clone())? {
        return Ok(well(&report));
    }
    let total = report.accounts.len();
    let ended = AtomicUsize::new(0);
    let said = |account: &Discovered| {
        let number = ended.fetch_add(1, Ordering::Relaxed) + 1;
        let access = account.access.as_str();
        // Why is told in the list.
        note(&format!("{number} of at most {total}: {} ({}) {access}", account.name, account.account_id));
    };
    tokio::select! {
        done = discovery.carry_out(said) => done.map_err(unread)?,
        () = stop.requested() => {
            let why = "it was stopped; what was registered stays, and the same command goes on from there";
            return Err(Refusal::failed(DOING, why).into());
        }
    }
    show_done(context, &discovery.survey.report(), arguments)
}

/// Has a server do the same.
async fn by_server(
    context: &Context,
    server: &Server,
    arguments: &DiscoverAccounts,
) -> anyhow::Result<Ended> {
    let report = server.discover(&sent(arguments, true)?).await.context(DOING)?;
    if !agreed(context, arguments, report.clone())? {
        return Ok(well(&report));
    }
    let report = server.discover(&sent(arguments, false)?).await.context(DOING)?;
    show_done(context, &report, arguments)
}

/// Shows what is to be done, and asks whether it is.
fn agreed(
    context: &Context,
    arguments: &DiscoverAccounts,
    mut report: DiscoveryReport,
) -> anyhow::Result<bool> {
    report.notices.iter().for_each(|notice| note(&format!("warning: {notice}")));
    if arguments.consent.plan {
        hide_ids_of_no_use(&mut report);
        show(context, &report)?;
    }
    Ok(terminal::agrees(arguments.consent, DOING, &in_words(&report))?)
}

fn show_done(
    context: &Context,
    report: &DiscoveryReport,
    arguments: &DiscoverAccounts,
) -> anyhow::Result<Ended> {
    show(context, report)?;
    set_up::advise(report, &arguments.role_name);
    Ok(well(report))
}

fn well(report: &DiscoveryReport) -> Ended {
    Ended::done_if(!report.accounts.iter().any(Discovered::failed))
}

fn asked(arguments: &DiscoverAccounts) -> DiscoveryAsked {
    let by = match (&arguments.via.system, &arguments.via.aws_profile) {
        (Some(id), _) => AskedBy::System(id.clone()),
        (None, Some(name)) => AskedBy::Profile(name.clone()),
        (None, None) => AskedBy::Ambient,
    };
    DiscoveryAsked {
        by,
        role: arguments.role_name.clone(),
        filter: arguments.which.filter(),
        system_id: arguments.system_id_pattern.clone(),
        category: arguments.category.clone(),
        region: arguments.region.clone(),
        at_once: usize::from(arguments.jobs),
        reason: arguments.reason.clone(),
    }
}

/// The same as a server is asked for it.
fn sent(arguments: &DiscoverAccounts, preview: bool) -> Result<Value, Refusal> {
    let DiscoveryAsked { by, role, filter, system_id, category, region, at_once, reason } = asked(arguments);
    let by_system = match by {
        AskedBy::System(id) => Some(id),
        AskedBy::Ambient => None,
        AskedBy::Profile(_) => {
            let why = "a profile is one of the machine that keeps the store, and is named there alone";
            return Err(Refusal::new(DOING, why)
                .hint("name a system with --system, or give the command without --server on that machine"));
        }
    };
    let tags = |tags: Vec<(String, String)>| -> Vec<Value> {
        tags.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
    };
    Ok(json!({
        "by_system": by_system, "role_name": role.as_str(), "system_id_pattern": system_id.as_str(),
        "category": category, "region": region, "jobs": at_once, "reason": reason, "preview": preview,
        "include": {
            "units": filter.include_units, "accounts": filter.include_accounts, "tags": tags(filter.include_tags),
        },
        "exclude": {
            "units": filter.exclude_units, "accounts": filter.exclude_accounts, "tags": tags(filter.exclude_tags),
        },
    }))
}

/// Why an organization could not be looked at, or what was found not written down.
fn unread(error: DeskError) -> anyhow::Error {
    let why = error.to_string();
    match error {
        DeskError::Discovery(error) => match *error {
            DiscoveryError::NotWhole(_) => Refusal::failed(DOING, why).into(),
            DiscoveryError::Unreadable { .. } => Refusal::new(DOING, why).hint(DiscoveryError::RIGHTS).into(),
            other => anyhow::Error::from(other).context(DOING),
        },
        DeskError::Invalid(why) => Refusal::new(DOING, why).into(),
        other => refused(other).context(DOING),
    }
}

/// What external ids begin with is kept when a discovery is carried out for the first time. Those of a plan before that
/// would open nothing.
fn hide_ids_of_no_use(report: &mut DiscoveryReport) {
    if !report.first {
        return;
    }
    let new = report.accounts.iter_mut().filter(|account| account.action == DiscoveryAction::Add);
    new.for_each(|account| account.external_id = Some(MADE_LATER.to_owned()));
    note("The external ids are made when this is carried out; from then on --plan shows them, too.");
}

fn show(context: &Context, report: &DiscoveryReport) -> anyhow::Result<()> {
    context.output.list(&report.accounts, &DISCOVERED, "The organization has no accounts.")
}

fn in_words(report: &DiscoveryReport) -> String {
    let counts: Vec<String> =
        report.counts().into_iter().map(|(action, count)| format!("{count} {}", action.as_str())).collect();
    format!(
        "Organization {} of AWS account {} has {} accounts: {}. Systems are registered and marked here; AWS is not \
         changed.",
        report.organization_id,
        report.management_account,
        report.accounts.len(),
        if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") }
    )
}
