//! `/systems/{system_id}/accounts`: the accounts of a system, now or as of any moment.

mod act;
mod by;
mod create;
mod gone;
mod history;
mod holds;
mod left;
mod show;
mod unseen;
mod wanted;

pub(super) use by::Origins;
pub(super) use holds::of_state;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use keyreeve_engine::near::nearest;
use keyreeve_engine::rights::Right;
use keyreeve_engine::unseen::{KnownAccount, Unseen};
use keyreeve_model::{
    AccessKey, Account, AccountStatus, ExternalId, LoginProfileState, ResourceType, SystemId, SystemState,
};
use keyreeve_store::{AccountCounts, AccountFilter, AccountOrder, AsOf, Mfa, NamedResource, Slice};

use super::address;
use super::chart::Chart;
use super::keys::{self, KEY_AGE};
use super::moment::{AS_OF, Unread, moment_of};
use super::named::looked_up;
use super::numbers::counted;
use super::page::{Frame, shown_as};
use super::parts::{Badge, Cell, Empty, Link, Tabs, Tone};
use super::systems;
use super::table::{Asked, Column, Filter, Listing, Shape, Table, Total};
use super::time::Time;
use super::visitor::Visitor;
use crate::body::InPath;
use crate::parts::Parts;
use crate::problem::Problem;
use unseen::Made;

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/systems/{system_id}/accounts", get(list))
        .route("/systems/{system_id}/new-account", get(create::page).post(create::plan))
        .route("/systems/{system_id}/accounts/{account}", get(show::page))
        .route("/systems/{system_id}/accounts/{account}/history", get(history::page))
        .route("/systems/{system_id}/accounts/{account}/{action}", get(act::page).post(act::plan))
}

/// So many are counted of those who hold a policy only through groups.
const THROUGH_GROUPS: u32 = 100;
/// What accounts are narrowed down by.
const FILTERS: [Filter; 10] = [
    Filter { name: "q", label: "Name, path, ARN or tag", choices: &[] },
    Filter {
        name: "status",
        label: "Status",
        choices: &[
            ("enabled", "Enabled"),
            ("disabled", "Disabled"),
            ("unknown", "Unknown"),
            (left::GONE, "Gone"),
        ],
    },
    Filter {
        name: "console",
        label: "Console password",
        choices: &[("present", "Has one"), ("absent", "Has none"), ("unknown", "Unknown")],
    },
    Filter {
        name: "mfa",
        label: "MFA",
        choices: &[("active", "Active"), ("inactive", "None"), ("unknown", "Unknown")],
    },
    KEY_AGE,
    Filter { name: "path", label: "Path begins with", choices: &[] },
    Filter { name: "group", label: "In group", choices: &[] },
    Filter { name: "policy", label: "Holds policy", choices: &[] },
    Filter {
        name: "through",
        label: "Policy held",
        choices: &[("", "Directly"), ("groups", "Also through groups")],
    },
    AS_OF,
];

/// What of passwords, keys and MFA is known, the store has no index by: lists are narrowed down by it, and not sorted.
static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("name", "Name"),
        Column::sorted("path", "Path"),
        Column::sorted("status", "Status"),
        Column::plain("Console password"),
        Column::plain("Access keys"),
        Column::plain("MFA"),
        Column::sorted("password_last_used_at", "Password last used"),
        Column::sorted("created_at", "Made"),
        Column::plain("Not confirmed yet"),
    ],
    filters: &FILTERS,
    sort: "name",
};

#[derive(Template)]
#[template(path = "console/accounts/list.html")]
struct ListPage {
    frame: Frame,
    name: String,
    badge: Badge,
    tabs: Tabs,
    create: Option<Link>,
    /// What no import has seen yet.
    made: Option<Made>,
    accounts: Table,
    /// How old access keys are, as long as all are looked at.
    key_ages: Option<Chart>,
}

async fn list(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.require(Right::Read, &system_id)?;
    let system = parts.store.get_system(&system_id).await?;
    if asked.has("status", left::GONE) {
        return left::list(&visitor, &parts, &system, asked).await;
    }
    let listing = asked.of_shape(&SHAPE)?;
    let now = parts.clock.now();
    let moment = moment_of(listing.filter(AS_OF.name), now);
    let is_now = matches!(moment, Ok(AsOf::Now));
    let unseen = match is_now {
        true => Unseen::load(&parts.store, &system_id, AsOf::Now).await?,
        false => Unseen::default(),
    };
    let counts = match is_now && !listing.is_file() {
        true => parts.store.account_counts(&system_id).await?,
        false => AccountCounts::default(),
    };
    let read = match moment {
        Ok(moment) => found(&parts, &system_id, &listing, (moment, now)).await,
        Err(wrong) => Err(Unread::Moment(wrong)),
    };
    let mut listing = listing.with_counts(&counts.by).proposing(vec![
        ("group", looked_up(&system_id, "group")),
        ("policy", looked_up(&system_id, "policy")),
        ("path", looked_up(&system_id, "path")),
    ]);
    if let Ok(accounts) = &read {
        let total = match is_now && !listing.is_file() && listing.goes_on(accounts.len()) {
            true => total(&parts, &system_id, &listing, &counts).await?,
            false => None,
        };
        listing = listing.with_total(total);
        if is_now && accounts.is_empty() && listing.is_first() {
            unknown(&parts, &system_id, &mut listing).await?;
        }
        if accounts.is_empty() && listing.is_first() {
            let nothing = only_through_groups(&parts, &system_id, &listing, now).await?;
            listing = listing.with_nothing(nothing);
        }
    }
    let (by, _) = order(&listing.reading());
    let (status, accounts) = match read {
        Ok(accounts) => {
            let known: Vec<KnownAccount> =
                accounts.into_iter().map(|account| unseen.known(account)).collect();
            let cells = |known: &KnownAccount| cells(known, listing.filter(AS_OF.name), now);
            if listing.is_file() {
                return listing.file((system_id.as_str(), "accounts"), &known, cells);
            }
            let place = |known: &KnownAccount| by.place(&known.account);
            (listing.status(), listing.table("Accounts", known, place, cells, nobody())?)
        }
        Err(unread) => unread.table(&listing, "Accounts", &system_id)?,
    };
    let may_create = system.state == SystemState::Active && is_now && visitor.may(Right::Operate);
    let made = match listing.is_first() {
        true => Made::of(&parts, &system, &unseen).await?,
        false => None,
    };
    let key_ages = match is_now && listing.is_first() {
        true => keys::chart(&parts, &system_id, "Active access keys".to_owned(), now).await?,
        false => None,
    };
    let page = ListPage {
        frame: systems::frame(&visitor, &system, "Accounts"),
        name: system.name.to_string(),
        badge: Badge::of_system(system.state),
        tabs: systems::tabs(&system_id, "accounts"),
        create: may_create.then(|| Link::new(systems::within(&system_id, "new-account"), "New account")),
        made,
        accounts,
        key_ages,
    };
    Ok(shown_as(status, &page))
}

/// The accounts that are asked for, and one more if there are more.
async fn found(
    parts: &Parts,
    system_id: &SystemId,
    listing: &Listing,
    (moment, now): (AsOf, Timestamp),
) -> Result<Vec<Account>, Unread> {
    let (by, descending) = order(&listing.reading());
    let slice = Slice { by, descending, after: listing.after()?, limit: listing.limit()?.saturating_add(1) };
    let found = parts.store.accounts_slice(system_id, moment, &filter(listing, now), &slice).await;
    found.map_err(|error| Unread::of(error, moment))
}

/// How many accounts fit in all, where that takes no look at each of them: of all, of those of one kind, and of those that
/// have a text.
async fn total(
    parts: &Parts,
    system_id: &SystemId,
    listing: &Listing,
    counts: &AccountCounts,
) -> Result<Option<Total>, Problem> {
    let narrowed: Vec<(&'static str, &str)> =
        FILTERS.iter().filter_map(|one| Some((one.name, listing.filter(one.name)?))).collect();
    Ok(match narrowed.as_slice() {
        [] => Some(Total::Exactly(counts.all)),
        [("q", wanted)] => {
            let most = Total::FAR.saturating_add(1);
            Some(Total::of(parts.store.count_accounts_with(system_id, wanted, most).await?))
        }
        [(name, value)] => counts.by.get(&(*name, (*value).to_owned())).copied().map(Total::Exactly),
        _ => None,
    })
}

/// Says of a group or policy that nobody fits that there is none of that name, and which one is near.
async fn unknown(parts: &Parts, system_id: &SystemId, listing: &mut Listing) -> Result<(), Problem> {
    for (name, kind, called) in
        [("group", ResourceType::Group, "group"), ("policy", ResourceType::Policy, "policy")]
    {
        let Some(given) = listing.filter(name).map(str::to_owned) else { continue };
        let all = parts.store.named_resources(system_id, kind, "", usize::MAX).await?;
        let is_it = |one: &NamedResource| {
            one.name.eq_ignore_ascii_case(&given) || one.arn == given || one.external_id.as_str() == given
        };
        // Before the first import there is none, which the list says itself.
        if all.is_empty() || all.iter().any(is_it) {
            continue;
        }
        let ever = parts.store.resources_ever_called(system_id, &given).await?;
        let mut ever = ever.into_iter().filter(|(_, one)| one.object.kind == kind && one.gone.is_none());
        if let Some((had, now)) = ever.next() {
            listing.is_not(name, format!("the {called} “{had}” is called “{}” now", now.object.name))?;
            continue;
        }
        let near = nearest(&given, all.iter().map(|one| one.name.as_str()));
        let near = near.map(|near| format!("; “{near}” is near")).unwrap_or_default();
        listing.is_not(name, format!("no {called} called “{given}” is known{near}"))?;
    }
    Ok(())
}

/// That nobody has a policy directly whom the other filters let through, but somebody through a group; with the way there.
async fn only_through_groups(
    parts: &Parts,
    system_id: &SystemId,
    listing: &Listing,
    now: Timestamp,
) -> Result<Option<Empty>, Problem> {
    let (Some(policy), None) = (listing.filter("policy"), listing.filter("through")) else { return Ok(None) };
    let Ok(moment) = moment_of(listing.filter(AS_OF.name), now) else { return Ok(None) };
    let filter = AccountFilter { through_groups: true, ..filter(listing, now) };
    let slice = Slice {
        by: AccountOrder::Name,
        descending: false,
        after: None,
        limit: THROUGH_GROUPS.saturating_add(1),
    };
    let found = parts.store.accounts_slice(system_id, moment, &filter, &slice).await?.len();
    let most = usize::try_from(THROUGH_GROUPS).unwrap_or(usize::MAX);
    let who = match found {
        0 => return Ok(None),
        1 => "1 account holds".to_owned(),
        number if number > most => format!("More than {most} accounts hold"),
        number => format!("{number} accounts hold"),
    };
    Ok(Some(Empty {
        title: "Nobody directly".to_owned(),
        text: format!("No account that fits has {policy} attached itself. {who} it through a group."),
        action: Some(Link::new(
            listing.with(&[("through", Some("groups"))]),
            "Show who holds it through a group",
        )),
    }))
}

/// What the list is sorted by, and whether it begins with the last.
fn order(word: &str) -> (AccountOrder, bool) {
    let (key, descending) = word.strip_prefix('-').map_or((word, false), |key| (key, true));
    let by = match key {
        "path" => AccountOrder::Path,
        "status" => AccountOrder::Status,
        "created_at" => AccountOrder::CreatedAt,
        "password_last_used_at" => AccountOrder::PasswordLastUsedAt,
        _ => AccountOrder::Name,
    };
    (by, descending)
}

fn filter(listing: &Listing, now: Timestamp) -> AccountFilter {
    let text = |name| listing.filter(name).map(str::to_owned);
    AccountFilter {
        name: None,
        path_prefix: text("path"),
        group: text("group"),
        policy: text("policy"),
        through_groups: listing.filter("through").is_some(),
        status: listing.filter("status").and_then(|status| serde_json::from_value(status.into()).ok()),
        mfa: listing.filter("mfa").map(|mfa| match mfa {
            "active" => Mfa::Active,
            "inactive" => Mfa::Inactive,
            _ => Mfa::Unknown,
        }),
        text: text("q"),
        oldest_key: listing.filter(KEY_AGE.name).and_then(|band| keys::made(band, now)),
        console: listing.filter("console").and_then(|state| serde_json::from_value(state.into()).ok()),
    }
}

fn nobody() -> Empty {
    Empty {
        title: "No account".to_owned(),
        text: "The last import saw no account within its scope.".to_owned(),
        action: None,
    }
}

fn cells(known: &KnownAccount, as_of: Option<&str>, now: Timestamp) -> Vec<Cell> {
    let account = &known.account;
    let used = account.password_last_used_at;
    let after = known.after();
    let status = standing(account, after.as_ref());
    // What we changed is shown as it is after that; of what we deleted nothing is left.
    let [console, keys, mfa] = match &after {
        Some(after) => [
            Cell::Badge(of_console(after.login_profile.state)),
            Cell::text(active_keys(after, now)),
            Cell::Badge(of_mfa(after.mfa_active)),
        ],
        None => [Cell::None, Cell::None, Cell::None],
    };
    vec![
        Cell::link(at_moment(of(&account.system_id, &account.external_id), as_of), account.name.clone()),
        Cell::Code(account.path.clone()),
        Cell::Badge(status),
        console,
        keys,
        mfa,
        used.map_or(Cell::None, |at| Cell::Time(Time::ago(at, now))),
        Cell::Time(Time::at(account.created_at)),
        match known.pending.len() {
            0 => Cell::None,
            number => {
                Cell::Badge(Badge::new(Tone::Notice, counted(number, "of our changes", "of our changes")))
            }
        },
    ]
}

/// The address of an account. Its id names it: names can be anything that IAM takes, and change.
pub(super) fn of(system_id: &SystemId, account: &ExternalId) -> String {
    address::of(&["systems", system_id.as_str(), "accounts", account.as_str()])
}

/// An address with the moment that it speaks of.
pub(super) fn at_moment(path: String, as_of: Option<&str>) -> String {
    match as_of {
        Some(moment) => address::asking(&path, [("as_of", moment)]),
        None => path,
    }
}

pub(super) fn of_status(status: AccountStatus) -> Badge {
    match status {
        AccountStatus::Enabled => Badge::new(Tone::Good, "Enabled"),
        AccountStatus::Disabled => Badge::new(Tone::Quiet, "Disabled"),
        AccountStatus::Unknown => Badge::new(Tone::Warning, "Unknown"),
    }
}

/// The status of an account, and where a change of ours that no import has confirmed gives it another: that. `after` is the
/// account as it is after these; none, when we deleted it.
pub(super) fn standing(account: &Account, after: Option<&Account>) -> Badge {
    match after {
        None => Badge::new(Tone::Bad, "Deleted, not confirmed"),
        Some(after) if after.status != account.status => {
            let badge = of_status(after.status);
            Badge { text: format!("{}, not confirmed", badge.text), ..badge }
        }
        Some(_) => of_status(account.status),
    }
}

pub(super) fn of_console(state: LoginProfileState) -> Badge {
    match state {
        LoginProfileState::Present => Badge::new(Tone::Notice, "Has one"),
        LoginProfileState::Absent => Badge::new(Tone::Quiet, "Has none"),
        LoginProfileState::Unknown => Badge::new(Tone::Warning, "Unknown"),
    }
}

pub(super) fn of_mfa(active: Option<bool>) -> Badge {
    match active {
        Some(true) => Badge::new(Tone::Good, "Active"),
        Some(false) => Badge::new(Tone::Quiet, "None"),
        None => Badge::new(Tone::Warning, "Unknown"),
    }
}

/// How many access keys are active, and how old the oldest of these is.
fn active_keys(account: &Account, now: Timestamp) -> String {
    let Some(keys) = &account.access_keys else { return "unknown".to_owned() };
    let active: Vec<&AccessKey> = keys.iter().filter(|key| key.active).collect();
    let age = |key: &&AccessKey| Some(now.duration_since(key.created_at?).as_hours() / 24);
    let oldest = active.iter().filter_map(age).max();
    match (keys.len(), active.len(), oldest) {
        (0, ..) => "none".to_owned(),
        (number, 0, _) => format!("{number} inactive"),
        (_, active, None) => format!("{active} active"),
        (_, active, Some(days)) => {
            format!("{active} active, {} old", counted(days, "day", "days"))
        }
    }
}
