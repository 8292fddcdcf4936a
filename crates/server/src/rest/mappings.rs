//! `/systems/{system_id}/mappings`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use keyreeve_engine::desk::TrialAsked;
use keyreeve_engine::mapping::Trial;
use keyreeve_engine::rights::Right;
use keyreeve_model::{MappingName, SystemId, TaskKind, TaskMapping};
use keyreeve_store::StoredMapping;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::paging::Page;
use super::reason::Because;
use crate::auth::Caller;
use crate::body::{InBody, InPath, InQuery};
use crate::conditions::{Conditions, Unchanged};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody, RefusedVersion};

/// A task mapping with who set it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetMapping {
    #[serde(flatten)]
    mapping: TaskMapping,
    /// Whether nobody has set it.
    default: bool,
    /// Who set it.
    updated_by: Option<String>,
    /// When.
    updated_at: Option<Timestamp>,
}

impl From<StoredMapping> for SetMapping {
    fn from(stored: StoredMapping) -> Self {
        let (updated_by, updated_at) = stored.set.unzip();
        Self { mapping: stored.mapping, default: updated_at.is_none(), updated_by, updated_at }
    }
}

/// Lists the four task mappings of a system.
#[utoipa::path(
    get, path = "/systems/{system_id}/mappings", tag = "mappings", params(("system_id" = SystemId, Path)),
    responses((status = 200, body = Page<SetMapping>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
) -> Result<Json<Page<SetMapping>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let mappings = parts.store.task_mappings(&system_id).await?;
    Ok(Json(Page::whole(mappings.into_iter().map(SetMapping::from).collect())))
}

/// Shows a task mapping, as it is set.
#[utoipa::path(
    get, path = "/systems/{system_id}/mappings/{mapping}", tag = "mappings",
    params(("system_id" = SystemId, Path), ("mapping" = MappingName, Path), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, body = TaskMapping, headers(("ETag" = String))), Unchanged, Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, mapping)): InPath<(SystemId, MappingName)>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    caller.require(Right::Read, &system_id)?;
    conditions.answer(&parts.store.task_mapping(&system_id, mapping).await?.mapping)
}

/// Sets a task mapping, whole. `If-Match` says as which the caller saw it, by the `ETag` of this address.
#[utoipa::path(
    put, path = "/systems/{system_id}/mappings/{mapping}", tag = "mappings",
    params(("system_id" = SystemId, Path), ("mapping" = MappingName, Path), ("If-Match" = String, Header), Because),
    request_body = TaskMapping, responses((status = 200, body = SetMapping), RefusedBody, RefusedVersion)
)]
pub(crate) async fn set(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, MappingName)>,
    conditions: Conditions,
    InQuery(Because { reason }): InQuery<Because>,
    InBody { value: mapping, .. }: InBody<TaskMapping>,
) -> Result<Json<SetMapping>, Problem> {
    caller.require(Right::Administer, &system_id)?;
    conditions.must_match()?;
    if mapping.name != name {
        return Err(Problem::bad_request("the name of the mapping is not that of the address"));
    }
    let is_seen = |there: &TaskMapping| conditions.is_about(there);
    Ok(Json(
        parts.desk.set_mapping(&caller.0, &system_id, &mapping, is_seen, reason.as_deref()).await?.into(),
    ))
}

/// Goes back to the default of a task mapping, from what the caller saw (`If-Match`).
#[utoipa::path(
    delete, path = "/systems/{system_id}/mappings/{mapping}", tag = "mappings",
    params(("system_id" = SystemId, Path), ("mapping" = MappingName, Path), ("If-Match" = String, Header), Because),
    responses((status = 204), Refused, RefusedVersion)
)]
pub(crate) async fn reset(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, mapping)): InPath<(SystemId, MappingName)>,
    conditions: Conditions,
    InQuery(Because { reason }): InQuery<Because>,
) -> Result<StatusCode, Problem> {
    caller.require(Right::Administer, &system_id)?;
    conditions.must_match()?;
    let is_seen = |there: &TaskMapping| conditions.is_about(there);
    parts.desk.reset_mapping(&caller.0, &system_id, mapping, is_seen, reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is tried with a task mapping.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTrial {
    /// The attributes: `first`, `last`, `department`, ….
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// The account's name: given for a new account, or that of an account there is.
    #[serde(default)]
    name: Option<String>,
    /// Which kind of task; the first one that the mapping serves if it is left out.
    #[serde(default)]
    task: Option<TaskKind>,
    /// A mapping to try instead of the one that is set.
    #[serde(default)]
    mapping: Option<TaskMapping>,
}

/// What came of a trial.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialOutcome {
    #[serde(flatten)]
    trial: Trial,
    /// Whether the system was imported: else it is not known which names are taken.
    imported: bool,
    /// A name that no account has; its path was taken to be `/`.
    unknown_account: Option<String>,
}

/// Says what a task mapping makes of some attributes. Nothing is changed.
#[utoipa::path(
    post, path = "/systems/{system_id}/mappings/{mapping}/try", tag = "mappings",
    params(("system_id" = SystemId, Path), ("mapping" = MappingName, Path)),
    request_body = NewTrial, responses((status = 200, body = TrialOutcome), RefusedBody)
)]
pub(crate) async fn attempt(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath((system_id, name)): InPath<(SystemId, MappingName)>,
    InBody { value: NewTrial { attributes, name: account, task, mapping }, .. }: InBody<NewTrial>,
) -> Result<Json<TrialOutcome>, Problem> {
    let asked = TrialAsked { attributes, name: account, task, mapping };
    let outcome = parts.desk.try_mapping(&actor, &system_id, name, asked).await?;
    Ok(Json(TrialOutcome {
        trial: outcome.trial,
        imported: outcome.imported,
        unknown_account: outcome.unknown,
    }))
}
