//! The user and the role for the connector, what they may do, and an administrator beside them.

use jiff::Timestamp;
use keyreeve_policy::{Document, Place};
use serde_json::json;

use super::{DAY_SECONDS, THE_DAY};
use crate::options::ConnectorPolicy;
use crate::protocol::error::ApiError;
use crate::state::{AccessKey, KeyStatus, NewUser, State, Trust};
use crate::world::{ADMINISTRATOR, CONNECTOR, CONNECTOR_ROLE, OWN_PATH};

/// The inline policy by which the connector may do everything.
const EVERYTHING: &str = "sandbox-everything";

pub(super) fn make(state: &mut State, trusted: &[String], policy: &ConnectorPolicy) -> Result<(), ApiError> {
    let made = Timestamp::from_second(THE_DAY - 30 * DAY_SECONDS).unwrap_or_default();
    state.create_user(NewUser { name: CONNECTOR, path: OWN_PATH, ..NewUser::default() }, made)?;
    state.create_access_key(CONNECTOR, made)?;
    let trust = Trust { principals: trusted.to_vec(), external_id: None };
    state.create_role(CONNECTOR_ROLE, OWN_PATH, trust, made)?;
    permit(state, policy, made)
}

/// Lets the connector and its role do this and nothing else, as far as the sandbox has given them their policies.
pub(crate) fn permit(state: &mut State, policy: &ConnectorPolicy, now: Timestamp) -> Result<(), ApiError> {
    take_back(state)?;
    match policy {
        ConnectorPolicy::Everything => {
            let statement =
                json!({"Effect": "Allow", "Action": ["iam:*", "organizations:*", "sts:*"], "Resource": "*"});
            let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
            state.change_user(CONNECTOR, |user| user.inline.insert(EVERYTHING.to_owned(), text.clone()))?;
            state.change_role(CONNECTOR_ROLE, |role| role.inline.insert(EVERYTHING.to_owned(), text))?;
        }
        ConnectorPolicy::Documents(texts) => {
            for (text, number) in texts.iter().zip(1..) {
                check(text)?;
                let name = if number == 1 { CONNECTOR.to_owned() } else { format!("{CONNECTOR}-{number}") };
                let arn = state.create_policy(&name, OWN_PATH, text, now)?;
                state.attach_user_policy(CONNECTOR, &arn)?;
                state.attach_role_policy(CONNECTOR_ROLE, &arn)?;
            }
        }
    }
    Ok(())
}

fn take_back(state: &mut State) -> Result<(), ApiError> {
    state.change_user(CONNECTOR, |user| user.inline.remove(EVERYTHING))?;
    state.change_role(CONNECTOR_ROLE, |role| role.inline.remove(EVERYTHING))?;
    let given = state
        .policies
        .values()
        .filter(|policy| policy.path == OWN_PATH && policy.name.to_ascii_lowercase().starts_with(CONNECTOR));
    let given: Vec<String> = given.map(|policy| state.policy_arn(policy)).collect();
    given.iter().try_for_each(|arn| state.remove_policy(arn))
}

/// What AWS would not take is not taken here either.
fn check(text: &str) -> Result<(), ApiError> {
    let document = Document::parse(text).and_then(|document| document.check_place(Place::Identity));
    document.map_err(|error| ApiError::new(400, "MalformedPolicyDocument", error.to_string()))
}

/// An active key of a user who holds `AdministratorAccess`; makes both where they are not there.
pub(crate) fn administrator(state: &mut State, now: Timestamp) -> Result<AccessKey, ApiError> {
    if state.user(ADMINISTRATOR).is_err() {
        state.create_user(NewUser { name: ADMINISTRATOR, path: OWN_PATH, ..NewUser::default() }, now)?;
    }
    let everything = format!("arn:{}:iam::aws:policy/AdministratorAccess", state.partition);
    state.attach_user_policy(ADMINISTRATOR, &everything)?;
    let keys = &state.user(ADMINISTRATOR)?.keys;
    match keys.iter().find(|key| key.status == KeyStatus::Active) {
        Some(key) => Ok(key.clone()),
        None => state.create_access_key(ADMINISTRATOR, now),
    }
}
