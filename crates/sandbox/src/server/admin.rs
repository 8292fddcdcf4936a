//! The admin port: JSON over HTTP, for tests in other processes and for people.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use keyreeve_model::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::error::Error;
use crate::faults::FaultRule;
use crate::mutation::Mutation;
use crate::options::{ConnectorPolicy, Consistency, Population};
use crate::organization::{OrganizationChange, OrganizationSeed};
use crate::state::KeyStatus;
use crate::world::{CONNECTOR_ROLE, World};

pub(crate) async fn serve(listener: TcpListener, world: Arc<World>) {
    if let Err(error) = axum::serve(listener, router(world)).await {
        tracing::warn!(%error, "serving the sandbox's admin port");
    }
}

fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/accounts", get(accounts))
        .route("/accounts/{id}/state", get(state))
        .route("/accounts/{id}/seed", post(seed))
        .route("/accounts/{id}/evolve", post(evolve))
        .route("/accounts/{id}/mutate", post(mutate))
        .route("/accounts/{id}/sign-in", post(sign_in))
        .route("/accounts/{id}/connector-policy", post(permit))
        .route("/accounts/{id}/administrator", post(administrator))
        .route("/faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/faults/unfired", get(unfired))
        .route("/trace", get(trace).delete(clear_trace))
        .route("/clock", get(clock).post(set_clock))
        .route("/consistency", get(consistency).post(set_consistency))
        .route("/deny", post(deny))
        .route("/keys", post(keys))
        .route("/organization", get(organization).post(organize))
        .route("/organization/mutate", post(reorganize))
        .with_state(world)
}

type Shared = State<Arc<World>>;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = match self {
            Self::UnknownAccount(_) | Self::UnknownKey(_) | Self::NoOrganization => StatusCode::NOT_FOUND,
            Self::Refused { .. } => StatusCode::CONFLICT,
            Self::Listen { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

/// Ids, the connector's access and counts.
async fn accounts(State(world): Shared) -> Json<Value> {
    let accounts = world.accounts();
    let shown = accounts.iter().map(|account| {
        let state = account.history.present();
        let role = state.role(CONNECTOR_ROLE).map(|role| state.role_arn(role));
        json!({
            "account_id": account.id,
            "connector": account.connector_key(),
            "connector_role_arn": role,
            "users": state.users.len(),
            "groups": state.groups.len(),
            "customer_policies": state.policies.len(),
            "roles": state.roles.len(),
        })
    });
    Json(shown.collect())
}

async fn state(State(world): Shared, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(world.account(&id)?.history.present().to_json()))
}

async fn seed(
    State(world): Shared,
    Path(id): Path<String>,
    Json(population): Json<Population>,
) -> Result<Json<Value>, Error> {
    world.seed(&id, population)?;
    Ok(Json(json!({})))
}

async fn evolve(State(world): Shared, Path(id): Path<String>) -> Result<Json<Vec<Mutation>>, Error> {
    Ok(Json(world.evolve(&id)?))
}

async fn mutate(
    State(world): Shared,
    Path(id): Path<String>,
    Json(changes): Json<Vec<Mutation>>,
) -> Result<Json<Value>, Error> {
    world.mutate(&id, &changes)?;
    Ok(Json(json!({"changed": changes.len()})))
}

/// Comes in a body, so that no address holds it; cannot be printed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    user_name: String,
    password: String,
}

async fn sign_in(
    State(world): Shared,
    Path(id): Path<String>,
    Json(asked): Json<SignIn>,
) -> Result<Json<Value>, Error> {
    let password = Secret::new(asked.password);
    Ok(Json(json!({"signs_in": world.signs_in(&id, &asked.user_name, &password)?})))
}

/// The documents that say what the connector may do, as JSON or as its text; `null` for everything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Permitted {
    documents: Option<Vec<Value>>,
}

async fn permit(
    State(world): Shared,
    Path(id): Path<String>,
    Json(asked): Json<Permitted>,
) -> Result<Json<Value>, Error> {
    let text = |document: Value| match document {
        Value::String(text) => text,
        document => document.to_string(),
    };
    let texts = asked.documents.map(|documents| documents.into_iter().map(text).collect());
    let policy = texts.map_or(ConnectorPolicy::Everything, ConnectorPolicy::Documents);
    world.permit(&id, &policy)?;
    Ok(Json(json!({})))
}

async fn administrator(State(world): Shared, Path(id): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(json!(world.administrator(&id)?)))
}

async fn faults(State(world): Shared) -> Json<Value> {
    Json(json!(world.faults.all()))
}

async fn unfired(State(world): Shared) -> Json<Value> {
    Json(json!(world.faults.unfired()))
}

async fn add_faults(State(world): Shared, Json(rules): Json<Vec<FaultRule>>) -> Json<Value> {
    let ids: Vec<u64> = rules.into_iter().map(|rule| world.faults.add(rule)).collect();
    Json(json!({"ids": ids}))
}

async fn clear_faults(State(world): Shared) -> Json<Value> {
    world.faults.clear();
    Json(json!({}))
}

async fn trace(State(world): Shared) -> Json<Value> {
    Json(json!(world.trace.all()))
}

async fn clear_trace(State(world): Shared) -> Json<Value> {
    world.trace.clear();
    Json(json!({}))
}

async fn clock(State(world): Shared) -> Json<Value> {
    Json(json!({"now": world.clock.now(), "on_the_wire": world.clock.on_the_wire()}))
}

/// The parts that are given are carried out: skew, then time, then what passes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    skew_seconds: Option<i64>,
    set: Option<Timestamp>,
    advance_seconds: Option<i64>,
}

async fn set_clock(state: Shared, Json(change): Json<ClockChange>) -> Json<Value> {
    if let Some(seconds) = change.skew_seconds {
        state.clock.set_skew(seconds);
    }
    if let Some(at) = change.set {
        state.clock.set(at);
    }
    if let Some(seconds) = change.advance_seconds {
        state.clock.advance(seconds);
    }
    clock(state).await
}

async fn consistency(State(world): Shared) -> Json<Consistency> {
    Json(world.consistency())
}

/// What is left out is off.
async fn set_consistency(State(world): Shared, Json(asked): Json<Consistency>) -> Json<Consistency> {
    world.set_consistency(asked);
    Json(world.consistency())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Denial {
    principal: String,
    actions: Vec<String>,
}

async fn deny(State(world): Shared, Json(denial): Json<Denial>) -> Json<Value> {
    world.deny(&denial.principal, &denial.actions);
    Json(json!({}))
}

/// What can be done about access keys.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum KeyChange {
    Rotate { account: String },
    SetStatus { access_key_id: String, status: KeyStatus },
    Swap { access_key_id: String, account: Option<String> },
}

async fn keys(State(world): Shared, Json(change): Json<KeyChange>) -> Result<Json<Value>, Error> {
    match change {
        KeyChange::Rotate { account } => return Ok(Json(json!(world.rotate_connector(&account)?))),
        KeyChange::SetStatus { access_key_id, status } => world.set_key_status(&access_key_id, status)?,
        KeyChange::Swap { access_key_id, account } => world.swap_key(&access_key_id, account.as_deref())?,
    }
    Ok(Json(json!({})))
}

async fn organization(State(world): Shared) -> Result<Json<Value>, Error> {
    Ok(Json(json!(world.organization().ok_or(Error::NoOrganization)?)))
}

async fn organize(State(world): Shared, Json(seed): Json<OrganizationSeed>) -> Result<Json<Value>, Error> {
    world.organize(&seed)?;
    Ok(Json(json!({"accounts": seed.accounts.len() + 1})))
}

async fn reorganize(
    State(world): Shared,
    Json(changes): Json<Vec<OrganizationChange>>,
) -> Result<Json<Value>, Error> {
    world.reorganize(&changes)?;
    Ok(Json(json!({"changed": changes.len()})))
}
