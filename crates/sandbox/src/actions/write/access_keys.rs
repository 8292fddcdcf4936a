//! Access keys: two for each user.

use super::{Done, Written, status};
use crate::actions::Call;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::quotas::{self, room};
use crate::state::{AccessKey, State, no_such_key};

/// The only answer in which the secret is shown.
pub(in crate::actions) fn create(call: &Call<'_>, state: &mut State) -> Written {
    let user = call.user_or_self(Kind::UserName)?;
    room(user.keys.len(), quotas::ACCESS_KEYS_PER_USER, "AccessKeysPerUser")?;
    let key = state.create_access_key(&user.name, call.now)?;
    Ok(Done::made(&key.id, |xml| {
        xml.element("AccessKey", |xml| {
            xml.text("UserName", &user.name);
            xml.text("AccessKeyId", &key.id);
            xml.text("Status", key.status.as_str());
            xml.text("SecretAccessKey", key.secret.expose());
            xml.time("CreateDate", key.created);
        });
    }))
}

/// The key named, which must be the user's.
fn key<'a>(call: &'a Call<'_>) -> Result<&'a AccessKey, ApiError> {
    let id = call.params.required("AccessKeyId", Kind::KeyId)?;
    let user = call.user_or_self(Kind::UserName)?;
    user.keys.iter().find(|key| key.id == id).ok_or_else(|| no_such_key(id))
}

pub(in crate::actions) fn update(call: &Call<'_>, state: &mut State) -> Written {
    let (status, key) = (status(call)?, key(call)?);
    state.change_key(&key.id, |key| key.status = status)?;
    Ok(Done::silent(key.status != status))
}

pub(in crate::actions) fn delete(call: &Call<'_>, state: &mut State) -> Written {
    state.remove_key(&key(call)?.id)?;
    Ok(Done::silent(true))
}
