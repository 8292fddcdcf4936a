//! What is refused, or failed, as a page: for whoever asks for one.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONNECTION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use keyreeve_engine::rights::Actor;

use super::form::sentence;
use super::page::{Frame, shown_as};
use super::parts::Link;
use super::table::TOO_MANY_ROWS;
use super::visitor::{Look, Told, Visitor, signed_in};
use crate::once::{IN_PROGRESS, REUSED};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::request::{RequestId, SaidAlready};
use crate::rest::keeping;

/// Where programs are answered.
const OF_PROGRAMS: [&str; 2] = ["/api/", "/scim/"];

#[derive(Template)]
#[template(path = "console/problem.html")]
struct ProblemPage {
    frame: Frame,
    detail: String,
    advice: &'static str,
    /// The request's id, where the log says more.
    request: Option<String>,
    /// Where it is seen what AWS says to a system's credentials.
    connection: Option<String>,
    /// Whether there is anything to sign in for.
    signed_out: bool,
    /// The way back: the first page, or the one above.
    back: Link,
}

/// Nothing is at the address that was asked for.
pub(crate) async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing at this address")
}

/// Makes a page of each problem, for browsers.
pub(crate) async fn as_pages(State(parts): State<Parts>, request: Request, next: Next) -> Response {
    if !wants_page(&request) {
        return telling(&parts, next.run(request).await);
    }
    let look = Look::of(request.headers(), request.uri(), &parts.door.site);
    let (headers, id) = (request.headers().clone(), request.extensions().get::<RequestId>().cloned());
    let response = telling(&parts, next.run(request).await);
    page_instead(&parts, (&headers, look), response, id).await
}

/// The same of what is refused before it is looked what it is, as a body that is too large.
pub(crate) async fn refused_as_pages(State(parts): State<Parts>, request: Request, next: Next) -> Response {
    if !wants_page(&request) {
        return next.run(request).await;
    }
    let look = Look::of(request.headers(), request.uri(), &parts.door.site);
    let (headers, id) = (request.headers().clone(), request.extensions().get::<RequestId>().cloned());
    let response = next.run(request).await;
    if response.extensions().get::<SaidAlready>().is_some() {
        return response;
    }
    page_instead(&parts, (&headers, look), response, id).await
}

/// The page of a problem, in the place of the problem.
async fn page_instead(
    parts: &Parts,
    asked: (&HeaderMap, Look),
    response: Response,
    id: Option<RequestId>,
) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let mut page = page_of(parts, asked, &problem, id).await;
    for name in [SET_COOKIE, RETRY_AFTER, CONNECTION] {
        for value in response.headers().get_all(&name) {
            page.headers_mut().append(name.clone(), value.clone());
        }
    }
    page.extensions_mut().insert(problem);
    page.extensions_mut().insert(SaidAlready);
    page
}

/// Whether what is asked for is a page.
fn wants_page(request: &Request) -> bool {
    takes_pages(request.headers()) && !OF_PROGRAMS.iter().any(|place| request.uri().path().starts_with(place))
}

/// With what the page that is led to will say.
fn telling(parts: &Parts, response: Response) -> Response {
    let cookie = response.extensions().get::<Told>().and_then(|told| told.cookie(&parts.door.site));
    keeping(response, cookie)
}

async fn page_of(
    parts: &Parts,
    (headers, look): (&HeaderMap, Look),
    problem: &Problem,
    id: Option<RequestId>,
) -> Response {
    let (status, detail) = (problem.status(), problem.detail());
    let title = title(status);
    // Whoever it is, the page is about what was refused: if nobody can be found, it has no navigation.
    let visitor = signed_in(parts, headers).await.ok().flatten();
    let visitor = visitor.map(|(session, person)| Visitor {
        actor: Actor::signed_in(person.clone()),
        session,
        person,
        look: look.clone(),
    });
    let mut frame = visitor
        .as_ref()
        .map_or_else(|| Frame::bare(&look, title), |visitor| Frame::around(visitor, None, title));
    // A choice of the theme leads back by `GET`.
    frame.address = "/".to_owned();
    let back = match status {
        StatusCode::METHOD_NOT_ALLOWED => above(&look.address),
        _ => Link::new("/".to_owned(), "To the first page".to_owned()),
    };
    let detail = sentence(detail);
    let signed_out = visitor.is_none();
    let request = id.map(|id| id.as_str().to_owned());
    let advice = match problem.code() {
        IN_PROGRESS => {
            "It was sent twice, and is done once. What it comes to is found under Jobs; there is no need to send it again."
        }
        REUSED => {
            "What was sent first is found under Jobs, or where the form was. Begin anew for anything else."
        }
        TOO_MANY_ROWS => "Go back to the list: it is as it was.",
        _ => {
            let advice = advice(status, signed_out);
            // Once is enough.
            let said = ["nothing was changed", "nothing was done"].iter().any(|one| detail.contains(one));
            let rest = ["Nothing was changed. ", "Nothing was done. "]
                .iter()
                .find_map(|one| advice.strip_prefix(one));
            rest.filter(|_| said).unwrap_or(advice)
        }
    };
    let connection = (status == StatusCode::BAD_GATEWAY).then(|| connection_of(&look.address)).flatten();
    shown_as(status, &ProblemPage { frame, detail, advice, connection, request, signed_out, back })
}

/// What a form sends goes to an address below the page that has the form.
fn above(address: &str) -> Link {
    let path = address.split('?').next().unwrap_or_default();
    match path.rsplit_once('/') {
        Some((above, _)) if !above.is_empty() => Link::new(above.to_owned(), "To the page above".to_owned()),
        _ => Link::new("/".to_owned(), "To the first page".to_owned()),
    }
}

/// The page of the connection of the system that an address is about.
fn connection_of(address: &str) -> Option<String> {
    let id = address.strip_prefix("/systems/")?.split(['/', '?']).next()?;
    (id != "new").then(|| format!("/systems/{id}/connection"))
}

fn takes_pages(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("text/html"))
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "You are not signed in",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::GONE => "No longer here",
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => "Not as things are now",
        StatusCode::METHOD_NOT_ALLOWED => "Nothing to be read here",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        StatusCode::PAYLOAD_TOO_LARGE => "Too much at once",
        StatusCode::BAD_GATEWAY => "AWS did not do it",
        status if status.is_client_error() => "Not understood",
        _ => "It did not work",
    }
}

fn advice(status: StatusCode, signed_out: bool) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Sign in, and try again.",
        StatusCode::FORBIDDEN if signed_out => "Nothing was done. Begin anew at the sign-in.",
        StatusCode::FORBIDDEN => {
            "Nothing was done. What you may do follows from your role and your systems: an administrator can change both."
        }
        StatusCode::NOT_FOUND => {
            "It may have been removed, or be in a system that is not yours. Look for it from the first page."
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            "This address takes what a form sends. What was sent before is found under Jobs, or where the form was."
        }
        StatusCode::GONE => "It was there, and is no more.",
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
            "Nothing was changed. Go back, load the page anew and look at how it is now."
        }
        StatusCode::TOO_MANY_REQUESTS => "Wait a little, then try again.",
        StatusCode::PAYLOAD_TOO_LARGE => {
            "Nothing was done. Go back, and send less at once: a form takes 1 MiB with all that is in it."
        }
        StatusCode::BAD_GATEWAY => {
            "Nothing was changed. Testing the connection, on the page of the system, shows what AWS says to its credentials. If it stays so, whoever runs this server finds why in its log."
        }
        status if status.is_client_error() => "Nothing was done. Go back, and begin anew from the page.",
        _ => {
            "Try again in a minute; whoever runs this server finds why in its log, under the number of this request."
        }
    }
}
