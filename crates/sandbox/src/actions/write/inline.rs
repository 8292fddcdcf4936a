//! Inline policies of users and groups.

use std::collections::BTreeMap;

use super::documents::{self, size};
use super::{Done, Written};
use crate::actions::Call;
use crate::actions::groups::{group, no_such_inline as no_such_group_inline};
use crate::actions::users::no_such_inline as no_such_user_inline;
use crate::protocol::error::ApiError;
use crate::protocol::params::Kind;
use crate::state::State;
use crate::state::quotas::{self, exceeded};

fn name<'a>(call: &'a Call<'_>) -> Result<&'a str, ApiError> {
    call.params.required("PolicyName", Kind::Name)
}

/// All inline policies of one holder together may have so many characters, blanks not counted.
fn fits(
    held: &BTreeMap<String, String>,
    name: &str,
    document: &str,
    quota: u64,
    holder: &str,
) -> Result<(), ApiError> {
    let others: u64 = held.iter().filter(|(held, _)| *held != name).map(|(_, text)| size(text)).sum();
    if others + size(document) <= quota {
        return Ok(());
    }
    Err(exceeded(format!("Maximum policy size of {quota} bytes exceeded for {holder}")))
}

pub(in crate::actions) fn put_for_user(call: &Call<'_>, state: &mut State) -> Written {
    let name = name(call)?;
    let user = call.user(Kind::UserName)?;
    let document = documents::permissions(call.params, "PolicyDocument")?;
    fits(&user.inline, name, document, quotas::USER_INLINE_SIZE, &format!("user {}", user.name))?;
    let put = |user: &mut crate::state::User| user.inline.insert(name.to_owned(), document.to_owned());
    let before = state.change_user(&user.name, put)?;
    Ok(Done::silent(before.as_deref() != Some(document)))
}

pub(in crate::actions) fn delete_from_user(call: &Call<'_>, state: &mut State) -> Written {
    let (name, user) = (name(call)?, call.user(Kind::UserName)?);
    let before = state.change_user(&user.name, |user| user.inline.remove(name))?;
    before.map(|_| Done::silent(true)).ok_or_else(|| no_such_user_inline(name))
}

pub(in crate::actions) fn put_for_group(call: &Call<'_>, state: &mut State) -> Written {
    let name = name(call)?;
    let group = group(call)?;
    let document = documents::permissions(call.params, "PolicyDocument")?;
    fits(&group.inline, name, document, quotas::GROUP_INLINE_SIZE, &format!("group {}", group.name))?;
    let put = |group: &mut crate::state::Group| group.inline.insert(name.to_owned(), document.to_owned());
    let before = state.change_group(&group.name, put)?;
    Ok(Done::silent(before.as_deref() != Some(document)))
}

pub(in crate::actions) fn delete_from_group(call: &Call<'_>, state: &mut State) -> Written {
    let (name, group) = (name(call)?, group(call)?);
    let before = state.change_group(&group.name, |group| group.inline.remove(name))?;
    before.map(|_| Done::silent(true)).ok_or_else(|| no_such_group_inline(name))
}
