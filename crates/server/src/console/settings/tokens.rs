//! `/settings/tokens`: made, shown once, taken back.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use keyreeve_engine::desk::TokenAsked;
use keyreeve_model::{Role, Token, TokenId};
use keyreeve_store::StoreError;
use serde::Deserialize;

use super::{
    Adding, AskPage, ListPage, ONLY, administers_all, frame, limited_to, named, role, role_badge, status_of,
    systems, tabs, whole,
};
use crate::body::InPath;
use crate::console::address;
use crate::console::form::{Dangerous, Field, Sent, Takes, Wrong, reasoned};
use crate::console::page::{Frame, Said, shown, shown_as};
use crate::console::parts::{Badge, Cell, Copied, Empty, Link, Tone};
use crate::console::table::{Asked, Column, Filter, Shape};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::once::Once;
use crate::parts::Parts;
use crate::problem::Problem;

static SHAPE: Shape = Shape {
    columns: &[
        Column::sorted("owner", "Owner"),
        Column::sorted("token", "Token"),
        Column::sorted("role", "Role"),
        Column::sorted("systems", "Systems"),
        Column::sorted("state", "State"),
        Column::sorted("made", "Made"),
        Column::sorted("last", "Last used"),
        Column::sorted("until", "Works until"),
        Column::acting("Take it back"),
    ],
    filters: &[
        Filter { name: "q", label: "Owner or token", choices: &[] },
        Filter {
            name: "state",
            label: "State",
            choices: &[("active", "Active"), ("expired", "Expired"), ("revoked", "Revoked")],
        },
    ],
    sort: "owner",
};

#[derive(Template)]
#[template(path = "console/settings/token.html")]
struct MadePage {
    frame: Frame,
    owner: String,
    token: Copied,
}

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    owner: String,
    role: String,
    reach: String,
    systems: String,
    expires_in_days: String,
    /// Tells one asking from another, so that a form which is sent twice makes one token.
    once: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let once = uuid::Uuid::now_v7().to_string();
    let filled =
        New { role: Role::Viewer.as_str().to_owned(), reach: ONLY.to_owned(), once, ..New::default() };
    answer(&visitor, &parts, asked, &filled, None).await
}

async fn answer(
    visitor: &Visitor,
    parts: &Parts,
    asked: Asked,
    filled: &New,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let listing = asked.of_shape(&SHAPE)?;
    let now = parts.clock.now();
    let wanted = listing.filter("q").map(str::to_lowercase);
    let state = listing.filter("state");
    let mut tokens = parts.store.tokens().await?;
    tokens.retain(|token| {
        let has = |wanted: &String| {
            token.owner.to_lowercase().contains(wanted) || token.id.0.to_lowercase().contains(wanted)
        };
        wanted.as_ref().is_none_or(has)
            && state.is_none_or(|state| badge(token, now).text.eq_ignore_ascii_case(state))
    });
    tokens.sort_by(|one, other| (&one.owner, &one.id).cmp(&(&other.owner, &other.id)));
    let tokens = listing.arranged(tokens, |token| cells(token, now));
    if listing.is_file() {
        return listing.file(("all", "tokens"), &tokens, |token| cells(token, now));
    }
    let empty = Empty {
        title: "No token yet".to_owned(),
        text: "A program that asks for something over REST or SCIM needs one.".to_owned(),
        action: None,
    };
    let tokens = listing.cut(tokens)?;
    let table =
        listing.table("Tokens", tokens, |(place, _)| *place, |(_, token)| cells(token, now), empty)?;
    let of = wrong.as_ref();
    let mut fields = vec![
        Field::line("owner", "Owner")
            .value(&filled.owner)
            .hint("Who acts with it, for approvals and the audit log.")
            .required()
            .unless(of),
        role(filled.role.parse().unwrap_or(Role::Viewer), of),
    ];
    fields.extend(systems((&filled.reach, &filled.systems), of));
    fields.push(
        Field::new("expires_in_days", "Works for days", Takes::Number)
            .value(&filled.expires_in_days)
            .hint("From 1 to 3650; for ever, if it is left empty.")
            .unless(of),
    );
    let status = of.map_or(listing.status(), |wrong| status_of(Some(wrong)));
    let page = ListPage {
        frame: frame(visitor, "Tokens"),
        title: "Tokens",
        tabs: tabs(visitor, "tokens"),
        table,
        adding: Some(Adding {
            title: "New token",
            about: "",
            action: "/settings/tokens",
            fields,
            hidden: vec![("once", filled.once.clone())],
            button: "Make the token",
        }),
        wrong: whole(wrong),
    };
    Ok(shown_as(status, &page))
}

fn badge(token: &Token, now: Timestamp) -> Badge {
    match (token.revoked_at, token.expires_at) {
        (Some(_), _) => Badge::new(Tone::Quiet, "Revoked"),
        (None, Some(until)) if until <= now => Badge::new(Tone::Quiet, "Expired"),
        _ => Badge::new(Tone::Good, "Active"),
    }
}

fn cells(token: &Token, now: Timestamp) -> Vec<Cell> {
    let time = |at: Option<Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    vec![
        Cell::text(token.owner.clone()),
        Cell::Code(token.id.to_string()),
        role_badge(token.role),
        limited_to(&token.systems),
        Cell::Badge(badge(token, now)),
        time(Some(token.created_at)),
        time(token.last_used_at),
        time(token.expires_at),
        match token.revoked_at {
            None => Cell::link(of(&token.id), "Revoke…"),
            Some(_) => Cell::None,
        },
    ]
}

fn of(id: &TokenId) -> String {
    address::of(&["settings", "tokens", &id.0, "revoke"])
}

/// Makes a token, which is in this answer alone.
pub(super) async fn create(
    visitor: Visitor,
    State(parts): State<Parts>,
    asked: Asked,
    Sent(new): Sent<New>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let made = match wanted(&new) {
        Ok(asked) => parts.desk.make_token(&visitor.actor, asked).await.map_err(Problem::from),
        Err(wrong) => return answer(&visitor, &parts, asked, &new, Some(wrong)).await,
    };
    match made {
        Ok((token, text)) => {
            let token_text = Copied { id: "token".to_owned(), text: text.expose().to_owned() };
            let frame = frame(&visitor, "Tokens");
            Ok(shown(&MadePage { frame, owner: token.owner, token: token_text }))
        }
        Err(problem) => {
            // What is sent once more from here is another asking.
            let once = uuid::Uuid::now_v7().to_string();
            answer(&visitor, &parts, asked, &New { once, ..new }, Some(of_problem(problem)?)).await
        }
    }
}

/// What is refused of what a form names: also that a system is not there.
pub(super) fn of_problem(problem: Problem) -> Result<Wrong, Problem> {
    match problem.code() {
        "system_not_found" => Ok(Wrong::with("systems", problem.detail())),
        _ => Wrong::of(problem),
    }
}

fn wanted(new: &New) -> Result<TokenAsked, Wrong> {
    let days = Some(new.expires_in_days.trim()).filter(|days| !days.is_empty());
    let not_days = |_| Wrong::with("expires_in_days", "it is no number of days");
    Ok(TokenAsked {
        owner: new.owner.clone(),
        role: new.role.parse().map_err(|why| Wrong::with("role", why))?,
        systems: named(&new.reach, &new.systems)?,
        once: Once::of(&new.once).map_err(|problem| Wrong::whole(problem.detail()))?.key(),
        expires_in_days: days.map(|days| days.parse().map_err(not_days)).transpose()?,
    })
}

/// What the form of a revocation sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revocation {
    reason: String,
    confirm: String,
}

pub(super) async fn ask(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(token): InPath<String>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let token = one(&parts, token).await?;
    Ok(asked_once_more(&visitor, &token, String::new(), None))
}

async fn one(parts: &Parts, id: String) -> Result<Token, Problem> {
    let id = TokenId(id);
    let found = parts.store.tokens().await?.into_iter().find(|token| token.id == id);
    Ok(found.ok_or(StoreError::TokenNotFound { token: id })?)
}

pub(super) async fn revoke(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(token): InPath<String>,
    Sent(Revocation { reason, confirm }): Sent<Revocation>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let token = one(&parts, token).await?;
    if let Err(wrong) = Dangerous::typed(&confirm, &token.owner) {
        return Ok(asked_once_more(&visitor, &token, reason, Some(wrong)));
    }
    let why = match reasoned(&reason) {
        Ok(why) => why,
        Err(wrong) => return Ok(asked_once_more(&visitor, &token, reason.clone(), Some(wrong))),
    };
    match parts.desk.revoke_token(&visitor.actor, &token.id, why).await {
        Ok(_) => Ok(Said::Revoked.to("/settings/tokens")),
        Err(error) => Ok(asked_once_more(&visitor, &token, reason.clone(), Some(Wrong::of(error.into())?))),
    }
}

fn asked_once_more(visitor: &Visitor, token: &Token, reason: String, wrong: Option<Wrong>) -> Response {
    let mut frame = frame(visitor, "Tokens");
    frame.above.push(Link::new("/settings/tokens", "Tokens"));
    let dangerous = Dangerous {
        action: of(&token.id),
        title: "What follows from it",
        consequences: vec![
            format!("The token {} of {} lets nobody in any more.", token.id, token.owner),
            "What was done with it stays in the audit log. It cannot be given back.".to_owned(),
        ],
        confirm: token.owner.clone(),
        button: "Revoke the token",
        hidden: Vec::new(),
        reason,
        wrong: None,
    };
    AskPage::answer(frame, format!("Revoke a token of {}", token.owner), dangerous, wrong)
}
