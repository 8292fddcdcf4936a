//! STS: who am I, and becoming somebody else for a while.

use keyreeve_model::Secret;

use super::{Answer, Call, answer};
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::Role;
use crate::world::Session;

/// Always allowed, for everyone whose credentials are good.
pub(super) fn get_caller_identity(call: &Call<'_>) -> Answer {
    answer(|xml| {
        xml.text("Arn", &call.caller.arn);
        xml.text("UserId", &call.caller.id);
        xml.text("Account", &call.caller.account);
    })
}

/// A role that is not there, does not trust the caller or wants another external id: `AccessDenied` alike.
pub(super) fn assume_role(call: &Call<'_>) -> Answer {
    let arn = call.params.required("RoleArn", Kind::Arn)?;
    let name = call.params.required("RoleSessionName", Kind::SessionName)?;
    let external_id = call.params.optional("ExternalId", Kind::ExternalId)?;
    let chained = call.caller.role.is_some();
    let seconds = call.params.number("DurationSeconds", 3600, 900, 43_200)?;
    let denied = || ApiError::access_denied(&call.caller.arn, "sts:AssumeRole", arn);
    let account_id = arn.split(':').nth(4).unwrap_or_default();
    let account = call.world.account(account_id).map_err(|_| denied())?;
    let state = account.history.present();
    let role = arn.rsplit('/').next().and_then(|name| state.role(name)).ok_or_else(denied)?;
    if state.role_arn(role) != arn || !trusts(role, call, external_id) {
        return Err(denied());
    }
    let most = if chained { 3600 } else { role.max_session_seconds };
    if seconds > most {
        return Err(ApiError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let mut chance = call.world.next_chance();
    let key_id = chance.base32("ASIA", 16);
    let session = Session {
        secret: Secret::new(chance.base64(40)),
        token: Secret::new(format!("FwoGZXIvYXdzE{}", chance.base64(200))),
        expires: crate::clock::shift(call.now, i64::from(seconds)),
        account: account_id.to_owned(),
        role: role.name.clone(),
        name: name.to_owned(),
    };
    call.world.add_session(&key_id, session.clone());
    answer(|xml| {
        xml.element("Credentials", |xml| {
            xml.text("AccessKeyId", &key_id);
            xml.text("SecretAccessKey", session.secret.expose());
            xml.text("SessionToken", session.token.expose());
            xml.time("Expiration", session.expires);
        });
        xml.element("AssumedRoleUser", |xml| {
            xml.text("AssumedRoleId", &format!("{}:{name}", role.id));
            xml.text("Arn", &session_arn(&state.partition, account_id, &role.name, name));
        });
    })
}

fn trusts(role: &Role, call: &Call<'_>, external_id: Option<&str>) -> bool {
    let named = role.trust.names(&call.caller.account, &call.caller.arn);
    named && role.trust.external_id.as_deref().is_none_or(|wanted| external_id == Some(wanted))
}

/// The ARN of an assumed role's session; the role's path is not in it.
pub(crate) fn session_arn(partition: &str, account: &str, role: &str, session: &str) -> String {
    format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}")
}
