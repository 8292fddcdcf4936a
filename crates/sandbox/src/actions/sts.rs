//! STS: who am I, and becoming somebody else for a while.

use keyreeve_model::Secret;
use keyreeve_policy::{Document, Place};

use super::{Answer, Call, answer};
use crate::authorise;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::{Role, State};
use crate::world::Session;

/// A session of a role that was assumed with a session's credentials lasts this long at most ("Role chaining" in the
/// IAM user guide).
const MOST_CHAINED_SECONDS: u32 = 3600;
/// Characters of the policy that is passed (STS API Reference, `AssumeRole`).
const SESSION_POLICY_CHARACTERS: usize = 2_048;
const SESSION_POLICY_ARNS: usize = 10;

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
    call.params.optional("ExternalId", Kind::ExternalId)?;
    call.params.optional("SourceIdentity", Kind::SessionName)?;
    let seconds = call.params.number("DurationSeconds", 3600, 900, 43_200)?;
    if call.params.get("Tags.member.1.Key").is_some() {
        return Err(ApiError::new(400, "InvalidInput", "The sandbox has no session tags."));
    }
    check_mfa(call)?;
    let account_id = arn.split(':').nth(4).unwrap_or_default();
    let denied = || authorise::not_assumable(call, arn);
    let account = call.world.account(account_id).map_err(|_| denied())?;
    let state = account.history.present();
    let role = arn.rsplit('/').next().and_then(|name| state.role(name)).ok_or_else(denied)?;
    if state.role_arn(role) != arn {
        return Err(denied());
    }
    authorise::assume(call, &state, role)?;
    check_duration(call, role, seconds)?;
    let policies = session_policies(call, &state)?;
    let mut chance = call.world.next_chance();
    let key_id = chance.base32("ASIA", 16);
    let session = Session {
        secret: Secret::new(chance.base64(40)),
        token: Secret::new(format!("FwoGZXIvYXdzE{}", chance.base64(200))),
        issued: call.now,
        expires: crate::clock::shift(call.now, i64::from(seconds)),
        account: account_id.to_owned(),
        role: role.name.clone(),
        role_id: role.id.clone(),
        name: name.to_owned(),
        policies,
        with_mfa: shows_mfa(call),
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

fn check_duration(call: &Call<'_>, role: &Role, seconds: u32) -> Result<(), ApiError> {
    if call.caller.role.is_some() && seconds > MOST_CHAINED_SECONDS {
        return Err(ApiError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if seconds > role.max_session_seconds {
        return Err(ApiError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// What the session is limited to besides the role's policies, by name and text.
fn session_policies(call: &Call<'_>, state: &State) -> Result<Vec<(String, String)>, ApiError> {
    let mut policies = Vec::new();
    if let Some(text) = call.params.optional("Policy", Kind::Document)? {
        let malformed = || ApiError::new(400, "MalformedPolicyDocument", "Syntax errors in policy.");
        let document = Document::parse(text).map_err(|_| malformed())?;
        document.check_place(Place::Identity).map_err(|_| malformed())?;
        if text.chars().count() > SESSION_POLICY_CHARACTERS {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have \
                 length less than or equal to {SESSION_POLICY_CHARACTERS}"
            )));
        }
        policies.push(("passed".to_owned(), text.to_owned()));
    }
    let arns = (1..).map_while(|number| call.params.get(&format!("PolicyArns.member.{number}.arn")));
    for arn in arns {
        let text = match (state.customer_policy(arn), state.aws_policy(arn)) {
            (Some(own), _) => own.default_document().map(str::to_owned),
            (None, managed) => managed.map(crate::catalogue::ManagedPolicy::document),
        };
        let text = text.ok_or_else(|| ApiError::validation(format!("Invalid policy ARN {arn}")))?;
        policies.push((arn.to_owned(), text));
    }
    if policies.len() > SESSION_POLICY_ARNS + 1 {
        return Err(ApiError::validation("At most 10 managed policies can be passed."));
    }
    Ok(policies)
}

/// Whether the call shows one of the caller's MFA devices. Which six digits they are is not looked at.
pub(crate) fn shows_mfa(call: &Call<'_>) -> bool {
    let (Some(serial), Some(_)) = (call.params.get("SerialNumber"), call.params.get("TokenCode")) else {
        return false;
    };
    call.caller_user().is_some_and(|user| user.mfa.iter().any(|device| device.serial == serial))
}

fn check_mfa(call: &Call<'_>) -> Result<(), ApiError> {
    let serial = call.params.optional("SerialNumber", Kind::SerialNumber)?;
    let code = call.params.optional("TokenCode", Kind::AuthenticationCode)?;
    if (serial.is_none() && code.is_none()) || shows_mfa(call) {
        return Ok(());
    }
    let message = "MultiFactorAuthentication failed with invalid MFA one time pass code.";
    Err(ApiError::new(403, "AccessDenied", message))
}

/// The ARN of an assumed role's session; the role's path is not in it.
pub(crate) fn session_arn(partition: &str, account: &str, role: &str, session: &str) -> String {
    format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}")
}
