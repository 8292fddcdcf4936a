//! `POST /systems` and `/systems/{system_id}/credential`: systems that are registered, and how they sign in.

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use keyreeve_engine::desk::{CredentialSet, SystemAsked, SystemMade};
use keyreeve_engine::systems::{BaseAsked, CredentialAsked, Trust};
use keyreeve_model::{System, SystemId, SystemName};
use keyreeve_store::KnownRegistration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::secrets::REPEATED;
use crate::auth::Caller;
use crate::body::{GivenSecret, InBody, InPath};
use crate::once::Once;
use crate::parts::Parts;
use crate::problem::{Problem, RefusedBody};

/// A system to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSystem {
    /// The System ID; unique, never changed, and never used again.
    system_id: SystemId,
    /// The display name; unique.
    name: SystemName,
    /// What it is filed under; `AWS` if it is left out.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    category: Option<String>,
    /// The AWS region; it decides the partition. Left out, it is that of the server.
    #[serde(default)]
    region: Option<String>,
    /// How it signs in.
    credential: GivenCredential,
}

/// How a system is to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum GivenCredential {
    /// An access key of an IAM user.
    AccessKey {
        /// The public half, `AKIA…`.
        access_key_id: String,
        /// The secret half. It is sealed, and in no answer.
        #[schema(value_type = String)]
        secret_access_key: GivenSecret,
    },
    /// A role, with what it is assumed with. Its trust policy must ask for an external id that is made up and given back.
    Role {
        /// The role's ARN.
        role_arn: String,
        /// What it is assumed with; the server's own credentials, if they are lent, when it is left out.
        #[serde(default)]
        base: Option<GivenBase>,
        /// ARNs of roles that are assumed before it, each with the one before, in this order.
        #[serde(default)]
        via: Vec<String>,
    },
    /// The server's own credentials, if they are lent.
    Ambient {},
}

/// What a role is assumed with.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum GivenBase {
    /// An access key of an IAM user.
    AccessKey {
        /// The public half, `AKIA…`.
        access_key_id: String,
        /// The secret half. It is sealed, and in no answer.
        #[schema(value_type = String)]
        secret_access_key: GivenSecret,
    },
}

impl From<GivenCredential> for CredentialAsked {
    fn from(given: GivenCredential) -> Self {
        match given {
            GivenCredential::AccessKey { access_key_id, secret_access_key } => {
                Self::AccessKey { access_key_id, secret_access_key: secret_access_key.0 }
            }
            GivenCredential::Role { role_arn, base, via } => {
                let base = base.map(|GivenBase::AccessKey { access_key_id, secret_access_key }| {
                    BaseAsked::AccessKey { access_key_id, secret_access_key: secret_access_key.0 }
                });
                Self::Role { role_arn, base, via }
            }
            GivenCredential::Ambient {} => Self::Ambient,
        }
    }
}

/// A system that was registered.
#[derive(Serialize, ToSchema)]
pub(crate) struct RegisteredSystem {
    #[serde(flatten)]
    system: System,
    /// The ARN of whom it signs in as, once AWS said so.
    signs_in_as: Option<String>,
    /// Why AWS did not say; the first check or import then pins the AWS account.
    unreachable: Option<String>,
    /// What the trust policy of its role must say.
    trust: Option<Trust>,
    /// Other systems of the same AWS account.
    same_account: Vec<SystemId>,
    /// Whether this answers a repeat of a request that was done before.
    repeated: bool,
}

/// Registers a system. Credentials that AWS refuses are not stored. For an admin of all systems.
#[utoipa::path(
    post, path = "/systems", tag = "systems",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body = NewSystem,
    responses((status = 201, description = "The system.", body = RegisteredSystem), RefusedBody)
)]
pub(crate) async fn register(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    once: Once,
    InBody { value, sha256 }: InBody<NewSystem>,
) -> Result<Response, Problem> {
    let NewSystem { system_id, name, category, region, credential } = value;
    let key = once.registering(&actor, &system_id);
    let known = async |parts: &Parts| match &key {
        Some(key) => parts.store.registered_by(key, &sha256, parts.clock.now()).await,
        None => Ok(KnownRegistration::New),
    };
    match known(&parts).await? {
        KnownRegistration::New => {}
        KnownRegistration::Other => return Err(crate::once::reused()),
        KnownRegistration::Done(done) => {
            return Ok(shown(parts.desk.registered_system(&actor, &done).await?, true));
        }
    }
    let asked = SystemAsked { system_id, name, category, region, credential: credential.into() };
    let work = {
        let (desk, by, key, sha256) = (parts.desk.clone(), actor.clone(), key.clone(), sha256.clone());
        move || async move {
            let request = key.as_ref().map(|key| (key, sha256.as_str()));
            desk.register_system(&by, asked, request).await
        }
    };
    match parts.planning.run(work).await? {
        Ok(made) => Ok(shown(made, false)),
        // Another one with the same key may have been faster.
        Err(error) => match known(&parts).await? {
            KnownRegistration::Done(done) => {
                Ok(shown(parts.desk.registered_system(&actor, &done).await?, true))
            }
            KnownRegistration::Other => Err(crate::once::reused()),
            KnownRegistration::New => Err(error.into()),
        },
    }
}

fn shown(made: SystemMade, repeated: bool) -> Response {
    let SystemMade { system, identity, unreachable, trust, others } = made;
    let location = format!("{}/systems/{}", super::PREFIX, system.system_id);
    let mut answer = Json(RegisteredSystem {
        system,
        signs_in_as: identity.map(|identity| identity.arn),
        unreachable: unreachable.map(|error| error.to_string()),
        trust,
        same_account: others,
        repeated,
    })
    .into_response();
    *answer.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    if repeated {
        answer.headers_mut().insert(REPEATED, HeaderValue::from_static("true"));
    }
    answer
}

/// Other credentials for a system.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCredential {
    /// How it is to sign in.
    credential: GivenCredential,
    /// The external id that was given back when the role was given before; a system that has a role has one for good.
    #[serde(default)]
    external_id: Option<String>,
}

/// What came of other credentials.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplacedCredential {
    #[serde(flatten)]
    system: System,
    /// The ARN of whom the system signs in as from now on; null when nothing was changed yet.
    signs_in_as: Option<String>,
    /// What the trust policy of the role must say before it is given again, with the external id. Nothing was changed yet.
    trust: Option<Trust>,
    /// Whether the role also lets in who brings another external id: it should not.
    lets_in_anybody: bool,
}

/// Gives a system other credentials, if they work and are of the AWS account that it is pinned to; a quarantine ends. A role
/// whose external id nobody knew so far is given twice.
#[utoipa::path(
    put, path = "/systems/{system_id}/credential", tag = "systems", params(("system_id" = SystemId, Path)),
    request_body = NewCredential, responses((status = 200, body = ReplacedCredential), RefusedBody)
)]
pub(crate) async fn set_credential(
    Caller(actor): Caller,
    State(parts): State<Parts>,
    InPath(system_id): InPath<SystemId>,
    InBody { value: NewCredential { credential, external_id }, .. }: InBody<NewCredential>,
) -> Result<Json<ReplacedCredential>, Problem> {
    let desk = parts.desk.clone();
    let work =
        move || async move { desk.set_credential(&actor, &system_id, credential.into(), external_id).await };
    let CredentialSet { system, identity, trust, asks_nobody } = parts.planning.run(work).await??;
    let signs_in_as = identity.map(|identity| identity.arn);
    Ok(Json(ReplacedCredential { system, signs_in_as, trust, lets_in_anybody: asks_nobody }))
}
