//! `/systems/{system_id}/assignments`, and `/assignments` of all systems.

use axum::Json;
use axum::extract::State;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Assignment, AssignmentKind, SystemId};
use keyreeve_store::{AssignmentFilter, AssignmentSlice, HeldFilter, HeldPlace, HeldSlice};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};

use super::fields::{Fields, Partly};
use super::moment::one_of;
use super::paging::{Mark, Page, Paging};
use crate::auth::Caller;
use crate::body::{InPath, InQuery, at_most};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Which assignments, and when. Conditions that are given must all hold.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// `next` of the page before.
    #[param(max_length = 8192, pattern = "^[A-Za-z0-9_-]*$")]
    #[serde(default, deserialize_with = "at_most::<8192, _>")]
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
    /// Name or external id of the account that holds.
    #[param(max_length = 256)]
    #[serde(default, deserialize_with = "at_most::<256, _>")]
    account: Option<String>,
    /// Name or external id of a group, as the holder or as what is held.
    #[param(max_length = 256)]
    #[serde(default, deserialize_with = "at_most::<256, _>")]
    group: Option<String>,
    /// Name, external id or ARN of the policy that is held.
    #[param(max_length = 2048)]
    #[serde(default, deserialize_with = "at_most::<2048, _>")]
    policy: Option<String>,
    /// The kind.
    #[param(inline)]
    kind: Option<AssignmentKind>,
    /// What was published at that time, or by the end of that day (UTC).
    #[param(value_type = Option<jiff::Timestamp>)]
    as_of: Option<String>,
    /// What that import run said.
    run: Option<i64>,
}

/// What assignments are sorted by; with `-`, beginning with the last.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
enum Order {
    #[default]
    #[serde(rename = "holder")]
    Holder,
    #[serde(rename = "-holder")]
    HolderDown,
}

/// Lists who holds what in a system, by holder, then resource. What we changed and no import has confirmed yet is there
/// as `pending_add` or `pending_remove`.
#[utoipa::path(
    get, path = "/systems/{system_id}/assignments", tag = "assignments",
    params(("system_id" = SystemId, Path), Filter), responses((status = 200, body = Page<Assignment>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    mark: Mark,
    InQuery(asked): InQuery<Filter>,
) -> Result<Json<Page<Partly<Assignment>>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let paging = Paging(asked.cursor, asked.limit);
    let limit = paging.limit()?;
    let fields = Fields::named(asked.fields.as_deref())?;
    let descending = matches!(asked.sort, Some(Order::HolderDown));
    let slice = AssignmentSlice { descending, after: paging.after(&mark)?, limit: limit + 1 };
    let filter = AssignmentFilter {
        account: asked.account,
        group: asked.group,
        policy: asked.policy,
        kind: asked.kind,
    };
    let moment = one_of(asked.as_of.as_deref(), asked.run, parts.clock.now())?;
    let assignments = parts.store.assignments_slice(&system_id, moment, &filter, &slice).await?;
    Ok(Json(Page::of(assignments, limit, &mark, Assignment::place).only(&fields)))
}

/// Whose holders, and which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held {
    /// The name of a group or policy, in any case, or an ARN. A policy of AWS has the same ARN in all systems; one of a
    /// customer, and a group, have the same name at most.
    #[param(min_length = 1, max_length = 2048)]
    #[serde(deserialize_with = "given")]
    resource: String,
    /// The kind.
    #[param(inline)]
    kind: Option<AssignmentKind>,
    /// `next` of the page before.
    #[param(max_length = 8192, pattern = "^[A-Za-z0-9_-]*$")]
    #[serde(default, deserialize_with = "at_most::<8192, _>")]
    cursor: Option<String>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// In which order.
    #[param(inline)]
    #[serde(default)]
    sort: Option<HeldOrder>,
    /// Only these fields of each entry, with commas between.
    #[param(max_length = 1_000)]
    #[serde(default, deserialize_with = "at_most::<1_000, _>")]
    fields: Option<String>,
}

fn given<'de, D: Deserializer<'de>>(given: D) -> Result<String, D::Error> {
    let text = at_most::<2048, _>(given)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| D::Error::custom("it is empty; give a name or an ARN"))
}

/// What assignments of all systems are sorted by: in which order the systems were registered, then by holder; with `-`,
/// beginning with the last.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
enum HeldOrder {
    #[default]
    #[serde(rename = "system")]
    System,
    #[serde(rename = "-system")]
    SystemDown,
}

/// Lists who holds a group or policy in all systems that the caller may see, system by system in the order in which they
/// were registered, then by holder: accounts, and the groups that a policy is attached to. It is what the last import of each
/// system saw; what was changed from here since is `pending_add` or `pending_remove` in the lists of the systems alone.
#[utoipa::path(
    get, path = "/assignments", tag = "assignments", params(Held),
    responses((status = 200, body = Page<Assignment>), Refused)
)]
pub(crate) async fn everywhere(
    caller: Caller,
    State(parts): State<Parts>,
    mark: Mark,
    InQuery(asked): InQuery<Held>,
) -> Result<Json<Page<Partly<Assignment>>>, Problem> {
    caller.0.require(Right::Read)?;
    let systems = caller.systems(&parts).await?;
    let paging = Paging(asked.cursor, asked.limit);
    let limit = paging.limit()?;
    let fields = Fields::named(asked.fields.as_deref())?;
    let descending = matches!(asked.sort, Some(HeldOrder::SystemDown));
    let slice = HeldSlice { descending, after: paging.after(&mark)?, limit: limit + 1 };
    let filter = HeldFilter { resource: asked.resource, kind: asked.kind };
    let held = parts.store.held_everywhere(systems.as_deref(), &filter, &slice).await?;
    Ok(Json(Page::of(held, limit, &mark, HeldPlace::of).only(&fields)))
}
