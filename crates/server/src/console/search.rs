//! `/search`: accounts, groups and policies of all systems that whoever looks may see, and those that are gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_engine::unseen::Unseen;
use keyreeve_model::{Account, ExternalId, ObjectType, System, SystemId};
use keyreeve_store::{Found, Searched, fits};

use super::accounts;
use super::held;
use super::imports;
use super::numbers::grouped;
use super::page::{Frame, Section, shown_as};
use super::parts::{Badge, Cell, Empty, Link, Tone};
use super::resources;
use super::states::called_object;
use super::systems;
use super::table::{Asked, Column, Filter, Shape, Table, Total};
use super::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

/// So many are shown at most.
const MOST: usize = 1_000;

/// Unless an order is asked for, whoever is called exactly so comes first, then whose name begins so. Where more fit than are
/// shown, those that are shown are sorted: which they are does not hang on the order.
static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("name", "Name"),
        Column::sorted("type", "Type"),
        Column::sorted("system_id", "System ID"),
        Column::sorted("path", "Path"),
        Column::sorted("state", "State"),
    ],
    filters: &[
        Filter { name: "q", label: "Name, path, ARN or tag", choices: &[] },
        Filter {
            name: "type",
            label: "Type",
            choices: &[("account", "Accounts"), ("group", "Groups"), ("policy", "Policies")],
        },
        Filter { name: "state", label: "State", choices: &[("there", "Is there"), ("gone", "Gone")] },
        Filter { name: "system", label: "System ID", choices: &[] },
    ],
    sort: "",
};

#[derive(Template)]
#[template(path = "console/search.html")]
struct SearchPage {
    frame: Frame,
    /// Who holds what is called as is looked for.
    held: Link,
    found: Table,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let mut listing = asked.of_shape(&SHAPE)?;
    let systems = visitor.systems_asked(&parts, &mut listing).await?;
    let searched = match listing.filter("q") {
        Some(wanted) => parts.store.search(systems.as_deref(), wanted, MOST).await?,
        None => Searched::default(),
    };
    let told = told(&searched);
    let (found, more) = (searched.found, searched.more);
    let mut found = Known::of(&parts, systems.as_deref(), found, listing.filter("q")).await?;
    let (of, state) = (listing.filter("type"), listing.filter("state"));
    found.retain(|one| {
        of.is_none_or(|of| of == kind(one.found.of))
            && state.is_none_or(|state| (state == "gone") == one.found.gone.is_some())
    });
    let found = listing.arranged(found, cells);
    if listing.is_file() {
        return listing.file(("all", "found"), &found, cells);
    }
    let empty = Empty {
        title: "What is looked for?".to_owned(),
        text: "Write a part of a name, a path, an ARN or a tag: it is looked for in all systems.".to_owned(),
        action: None,
    };
    let total = match more {
        true => Total::MoreThan(found.len() as u64),
        false => Total::Exactly(found.len() as u64),
    };
    let listing = listing.with_total(Some(total));
    let found = listing.table(
        "What was found",
        listing.cut(found)?,
        |(place, _)| *place,
        |(_, one)| cells(one),
        empty,
    )?;
    let page = SearchPage {
        frame: Frame::of(&visitor, Section::Search, "Search"),
        held: held::of(listing.filter("q").unwrap_or_default()),
        found: if told.is_empty() { found } else { found.telling(&told) },
    };
    Ok(shown_as(listing.status(), &page))
}

/// What of all that there is was not looked for or is not shown.
fn told(searched: &Searched) -> String {
    let mut told = Vec::new();
    if searched.more {
        told.push(format!(
            "More than {} fit, and these are what was found first: say more of what is looked for.",
            grouped(MOST as u64)
        ));
    }
    if searched.names_alone {
        let why = "There is so much in these systems that a text without three letters or digits in a row is looked for at the \
                   beginning of names alone.";
        told.push(why.to_owned());
    }
    if searched.without_gone {
        let why = "What is gone is not looked for in so many systems at once: choose one by its System ID.";
        told.push(why.to_owned());
    }
    told.join(" ")
}

/// Something that was found, and how it stands by what was done from here since the last import.
struct Known {
    found: Found,
    /// Of an account that is there.
    standing: Option<Badge>,
}

impl Known {
    /// What imports saw, and behind it the accounts that were made here since and fit as well.
    async fn of(
        parts: &Parts,
        systems: Option<&[SystemId]>,
        found: Vec<Found>,
        wanted: Option<&str>,
    ) -> Result<Vec<Self>, Problem> {
        let as_seen = |found: Found| {
            let standing = found.status.filter(|_| found.gone.is_none()).map(accounts::of_status);
            Self { found, standing }
        };
        let mut known: Vec<Self> = found.into_iter().map(as_seen).collect();
        let Some(wanted) = wanted else { return Ok(known) };
        let fits = |account: &Account| {
            [&account.name, &account.path, &account.arn].into_iter().any(|text| fits(wanted, text))
        };
        let made_here = |account: Account, standing: Badge| Self {
            standing: Some(standing),
            found: Found {
                system_id: account.system_id,
                of: ObjectType::Account,
                external_id: account.external_id,
                name: account.name,
                path: account.path,
                status: Some(account.status),
                gone: None,
            },
        };
        let store = &parts.store;
        let unseen = Unseen::load_all(store, systems).await?;
        let ids: Vec<(SystemId, ExternalId)> = unseen
            .iter()
            .flat_map(|(system, unseen)| unseen.accounts().map(|id| (system.clone(), id.clone())))
            .collect();
        let mut made: BTreeMap<SystemId, BTreeSet<ExternalId>> = BTreeMap::new();
        for (system, id) in &ids {
            made.entry(system.clone()).or_default().insert(id.clone());
        }
        let mut places: HashMap<(SystemId, ExternalId), usize> = HashMap::new();
        for (place, Self { found, .. }) in known.iter().enumerate() {
            if found.gone.is_none() {
                places.insert((found.system_id.clone(), found.external_id.clone()), place);
            }
        }
        let mut seen = store.accounts_of_many(&ids).await?;
        seen.sort_by(|one, other| (&one.system_id, &one.name).cmp(&(&other.system_id, &other.name)));
        for account in seen {
            let key = (account.system_id.clone(), account.external_id.clone());
            if let Some(made) = made.get_mut(&key.0) {
                made.remove(&key.1);
            }
            let Some(unseen) = unseen.get(&key.0) else { continue };
            let account = unseen.known(account);
            let after = account.after();
            let badge = accounts::standing(&account.account, after.as_ref());
            match places.get(&key).and_then(|place| known.get_mut(*place)) {
                Some(found) => found.standing = Some(badge),
                // By the name that it was given here.
                None => known.extend(after.filter(&fits).map(|after| made_here(after, badge))),
            }
        }
        made.retain(|_, made| !made.is_empty());
        let of_made: Vec<SystemId> = made.keys().cloned().collect();
        let of_made = store.systems_in_use(&of_made).await?;
        let made: Vec<(SystemId, Vec<ExternalId>)> =
            made.into_iter().map(|(system, made)| (system, made.into_iter().collect())).collect();
        let made = made.iter().filter_map(|(id, made)| {
            let system = of_made.iter().find(|system| system.system_id == *id)?;
            Some((system, unseen.get(id)?, made.as_slice()))
        });
        let made: Vec<(&System, &Unseen, &[ExternalId])> = made.collect();
        for account in Unseen::made_in_many(store, &made).await? {
            if fits(&account) {
                let badge = accounts::of_status(account.status);
                let text = format!("{}, not confirmed", badge.text);
                known.push(made_here(account, Badge { text, ..badge }));
            }
        }
        Ok(known)
    }
}

/// As the filter has it.
fn kind(of: ObjectType) -> &'static str {
    match of {
        ObjectType::Group => "group",
        ObjectType::Policy | ObjectType::AwsManagedPolicy => "policy",
        _ => "account",
    }
}

fn cells(Known { found: one, standing }: &Known) -> Vec<Cell> {
    let page = match one.of {
        ObjectType::Account => accounts::of(&one.system_id, &one.external_id),
        _ => resources::of(&one.system_id, &one.external_id),
    };
    let state = match (one.gone, standing) {
        (Some(run), _) => {
            Cell::TextOf("Gone since".to_owned(), Link::new(imports::of(run), format!("run {run}")))
        }
        (None, Some(standing)) => Cell::Badge(standing.clone()),
        (None, None) => Cell::Badge(Badge::new(Tone::Quiet, "Is there")),
    };
    vec![
        Cell::link(page, one.name.clone()),
        Cell::text(called_object(one.of)),
        Cell::link(systems::of(&one.system_id), one.system_id.to_string()),
        Cell::Code(one.path.clone()),
        state,
    ]
}
