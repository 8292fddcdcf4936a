//! `/systems/{system_id}/accounts`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use keyreeve_engine::rights::Right;
use keyreeve_engine::unseen::{KnownAccount, Unseen};
use keyreeve_model::{AccountStatus, JobId, LoginProfileState, PolicyDocuments, SystemId};
use keyreeve_store::{AccountFilter, AccountOrder, AsOf, Mfa, Slice, StoreError};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::fields::{Fields, Partly};
use super::moment::{Moment, one_of};
use super::paging::{Mark, Page, Paging};
use crate::auth::Caller;
use crate::body::{InPath, InQuery, at_most};
use crate::conditions::{Conditions, Unchanged};
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
    /// In which order.
    #[param(inline)]
    #[serde(default)]
    sort: Option<Order>,
    /// Only these fields of each entry, with commas between.
    #[param(max_length = 1_000)]
    #[serde(default, deserialize_with = "at_most::<1_000, _>")]
    fields: Option<String>,
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
    /// Part of the name, the path, the ARN or the tags, ignoring case; `*` and `?` as in a name.
    #[param(max_length = 512)]
    #[serde(default, deserialize_with = "at_most::<512, _>")]
    text: Option<String>,
    /// Whether there is a console password.
    #[param(inline)]
    console: Option<LoginProfileState>,
    /// What was published at that time, or by the end of that day (UTC).
    #[param(value_type = Option<jiff::Timestamp>)]
    as_of: Option<String>,
    /// What that import run said.
    run: Option<i64>,
}

/// What accounts are sorted by; with `-`, beginning with the last.
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
    #[serde(rename = "status")]
    Status,
    #[serde(rename = "-status")]
    StatusDown,
    #[serde(rename = "created_at")]
    CreatedAt,
    #[serde(rename = "-created_at")]
    CreatedAtDown,
    #[serde(rename = "password_last_used_at")]
    PasswordLastUsedAt,
    #[serde(rename = "-password_last_used_at")]
    PasswordLastUsedAtDown,
}

impl Order {
    /// What of the store, and whether it begins with the last.
    fn parts(self) -> (AccountOrder, bool) {
        match self {
            Self::Name => (AccountOrder::Name, false),
            Self::NameDown => (AccountOrder::Name, true),
            Self::Path => (AccountOrder::Path, false),
            Self::PathDown => (AccountOrder::Path, true),
            Self::Status => (AccountOrder::Status, false),
            Self::StatusDown => (AccountOrder::Status, true),
            Self::CreatedAt => (AccountOrder::CreatedAt, false),
            Self::CreatedAtDown => (AccountOrder::CreatedAt, true),
            Self::PasswordLastUsedAt => (AccountOrder::PasswordLastUsedAt, false),
            Self::PasswordLastUsedAtDown => (AccountOrder::PasswordLastUsedAt, true),
        }
    }
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

/// Lists the accounts of a system as the last import saw them, with what we changed since; by name, then external id unless
/// another order is asked for.
#[utoipa::path(
    get, path = "/systems/{system_id}/accounts", tag = "accounts",
    params(("system_id" = SystemId, Path), Filter), responses((status = 200, body = Page<KnownAccount>), Refused)
)]
pub(crate) async fn list(
    caller: Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    mark: Mark,
    InQuery(asked): InQuery<Filter>,
) -> Result<Json<Page<Partly<KnownAccount>>>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let paging = Paging(asked.cursor, asked.limit);
    let limit = paging.limit()?;
    let fields = Fields::named(asked.fields.as_deref())?;
    let (by, descending) = asked.sort.unwrap_or_default().parts();
    let slice = Slice { by, descending, after: paging.after(&mark)?, limit: limit + 1 };
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
        text: asked.text,
        console: asked.console,
        oldest_key: None,
    };
    let moment = one_of(asked.as_of.as_deref(), asked.run, parts.clock.now())?;
    let unseen = Unseen::load(&parts.store, &system_id, moment).await?;
    let accounts = parts.store.accounts_slice(&system_id, moment, &filter, &slice).await?;
    let accounts = accounts.into_iter().map(|account| unseen.known(account)).collect();
    Ok(Json(Page::of(accounts, limit, &mark, |known: &KnownAccount| by.place(&known.account)).only(&fields)))
}

/// Shows one account as the last import saw it, by name or external id, with what we changed since.
#[utoipa::path(
    get, path = "/systems/{system_id}/accounts/{account}", tag = "accounts",
    params(("system_id" = SystemId, Path), ("account" = String, Path, min_length = 1, max_length = 256), Moment,
        ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, body = KnownAccount, headers(("ETag" = String))), Unchanged, Refused)
)]
pub(crate) async fn get(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, account)): InPath<(SystemId, String)>,
    InQuery(moment): InQuery<Moment>,
    conditions: Conditions,
) -> Result<Response, Problem> {
    caller.require(Right::Read, &system_id)?;
    let moment = moment.read(parts.clock.now())?;
    let unseen = Unseen::load(&parts.store, &system_id, moment).await?;
    match parts.store.account_asked_for(&system_id, moment, &account).await {
        Ok(found) => conditions.answer(&unseen.known(found)),
        Err(error @ StoreError::AccountNotFound { .. }) if moment == AsOf::Now => {
            match parts.store.made_by(&system_id, &account).await? {
                Some(job) => Err(not_seen(&system_id, &account, job)),
                None => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// An account that we made is not shown before an import has seen it: most of it is not known.
fn not_seen(system_id: &SystemId, account: &str, job: JobId) -> Problem {
    let detail = format!("account {account:?} was made by job {job}, and no import has seen it yet");
    Problem::new(StatusCode::NOT_FOUND, "account_not_found", detail).advice(format!(
        "`POST /api/v1/systems/{system_id}/import-runs` reads it; `GET /api/v1/jobs/{job}` shows what was done"
    ))
}

/// Shows what the inline policies of an account say, by its name or external id.
#[utoipa::path(
    get, path = "/systems/{system_id}/accounts/{account}/documents", tag = "accounts",
    params(("system_id" = SystemId, Path), ("account" = String, Path, min_length = 1, max_length = 256), Moment),
    responses((status = 200, body = PolicyDocuments), Refused)
)]
pub(crate) async fn documents(
    caller: Caller,
    State(parts): State<Parts>,
    InPath((system_id, account)): InPath<(SystemId, String)>,
    InQuery(moment): InQuery<Moment>,
) -> Result<Json<PolicyDocuments>, Problem> {
    caller.require(Right::Read, &system_id)?;
    let moment = moment.read(parts.clock.now())?;
    let account = parts.store.account_asked_for(&system_id, moment, &account).await?;
    let inline = account.inline_policies.unwrap_or_default();
    Ok(Json(PolicyDocuments { versions: Vec::new(), inline: parts.store.inline_documents(&inline).await? }))
}
