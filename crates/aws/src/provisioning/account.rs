//! Users: made, renamed, moved, deleted, and read with their tags and boundary.

use std::collections::BTreeMap;

use aws_sdk_iam::types::User;
use keyreeve_connector::{AccountFacts, Cause, Error, Performed};
use keyreeve_model::{NameError, check_account_name, check_path, check_tags};

use super::tags_and_boundary::{boundary_arn, sdk_tags};
use super::write::{Write, changed};
use crate::error::Call;
use crate::import::user::entry;
use crate::name::UserName;

/// Tags and the boundary are sent only when there are any: each needs a permission of its own.
pub(super) async fn create(
    write: &Write<'_>,
    path: &str,
    tags: &BTreeMap<String, String>,
    boundary: Option<&str>,
) -> Result<Performed, Error> {
    let refused = |why: NameError| write.call.refused(&why.to_string());
    check_account_name(write.user()).map_err(refused)?;
    check_path(path).map_err(refused)?;
    check_tags(tags).map_err(refused)?;
    let mut request = write.iam.create_user().user_name(write.user()).path(path);
    if !tags.is_empty() {
        request = request.set_tags(Some(sdk_tags(&write.call, tags)?));
    }
    if let Some(arn) = boundary {
        request = request.permissions_boundary(boundary_arn(&write.call, arn)?);
    }
    let answer = request.send().await.map_err(|error| write.call.failed(error))?;
    let user = answer.user().ok_or_else(|| write.unusable(&answer, "User"))?.clone();
    let made = entry(&write.call, user)
        .map_err(|error| Error { request_id: changed(&answer).request_id, ..error })?;
    if made.name != write.user() {
        return Err(write.unusable(&answer, "UserName"));
    }
    if made.path != path {
        return Err(write.unusable(&answer, "Path"));
    }
    Ok(Performed { account: Some(made), ..changed(&answer) })
}

pub(super) async fn update(
    write: &Write<'_>,
    new_name: Option<&str>,
    new_path: Option<&str>,
) -> Result<Performed, Error> {
    let refused = |why: NameError| write.call.refused(&why.to_string());
    if new_name.is_none() && new_path.is_none() {
        return Err(write.call.refused("neither a new name nor a new path was given"));
    }
    let mut request = write.iam.update_user().user_name(write.user());
    if let Some(name) = new_name {
        check_account_name(name).map_err(refused)?;
        request = request.new_user_name(name);
    }
    if let Some(path) = new_path {
        check_path(path).map_err(refused)?;
        request = request.new_path(path);
    }
    write.set(request.send().await)
}

pub(super) async fn delete(write: &Write<'_>) -> Result<Performed, Error> {
    write.removed(write.iam.delete_user().user_name(write.user()).send().await)
}

pub(super) async fn facts(iam: &aws_sdk_iam::Client, account: &str) -> Result<Option<AccountFacts>, Error> {
    let call = Call::read("GetUser", Some(account));
    let name = UserName::new(account).map_err(|why| call.refused(why))?;
    let answer = match iam.get_user().user_name(name.as_str()).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let error = call.failed(error);
            return if error.cause == Cause::Gone { Ok(None) } else { Err(error) };
        }
    };
    let user = answer.user.ok_or_else(|| call.unusable("User"))?;
    call.owned_by(&name, Some(user.user_name()))?;
    Ok(Some(account_facts(&call, user)?))
}

fn account_facts(call: &Call, user: User) -> Result<AccountFacts, Error> {
    let boundary = user.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    Ok(AccountFacts {
        permissions_boundary: boundary.map(str::to_owned),
        tags: user.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect(),
        entry: entry(call, user)?,
    })
}
