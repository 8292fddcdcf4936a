//! `/settings/protections`: what nobody may change, of each system.

use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::desk::DeskError;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Protection, ProtectionKind, SystemId};
use keyreeve_store::{AccountFilter, AccountOrder, AsOf, Slice, StoreError};
use serde::Deserialize;

use super::{Adding, AskPage, ListPage, frame, status_of, tabs, whole};
use crate::body::InQuery;
use crate::console::address::asking;
use crate::console::form::{Dangerous, Field, Sent, Takes, Wrong, reasoned};
use crate::console::page::{Said, shown_as};
use crate::console::parts::{Cell, Empty, Link};
use crate::console::systems;
use crate::console::table::{Asked, Column, Filter, Shape};
use crate::console::text::typed_as;
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

const PLACE: &str = "/settings/protections";

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("system", "System"),
        Column::sorted("kind", "Kind"),
        Column::sorted("what", "What is protected"),
        Column::sorted("because", "Because"),
        Column::sorted("by", "Added by"),
        Column::sorted("added", "Added"),
        Column::acting("Take it off"),
    ],
    filters: &[
        Filter { name: "system", label: "System ID", choices: &[] },
        Filter { name: "q", label: "What is protected", choices: &[] },
        Filter {
            name: "kind",
            label: "Kind",
            choices: &[("account", "Account"), ("path", "Path"), ("tag", "Tag")],
        },
    ],
    sort: "system",
};

/// What the form sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    system: String,
    kind: Kind,
    value: String,
    reason: String,
}

/// The kinds of what is protected.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Account,
    Path,
    Tag,
}

impl Kind {
    fn what(self, value: String) -> ProtectionKind {
        match self {
            Self::Account => ProtectionKind::Account(value),
            Self::Path => ProtectionKind::Path(value),
            Self::Tag => ProtectionKind::Tag(value),
        }
    }
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
) -> Result<Response, Problem> {
    answer(&visitor, &parts, asked, ["", "account", "", ""], None).await
}

async fn answer(
    visitor: &Visitor,
    parts: &Parts,
    asked: Asked,
    filled: [&str; 4],
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    visitor.actor.require(Right::Read)?;
    let listing = asked.of_shape(&SHAPE)?;
    let mut ids: Vec<SystemId> =
        parts.store.list_systems(false).await?.into_iter().map(|system| system.system_id).collect();
    ids.retain(|id| visitor.actor.reaches(id));
    ids.sort();
    let (of, kind) = (listing.filter("system"), listing.filter("kind"));
    let wanted = listing.filter("q").map(str::to_lowercase);
    let mut found = Vec::new();
    for id in ids.iter().filter(|id| of.is_none_or(|of| of == id.as_str())) {
        let fits = |one: &Protection| {
            let (word, value) = one.kind.parts();
            kind.is_none_or(|kind| kind == word)
                && wanted.as_ref().is_none_or(|wanted| value.to_lowercase().contains(wanted))
        };
        let all = parts.store.protections(id).await?.into_iter().filter(fits);
        found.extend(all.map(|one| (id.clone(), one)));
    }
    let may = visitor.may(Right::Administer);
    let found = listing.arranged(found, |(id, one)| cells(id, one, may));
    if listing.is_file() {
        return listing.file(("all", "protections"), &found, |(id, one)| cells(id, one, may));
    }
    let empty = Empty {
        title: "Nothing is protected".to_owned(),
        text:
            "Only what always is: each system's own user or role. Protect the accounts of last resort, too."
                .to_owned(),
        action: None,
    };
    let found = listing.cut(found)?;
    let table = listing.table(
        "Protect list",
        found,
        |(place, _)| *place,
        |(_, (id, one))| cells(id, one, may),
        empty,
    )?;
    let adding = (may && !ids.is_empty()).then(|| Adding {
        title: "Protect something",
        about: "From then on nobody changes what it covers from here, whatever their role, and in no system of the same AWS \
                account: not by a command, a program or the console. What waits and is about it does not begin; AWS itself \
                is not changed. An administrator can take it off again.",
        action: PLACE,
        fields: fields(&ids, filled, wrong.as_ref()),
        hidden: Vec::new(),
        button: "Protect",
    });
    let page = ListPage {
        frame: frame(visitor, "Protect list"),
        title: "Protect list",
        tabs: tabs(visitor, "protections"),
        table,
        adding,
        wrong: whole(wrong.clone()),
    };
    let status = wrong.as_ref().map_or(listing.status(), |wrong| status_of(Some(wrong)));
    Ok(shown_as(status, &page))
}

fn fields(ids: &[SystemId], [system, kind, value, reason]: [&str; 4], wrong: Option<&Wrong>) -> Vec<Field> {
    let systems = ids.iter().map(|id| (id.to_string(), id.to_string())).collect();
    let kinds = [("account", "Account, by name"), ("path", "All below a path"), ("tag", "All with a tag")];
    let kinds = kinds.map(|(one, called)| (one.to_owned(), called.to_owned()));
    vec![
        Field::new("system", "System", Takes::OneOf(systems)).value(system).required().unless(wrong),
        Field::new("kind", "What", Takes::OneOf(kinds.into())).value(kind).required().unless(wrong),
        Field::line("value", "Name, path or tag")
            .value(value)
            .hint("A path begins and ends with /; a tag is key or key=value.")
            .required()
            .unless(wrong),
        Field::reason("reason", "Reason").value(reason).unless(wrong),
    ]
}

fn called(kind: &str) -> &'static str {
    match kind {
        "account" => "Account",
        "path" => "Path",
        _ => "Tag",
    }
}

fn cells(id: &SystemId, one: &Protection, may: bool) -> Vec<Cell> {
    let (kind, value) = one.kind.parts();
    let query = [("system", id.as_str()), ("kind", kind), ("value", value)];
    vec![
        Cell::link(systems::of(id), id.to_string()),
        Cell::text(called(kind)),
        Cell::Code(value.to_owned()),
        one.reason.clone().map_or(Cell::None, Cell::Text),
        Cell::text(one.added_by.clone()),
        Cell::Time(Time::at(one.added_at)),
        if may { Cell::link(asking(&format!("{PLACE}/remove"), query), "Take off…") } else { Cell::None },
    ]
}

pub(super) async fn add(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
    Sent(New { system, kind, value, reason }): Sent<New>,
) -> Result<Response, Problem> {
    visitor.actor.require(Right::Administer)?;
    let what = kind.what(value.clone());
    let word = what.parts().0;
    let wrong = match (system.parse::<SystemId>(), reasoned(&reason)) {
        (Err(_), _) => Wrong::with("system", "there is no such System ID"),
        (_, Err(wrong)) => wrong,
        (Ok(id), Ok(why)) => {
            match parts.desk.protect(&visitor.actor, &id, what, why.map(str::to_owned)).await {
                Ok(protected) => {
                    let seen = is_seen(&parts, &id, &protected.kind).await?;
                    let said = if seen { Said::Protected } else { Said::ProtectedUnseen };
                    return Ok(said.to(PLACE));
                }
                Err(DeskError::Invalid(why)) => Wrong::with("value", why),
                Err(error) => Wrong::of(error.into())?,
            }
        }
    };
    answer(&visitor, &parts, asked, [&system, word, &value, &reason], Some(wrong)).await
}

/// Whether the last import saw an account that it covers.
async fn is_seen(parts: &Parts, system_id: &SystemId, what: &ProtectionKind) -> Result<bool, Problem> {
    let filter = match what {
        ProtectionKind::Account(name) => {
            return match parts.store.account_called(system_id, AsOf::Now, name).await {
                Ok(found) => Ok(found.is_some()),
                Err(StoreError::NotImported { .. }) => Ok(false),
                Err(error) => Err(error.into()),
            };
        }
        ProtectionKind::Path(path) => {
            AccountFilter { path_prefix: Some(path.clone()), ..AccountFilter::default() }
        }
        ProtectionKind::Tag(_) => AccountFilter::default(),
    };
    let by = AccountOrder::Name;
    let mut slice = Slice { by, descending: false, after: None, limit: 1_000 };
    loop {
        let found = match parts.store.accounts_slice(system_id, AsOf::Now, &filter, &slice).await {
            Err(StoreError::NotImported { .. }) => return Ok(false),
            found => found?,
        };
        if found.iter().any(|one| what.covers(&one.name, &one.path, one.tags.as_ref())) {
            return Ok(true);
        }
        match found.last() {
            Some(last) => slice.after = Some(by.place(last)),
            None => return Ok(false),
        }
    }
}

/// What is to be taken off the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    system: SystemId,
    kind: Kind,
    value: String,
    /// What was done, or was not.
    #[serde(default)]
    #[expect(dead_code, reason = "the frame reads it from the address")]
    said: Option<String>,
}

/// What the form of that sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    system: SystemId,
    kind: Kind,
    value: String,
    reason: String,
    confirm: String,
}

pub(super) async fn ask(
    visitor: Visitor,
    State(parts): State<Parts>,
    InQuery(Named { system, kind, value, .. }): InQuery<Named>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system)?;
    let what = entry(&parts, &system, kind.what(value)).await?;
    Ok(asked_once_more(&visitor, &system, &what, String::new(), None))
}

/// The entry that is meant. What does not show, and line breaks, may have come back from a form otherwise than they are.
async fn entry(parts: &Parts, system: &SystemId, what: ProtectionKind) -> Result<ProtectionKind, Problem> {
    let list = parts.store.protections(system).await?;
    let shown = |one: &ProtectionKind| {
        let (kind, value) = one.parts();
        (kind, typed_as(&value.replace("\r\n", "\n").replace('\r', "\n")))
    };
    let exact = list.iter().find(|one| one.kind == what);
    let found = exact.or_else(|| list.iter().find(|one| shown(&one.kind) == shown(&what)));
    let not_found = || {
        let (kind, value) = what.parts();
        StoreError::ProtectionNotFound { system_id: system.clone(), kind, value: value.to_owned() }
    };
    Ok(found.map(|found| found.kind.clone()).ok_or_else(not_found)?)
}

pub(super) async fn remove(
    visitor: Visitor,
    State(parts): State<Parts>,
    Sent(Removal { system, kind, value, reason, confirm }): Sent<Removal>,
) -> Result<Response, Problem> {
    visitor.require(Right::Administer, &system)?;
    let what = entry(&parts, &system, kind.what(value)).await?;
    let typed = Dangerous::typed(&confirm, what.parts().1).and_then(|()| reasoned(&reason));
    let wrong = match typed {
        Ok(why) => match parts.desk.end_protection(&visitor.actor, &system, &what, why).await {
            Ok(()) => return Ok(Said::Unprotected.to(PLACE)),
            Err(error) => Wrong::of(error.into())?,
        },
        Err(wrong) => wrong,
    };
    Ok(asked_once_more(&visitor, &system, &what, reason, Some(wrong)))
}

fn asked_once_more(
    visitor: &Visitor,
    system: &SystemId,
    what: &ProtectionKind,
    reason: String,
    wrong: Option<Wrong>,
) -> Response {
    let (kind, value) = what.parts();
    let mut frame = frame(visitor, &format!("Protect the {kind} {value} no more"));
    frame.above.push(Link::new(PLACE, "Protect list"));
    let dangerous = Dangerous {
        action: format!("{PLACE}/remove"),
        title: "What follows from it",
        consequences: vec![
            format!(
                "What the {kind} {value} covers in {system} can be changed, switched off and deleted from now on, by whoever \
                 may change accounts there."
            ),
            "Nothing is changed by that alone. What other entries of the list cover stays protected, and so do the accounts \
             that systems sign in with."
                .to_owned(),
        ],
        confirm: value.to_owned(),
        button: "Take it off the protect list",
        hidden: vec![("system", system.to_string()), ("kind", kind.to_owned()), ("value", value.to_owned())],
        reason,
        wrong: None,
    };
    AskPage::answer(frame, format!("Protect the {kind} {value} no more"), dangerous, wrong)
}
