//! Credentials for one service: git at CodeCommit, Keyspaces, API keys of Bedrock and CloudWatch Logs.

use super::{Done, Written, status, switch, take};
use crate::actions::Call;
use crate::clock::shift;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, room};
use crate::state::{KeyStatus, ServiceCredential, State};

/// The services that have such credentials (IAM API Reference, `CreateServiceSpecificCredential`).
const SERVICES: [&str; 4] =
    ["bedrock.amazonaws.com", "cassandra.amazonaws.com", "codecommit.amazonaws.com", "logs.amazonaws.com"];

/// Those whose credential is one secret without a user name, and may end.
const KEYED: [&str; 2] = ["bedrock.amazonaws.com", "logs.amazonaws.com"];

fn no_such_credential(id: &str) -> ApiError {
    ApiError::no_such_entity(format!("No such credential {id} exists"))
}

/// The only answer in which the secret is shown.
pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let service = call.params.required("ServiceName", Kind::Name)?;
    let age_days = call.params.number("CredentialAgeDays", 0, 1, 36_600)?;
    let user = call.user(Kind::NewUserName)?;
    if !SERVICES.contains(&service) {
        let message = format!("No such service {service} is supported for Service Specific Credentials");
        return Err(ApiError::new(404, "NotSupportedService", message));
    }
    let of_service = user.service_credentials.iter().filter(|held| held.service == service).count();
    let quota = quotas::SERVICE_CREDENTIALS_PER_SERVICE;
    room(of_service, quota, "ServiceSpecificCredentialsPerUser")?;
    let mut chance = state.next_chance();
    let (id, secret) = (chance.base32("ACCA", 17), chance.base64(44));
    let more = if of_service == 0 { String::new() } else { format!("+{of_service}") };
    let expires = (age_days > 0).then(|| shift(call.now, i64::from(age_days) * 86_400));
    let credential = ServiceCredential {
        id: id.clone(),
        service: service.to_owned(),
        user_name: format!("{}{more}-at-{}", user.name, state.account_id),
        status: KeyStatus::Active,
        created: call.now,
        expires,
    };
    state.change_user(&user.name, |user| user.service_credentials.push(credential.clone()))?;
    Ok(Done::made(&id, |xml| {
        xml.element("ServiceSpecificCredential", |xml| {
            xml.time("CreateDate", credential.created);
            if let Some(at) = credential.expires {
                xml.time("ExpirationDate", at);
            }
            xml.text("ServiceName", service);
            if KEYED.contains(&service) {
                xml.text("ServiceCredentialAlias", &credential.user_name);
                xml.text("ServiceCredentialSecret", &secret);
            } else {
                xml.text("ServiceUserName", &credential.user_name);
                xml.text("ServicePassword", &secret);
            }
            xml.text("ServiceSpecificCredentialId", &id);
            xml.text("UserName", &user.name);
            xml.text("Status", KeyStatus::Active.as_str());
        });
    }))
}

pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let id = call.params.required("ServiceSpecificCredentialId", Kind::CredentialId)?;
    let status = status(call)?;
    let user = call.user_or_self(Kind::NewUserName)?;
    let changed = state.change_user(&user.name, |user| {
        switch(&mut user.service_credentials, |held| held.id == id, |held| &mut held.status, status)
    })?;
    changed.map(Done::silent).ok_or_else(|| no_such_credential(id))
}

pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    let id = call.params.required("ServiceSpecificCredentialId", Kind::CredentialId)?;
    let user = call.user_or_self(Kind::NewUserName)?;
    if state.change_user(&user.name, |user| take(&mut user.service_credentials, |held| held.id == id))? {
        return Ok(Done::silent(true));
    }
    Err(no_such_credential(id))
}
