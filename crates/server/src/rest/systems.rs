//! `/systems`

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyreeve_engine::check::Check;
use keyreeve_engine::rights::Right;
use keyreeve_engine::systems::{Given, Released};
use keyreeve_model::{System, SystemId, SystemSettings};
use keyreeve_store::{SystemFilter, SystemOrder, SystemPlace, SystemSlice};
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::changes::{Decision, Nothing};
use super::fields::{Fields, Partly};
use super::paging::{Mark, Page, Paging};
use super::reason::Because;
use crate::auth::Caller;
use crate::body::{InBody, InPath, InQuery, at_most};
use crate::conditions::{Conditions, Unchanged, changed};
use crate::parts::Parts;
use crate::problem::{Problem, Refused, RefusedBody, RefusedVersion};

/// Which systems.
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
    /// Also those that were removed.
    #[serde(default)]
    removed: bool,
}

/// What systems are sorted by; with `-`, beginning with the last.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub(crate) enum Order {
    #[default]
    #[serde(rename = "system_id")]
    SystemId,
    #[serde(rename = "-system_id")]
    SystemIdDown,
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "category")]
    Category,
    #[serde(rename = "-category")]
    CategoryDown,
    #[serde(rename = "created_at")]
    CreatedAt,
    #[serde(rename = "-created_at")]
    CreatedAtDown,
}

impl FromStr for Order {
    type Err = Problem;

    fn from_str(word: &str) -> Result<Self, Problem> {
        let word: StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
        Self::deserialize(word).map_err(|error| Problem::bad_request(format!("sort: {error}")))
    }
}

impl Order {
    /// What of the store, and whether it begins with the last.
    fn parts(self) -> (SystemOrder, bool) {
        match self {
            Self::SystemId => (SystemOrder::SystemId, false),
            Self::SystemIdDown => (SystemOrder::SystemId, true),
            Self::Name => (SystemOrder::Name, false),
            Self::NameDown => (SystemOrder::Name, true),
            Self::Category => (SystemOrder::Category, false),
            Self::CategoryDown => (SystemOrder::Category, true),
            Self::CreatedAt => (SystemOrder::CreatedAt, false),
            Self::CreatedAtDown => (SystemOrder::CreatedAt, true),
        }
    }

    /// Where a system stands.
    pub(crate) fn place(self, system: &System) -> SystemPlace {
        self.parts().0.place(system)
    }

    /// So many systems in this order and one more, those after a place if one is given.
    pub(crate) fn slice(self, after: Option<SystemPlace>, limit: u32) -> SystemSlice {
        let (by, descending) = self.parts();
        SystemSlice { by, descending, after, limit: limit.saturating_add(1) }
    }
}

/// Lists the systems that the caller's token is for, by System ID unless another order is asked for.
#[utoipa::path(
    get, path = "/systems", tag = "systems", params(Filter),
    responses((status = 200, body = Page<System>), Refused)
)]
pub(crate) async fn list(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    mark: Mark,
    InQuery(filter): InQuery<Filter>,
) -> Result<Json<Page<Partly<System>>>, Problem> {
    actor.require(Right::Read)?;
    let fields = Fields::named(filter.fields.as_deref())?;
    let paging = Paging(filter.cursor, filter.limit);
    let limit = paging.limit()?;
    let order = filter.sort.unwrap_or_default();
    let slice = order.slice(paging.after(&mark)?, limit);
    let asked = SystemFilter { systems: actor.limits(), removed: filter.removed, ..SystemFilter::default() };
    let systems = parts.store.systems_slice(&asked, &slice).await?;
    Ok(Json(Page::of(systems, limit, &mark, |system| order.place(system)).only(&fields)))
}

/// Shows one system.
#[utoipa::path(
    get, path = "/systems/{system_id}", tag = "systems",
    params(("system_id" = SystemId, Path), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, body = System, headers(("ETag" = String))), Unchanged, Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    caller.require(Right::Read, &system_id)?;
    conditions.answer(&parts.store.get_system(&system_id).await?)
}

/// What is to be changed of a system; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SystemChange {
    /// The display name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    name: Option<Value>,
    /// The category.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 100)]
    category: Option<Value>,
    /// The AWS region, one of the system's partition; null, or `none`, for that of the server.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 64)]
    region: Option<Value>,
    /// The settings that change. A setting that may have no value is taken away by null.
    #[serde(default)]
    #[schema(value_type = SystemSettings, required = false)]
    settings: serde_json::Map<String, Value>,
}

/// What stands there, also null: that is not the same as nothing.
fn given<'de, D: Deserializer<'de>>(given: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(given).map(Some)
}

/// Changes the name, the category, the region and settings of a system, all of it or nothing. `If-Match` says as which the
/// caller saw it.
#[utoipa::path(
    patch, path = "/systems/{system_id}", tag = "systems",
    params(("system_id" = SystemId, Path), ("If-Match" = String, Header)),
    request_body = SystemChange,
    responses((status = 200, body = System, headers(("ETag" = String))), RefusedBody, RefusedVersion)
)]
pub(crate) async fn change(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    conditions: Conditions,
    InBody { value: SystemChange { name, category, region, settings }, .. }: InBody<SystemChange>,
) -> Result<Response, Problem> {
    caller.require(Right::Administer, &system_id)?;
    conditions.must_match()?;
    let others = [("name", name), ("category", category), ("region", region)];
    let others = others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    if let Some(other) = settings.keys().find(|name| NOT_SETTINGS.contains(&name.as_str())) {
        return Err(Problem::bad_request(format!("{other} is no setting")));
    }
    let asked: Vec<(String, Given)> =
        others.chain(settings).map(|(name, value)| (name, Given::Json(value))).collect();
    let is_seen = |system: &System| conditions.is_about(system);
    changed(&parts.desk.change_system(&caller.0, &system_id, is_seen, &asked).await?)
}

/// What stands beside the settings, and is none of them.
const NOT_SETTINGS: [&str; 3] = ["name", "category", "region"];

/// Removes a system: its secret is wiped and nothing more is imported. Its history stays readable, its System ID stays
/// taken, and AWS is not touched. `If-Match` says as which the caller saw it.
#[utoipa::path(
    delete, path = "/systems/{system_id}", tag = "systems",
    params(("system_id" = SystemId, Path), ("If-Match" = String, Header), Because),
    responses((status = 200, body = System), Refused, RefusedVersion)
)]
pub(crate) async fn remove(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    conditions: Conditions,
    InQuery(Because { reason }): InQuery<Because>,
) -> Result<Json<System>, Problem> {
    caller.require(Right::Administer, &system_id)?;
    conditions.must_match()?;
    let is_seen = |there: &System| conditions.is_about(there);
    Ok(Json(parts.desk.remove_system(&caller.0, &system_id, is_seen, reason.as_deref()).await?))
}

/// Looks whether a system can be reached, whose its credentials are and what they may do. Nothing is changed in AWS. An AWS
/// account that was not known is pinned, and a system whose credentials are of another one is quarantined.
#[utoipa::path(
    post, path = "/systems/{system_id}/check", tag = "systems", params(("system_id" = SystemId, Path)),
    request_body = Nothing, responses((status = 200, body = Page<Check>), RefusedBody)
)]
pub(crate) async fn check(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InBody { value: Nothing {}, .. }: InBody<Nothing>,
) -> Result<Json<Page<Check>>, Problem> {
    let desk = parts.desk.clone();
    let work = move || async move { desk.check_system(&actor, &system_id).await };
    Ok(Json(Page::whole(parts.planning.run(work).await??)))
}

/// A system that is worked with again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReleasedSystem {
    #[serde(flatten)]
    system: System,
    /// Why it could not be found out whose its credentials are; null where it could. The next import looks again before
    /// it reads anything.
    unidentified: Option<String>,
}

/// Ends the quarantine of a system, unless its cause is still there.
#[utoipa::path(
    post, path = "/systems/{system_id}/release", tag = "systems", params(("system_id" = SystemId, Path)),
    request_body = Decision, responses((status = 200, body = ReleasedSystem), RefusedBody)
)]
pub(crate) async fn release(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InBody { value: Decision { reason }, .. }: InBody<Decision>,
) -> Result<Json<ReleasedSystem>, Problem> {
    let desk = parts.desk.clone();
    let work = move || async move { desk.release_system(&actor, &system_id, reason.as_deref()).await };
    let Released { system, unidentified } = parts.planning.run(work).await??;
    Ok(Json(ReleasedSystem { system, unidentified: unidentified.map(|error| error.to_string()) }))
}
