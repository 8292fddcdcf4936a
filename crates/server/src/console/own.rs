//! `/your-sign-in`: who one is here, one's own password, and where one is signed in.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;
use axum::routing::{get, post};
use keyreeve_engine::people::SignInError;
use keyreeve_model::{Person, Session};
use keyreeve_store::StoreError;
use serde::Deserialize;

use super::form::{Field, Sent, Takes, Wrong, status_of, whole};
use super::page::{Frame, Said, shown_as};
use super::parts::{Badge, Cell, Choice, Empty, Facts, Tone};
use super::table::{Column, Table};
use super::time::Time;
use super::visitor::{Visitor, to_form};
use crate::body::GivenSecret;
use crate::door::{Address, Kept};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rest::keeping;

const PLACE: &str = "/your-sign-in";
/// The form that ends what is marked.
const FORM: &str = "ending";

const COLUMNS: [Column; 6] = [
    Column::plain("Signed in"),
    Column::plain("From"),
    Column::plain("Last used"),
    Column::plain("Ends"),
    Column::plain("Which"),
    Column::plain("Sign out"),
];

/// The pages.
pub(super) fn router() -> Router<Parts> {
    Router::new()
        .route("/your-sign-in", get(page))
        .route("/your-sign-in/password", post(set_password).get(to_form::<1>))
        .route("/your-sign-in/sessions", post(end_sessions).get(to_form::<1>))
}

#[derive(Template)]
#[template(path = "console/own.html")]
struct OwnPage {
    frame: Frame,
    wrong: Option<String>,
    facts: Facts,
    /// Of somebody with a password here.
    password: Vec<Field>,
    sessions: Table,
    /// Whether there are others than the one of this page.
    others: bool,
    form: &'static str,
}

/// What the form of a password sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    password: GivenSecret,
    new_password: GivenSecret,
}

async fn page(visitor: Visitor, State(parts): State<Parts>) -> Result<Response, Problem> {
    answer(&visitor, &parts, None).await
}

async fn set_password(
    visitor: Visitor,
    State(parts): State<Parts>,
    Address(from): Address,
    Sent(Changed { password, new_password }): Sent<Changed>,
) -> Result<Response, Problem> {
    let now = parts.clock.now();
    let secrets = (password.0, new_password.0);
    match parts.door.sign_in.change_password(&visitor.person, secrets, from, now).await {
        // All sessions have ended, and this one goes on as another.
        Ok(begun) => {
            let led = Said::PasswordChanged.to(PLACE);
            Ok(keeping(led, Kept::Session.set(&parts.door.site, &begun.value)))
        }
        Err(SignInError::Refused) => {
            let wrong = Wrong::with("password", "this is not the password that you have");
            answer(&visitor, &parts, Some(wrong)).await
        }
        Err(SignInError::NotTaken(why)) => {
            answer(&visitor, &parts, Some(Wrong::with("new_password", why))).await
        }
        Err(SignInError::TooMany(too_many)) => {
            let wait = HeaderValue::from(too_many.retry_after_seconds());
            let mut response = answer(&visitor, &parts, Some(Wrong::whole(too_many))).await?;
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(RETRY_AFTER, wait);
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// Signs out where it is marked, or everywhere else.
async fn end_sessions(
    visitor: Visitor,
    State(parts): State<Parts>,
    Sent(chosen): Sent<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let known = |(name, value): &(String, String)| name == "session" || (name == "others" && value == "all");
    if chosen.is_empty() || !chosen.iter().all(known) {
        return Err(Problem::bad_request("what was sent is not what the form has"));
    }
    let all = chosen.iter().any(|(name, _)| name == "others");
    let (person, now) = (&visitor.person, parts.clock.now());
    for session in own(&visitor, &parts).await? {
        let marked = chosen.iter().any(|(_, value)| *value == session.id.0);
        if session.id == visitor.session.id || !(all || marked) {
            continue;
        }
        match parts.store.end_session(&session.id, Some(&person.name), &person.name, now).await {
            // It has ended meanwhile.
            Ok(()) | Err(StoreError::SessionNotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Said::SessionsEnded.to(PLACE))
}

async fn own(visitor: &Visitor, parts: &Parts) -> Result<Vec<Session>, Problem> {
    let life = parts.door.sign_in.life();
    Ok(parts.store.sessions(Some(&visitor.person.name), life, parts.clock.now()).await?)
}

async fn answer(visitor: &Visitor, parts: &Parts, wrong: Option<Wrong>) -> Result<Response, Problem> {
    let sessions = own(visitor, parts).await?;
    let row = |session: &Session| {
        let is_this = session.id == visitor.session.id;
        let choice = Choice {
            form: FORM,
            name: "session",
            value: session.id.0.clone(),
            label: format!("Sign out of the session from {}", session.address),
        };
        vec![
            Cell::Time(Time::at(session.signed_in_at)),
            Cell::Code(session.address.clone()),
            Cell::Time(Time::ago(session.last_used_at, parts.clock.now())),
            Cell::Time(Time::at(session.ends_at)),
            if is_this { Cell::Badge(Badge::new(Tone::Good, "This one")) } else { Cell::text("Another") },
            if is_this { Cell::None } else { Cell::Choice(choice) },
        ]
    };
    let empty = Empty { title: "No session".to_owned(), text: String::new(), action: None };
    let shown = wrong.as_ref();
    let secret = |name, label| Field::new(name, label, Takes::Secret).required().unless(shown);
    let page = OwnPage {
        frame: Frame { said: visitor.look.said.clone(), ..Frame::around(visitor, None, "Your sign-in") },
        facts: facts(&visitor.person),
        password: match visitor.person.is_of_provider() {
            true => Vec::new(),
            false => vec![
                secret("password", "The password that you have"),
                secret("new_password", "The new password")
                    .hint("12 characters or more. All of your other sessions end."),
            ],
        },
        others: sessions.iter().any(|session| session.id != visitor.session.id),
        sessions: Table::whole("Your sessions", &COLUMNS, sessions.iter().map(row).collect(), empty),
        form: FORM,
        wrong: whole(wrong.clone()),
    };
    Ok(shown_as(status_of(wrong.as_ref()), &page))
}

fn facts(person: &Person) -> Facts {
    let time = |at: Option<jiff::Timestamp>| at.map_or(Cell::None, |at| Cell::Time(Time::at(at)));
    let systems: Vec<&str> = person.systems.iter().map(keyreeve_model::SystemId::as_str).collect();
    let mut facts = vec![
        ("Name", Cell::text(person.name.clone())),
        ("Role", Cell::text(person.role.as_str())),
        ("Systems", Cell::text(if systems.is_empty() { "All".to_owned() } else { systems.join(", ") })),
        ("Signs in with", Cell::text(if person.is_of_provider() { "Identity provider" } else { "Password" })),
    ];
    if !person.is_of_provider() {
        facts.push(("Password set", time(person.password_changed_at)));
    }
    Facts { facts }
}
