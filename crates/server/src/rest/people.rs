//! `/people`: who may sign in, for an admin of all systems.

use axum::Json;
use axum::extract::State;
use keyreeve_engine::desk::PersonAsked;
use keyreeve_model::{Person, PersonName, Role, Secret, SystemId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::paging::Page;
use super::reason::Because;
use crate::auth::Caller;
use crate::body::{InBody, InPath, InQuery};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody};

/// Lists the people who may sign in, and those who no longer may.
#[utoipa::path(get, path = "/people", tag = "people", responses((status = 200, body = Page<Person>), Refused))]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(parts): State<Parts>,
) -> Result<Json<Page<Person>>, Problem> {
    Ok(Json(Page::whole(parts.desk.people(&actor).await?)))
}

/// Somebody to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddedPerson {
    /// Their name, and the actor of everything they do.
    #[schema(min_length = 1, max_length = 100, pattern = "^[a-z0-9][a-z0-9._@+-]*$")]
    name: String,
    /// What they may do.
    role: Role,
    /// The systems they are limited to; empty for all.
    #[serde(default)]
    systems: Vec<SystemId>,
    /// Their password to begin with, which they change themselves.
    #[schema(min_length = 12, max_length = 256)]
    password: String,
}

/// Adds somebody who signs in with a password.
#[utoipa::path(
    post, path = "/people", tag = "people", request_body = AddedPerson,
    responses((status = 200, body = Person), RefusedBody)
)]
pub(crate) async fn add(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InBody { value: AddedPerson { name, role, systems, password }, .. }: InBody<AddedPerson>,
) -> Result<Json<Person>, Problem> {
    let asked = PersonAsked { name: named(&name)?, role, systems, password: Secret::new(password) };
    Ok(Json(parts.desk.add_person(&actor, asked).await?))
}

/// What somebody may do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenRole {
    /// What they may do.
    role: Role,
    /// The systems they are limited to; empty for all.
    #[serde(default)]
    systems: Vec<SystemId>,
}

/// Gives somebody another role or other systems. Their sessions end.
#[utoipa::path(
    put, path = "/people/{person}/role", tag = "people", params(("person" = String, Path)),
    request_body = GivenRole, responses((status = 200, body = Person), RefusedBody)
)]
pub(crate) async fn set_role(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(person): InPath<String>,
    InBody { value: GivenRole { role, systems }, .. }: InBody<GivenRole>,
) -> Result<Json<Person>, Problem> {
    Ok(Json(parts.desk.set_role(&actor, &person, (role, &systems)).await?))
}

/// A password to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenPassword {
    /// The password, which they change themselves.
    #[schema(min_length = 12, max_length = 256)]
    password: String,
}

/// Gives somebody another password. Their sessions end.
#[utoipa::path(
    put, path = "/people/{person}/password", tag = "people", params(("person" = String, Path)),
    request_body = GivenPassword, responses((status = 200, body = Person), RefusedBody)
)]
pub(crate) async fn set_password(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(person): InPath<String>,
    InBody { value: GivenPassword { password }, .. }: InBody<GivenPassword>,
) -> Result<Json<Person>, Problem> {
    Ok(Json(parts.desk.set_password(&actor, &named(&person)?, Secret::new(password)).await?))
}

/// Whether somebody is let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenAccess {
    /// Whether they may sign in.
    may_sign_in: bool,
}

/// Keeps somebody out, or lets them in again. Who is kept out has no session any more.
#[utoipa::path(
    put, path = "/people/{person}/access", tag = "people", params(("person" = String, Path)),
    request_body = GivenAccess, responses((status = 200, body = Person), RefusedBody)
)]
pub(crate) async fn set_access(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(person): InPath<String>,
    InBody { value: GivenAccess { may_sign_in }, .. }: InBody<GivenAccess>,
) -> Result<Json<Person>, Problem> {
    Ok(Json(parts.desk.let_in(&actor, &person, may_sign_in).await?))
}

/// Removes somebody. What they did keeps their name; their sessions end.
#[utoipa::path(
    delete, path = "/people/{person}", tag = "people", params(("person" = String, Path), Because),
    responses((status = 200, body = Person), Refused)
)]
pub(crate) async fn remove(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(person): InPath<String>,
    InQuery(Because { reason }): InQuery<Because>,
) -> Result<Json<Person>, Problem> {
    Ok(Json(parts.desk.remove_person(&actor, &person, reason.as_deref()).await?))
}

fn named(name: &str) -> Result<PersonName, Problem> {
    name.parse().map_err(|refused: keyreeve_model::IdError| Problem::bad_request(refused.to_string()))
}
