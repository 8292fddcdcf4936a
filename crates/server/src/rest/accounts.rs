//! `/systems/{system_id}/accounts`

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use keyreeve_engine::rights::Right;
use keyreeve_model::{Account, AccountStatus, SystemId};
use keyreeve_store::{AccountFilter, Mfa, Slice};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::moment::as_of;
use super::paging::{Page, Paging};
use crate::auth::Caller;
use crate::body::{InPath, InQuery, at_most};
use crate::parts::Parts;
use crate::problem::{Problem, Refused};

/// Which accounts, and when. Conditions that are given must all hold.
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
    /// Part of the name, ignoring case; with `*` or `?` in it, a pattern for the whole name.
    #[param(max_length = 256)]
    #[serde(default, deserialize_with = "at_most::<256, _>")]
    name: Option<String>,
    /// What the path begins with.
    #[param(max_length = 512)]
    #[serde(default, deserialize_with = "at_most::<512, _>")]
    path: Option<String>,
    /// Name or external id of a group that they are in.
    #[param(max_length = 256)]
    #[serde(default, deserialize_with = "at_most::<256, _>")]
    group: Option<String>,
    /// Name, external id or ARN of a policy that is attached to them.
    #[param(max_length = 2048)]
    #[serde(default, deserialize_with = "at_most::<2048, _>")]
    policy: Option<String>,
    /// Whether a policy that is attached to a group which they are in counts as well.
    #[serde(default)]
    with_groups: bool,
    /// The status.
    #[param(inline)]
    status: Option<AccountStatus>,
    /// What is known of their multi-factor devices.
    #[param(inline)]
    mfa: Option<MfaState>,
    /// What was published at that time.
    as_of: Option<Timestamp>,
    /// What that import run said.
    run: Option<i64>,
}

/// What is known of multi-factor devices.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MfaState {
    /// One is active.
    Active,
    /// None is.
    Inactive,
    /// It could not be read.
    Unknown,
}

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moment {
    /// What was published at that time.
    as_of: Option<Timestamp>,
    /// What that import run said.
    run: Option<i64>,
}

/// Lists the accounts of a system, by name, then external id.
#[utoipa::path(
    get, path = "/systems/{system_id}/accounts", tag = "accounts",
    params(("system_id" = SystemId, Path), Filter), responses((status = 200, body = Page<Account>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InQuery(asked): InQuery<Filter>,
) -> Result<Json<Page<Account>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let paging = Paging(asked.cursor, asked.limit);
    let limit = paging.limit()?;
    let slice = Slice { after: paging.after()?, limit: limit + 1 };
    let filter = AccountFilter {
        name: asked.name,
        path_prefix: asked.path,
        group: asked.group,
        policy: asked.policy,
        through_groups: asked.with_groups,
        status: asked.status,
        mfa: asked.mfa.map(|mfa| match mfa {
            MfaState::Active => Mfa::Active,
            MfaState::Inactive => Mfa::Inactive,
            MfaState::Unknown => Mfa::Unknown,
        }),
    };
    let moment = as_of(asked.as_of, asked.run)?;
    let accounts = parts.store.accounts_slice(&system_id, moment, &filter, &slice).await?;
    Ok(Json(Page::of(accounts, limit, |account| (account.name.clone(), account.external_id.to_string()))))
}

/// Shows one account, by name or external id.
#[utoipa::path(
    get, path = "/systems/{system_id}/accounts/{account}", tag = "accounts",
    params(("system_id" = SystemId, Path), ("account" = String, Path, min_length = 1, max_length = 256), Moment),
    responses((status = 200, body = Account), Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, account)): InPath<(SystemId, String)>,
    InQuery(moment): InQuery<Moment>,
) -> Result<Json<Account>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let moment = as_of(moment.as_of, moment.run)?;
    Ok(Json(parts.store.get_account(&system_id, moment, &account).await?))
}
