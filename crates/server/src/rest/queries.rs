//! The query of an address: names that its description does not know are refused, at every address alike, before
//! anything is done. A wish that is passed over is taken for one that was met.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr, SecurityRequirement};

use super::PREFIX;
use crate::auth::Signed;
use crate::once::HEADER;
use crate::parts::Parts;
use crate::problem::Problem;

/// So much of a name is said again.
const SAID_AGAIN: usize = 50;

/// What the queries of all addresses may have.
#[derive(Clone)]
pub(super) struct Queries(Arc<HashMap<(String, &'static str), Known>>);

/// What the query of one address may have.
struct Known {
    names: Vec<String>,
    /// A key makes it be done once.
    once: bool,
    /// Nobody has to say who they are.
    open: bool,
}

impl Queries {
    pub(super) fn of(openapi: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &openapi.paths.paths {
            let methods = [
                ("GET", &item.get),
                ("PUT", &item.put),
                ("POST", &item.post),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            for (method, operation) in methods {
                if let Some(operation) = operation {
                    known.insert((path.clone(), method), Known::of(operation));
                }
            }
        }
        known.insert(
            ("/openapi.json".to_owned(), "GET"),
            Known { names: Vec::new(), once: false, open: true },
        );
        Self(Arc::new(known))
    }

    /// What the query of a request may have; `None` for a method that its address does not take.
    fn known(&self, request: &Request) -> Option<&Known> {
        let path = request.extensions().get::<MatchedPath>()?.as_str().strip_prefix(PREFIX)?;
        let method = match request.method().as_str() {
            "GET" | "HEAD" => "GET",
            "PUT" => "PUT",
            "POST" => "POST",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => return None,
        };
        self.0.get(&(path.to_owned(), method))
    }
}

impl Known {
    fn of(operation: &Operation) -> Self {
        let names = operation.parameters.iter().flatten().filter_map(|one| match one {
            RefOr::T(one) if one.parameter_in == ParameterIn::Query => Some(one.name.clone()),
            _ => None,
        });
        let open = operation.security.iter().flatten().any(|way| *way == SecurityRequirement::default());
        let is_key = |one: &RefOr<Parameter>| {
            matches!(one, RefOr::T(one) if one.parameter_in == ParameterIn::Header
                && one.name.eq_ignore_ascii_case(HEADER.as_str()))
        };
        let once = operation.parameters.iter().flatten().any(is_key);
        Self { names: names.collect(), once, open }
    }

    /// Whoever sends a key relies on the request being done once.
    fn needless_key(&self, request: &Request) -> Option<Problem> {
        let needless = !self.once && !request.method().is_safe() && request.headers().contains_key(HEADER);
        needless.then(|| {
            Problem::bad_request(
                "this address takes no Idempotency-Key, so a repeat would be done again; send it without, and look what \
                 there is before it is sent again; nothing was done",
            )
        })
    }

    fn refusal(&self, unknown: &str) -> Problem {
        let unknown: String = unknown.chars().take(SAID_AGAIN).collect();
        let names = match self.names.as_slice() {
            [] => "its query is empty".to_owned(),
            names => format!("its query may have {}", names.join(", ")),
        };
        Problem::bad_request(format!("this address knows no {unknown:?}: {names}; nothing was done"))
    }
}

/// Lets a request through whose query has what its address knows. Who may not ask at all learns that first.
pub(super) async fn held(
    State((queries, parts)): State<(Queries, Parts)>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let refused = queries.known(&request).and_then(|known| {
        let query = request.uri().query().unwrap_or_default();
        if percent_decode_str(query).decode_utf8().is_err() {
            let why = Problem::bad_request("the query is no UTF-8; nothing was done");
            return Some((why, known.open));
        }
        let given = url::form_urlencoded::parse(query.as_bytes());
        let refusal = given.into_iter().find_map(|(name, value)| {
            if !known.names.iter().any(|one| *one == name) {
                return Some(known.refusal(&name));
            }
            // Databases end texts there, or refuse them.
            let why = || Problem::bad_request(format!("{name} has a NUL in it; nothing was done"));
            value.contains('\0').then(why)
        });
        Some((refusal.or_else(|| known.needless_key(&request))?, known.open))
    });
    let Some((refusal, open)) = refused else { return Ok(next.run(request).await) };
    if !open {
        let (mut head, _) = request.into_parts();
        Signed::from_request_parts(&mut head, &parts).await?;
    }
    Err(refusal)
}
