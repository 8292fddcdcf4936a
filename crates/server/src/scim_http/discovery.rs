//! What clients find out about the server (RFC 7644 §4), and `/Me` (§3.11).

use axum::response::Response;

use super::answer::{Refusal, json};
use super::asked::Asked;
use crate::scim::error::quoted;
use crate::scim::{Cause, Error, discovery};

/// What is done here and what not.
pub(crate) async fn service_provider_config(asked: Asked) -> Response {
    json(200, &discovery::service_provider_config(asked.model, &asked.base))
}

/// The types of resources.
pub(crate) async fn resource_types(asked: Asked) -> Result<Response, Refusal> {
    unfiltered(&asked)?;
    Ok(json(200, &discovery::resource_types(asked.model, &asked.base)))
}

/// One type of resource.
pub(crate) async fn resource_type(asked: Asked) -> Result<Response, Refusal> {
    let name = asked.place("name");
    let found = discovery::resource_type(asked.model, name, &asked.base).ok_or_else(|| none(name))?;
    Ok(json(200, &found))
}

/// The schemas.
pub(crate) async fn schemas(asked: Asked) -> Result<Response, Refusal> {
    unfiltered(&asked)?;
    Ok(json(200, &discovery::schemas(asked.model, &asked.base)))
}

/// One schema.
pub(crate) async fn schema(asked: Asked) -> Result<Response, Refusal> {
    let id = asked.place("id");
    let found = discovery::schema(asked.model, id, &asked.base).ok_or_else(|| none(id))?;
    Ok(json(200, &found))
}

/// A token stands for a program or a person, and for no IAM user.
pub(crate) async fn me(_asked: Asked) -> Refusal {
    let detail = "a token is not an IAM user, so there is no Me; read /Users";
    Error::new(Cause::NotImplemented, detail).into()
}

/// "service providers SHALL … respond with HTTP response code 403" to a filter here (RFC 7644 §4).
fn unfiltered(asked: &Asked) -> Result<(), Error> {
    match asked.query()?.filter {
        None => Ok(()),
        Some(_) => Err(Error::new(Cause::Forbidden, "these lists are not filtered")),
    }
}

fn none(name: &str) -> Error {
    Error::new(Cause::NotFound, format!("there is no {}", quoted(name)))
}
