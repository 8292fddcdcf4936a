//! Tags: at most fifty, their keys unique ignoring case ("Tags for AWS Identity and Access Management
//! resources" in the IAM user guide).

use super::{Done, Written};
use crate::actions::Call;
use crate::protocol::error::ApiError;
use crate::protocol::kind::constraint;
use crate::protocol::params::{Kind, Params};
use crate::state::State;
use crate::state::quotas::{self, exceeded};

/// `Tags.member.N.Key` and `.Value`, as far as they go.
pub(super) fn read(params: &Params) -> Result<Vec<(String, String)>, ApiError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for number in 1.. {
        let (key_name, value_name) =
            (format!("Tags.member.{number}.Key"), format!("Tags.member.{number}.Value"));
        if params.get(&key_name).is_none() && params.get(&value_name).is_none() {
            break;
        }
        let key = params.required(&key_name, Kind::TagKey)?;
        let value = params.required(&value_name, Kind::TagValue)?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    at_most_fifty(tags.len(), "Tags")?;
    for (place, (key, _)) in tags.iter().enumerate() {
        if key.to_lowercase().starts_with("aws:") {
            return Err(invalid(
                "System tags cannot be added or changed: tag keys must not begin with aws:.",
            ));
        }
        if tags.iter().take(place).any(|(other, _)| same(other, key)) {
            return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
    }
    Ok(tags)
}

fn at_most_fifty(count: usize, name: &str) -> Result<(), ApiError> {
    if (count as u64) <= quotas::TAGS {
        return Ok(());
    }
    Err(constraint(name, "Member must have length less than or equal to 50"))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "InvalidInput", message)
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Adds tags; those whose keys are there already get the new value.
pub(in crate::actions) fn tag_user(call: &Call<'_>, state: &mut State) -> Written {
    let new = read(call.params)?;
    if new.is_empty() {
        return Err(constraint("Tags", "Member must not be null"));
    }
    let user = call.user(Kind::UserName)?;
    let mut tags = user.tags.clone();
    for (key, value) in new {
        match tags.iter_mut().find(|(held, _)| same(held, &key)) {
            Some(held) => *held = (key, value),
            None => tags.push((key, value)),
        }
    }
    if (tags.len() as u64) > quotas::TAGS {
        return Err(exceeded("The number of tags has reached the maximum limit."));
    }
    replace(call, state, &user.name, tags)
}

/// Takes tags away; those that are not there are no error.
pub(in crate::actions) fn untag_user(call: &Call<'_>, state: &mut State) -> Written {
    let keys = call.params.members("TagKeys");
    if keys.is_empty() {
        return Err(constraint("TagKeys", "Member must not be null"));
    }
    at_most_fifty(keys.len(), "TagKeys")?;
    for (key, number) in keys.iter().zip(1..) {
        Kind::TagKey.check(&format!("TagKeys.member.{number}"), key)?;
    }
    let user = call.user(Kind::UserName)?;
    let mut tags = user.tags.clone();
    tags.retain(|(held, _)| !keys.iter().any(|key| same(held, key)));
    replace(call, state, &user.name, tags)
}

fn replace(call: &Call<'_>, state: &mut State, user: &str, tags: Vec<(String, String)>) -> Written {
    let changed = call.state.user(user)?.tags != tags;
    state.change_user(user, |user| user.tags = tags)?;
    Ok(Done::silent(changed))
}
