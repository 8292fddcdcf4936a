//! `/systems/{system_id}/accounts/{account}`: what is known of an account, why it has what it has, and what became of it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use keyreeve_engine::drift::contrary;
use keyreeve_engine::plan::known_protection;
use keyreeve_engine::rights::Right;
use keyreeve_engine::unseen::{KnownAccount, Unseen};
use keyreeve_model::{
    Account, ClaimFact, CollectionName, CollectionState, CredentialSource, LoginProfileState, System,
    SystemId, SystemState,
};
use keyreeve_store::{AsOf, Store, StoreError};

use super::act::Action;
use super::holds::{self, Holds};
use super::{at_moment, gone, history, of, of_console, of_mfa, standing};
use crate::body::InPath;
use crate::console::document::Inline;
use crate::console::drift;
use crate::console::form::{Field, sentence};
use crate::console::imports;
use crate::console::moment::{AS_OF, moment_of, unknown_then};
use crate::console::page::{Frame, shown_as};
use crate::console::parts::{Badge, Cell, Empty, Facts, Link, Tone};
use crate::console::systems;
use crate::console::table::{Asked, Column, Table};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// What is said of an account that a job of ours deleted: what it was, and nothing that it has no more.
const OF_THE_DELETED: [&str; 6] = ["Path", "ARN", "Id", "Made", "First seen", "Last seen"];
const KEYS: [Column; 3] = [Column::plain("State"), Column::plain("Made"), Column::plain("Last used")];

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
    /// Why that is nothing.
    unchanged: Option<String>,
    /// What no import has confirmed yet.
    pending: Vec<String>,
    /// What was done here and is not so in AWS.
    drifted: Vec<String>,
    /// Where that is settled.
    drift: Link,
    /// Of what a job of ours deleted: how the last import saw it, which is not how it is.
    was: Option<Link>,
    facts: Facts,
    keys: Table,
    /// Tags, whose names are not ours.
    tags: Option<Vec<(String, String)>>,
    holds: Table,
    /// What is not known of what it holds.
    unknown: Vec<String>,
    inline: Inline,
    own: &'static str,
    history: Table,
    all: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath((system_id, account)): InPath<(SystemId, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let store = &parts.store;
    let listing = asked.of_shape(&holds::SHAPE)?.with_apart(&[AS_OF.name]);
    let system = store.get_system(&system_id).await?;
    let asked = listing.filter(AS_OF.name);
    // Where nothing is known as of that, it is shown as it is now, and that is said.
    let (mut moment, mut wrong) = match moment_of(asked, parts.clock.now()) {
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
    let then = asked.filter(|_| wrong.is_none());
    let known = match found {
        Ok(found) => unseen.known(found),
        Err(error @ StoreError::AccountNotFound { .. }) => {
            return not_there(&visitor, &parts, (&system, &unseen), (&account, then), error).await;
        }
        Err(error) => return Err(error.into()),
    };
    let account = &known.account;
    let after = known.after();
    // Of what a job of ours deleted nothing is left, whatever the last import saw.
    let holds = match &after {
        Some(_) => Holds::load(store, account, (moment, then)).await?,
        None => Holds::default(),
    };
    if listing.is_file() {
        return match wrong {
            Some(wrong) => Err(Problem::bad_request(wrong.why)),
            None => holds.file(account, &listing),
        };
    }
    let tasks = history::tasks(store, account, history::MOST).await?;
    let events = store.account_events(&system_id, &account.external_id, history::MOST).await?;
    let accepted = history::accepted(store, account, history::MOST).await?;
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
    let unchanged = unchanged(&visitor, &system, (&account.name, after.as_ref()), moment);
    let unread = match &after {
        Some(after) => unread_keys(store, after).await?,
        None => Unread::default(),
    };
    let mut facts = facts(after.as_ref().unwrap_or(account));
    if let Some(at) = unread.report_at {
        facts.facts.push(("Credential report of", Cell::Time(Time::at(at))));
    }
    if after.is_none() {
        facts.facts.retain(|(name, _)| OF_THE_DELETED.contains(name));
        facts.facts.insert(0, ("Deleted by", gone::deleted_by(&tasks)));
    }
    let mut frame = systems::frame(&visitor, &system, &account.name);
    frame.above.extend(above(&system, then));
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { listing.status() };
    let page = ShowPage {
        frame,
        name: account.name.clone(),
        badge: standing(account, after.as_ref()),
        address: own.clone(),
        protected: protected.as_deref().map(sentence),
        as_of: Field::line(AS_OF.name, AS_OF.label).value(asked.unwrap_or_default()).unless(wrong.as_ref()),
        actions: match (&unchanged, &protected) {
            (None, None) => Action::links(&own, holds.can_be_taken),
            _ => Vec::new(),
        },
        unchanged,
        pending: pending(&known),
        drifted: drifted(store, account, moment).await?,
        drift: Link::new(drift::of(&system_id), "Drift of the system"),
        was: after.is_none().then(|| as_it_was(account, &own)),
        facts,
        keys: match &after {
            Some(after) => keys(after, unread.why, parts.clock.now()),
            None => Table::whole("Access keys", &KEYS, Vec::new(), no_keys("No access key", String::new())),
        },
        tags: account.tags.clone().map(|tags| tags.into_iter().collect()),
        unknown: holds.unknown.clone(),
        holds: holds.table(&listing)?,
        inline: Inline::of(
            store.inline_documents(account.inline_policies.as_deref().unwrap_or_default()).await?,
        ),
        own: holds::OWN,
        history: history::table(&events, &tasks, &accepted),
        all: format!("{own}/history"),
    };
    Ok(shown_as(status, &page))
}

/// The page of an account that is not there: made here and not seen yet, gone, or never heard of.
async fn not_there(
    visitor: &Visitor,
    parts: &Parts,
    (system, unseen): (&System, &Unseen),
    (account, then): (&str, Option<&str>),
    error: StoreError,
) -> Result<Response, Problem> {
    let id = &system.system_id;
    if then.is_none()
        && let Some(job) = parts.store.made_by(id, account).await?
    {
        return super::unseen::page(visitor, parts, (system, unseen), (account, job)).await;
    }
    match parts.store.account_last_known(id, account).await? {
        Some(known) => gone::page(visitor, parts, (system, account, then), known).await,
        None => Err(error.into()),
    }
}

/// Why nothing of an account is changed here.
fn unchanged(
    visitor: &Visitor,
    system: &System,
    (name, after): (&str, Option<&Account>),
    moment: AsOf,
) -> Option<String> {
    if after.is_none() {
        return Some(sentence(&deleted(name)));
    }
    if moment != AsOf::Now {
        return Some("This is how it was. What is changed is changed as it is now.".to_owned());
    }
    if system.state != SystemState::Active {
        let state = Badge::of_system(system.state).text.to_lowercase();
        return Some(format!("The system is {state}, and nothing is changed through it."));
    }
    (!visitor.may(Right::Operate)).then(|| {
        format!(
            "Your role here is {}, which changes nothing. An operator or an admin can.",
            visitor.person.role.as_str()
        )
    })
}

/// Why nothing of an account is changed that a job of ours deleted.
pub(super) fn deleted(name: &str) -> String {
    format!(
        "{name} was deleted by a job, so nothing of it can be changed; the next import confirms that, and it is shown as gone from then on"
    )
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

/// What was done here of it and is not so in AWS, now.
async fn drifted(store: &Store, account: &Account, moment: AsOf) -> Result<Vec<String>, StoreError> {
    if moment != AsOf::Now {
        return Ok(Vec::new());
    }
    let drifts = store.drifts_of(&account.system_id, &account.external_id).await?;
    let said = |fact: &ClaimFact| sentence(&format!("it {}, and AWS has: {}", fact.words(), contrary(fact)));
    Ok(drifts.iter().map(said).collect())
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
            (
                "Permissions boundary",
                match (&account.permissions_boundary, &account.inline_policies) {
                    (Some(arn), _) => Cell::Code(arn.clone()),
                    // Both come in one answer.
                    (None, None) => Cell::text("not known"),
                    (None, Some(_)) => Cell::None,
                },
            ),
            ("First seen", run(account.first_seen_run)),
            ("Last seen", run(account.last_seen_run)),
        ],
    }
}

/// Why access keys are not known, and of when the report is that does not tell.
#[derive(Default)]
struct Unread {
    why: String,
    report_at: Option<Timestamp>,
}

/// Why the access keys of an account are not known.
async fn unread_keys(store: &Store, account: &Account) -> Result<Unread, StoreError> {
    let run = account.last_seen_run;
    let read = match account.access_keys {
        Some(_) => return Ok(Unread::default()),
        None => store.get_import_run(run).await?,
    };
    let report = read.collections.iter().find(|one| one.name == CollectionName::CredentialReport);
    let why = match (report.map(|one| one.state), account.credentials.source) {
        (Some(CollectionState::Denied), _) => format!(
            "Import run {run} was not allowed to read the credential report, which tells of them. “Policy” of the system has the statement that allows it."
        ),
        (Some(CollectionState::Whole), CredentialSource::CredentialReport) => {
            format!("The credential report that import run {run} read does not say which it has.")
        }
        (Some(CollectionState::Whole), _) => format!(
            "The credential report that import run {run} read is older than the last change of this account, so it does not tell. AWS makes a new one every four hours at most; an import after that tells."
        ),
        (Some(CollectionState::Skipped) | None, _) => {
            format!("Import run {run} read no credential report, and they are known from that alone.")
        }
        (Some(_), _) => {
            format!("Import run {run} could not read the credential report, which tells of them.")
        }
    };
    Ok(Unread { why, report_at: read.credential_report_at })
}

fn keys(account: &Account, unread: String, now: Timestamp) -> Table {
    let time = |at: Option<Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::ago(at, now)));
    let row = |key: &keyreeve_model::AccessKey| {
        let badge = match key.active {
            true => Badge::new(Tone::Notice, "Active"),
            false => Badge::new(Tone::Quiet, "Inactive"),
        };
        vec![Cell::Badge(badge), time(key.created_at), time(key.last_used_at)]
    };
    let (title, text) = match &account.access_keys {
        Some(_) => ("No access key", "It has none.".to_owned()),
        None => ("Access keys are not known", unread),
    };
    let rows = account.access_keys.iter().flatten().map(row).collect();
    Table::whole("Access keys", &KEYS, rows, no_keys(title, text))
}

fn no_keys(title: &str, text: String) -> Empty {
    Empty { title: title.to_owned(), text, action: None }
}

/// Where it is shown as the last import saw it.
fn as_it_was(account: &Account, own: &str) -> Link {
    let run = account.last_seen_run;
    let then = format!("run:{run}");
    Link::new(at_moment(own.to_owned(), Some(&then)), format!("As import run {run} saw it last"))
}
