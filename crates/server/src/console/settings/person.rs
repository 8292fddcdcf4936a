//! `/settings/people/{person}`: what somebody may do, and whether they may come in.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use keyreeve_model::{Person, Role};
use keyreeve_store::StoreError;
use serde::Deserialize;

use super::people::{badge, of};
use super::tokens::of_problem;
use super::{administers_all, frame, named, role, status_of, systems, whole, written};
use crate::body::{GivenSecret, InPath};
use crate::console::form::{Dangerous, Field, Sent, Takes, Wrong, reasoned};
use crate::console::page::{Frame, Said, shown_as};
use crate::console::parts::{Badge, Cell, Facts, Link};
use crate::console::time::Time;
use crate::console::visitor::Visitor;
use crate::parts::Parts;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/settings/person.html")]
struct PersonPage {
    frame: Frame,
    name: String,
    badge: Badge,
    wrong: Option<String>,
    facts: Facts,
    address: String,
    /// Whoever looks is who is looked at.
    own: bool,
    /// What they may do, as it is shown.
    seen: String,
    role: Field,
    systems: Vec<Field>,
    /// Of somebody with a password here.
    password: Option<Field>,
    may_sign_in: bool,
    remove: Dangerous,
}

/// What the form of a role sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenRole {
    /// What they could do when it was shown.
    seen: String,
    role: String,
    reach: String,
    systems: String,
}

/// What the form of a password sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenPassword {
    password: GivenSecret,
}

/// What the form of the access sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenAccess {
    may_sign_in: bool,
}

/// What the form of a removal sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    reason: String,
    confirm: String,
}

pub(super) async fn page(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(name): InPath<String>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let person = one(&visitor, &parts, &name).await?;
    Ok(answer(&visitor, &person, None))
}

async fn one(visitor: &Visitor, parts: &Parts, name: &str) -> Result<Person, Problem> {
    let found = parts.desk.people(&visitor.actor).await?.into_iter().find(|person| person.name == name);
    Ok(found.ok_or_else(|| StoreError::PersonNotFound { name: name.to_owned() })?)
}

pub(super) async fn set_role(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(name): InPath<String>,
    Sent(GivenRole { seen, role, reach, systems }): Sent<GivenRole>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let person = one(&visitor, &parts, &name).await?;
    if let Some(refused) = not_oneself(&visitor, &person) {
        return Ok(refused);
    }
    if seen != seen_of(&person) {
        let why = "what they may do was changed since you have seen it, and is shown as it is now; nothing was saved";
        return Ok(answer(&visitor, &person, Some(Wrong::whole(why))));
    }
    let wanted = role
        .parse::<Role>()
        .map_err(|why| Wrong::with("role", why))
        .and_then(|role| Ok((role, named(&reach, &systems)?)));
    let (role, systems) = match wanted {
        Ok(wanted) => wanted,
        Err(wrong) => return Ok(answer(&visitor, &person, Some(wrong))),
    };
    let done = parts.desk.set_role(&visitor.actor, &name, (role, &systems)).await;
    ended(&visitor, &person, done.map(drop).map_err(Problem::from), Said::Saved)
}

pub(super) async fn set_password(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(name): InPath<String>,
    Sent(GivenPassword { password: GivenSecret(password) }): Sent<GivenPassword>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let person = one(&visitor, &parts, &name).await?;
    if let Some(refused) = not_oneself(&visitor, &person) {
        return Ok(refused);
    }
    let named = match name.parse() {
        Ok(named) => named,
        Err(why) => return Ok(answer(&visitor, &person, Some(Wrong::with("password", why)))),
    };
    let done = parts.desk.set_password(&visitor.actor, &named, password).await;
    ended(&visitor, &person, done.map(drop).map_err(Problem::from), Said::Saved)
}

pub(super) async fn set_access(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(name): InPath<String>,
    Sent(GivenAccess { may_sign_in }): Sent<GivenAccess>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let person = one(&visitor, &parts, &name).await?;
    if let Some(refused) = not_oneself(&visitor, &person) {
        return Ok(refused);
    }
    let done = parts.desk.let_in(&visitor.actor, &name, may_sign_in).await;
    ended(&visitor, &person, done.map(drop).map_err(Problem::from), Said::Saved)
}

pub(super) async fn remove(
    visitor: Visitor,
    State(parts): State<Parts>,
    InPath(name): InPath<String>,
    Sent(Removal { reason, confirm }): Sent<Removal>,
) -> Result<Response, Problem> {
    administers_all(&visitor)?;
    let person = one(&visitor, &parts, &name).await?;
    if let Some(refused) = not_oneself(&visitor, &person) {
        return Ok(refused);
    }
    if let Err(wrong) = Dangerous::typed(&confirm, &name) {
        return Ok(filled_in(&visitor, &person, &reason, Some(wrong)));
    }
    let why = match reasoned(&reason) {
        Ok(why) => why,
        Err(wrong) => return Ok(filled_in(&visitor, &person, &reason, Some(wrong))),
    };
    match parts.desk.remove_person(&visitor.actor, &name, why).await {
        Ok(_) => Ok(Said::PersonRemoved.to("/settings/people")),
        Err(error) => Ok(filled_in(&visitor, &person, &reason, Some(Wrong::of(error.into())?))),
    }
}

/// Nobody takes their own rights by mistake, or sets their password without the one that they have.
fn not_oneself(visitor: &Visitor, person: &Person) -> Option<Response> {
    let why = "this is you: another administrator changes that, and your password is changed under Your sign-in; nothing was done";
    is_oneself(visitor, person).then(|| answer(visitor, person, Some(Wrong::whole(why))))
}

fn is_oneself(visitor: &Visitor, person: &Person) -> bool {
    visitor.actor.name() == person.name
}

/// What somebody may do, to be held against what was shown.
fn seen_of(person: &Person) -> String {
    format!("{} {}", person.role.as_str(), written(&person.systems).1)
}

/// What became of a change: the page says so, or what is wrong.
fn ended(
    visitor: &Visitor,
    person: &Person,
    done: Result<(), Problem>,
    said: Said,
) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(said.to(&of(&person.name))),
        Err(problem) => Ok(answer(visitor, person, Some(of_problem(problem)?))),
    }
}

fn answer(visitor: &Visitor, person: &Person, wrong: Option<Wrong>) -> Response {
    filled_in(visitor, person, "", wrong)
}

/// The page, with the reason that was given for a removal.
fn filled_in(visitor: &Visitor, person: &Person, reason: &str, wrong: Option<Wrong>) -> Response {
    let mut frame = frame(visitor, &person.name);
    frame.above.push(Link::new("/settings/people", "People"));
    let of_removal = wrong.clone().filter(|wrong| matches!(wrong.field, Some("confirm" | "reason")));
    let shown = wrong.as_ref();
    let filled = written(&person.systems);
    let address = of(&person.name);
    let page = PersonPage {
        frame,
        name: person.name.clone(),
        own: is_oneself(visitor, person),
        seen: seen_of(person),
        badge: badge(person),
        facts: facts(person),
        role: role(person.role, shown),
        systems: systems((filled.0, &filled.1), shown),
        password: (!person.is_of_provider()).then(|| {
            Field::new("password", "New password", Takes::Secret)
                .hint("12 characters or more. Their sessions end. Nobody tells them: hand it over, and they choose another one under their own name.")
                .required()
                .unless(shown)
        }),
        may_sign_in: person.disabled_at.is_none(),
        remove: Dangerous {
            action: format!("{address}/remove"),
            title: "Remove",
            consequences: vec![
                "They cannot sign in any more, and their sessions end.".to_owned(),
                "What they did keeps their name in the audit log.".to_owned(),
            ],
            confirm: person.name.clone(),
            button: "Remove this person",
            hidden: Vec::new(),
            reason: reason.to_owned(),
            wrong: of_removal,
        },
        address,
        wrong: whole(wrong.clone()),
    };
    shown_as(status_of(wrong.as_ref()), &page)
}

fn facts(person: &Person) -> Facts {
    let time = |at: Option<jiff::Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    let mut facts = vec![
        ("Signs in with", Cell::text(if person.is_of_provider() { "Identity provider" } else { "Password" })),
        ("Added", time(Some(person.created_at))),
        ("Password set", time(person.password_changed_at)),
        ("Last signed in", time(person.signed_in_at)),
    ];
    facts.extend(person.shown_as.clone().map(|called| ("Called", Cell::Text(called))));
    facts.extend(person.issuer.clone().map(|issuer| ("Identity provider", Cell::Text(issuer))));
    facts.extend(person.disabled_at.map(|at| ("Disabled", time(Some(at)))));
    Facts { facts }
}
