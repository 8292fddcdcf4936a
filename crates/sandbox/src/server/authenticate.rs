//! Who calls, and whether the request is genuine.

use hyper::http::request::Parts;
use keyreeve_model::Secret;

use crate::actions::sts::session_arn;
use crate::actions::{Caller, Service};
use crate::protocol::error::ApiError;
use crate::protocol::signature::{Claim, mismatch};
use crate::state::{KeyStatus, State, User};
use crate::world::{Account, CONNECTOR, World};

/// The caller, or AWS's refusal.
pub(super) fn authenticate(
    world: &World,
    claim: &Claim,
    service: Service,
    parts: &Parts,
    body: &[u8],
) -> Result<Caller, ApiError> {
    if world.options.verify_signatures {
        check_scope(world, claim, service)?;
    }
    let (caller, secret) = match world.session(&claim.access_key_id) {
        Some(_) => session_caller(world, claim)?,
        None => user_caller(world, claim)?,
    };
    if world.options.verify_signatures {
        let now = world.clock.on_the_wire();
        claim.verify(parts, body, secret.expose(), now, &world.signing_keys)?;
    }
    if world.session(&claim.access_key_id).is_some_and(|session| session.expires <= world.clock.now()) {
        return Err(ApiError::expired_token());
    }
    Ok(caller)
}

fn check_scope(world: &World, claim: &Claim, service: Service) -> Result<(), ApiError> {
    if claim.service != service.name() {
        let name = service.name();
        return Err(mismatch(&format!("Credential should be scoped to correct service: '{name}'.")));
    }
    if service != Service::Sts && claim.region != home_region(service, &world.options.partition) {
        return Err(mismatch("Credential should be scoped to a valid region."));
    }
    Ok(())
}

/// IAM and Organizations have one signing region for each partition (endpoint rules of the AWS SDKs).
fn home_region(service: Service, partition: &str) -> &str {
    match partition {
        "aws-cn" if service == Service::Organizations => "cn-northwest-1",
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-eusc" => "eusc-de-east-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        _ => "us-east-1",
    }
}

/// A role's session: the token must come along.
fn session_caller(world: &World, claim: &Claim) -> Result<(Caller, Secret), ApiError> {
    let session = world.session(&claim.access_key_id).ok_or_else(ApiError::invalid_token)?;
    if claim.token.as_deref() != Some(session.token.expose()) {
        return Err(ApiError::invalid_token());
    }
    let account = world.account(&session.account).map_err(|_| ApiError::invalid_token())?;
    let state = account.history.present();
    let role = state.role(&session.role).filter(|role| role.id == session.role_id);
    let role = role.ok_or_else(ApiError::invalid_token)?;
    let caller = Caller {
        account: session.account.clone(),
        arn: session_arn(&state.partition, &session.account, &role.name, &session.name),
        id: format!("{}:{}", role.id, session.name),
        user: None,
        role: Some(role.name.clone()),
        access_key_id: claim.access_key_id.clone(),
    };
    Ok((caller, session.secret))
}

/// A user with a long-lived key, which must be active and come without a token.
fn user_caller(world: &World, claim: &Claim) -> Result<(Caller, Secret), ApiError> {
    let id = claim.access_key_id.as_str();
    let states = world.accounts().into_iter().map(|account| account.history.present());
    let found = states.into_iter().find_map(|state| {
        let user = state.keys.get(id).and_then(|name| state.users.get(name)).cloned()?;
        Some((state, user))
    });
    let (state, user) = found.ok_or_else(ApiError::invalid_token)?;
    let key = user.keys.iter().find(|key| key.id == id).ok_or_else(ApiError::invalid_token)?;
    if key.status != KeyStatus::Active || claim.token.is_some() {
        return Err(ApiError::invalid_token());
    }
    let caller = match world.swapped_to(id).and_then(|other| world.account(&other).ok()) {
        Some(other) => connector_of(&other, id)?,
        None => caller_of(&state, &user, id),
    };
    Ok((caller, key.secret.clone()))
}

/// The connector of an account as the caller.
pub(super) fn connector_of(account: &Account, access_key_id: &str) -> Result<Caller, ApiError> {
    let state = account.history.present();
    let user = state.user(CONNECTOR).map_err(|_| ApiError::invalid_token())?;
    Ok(caller_of(&state, user, access_key_id))
}

fn caller_of(state: &State, user: &User, access_key_id: &str) -> Caller {
    Caller {
        account: state.account_id.to_string(),
        arn: state.user_arn(user),
        id: user.id.clone(),
        user: Some(user.name.clone()),
        role: None,
        access_key_id: access_key_id.to_owned(),
    }
}
