//! `/systems/{system_id}/accounts/{account}`: what is known of an account, why it has what it has, and what became of it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use keyreeve_engine::plan::known_protection;
use keyreeve_engine::rights::Right;
use keyreeve_engine::unseen::{KnownAccount, Unseen};
use keyreeve_model::{Account, CredentialSource, LoginProfileState, System, SystemId, SystemState};
use keyreeve_store::{AsOf, StoreError};
use serde::Deserialize;

use super::act::Action;
use super::holds::Holds;
use super::{at_moment, history, of, of_console, of_mfa, of_status};
use crate::body::{InPath, InQuery, at_most};
use crate::console::document::Inline;
use crate::console::form::{Field, sentence};
use crate::console::imports;
use crate::console::moment::{AS_OF, moment_of, unknown_then};
use crate::console::page::{Frame, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Facts, Link, Tone};
use crate::console::systems;
use crate::console::table::{Column, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

const KEYS: [Column; 3] = [Column::plain("State"), Column::plain("Made"), Column::plain("Last used")];

/// When.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Moment {
    #[serde(default, deserialize_with = "at_most::<64, _>")]
    as_of: Option<String>,
    /// What was done before.
    #[serde(default, deserialize_with = "at_most::<64, _>")]
    #[expect(dead_code, reason = "the frame reads it from the address")]
    said: Option<String>,
}

#[derive(Template)]
#[template(path = "console/accounts/show.html")]
struct ShowPage {
    frame: Frame,
    name: String,
    badge: Badge,
    address: String,
    as_of: Field,
    /// What whoever looks may ask for.
    actions: Vec<Link>,
    /// Why nobody may change it.
    protected: Option<String>,
    /// What no import has confirmed yet.
    pending: Vec<String>,
    facts: Facts,
    keys: Table,
    /// Tags, whose names are not ours.
    tags: Option<Vec<(String, String)>>,
    holds: Table,
    inline: Inline,
    history: Table,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, account)): InPath<(SystemId, String)>,
    InQuery(Moment { as_of: asked, .. }): InQuery<Moment>,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let store = &parts.store;
    let system = store.get_system(&system_id).await?;
    let asked = asked.filter(|asked| !asked.is_empty());
    // Where nothing is known as of that, it is shown as it is now, and that is said.
    let (mut moment, mut wrong) = match moment_of(asked.as_deref(), parts.clock.now()) {
        Ok(moment) => (moment, None),
        Err(wrong) => (AsOf::Now, Some(wrong)),
    };
    let mut found = store.get_account(&system_id, moment, &account).await;
    if let Err(error) = found {
        found = match unknown_then(error, moment) {
            Ok(why) => {
                (moment, wrong) = (AsOf::Now, Some(why));
                store.get_account(&system_id, moment, &account).await
            }
            Err(error) => Err(error),
        };
    }
    let unseen = Unseen::load(store, &system_id, moment).await?;
    let known = match found {
        Ok(found) => unseen.known(found),
        Err(error @ StoreError::AccountNotFound { .. }) if moment == AsOf::Now => {
            return match store.made_by(&system_id, &account).await? {
                Some(job) => super::unseen::page(&visitor, &parts, (&system, &unseen), (&account, job)).await,
                None => Err(error.into()),
            };
        }
        Err(error) => return Err(error.into()),
    };
    let then = asked.as_deref().filter(|_| wrong.is_none());
    let account = &known.account;
    let holds = Holds::load(store, account, moment).await?;
    let ids = std::slice::from_ref(&account.external_id);
    let most = u32::try_from(history::MOST).unwrap_or(u32::MAX);
    let tasks = store.tasks_about(&system_id, ids, most).await?;
    let events = store.account_events(&system_id, &account.external_id, history::MOST).await?;
    let own = of(&system_id, &account.external_id);
    // Nobody may change it, whatever they ask for.
    let protected = match (&system.aws_account_id, moment) {
        (Some(aws), AsOf::Now) => known_protection(
            &store.protections_in_force(&system_id).await?,
            &store.signers_in(aws).await?,
            account,
        ),
        _ => None,
    };
    let may_change =
        system.state == SystemState::Active && moment == AsOf::Now && visitor.may(Right::Operate);
    let mut frame = systems::frame(&visitor, &system, &account.name);
    frame.above.extend(above(&system, then));
    let page = ShowPage {
        frame,
        name: account.name.clone(),
        badge: of_status(account.status),
        address: own.clone(),
        as_of: Field::line(AS_OF.name, AS_OF.label)
            .value(asked.as_deref().unwrap_or_default())
            .unless(wrong.as_ref()),
        protected: protected.as_deref().map(sentence),
        actions: if may_change && protected.is_none() { Action::links(&own) } else { Vec::new() },
        pending: pending(&known),
        facts: facts(account),
        keys: keys(account, parts.clock.now()),
        tags: account.tags.clone().map(|tags| tags.into_iter().collect()),
        holds: holds.table(&tasks, then),
        inline: Inline::of(
            store.inline_documents(account.inline_policies.as_deref().unwrap_or_default()).await?,
        ),
        history: history::table(&events, &tasks),
    };
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(shown_as(status, &page))
}

/// The pages above one of an account, below that of all systems.
pub(super) fn above(system: &System, as_of: Option<&str>) -> [Link; 2] {
    let id = &system.system_id;
    [
        Link::new(systems::of(id), system.name.to_string()),
        Link::new(at_moment(systems::within(id, "accounts"), as_of), "Accounts"),
    ]
}

fn pending(known: &KnownAccount) -> Vec<String> {
    known.pending.iter().map(|fact| sentence(&format!("it {}", fact.words()))).collect()
}

fn facts(account: &Account) -> Facts {
    let time = |at: Option<Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    let login = &account.login_profile;
    let source = match account.credentials.source {
        CredentialSource::PerUser => "a call for this account",
        CredentialSource::CredentialReport => "the credential report",
        CredentialSource::None => "not read",
    };
    let run = |run| Cell::link(imports::of(run), format!("Run {run}"));
    Facts {
        facts: vec![
            ("Path", Cell::Code(account.path.clone())),
            ("ARN", Cell::Code(account.arn.clone())),
            ("Id", Cell::Code(account.external_id.to_string())),
            ("Made", time(Some(account.created_at))),
            ("Console password", Cell::Badge(of_console(login.state))),
            (
                "Password set",
                match (login.state, login.created_at) {
                    (LoginProfileState::Absent, _) => Cell::None,
                    (_, Some(at)) => Cell::Time(Time::at(at)),
                    (_, None) => Cell::text("not known"),
                },
            ),
            (
                "Must be changed at the next sign-in",
                login
                    .password_reset_required
                    .map_or(Cell::text("unknown"), |must| Cell::text(if must { "yes" } else { "no" })),
            ),
            ("Password last used", time(account.password_last_used_at)),
            ("MFA", Cell::Badge(of_mfa(account.mfa_active))),
            ("Credentials known by", Cell::text(source)),
            ("Credentials as of", time(account.credentials.as_of)),
            ("Permissions boundary", account.permissions_boundary.clone().map_or(Cell::None, Cell::Code)),
            ("First seen", run(account.first_seen_run)),
            ("Last seen", run(account.last_seen_run)),
        ],
    }
}

fn keys(account: &Account, now: Timestamp) -> Table {
    let time = |at: Option<Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::ago(at, now)));
    let row = |key: &keyreeve_model::AccessKey| {
        let badge = match key.active {
            true => Badge::new(Tone::Notice, "Active"),
            false => Badge::new(Tone::Quiet, "Inactive"),
        };
        vec![Cell::Badge(badge), time(key.created_at), time(key.last_used_at)]
    };
    let (title, text) = match &account.access_keys {
        Some(_) => ("No access key", "It has none."),
        None => ("Access keys are not known", "They could not be read with what the connector may do."),
    };
    let empty = Empty { title: title.to_owned(), text: text.to_owned(), action: None };
    Table::whole("Access keys", &KEYS, account.access_keys.iter().flatten().map(row).collect(), empty)
}
