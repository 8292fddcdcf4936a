//! `/systems/{system_id}/resources`

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::{ExternalId, ManagedBy, PolicyDocuments, Resource, ResourceType, SystemId};
use keyreeve_store::{AsOf, ResourceFilter, ResourceOrder, Slice};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::fields::{Fields, Partly};
use super::moment::{Moment, one_of};
use super::paging::{Mark, Page, Paging};
use crate::auth::Caller;
use crate::body::{InPath, InQuery, at_most};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Which resources, and when. Conditions that are given must all hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// `next` of the page before.
    #[param(max_length = 4096)]
    #[serde(default, deserialize_with = "at_most::<4096, _>")]
    cursor: Option<String>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// In which order.
    #[param(inline)]
    #[serde(default)]
    sort: Option<Order>,
    /// Only these fields of each entry, with commas between.
    #[param(max_length = 1_000)]
    #[serde(default, deserialize_with = "at_most::<1_000, _>")]
    fields: Option<String>,
    /// Groups or policies.
    #[serde(rename = "type")]
    #[param(inline)]
    kind: Option<ResourceType>,
    /// Part of the name, ignoring case; with `*` or `?` in it, a pattern for the whole name.
    #[param(max_length = 256)]
    #[serde(default, deserialize_with = "at_most::<256, _>")]
    name: Option<String>,
    /// What the path begins with.
    #[param(max_length = 512)]
    #[serde(default, deserialize_with = "at_most::<512, _>")]
    path: Option<String>,
    /// Who maintains a policy (leaves groups out).
    #[param(inline)]
    managed_by: Option<ManagedBy>,
    /// What was published at that time, or by the end of that day (UTC).
    #[param(value_type = Option<jiff::Timestamp>)]
    as_of: Option<String>,
    /// What that import run said.
    run: Option<i64>,
}

/// What resources are sorted by; with `-`, beginning with the last.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
enum Order {
    #[default]
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "path")]
    Path,
    #[serde(rename = "-path")]
    PathDown,
    #[serde(rename = "type")]
    Type,
    #[serde(rename = "-type")]
    TypeDown,
}

impl Order {
    /// What of the store, and whether it begins with the last.
    fn parts(self) -> (ResourceOrder, bool) {
        match self {
            Self::Name => (ResourceOrder::Name, false),
            Self::NameDown => (ResourceOrder::Name, true),
            Self::Path => (ResourceOrder::Path, false),
            Self::PathDown => (ResourceOrder::Path, true),
            Self::Type => (ResourceOrder::Type, false),
            Self::TypeDown => (ResourceOrder::Type, true),
        }
    }
}

/// Lists the groups and policies of a system, by name, then external id unless another order is asked for.
#[utoipa::path(
    get, path = "/systems/{system_id}/resources", tag = "resources",
    params(("system_id" = SystemId, Path), Filter), responses((status = 200, body = Page<Resource>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    mark: Mark,
    InQuery(asked): InQuery<Filter>,
) -> Result<Json<Page<Partly<Resource>>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let paging = Paging(asked.cursor, asked.limit);
    let limit = paging.limit()?;
    let fields = Fields::named(asked.fields.as_deref())?;
    let (by, descending) = asked.sort.unwrap_or_default().parts();
    let slice = Slice { by, descending, after: paging.after(&mark)?, limit: limit + 1 };
    let filter = ResourceFilter {
        kind: asked.kind,
        name: asked.name,
        path_prefix: asked.path,
        managed_by: asked.managed_by,
    };
    let moment = one_of(asked.as_of.as_deref(), asked.run, parts.clock.now())?;
    let resources = parts.store.resources_slice(&system_id, moment, &filter, &slice).await?;
    Ok(Json(Page::of(resources, limit, &mark, |one| by.place(one)).only(&fields)))
}

/// Shows what a policy says, in each version that imports have seen, or what the inline policies of a group say; by external
/// id.
#[utoipa::path(
    get, path = "/systems/{system_id}/resources/{resource}/documents", tag = "resources",
    params(("system_id" = SystemId, Path), ("resource" = ExternalId, Path), Moment),
    responses((status = 200, body = PolicyDocuments), Refused)
)]
pub(crate) async fn documents(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, resource)): InPath<(SystemId, ExternalId)>,
    InQuery(moment): InQuery<Moment>,
) -> Result<Json<PolicyDocuments>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let moment = moment.read(parts.clock.now())?;
    let found = parts.store.find_resource(&system_id, moment, &resource).await?;
    let resource = found.ok_or_else(|| not_there(&system_id, &resource, moment))?;
    Ok(Json(parts.store.resource_documents(&resource, moment).await?))
}

/// That there is no such group or policy at a moment.
pub(crate) fn not_there(system_id: &SystemId, resource: &ExternalId, moment: AsOf) -> Problem {
    let then = if moment == AsOf::Now { "" } else { " at that moment" };
    Problem::not_found(format!("there is no group or policy {resource} in system {system_id}{then}"))
}
